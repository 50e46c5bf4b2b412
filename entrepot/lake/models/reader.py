"""A model as a source: its ranges are versions of its input tables, its rows a query over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from entrepot.kernel.positions import Position, Versions
from entrepot.ports.relations import Part, QueryScan, TableVersion


@dataclass(frozen=True, slots=True)
class BatchRange:
    """The batches of a driving table between two versions, and whether rows were removed among them."""

    after: int
    upto: int
    removed_rows: bool


@dataclass(frozen=True, slots=True)
class ModelReader:
    """`ports.reader.Reader` over tables of the lake.

    Without `driving` every range is the whole query. With it, a range takes only the rows of batches that came since the last one;
    where rows of the driving table were removed or the model changed, the whole is built anew.
    """

    name: str
    sql: str
    inputs: Callable[[], Mapping[str, int]]
    """Input table → the version to build from now."""
    views: Mapping[str, str]
    driving: str | None = None
    batches: Callable[[str, int, int], BatchRange] | None = None
    """(table, after version, upto version) → its batches."""
    is_redefined: Callable[[], bool] = lambda: False
    """True when the model's text (or a view below it) is not that of the last plan."""

    def find_next(self, previous: Position | None) -> Position | None:
        """The inputs' present versions, unless nothing changed since `previous`."""
        upto = dict(self.inputs())
        if any(version < 0 for version in upto.values()):
            return None
        after = dict(previous.upto) if isinstance(previous, Versions) else {}
        redefined = previous is not None and self.is_redefined()
        if upto == after and not redefined:
            return None
        if self.driving is None:
            return Versions(upto, after)
        found = self._range(after, upto, whole=redefined)
        if found is None:
            return None
        return Versions(upto, after, {self.driving: found})

    def claim(self, position: Position) -> Position:
        """Versions are immutable; nothing to do."""
        return position

    def read(self, position: Position) -> list[Part]:
        """One part: the query at the planned versions."""
        assert isinstance(position, Versions)
        tables = {name: TableVersion(name, version) for name, version in position.upto.items()}
        scan = QueryScan(
            sql=self.sql,
            tables=tables,
            views=self.views,
            since=dict(position.batches),
            carries_record_ids=self.driving is not None,
        )
        return [Part(self.name, scan)]

    def acknowledge(self, position: Position) -> None:
        """Tables need not be told."""

    def refuse(self, position: Position, reason: str) -> None:
        """Tables need not be told."""

    def rebuild_reason(self, position: Position) -> str | None:
        """Why the target must be written anew as a whole; None when the range can be added to it."""
        if self.driving is None or not isinstance(position, Versions) or not position.after:
            return None
        if self.is_redefined():
            return "redefined"
        if position.batches[self.driving][0] == 0:
            return f"rows of {self.driving} were replaced"
        return None

    def _range(self, after: Mapping[str, int], upto: Mapping[str, int], *, whole: bool) -> tuple[int, int] | None:
        assert self.driving is not None and self.batches is not None
        found = self.batches(self.driving, after.get(self.driving, -1), upto[self.driving])
        if whole or found.removed_rows:
            return 0, found.upto
        return (found.after, found.upto) if found.upto > found.after else None
