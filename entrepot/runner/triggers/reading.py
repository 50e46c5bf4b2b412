"""Reading single values of a trigger's file: each error names file and line, what came, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from entrepot.kernel.documents import Document, KeyPath
from entrepot.kernel.errors import ProjectError
from entrepot.runner.triggers.times import find_cron_fault
from entrepot.runner.triggers.trigger import Cron

_DURATION = re.compile(r"(?:(\d{1,6})d)? ?(?:(\d{1,6})h)? ?(?:(\d{1,6})m)? ?(?:(\d{1,6})s)?\Z")
_CLOCK = re.compile(r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?: +(?P<days>\S+))?\Z")
_SIZES = (86_400, 3_600, 60, 1)


class Reading:
    """One document's values by their key path."""

    def __init__(self, document: Document, zone: str) -> None:
        self.document = document
        self.zone = zone

    def error(self, message: str, at: KeyPath, hint: str | None = None) -> ProjectError:
        """An error at a key path."""
        return self.document.error(message, *at, hint=hint)

    def text(self, value: Any, at: KeyPath) -> str:
        """A text that is not empty."""
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{_name(at)} is {value!r}; allowed is text.", at, "Put it in quotes.")
        return value.strip()

    def texts(self, value: Any, at: KeyPath) -> tuple[str, ...]:
        """A text, or a list of texts."""
        if isinstance(value, str):
            return (self.text(value, at),)
        if not isinstance(value, list) or not value:
            raise self.error(f"{_name(at)} is {value!r}; allowed is a text or a list of texts.", at)
        return tuple(self.text(item, (*at, place)) for place, item in enumerate(value))

    def flag(self, value: Any, at: KeyPath) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            raise self.error(f"{_name(at)} is {value!r}; allowed are true and false.", at)
        return value

    def number(self, value: Any, at: KeyPath, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.error(f"{_name(at)} is {value!r}; allowed are whole numbers from {least} to {most}.", at)
        return value

    def mapping(self, value: Any, at: KeyPath, allowed: tuple[str, ...]) -> Mapping[str, Any]:
        """A mapping whose keys are known."""
        if not isinstance(value, Mapping):
            raise self.error(f"{_name(at)} is {value!r}; allowed are keys: {', '.join(allowed)}.", at)
        from entrepot.kernel.documents import check_keys

        check_keys(self.document, at, value, allowed)
        return value

    def choice(self, value: Any, at: KeyPath, allowed: tuple[str, ...]) -> str:
        """One of some words."""
        if value not in allowed:
            raise self.error(f"{_name(at)} is {value!r}; allowed are {', '.join(allowed)}.", at)
        return str(value)

    def duration(self, value: Any, at: KeyPath) -> int:
        """Seconds of `15m`, `1h30m`, `45s`, `2d`."""
        seconds = read_duration(value) if isinstance(value, str) else None
        if seconds is None:
            raise self.error(f"{_name(at)} is {value!r}; allowed are durations such as 45s, 15m, 1h30m, 2d.", at)
        return seconds

    def cron(self, value: Any, at: KeyPath) -> Cron:
        """A cron expression in the trigger's zone."""
        text = self.text(value, at)
        if fault := find_cron_fault(text):
            raise self.error(
                f"{text!r} is no time of a calendar: {fault}.",
                at,
                'Write for example "0 6 * * 1-5": 06:00, Monday to Friday.',
            )
        return Cron(" ".join(text.split()), self.zone)

    def clock(self, value: Any, at: KeyPath) -> Cron:
        """A time of day, also of some days of the week: `07:00`, `07:00 mon-fri`."""
        match = _CLOCK.match(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise self.error(
                f'{_name(at)} is {value!r}; allowed is a time of day, "07:00", or of some days, "07:00 mon-fri".', at
            )
        return self.cron(f"{int(match['minute'])} {int(match['hour'])} * * {match['days'] or '*'}", at)


def read_duration(text: str) -> int | None:
    """Seconds; None for what is no duration, or none at all."""
    match = _DURATION.match(text.strip()) if text.strip() else None
    if match is None:
        return None
    seconds = sum(int(number or 0) * size for number, size in zip(match.groups(), _SIZES, strict=True))
    return seconds or None


def is_clock(value: Any) -> bool:
    """True for what is meant as a time of day."""
    return isinstance(value, str) and ":" in value


def _name(at: KeyPath) -> str:
    named = [step for step in at if isinstance(step, str)]
    return named[-1] if named else "the file"
