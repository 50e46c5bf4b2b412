"""How the running platform behaves: `live:` in entrepot.yaml, and what the command line says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from entrepot.kernel.documents import Document, check_keys
from entrepot.kernel.durations import parse_duration

LIVE_KEYS = ("interval", "files_every")


class PartName(StrEnum):
    """What `--only` may name."""

    GATEWAY = "gateway"
    """The HTTP server: inbound door and API."""
    PROCESSING = "processing"
    """Handlers: from records as received to rows."""
    BATCHES = "batches"
    """Micro-batches: from inbox, topics and files to KPIs."""
    DELIVERY = "delivery"
    """Outbound messages to webhooks."""
    SCHEDULE = "schedule"
    """Triggers, deadlines and hooks."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How often the platform looks for what is new."""

    interval_s: float = 1.0
    """Between the starts of two micro-batches. Shorter: fresher figures, more and smaller files."""
    files_every_s: float = 5.0
    """How often `incoming/` folders are looked into."""


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the command line says."""

    host: str = "127.0.0.1"
    port: int = 8400
    only: frozenset[PartName] = frozenset(PartName)
    is_quiet: bool = False


def read_live(settings: Document) -> LiveSettings:
    """Read `live:` of entrepot.yaml. Raises: ProjectError."""
    value = settings.value.get("live")
    if value is None:
        return LiveSettings()
    if not isinstance(value, dict):
        raise settings.error("live is a mapping.", "live", hint="Write: live: {interval: 1s, files_every: 5s}")
    check_keys(settings, ("live",), value, LIVE_KEYS)
    default = LiveSettings()
    return LiveSettings(
        _seconds(settings, "interval", value.get("interval"), default.interval_s, 0.1),
        _seconds(settings, "files_every", value.get("files_every"), default.files_every_s, 0.5),
    )


def _seconds(settings: Document, key: str, value: object, default: float, least: float) -> float:
    if value is None:
        return default
    try:
        seconds = parse_duration(str(value)).total_seconds()
    except ValueError as error:
        raise settings.error(f"{key}: {error}.", "live", key) from error
    if not least <= seconds <= 3600:
        raise settings.error(f"{key} is {value}; allowed is {least:g}s to 1h.", "live", key)
    return seconds
