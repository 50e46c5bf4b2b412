"""Records of integrations without a handler: what came is the row, taken apart in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from entrepot.intake.gateway.processing.runner import Handled
from entrepot.intake.gateway.unreadable import Unreadable
from entrepot.ports.inbox import InboxRecord

Rows = Callable[[str, Sequence[tuple[str, str]], bytes], Sequence[str]]
"""Content type, headers, body → JSON objects. Raises: Unreadable."""


class PlainRunner:
    """Implements `Runner`. Nothing of the sender's runs, so nothing need be kept apart."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._waiting: deque[InboxRecord] = deque()

    def submit(self, records: Sequence[InboxRecord]) -> None:
        """As `Runner.submit`."""
        self._waiting.extend(records)

    def collect(self, seconds: float) -> Sequence[Handled]:
        """As `Runner.collect`."""
        found = [self._take_apart(record) for record in self._waiting]
        self._waiting.clear()
        return found

    def forget(self) -> None:
        """As `Runner.forget`."""
        self._waiting.clear()

    def close(self) -> None:
        """As `Runner.close`."""
        self._waiting.clear()

    def _take_apart(self, record: InboxRecord) -> Handled:
        try:
            rows = tuple(self._rows(record.content_type, record.headers, record.body))
        except Unreadable as error:
            return Handled(record.seq, record.revision, error=error.as_error())
        return Handled(record.seq, record.revision, rows)
