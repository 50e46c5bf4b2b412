"""What the tests of the connector share: a reader over a server, and its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entrepot.connectors import ReaderContext, build_reader
from entrepot.contracts.model import Column
from entrepot.kernel.positions import Position
from entrepot.ports.reader import Reader
from entrepot.ports.secrets import Secret
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import batches_of


@dataclass
class Source:
    """A source of a project; its clock moves when somebody sleeps."""

    root: Path
    options: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    clock: FakeClock = field(default_factory=FakeClock)

    def build(self, **options: Any) -> Reader:
        """A reader that remembers nothing."""
        context = ReaderContext(
            flow="orders", root=self.root, clock=self.clock, secret=self._secret, columns=self.columns
        )
        return build_reader("http", {**self.options, **options}, context)

    def take(self, previous: Position | None = None, **options: Any) -> tuple[Position, list[dict[str, Any]]]:
        """Claim, read and acknowledge the next range."""
        reader = self.build(**options)
        found = reader.find_next(previous)
        assert found is not None, "there is nothing new"
        position = reader.claim(found)
        rows = rows_at(reader, position)
        reader.acknowledge(position)
        return position, rows

    @property
    def landing(self) -> Path:
        """Where pages lie."""
        return self.root / ".entrepot" / "landing" / "orders"

    def _secret(self, scope: str, key: str) -> Secret:
        return Secret(f"{scope}/{key}", self.secrets[f"{scope}/{key}"])


def rows_at(reader: Reader, position: Position) -> list[dict[str, Any]]:
    """All rows of a range, with faults and numbers."""
    return [row for part in reader.read(position) for batch in batches_of(part) for row in batch.to_pylist()]


def ids(rows: list[dict[str, Any]]) -> list[int]:
    """The rows' ids."""
    return [int(row["id"]) for row in rows]
