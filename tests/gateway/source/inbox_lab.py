"""An inbox with records put in and processed as door and processor do, and readers built anew for each step."""

from __future__ import annotations

import json
import queue
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.connectors import ReaderContext, build_reader
from entrepot.contracts.model import Column
from entrepot.intake.gateway.reader import InboxReader
from entrepot.kernel.positions import Position
from entrepot.ports.inbox import Accepted, Arrival, Processed, Replay
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import Row, TypedRow

RECEIVED_US = 1_790_000_000_123_456
AT = datetime(2026, 9, 21, tzinfo=UTC)


class Post:
    """A source of the conformance suite: each row is a record of its own. Holds plain values: it is pickled."""

    secrets: Sequence[str] = ()

    def __init__(self, root: Path, *, large_rows: int = 40_000, gaps: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.large_rows = large_rows
        self.gaps: Mapping[str, str] = gaps or {}
        self._is_wide = False
        self._sent = 0

    def inbox(self) -> SqliteInbox:
        """The inbox, opened anew."""
        return SqliteInbox(self.root / "inbox.db", FakeClock())

    def put(self, rows: Sequence[Row]) -> None:
        """A record for each row."""
        wide = [{"extra": f"extra {row.id}"} if self._is_wide else {} for row in rows]
        self.post([json.dumps({"id": row.id, "text": row.text, **more}) for row, more in zip(rows, wide, strict=True)])

    def put_typed(self, rows: Sequence[TypedRow]) -> None:
        """Numbers as they are written, days and instants as texts."""
        texts = [
            f'{{"id": {row.id}, "amount": {row.amount}, "at": "{row.at.isoformat()}", "day": "{row.day}"}}'
            for row in rows
        ]
        self.post(texts)

    def post(self, bodies: Sequence[str], *, rows: Sequence[Sequence[str]] | None = None) -> list[str]:
        """Send and process: each body gives itself, or what `rows` says; the ids of the records."""
        inbox = self.inbox()
        try:
            arrivals = []
            for body in bodies:
                self._sent += 1
                arrivals.append(Arrival("orders", f"r-{self._sent}", RECEIVED_US + self._sent, body.encode()))
            ids = [one.id for one in submit(inbox, arrivals)]
            waiting = inbox.waiting("orders", 0, len(bodies) + 1)
            given = rows or [[body] for body in bodies]
            done = [Processed(r.seq, r.revision, AT, tuple(own)) for r, own in zip(waiting, given, strict=True)]
            inbox.finish(done)
            return ids
        finally:
            inbox.close()

    def replay(self, id: str, rows: Sequence[str]) -> None:
        """Process a record again, with other rows."""
        inbox = self.inbox()
        try:
            assert inbox.replay(Replay((id,), "a test", "another handler")) == 1
            (waiting,) = inbox.waiting("orders", 0, 10)
            inbox.finish([Processed(waiting.seq, waiting.revision, AT, tuple(rows))])
        finally:
            inbox.close()

    def widen(self) -> None:
        """Later rows have another key."""
        self._is_wide = True

    def disturb(self, position: Position) -> None:
        """Replay a record of the claimed range with other rows."""
        inbox = self.inbox()
        record = inbox.outputs("orders", 0, 1 << 60)[0].record
        inbox.close()
        self.replay(record, ['{"id": 999, "text": "changed"}'])

    def build(self, columns: tuple[Column, ...] = (), **options: Any) -> InboxReader:
        """A reader with nothing but folder, clock and inbox."""
        inbox = self.inbox()
        context = ReaderContext(flow="orders", root=self.root, clock=FakeClock(), columns=columns, inbox=lambda: inbox)
        reader = build_reader("inbox", {"batch_rows": 1_000_000, **options}, context)
        assert isinstance(reader, InboxReader)
        return reader


def submit(inbox: SqliteInbox, arrivals: Sequence[Arrival]) -> Sequence[Accepted]:
    """Store, and wait until it is durable."""
    answers: queue.SimpleQueue[Sequence[Accepted] | Exception] = queue.SimpleQueue()
    accepted: list[Accepted] = []
    for start in range(0, len(arrivals), 2_000):
        inbox.submit(arrivals[start : start + 2_000], answers.put)
        answer = answers.get(timeout=20)
        assert not isinstance(answer, Exception), answer
        accepted += answer
    return accepted
