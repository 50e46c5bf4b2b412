"""The files of `triggers/`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from entrepot.kernel.documents import Document, check_keys, load_document
from entrepot.kernel.errors import EntrepotError, Place, ProjectError
from entrepot.kernel.ids import hash_text
from entrepot.runner.triggers.read_rest import read_deadline, read_hooks, read_report, read_retries
from entrepot.runner.triggers.read_when import read_condition
from entrepot.runner.triggers.reading import Reading
from entrepot.runner.triggers.trigger import CatchUp, Retries, Trigger

TRIGGER_KEYS = (
    "name", "description", "when", "run", "time_zone", "catch_up", "deadline", "retries", "hooks", "report", "enabled",
)  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Known:
    """What triggers may name."""

    sources: frozenset[str] = frozenset()
    datasets: frozenset[str] = frozenset()
    kpis: frozenset[str] = frozenset()


def load_triggers(
    folder: Path, *, time_zone: str, known: Known | None = None
) -> tuple[tuple[Trigger, ...], list[EntrepotError]]:
    """All triggers of a folder that are right, and everything that is wrong with the others. `known`: names are held against it."""
    found: dict[str, Trigger] = {}
    errors: list[EntrepotError] = []
    for path in sorted(folder.glob("*.y*ml")):
        try:
            document = load_document(path)
            trigger = read_trigger(document, time_zone=time_zone)
            if trigger.name in found:
                raise document.error(
                    f"a second trigger is named {trigger.name!r}, also in {found[trigger.name].path}.", "name"
                )
            found[trigger.name] = trigger
            if known is not None:
                errors += check_names(document, trigger, known)
        except EntrepotError as error:
            errors.append(error)
    return tuple(found.values()), errors


def read_trigger(document: Document, *, time_zone: str) -> Trigger:
    """One file.

    Raises: ProjectError with the place of what is wrong.
    """
    value = document.value
    check_keys(document, (), value, TRIGGER_KEYS)
    zone = _read_zone(document, time_zone)
    reading = Reading(document, zone)
    if value.get("when") is None:
        raise document.error(
            "a trigger needs `when:`.", hint='Write `when: {cron: "0 6 * * 1-5"}` or `when: {files: SOURCE}`.'
        )
    when = read_condition(reading, value["when"], ("when",))
    report = None if value.get("report") is None else read_report(reading, value["report"], ("report",))
    return Trigger(
        name=_read_name(document),
        when=when,
        path=document.path,
        run=_read_run(reading, value.get("run")),
        runs="run" in value or report is None,
        zone=zone,
        catch_up=CatchUp(reading.choice(value.get("catch_up", "one"), ("catch_up",), tuple(CatchUp))),
        deadline=None if value.get("deadline") is None else read_deadline(reading, value["deadline"], ("deadline",)),
        retries=Retries() if value.get("retries") is None else read_retries(reading, value["retries"], ("retries",)),
        hooks=() if value.get("hooks") is None else read_hooks(reading, value["hooks"], ("hooks",)),
        report=report,
        enabled=reading.flag(value.get("enabled", True), ("enabled",)),
        description=str(value.get("description") or "").strip(),
        definition=hash_text(repr(when)),
    )


def _read_name(document: Document) -> str:
    name = document.value.get("name", document.path.stem)
    if not isinstance(name, str) or not _NAME.match(name):
        raise document.error(
            f"{name!r} is not a trigger's name; allowed are lower-case letters, digits and _, a letter first.", "name"
        )
    return name


def _read_zone(document: Document, default: str) -> str:
    zone = document.value.get("time_zone", default)
    try:
        ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise document.error(
            f"{str(zone)[:60]!r} is not a time zone.",
            "time_zone",
            hint="Use a name of the IANA list, such as Europe/Berlin.",
        ) from error
    return str(zone)


def _read_run(reading: Reading, value: Any) -> tuple[str, ...]:
    if value is None or value == "all":
        return ()
    return reading.texts(value, ("run",))


def check_names(document: Document, trigger: Trigger, known: Known) -> list[ProjectError]:
    """Names in a trigger that nothing of the project has."""
    found: list[ProjectError] = []
    _check(document, document.value.get("when"), ("when",), known, found)
    for place, kpi in enumerate(() if trigger.report is None else trigger.report.kpis):
        if kpi not in known.kpis:
            found.append(_unknown(document, "KPI", kpi, ("report", "kpis", place), known.kpis))
    return found


def _check(document: Document, value: Any, at: tuple[str | int, ...], known: Known, found: list[ProjectError]) -> None:
    if not isinstance(value, dict):
        return
    if isinstance(value.get("files"), str) and value["files"] not in known.sources:
        found.append(_unknown(document, "source", value["files"], (*at, "files"), known.sources))
    released = value.get("release") or ()
    for place, name in enumerate([released] if isinstance(released, str) else released):
        if name not in known.datasets:
            found.append(_unknown(document, "dataset", name, (*at, "release", place), known.datasets))
    for kind in ("all_of", "any_of"):
        for place, child in enumerate(value.get(kind) or ()):
            _check(document, child, (*at, kind, place), known, found)


def _unknown(
    document: Document, what: str, name: str, at: tuple[str | int, ...], known: frozenset[str]
) -> ProjectError:
    from difflib import get_close_matches

    near = get_close_matches(name, sorted(known), n=2)
    meant = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(sorted(known)) or 'none'}."
    return ProjectError(f"there is no {what} {name!r}.", place=_place(document, at), hint=meant)


def _place(document: Document, at: Sequence[str | int]) -> Place:
    return document.place(*at)
