"""Tells of events by their type as they are processed, for triggers that wait for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from entrepot.intake.gateway.processing.runner import Handled, Runner
from entrepot.ports.inbox import InboxRecord

Tell = Callable[[str, str], None]
"""Type and source of a CloudEvent."""


class TellingRunner:
    """Implements `Runner` over another. After a crash an event is told again: whoever hears it must bear that."""

    def __init__(self, runner: Runner, tell: Tell) -> None:
        self._runner = runner
        self._tell = tell

    def submit(self, records: Sequence[InboxRecord]) -> None:
        """As `Runner.submit`."""
        for event in {event for record in records if (event := type_of(record)) is not None}:
            self._tell(*event)
        self._runner.submit(records)

    def collect(self, seconds: float) -> Sequence[Handled]:
        """As `Runner.collect`."""
        return self._runner.collect(seconds)

    def forget(self) -> None:
        """As `Runner.forget`."""
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
