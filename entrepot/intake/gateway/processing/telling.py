"""Tells of events by their type as they are processed, for triggers that wait for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from entrepot.intake.gateway.processing.runner import Handled, Runner
from entrepot.ports.inbox import InboxRecord

Tell = Callable[[str, str], None]
"""Type and source of a CloudEvent."""


class TellingRunner:
    """Implements `Runner` over another: tells of events that were handled without error. After a crash an event is told again: whoever hears
    it must bear that. A type without a dot is not told: such names are the platform's own.
    """

    def __init__(self, runner: Runner, tell: Tell) -> None:
        self._runner = runner
        self._tell = tell
        self._events: dict[tuple[int, int], tuple[str, str]] = {}

    def submit(self, records: Sequence[InboxRecord]) -> None:
        """As `Runner.submit`."""
        for record in records:
            event = type_of(record)
            if event is not None and "." in event[0]:
                self._events[record.seq, record.revision] = event
        self._runner.submit(records)

    def collect(self, seconds: float) -> Sequence[Handled]:
        """As `Runner.collect`."""
        found = self._runner.collect(seconds)
        told = set()
        for each in found:
            event = self._events.pop((each.seq, each.revision), None)
            if event is not None and each.error is None:
                told.add(event)
        for event in told:
            self._tell(*event)
        return found

    def forget(self) -> None:
        """As `Runner.forget`."""
        self._events.clear()
        self._runner.forget()

    def close(self) -> None:
        """As `Runner.close`."""
        self._runner.close()


def type_of(record: InboxRecord) -> tuple[str, str] | None:
    """Type and source where the record is a CloudEvent, in binary or structured mode; None where it is none, or has none."""
    headers = {name.lower(): value for name, value in record.headers}
    if "ce-type" in headers:
        return headers["ce-type"], headers.get("ce-source", "")
    if not record.content_type.lower().startswith("application/cloudevents"):
        return None
    try:
        event = json.loads(record.body)
    except ValueError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        return None
    return event["type"], str(event.get("source", ""))
