"""The embedded bus for the suite of buses, and topics for the suite of sources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from entrepot.adapters.embedded.bus import SqliteBus
from entrepot.connectors import ReaderContext, build_reader
from entrepot.contracts.model import Column
from entrepot.intake.streams.reader import TopicReader
from entrepot.kernel.positions import Offsets, Position
from entrepot.ports.bus import Bus, Outgoing, TopicSettings
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import Row, TypedRow


class SqliteBusUnderTest:
    """As `BusUnderTest`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = FakeClock()

    def open(self) -> Bus:
        """A connection of its own."""
        return SqliteBus(self.root / "bus.db", self.clock)

    def advance(self, seconds: float) -> None:
        """Later."""
        self.clock.advance(seconds)


class Topic:
    """A source of the conformance suite: each row is a message. Holds plain values: it is pickled."""

    secrets: Sequence[str] = ()

    def __init__(self, root: Path, *, large_rows: int = 40_000, gaps: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.large_rows = large_rows
        self.gaps: Mapping[str, str] = gaps or {}
        self.clock = FakeClock()
        self._is_wide = False

    def bus(self) -> SqliteBus:
        """The bus, opened anew."""
        return SqliteBus(self.root / "bus.db", self.clock)

    def put(self, rows: Sequence[Row]) -> None:
        """A message for each row."""
        wide = [{"extra": f"extra {row.id}"} if self._is_wide else {} for row in rows]
        self.send([json.dumps({"id": row.id, "text": row.text, **more}) for row, more in zip(rows, wide, strict=True)])

    def put_typed(self, rows: Sequence[TypedRow]) -> None:
        """Numbers as they are written, days and instants as texts."""
        self.send(
            f'{{"id": {row.id}, "amount": {row.amount}, "at": "{row.at.isoformat()}", "day": "{row.day}"}}'
            for row in rows
        )

    def send(self, values: Any, *, partitions: int = 1, key: bytes | None = None) -> None:
        """Put values on the topic `events`."""
        bus = self.bus()
        bus.ensure_topic("events", TopicSettings(partitions=partitions))
        bus.produce("events", [Outgoing(v if isinstance(v, bytes) else v.encode(), key) for v in values])
        bus.close()

    def widen(self) -> None:
        """Later rows have another key."""
        self._is_wide = True

    def disturb(self, position: Position) -> None:
        """Drop messages of the claimed range by force."""
        assert isinstance(position, Offsets)
        bus = self.bus()
        bus.change_topic("events", TopicSettings(partitions=1, keep_us=None, keep_bytes=1_000))
        assert bus.prune("events", force=True)
        bus.close()

    def build(self, columns: tuple[Column, ...] = (), **options: Any) -> TopicReader:
        """A reader with nothing but folder, clock and bus."""
        bus = self.bus()
        context = ReaderContext(flow="web", root=self.root, clock=self.clock, columns=columns, bus=lambda: bus)
        reader = build_reader("topic", {"topic": "events", "batch_rows": 1_000_000, **options}, context)
        assert isinstance(reader, TopicReader)
        return reader
