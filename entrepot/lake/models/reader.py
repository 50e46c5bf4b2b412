"""A model as a source: its ranges are versions of its input tables, its rows a query over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from entrepot.kernel.errors import DamageError
from entrepot.kernel.positions import Position, Versions
from entrepot.lake.models.model import Incremental
from entrepot.lake.models.recipe import Recipe
from entrepot.lake.models.ways import choose_way, find_changes
from entrepot.ports.relations import Part, QueryScan, StagedRows, TableChange, TableVersion
from entrepot.ports.tables import Tables


@dataclass(frozen=True, slots=True)
class ModelReader:
    """`ports.reader.Reader` over tables of the lake.

    Without a `recipe` every range is the whole query. With it, a range may take only what is new, or only what changes touched.
    """

    name: str
    sql: str
    inputs: Callable[[], Mapping[str, int]]
    """Input table → the version to build from now."""
    views: Mapping[str, str]
    tables: Tables
    carries_record_ids: bool = False
    may_repeat_records: bool = True
    recipe: Recipe | None = None
    incremental: Incremental = Incremental.AUTO
    why_redefined: Callable[[], str | None] = lambda: None
    """Why the model's text, a view below it, its contract or the zone is not that of the last plan; None when all are."""
    share: Callable[[QueryScan], QueryScan] = lambda scan: scan
    """Puts views that other models read too in place of their SELECTs, computed once."""
    open_function: Callable[[Versions], Part] | None = None
    """Runs the function of a model in Python, which has no SELECT."""
    why_again: Callable[[], str | None] = lambda: None
    """Why all must be judged anew though neither text nor inputs changed: a dataset that rejected rows refer to did."""
    hindrance: Callable[[], str | None] = lambda: None
    """Why the target's present rows do not allow to compute only a part."""

    def find_next(self, previous: Position | None) -> Position | None:
        """The inputs' present versions and the way to them, unless no row changed since `previous`."""
        upto = dict(self.inputs())
        if any(version < 0 for version in upto.values()):
            return None
        if not isinstance(previous, Versions):
            return Versions(upto, why="built for the first time")
        after = dict(previous.upto)
        redefined = self.why_redefined() or self.why_again()
        if redefined is not None:
            return Versions(upto, after, why=redefined)
        if upto == after:
            return None
        changes = find_changes(self.tables, after, upto)
        if not changes.tables and changes.unknown is None:
            return None  # small files were joined, or a batch brought nothing
        return choose_way(
            self.recipe, changes, after, upto, self.tables, incremental=self.incremental, hindrance=self.hindrance()
        )

    def claim(self, position: Position) -> Position:
        """Versions are immutable; nothing to do."""
        return position

    def read(self, position: Position) -> list[Part]:
        """One part: the query at the planned versions, or what the planned way takes of it."""
        assert isinstance(position, Versions)
        if self.open_function is not None:
            return [self.open_function(position)]
        tables: dict[str, TableVersion | TableChange | StagedRows] = {
            name: TableVersion(name, version) for name, version in position.upto.items()
        }
        refresh = None
        if position.way != "full":
            assert self.recipe is not None
            changes = find_changes(self.tables, position.after, position.upto)
            if changes.unknown is not None:  # upkeep keeps what an open plan looks at: somebody else took it away
                raise DamageError(
                    f"{self.name} was to be computed in part, but {changes.unknown}.",
                    hint="Restore the older versions of its inputs, or give the batch up: change the model's text, and run.",
                )
            if position.way == "insert":
                driving = str(self.recipe.driving)
                tables[driving] = self.recipe.added(position, driving)
            else:
                refresh = self.recipe.refresh(position, tuple(changes.tables), changes.removed_from)
        scan = QueryScan(self.sql, tables, self.views, self.carries_record_ids, self.may_repeat_records, refresh)
        return [Part(self.name, self.share(scan))]

    def acknowledge(self, position: Position) -> None:
        """Tables need not be told."""

    def refuse(self, position: Position, reason: str) -> None:
        """Tables need not be told."""
