"""What the project says about running by itself: `triggers/`, and `limits:` and `hooks:` of entrepot.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from entrepot.kernel.documents import Document
from entrepot.kernel.errors import EntrepotError
from entrepot.runner.triggers.load import Known, load_triggers
from entrepot.runner.triggers.read_rest import read_hooks
from entrepot.runner.triggers.reading import Reading
from entrepot.runner.triggers.trigger import Hook, Trigger

SCHEDULE_KEYS = ("limits", "hooks")
"""Keys of entrepot.yaml."""
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """Triggers, the project's own hooks, and how many flows may use a system at once."""

    triggers: tuple[Trigger, ...] = ()
    hooks: tuple[Hook, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)


def load_schedule(
    root: Path, settings: Document, zone: str, known: Known, errors: list[EntrepotError]
) -> ScheduleSettings:
    """Read all of it; what is wrong goes to `errors`."""
    triggers: tuple[Trigger, ...] = ()
    if (root / "triggers").is_dir():
        triggers, found = load_triggers(root / "triggers", time_zone=zone, known=known)
        errors += found
    reading = Reading(settings, zone)
    try:
        value = settings.value.get("hooks")
        hooks = () if value is None else read_hooks(reading, value, ("hooks",))
        limits = _read_limits(reading, settings)
    except EntrepotError as error:
        errors.append(error)
        return ScheduleSettings(triggers)
    return ScheduleSettings(triggers, hooks, limits)


def _read_limits(reading: Reading, settings: Document) -> Mapping[str, int]:
    value = settings.value.get("limits") or {}
    if not isinstance(value, Mapping):
        raise reading.error("limits is a mapping of systems to numbers.", ("limits",), "Write `limits: {erp: 2}`.")
    return {
        str(system): reading.number(most, ("limits", str(system)), least=1, most=_MOST)
        for system, most in value.items()
    }
