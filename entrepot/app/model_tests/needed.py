"""Which input rows a model needs to make given rows again: candidates by common columns, then everything left out that is not needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from entrepot.app.model_tests.compare import Row, compare_rows
from entrepot.app.wiring import Platform
from entrepot.contracts.model import Contract
from entrepot.contracts.types import Kind
from entrepot.kernel.errors import EntrepotError, UsageError
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.lake.models import Model
from entrepot.ports.relations import QueryScan, TableVersion

MOST_CANDIDATES = 20_000
MOST_TRIES = 150
_NUMBER = "__number"
_NAMES = (Kind.STRING,)
_NAMES_AND_DAYS = (Kind.STRING, Kind.DATE)


@dataclass(slots=True)
class Candidates:
    """Rows of one input that may be needed, by number; the number follows from the rows' values."""

    dataset: str
    relation: str
    """SQL that gives the input with its numbers."""
    columns: tuple[str, ...]
    numbers: list[int] = field(default_factory=list)

    def view(self, numbers: Sequence[int]) -> str:
        """The input with these rows only."""
        chosen = ", ".join(map(str, numbers)) or "NULL"
        return f"SELECT * EXCLUDE ({_NUMBER}) FROM ({self.relation}) WHERE {_NUMBER} IN ({chosen})"


class Search:
    """Finds the rows behind `wanted`, rows that a model's `sql` gives."""

    def __init__(
        self,
        platform: Platform,
        model: Model,
        sql: str,
        versions: Mapping[str, int],
        inputs: Mapping[str, Contract],
        target: Contract,
        wanted: Sequence[Row],
    ) -> None:
        graph = platform.project.graph
        self._engine = platform.engine
        self._model = model
        self._sql = sql
        self._wanted = wanted
        self._columns = tuple(wanted[0])
        self._inputs = inputs
        self._target = target
        self._tables = {f"kept.{_flat(name)}": TableVersion(name, version) for name, version in versions.items()}
        self._views = {str(name): sql for name, sql in graph.views(model).items()}
        self._below = {str(name) for name in graph.tables(model)}
        self._tries = 0

    def find(self) -> dict[str, list[dict[str, Any]]]:
        """input → its rows, without system columns.

        Raises: UsageError when the rows cannot be made again from a bounded number of input rows.
        """
        for candidates in self._attempts():
            if candidates is not None and self._makes(candidates, {each.dataset: each.numbers for each in candidates}):
                return {each.dataset: self._rows(each) for each in self._shrink(candidates)}
        raise UsageError(
            f"no more than {MOST_CANDIDATES:,} rows of each input make these rows of {self._model.name} again.",
            hint="Freeze fewer rows with --where, or write the test by hand.",
        )

    def _attempts(self) -> Iterator[list[Candidates] | None]:
        """Rows that agree with the wanted ones in all common columns, in all names and days, in all names, in any column; all rows."""
        for kinds in (tuple(Kind), _NAMES_AND_DAYS, _NAMES):
            yield self._candidates(" AND ", kinds)
        yield self._candidates(" OR ", tuple(Kind))
        yield self._candidates(None, ())

    def _candidates(self, joined: str | None, kinds: tuple[Kind, ...]) -> list[Candidates] | None:
        found = []
        for name, contract in self._inputs.items():
            columns = tuple(column.name for column in contract.columns)
            where = "true" if joined is None else self._where(contract, joined, kinds)
            listed = _listed([*columns, *self._system(name)])
            source = f"SELECT {listed} FROM ({self._source(name)}) WHERE {where}"
            relation = f"SELECT *, row_number() OVER (ORDER BY {listed}) AS {_NUMBER} FROM ({source})"
            each = Candidates(name, relation, columns)
            rows = self._query(f"SELECT {_NUMBER} FROM ({relation}) LIMIT {MOST_CANDIDATES + 1}", {})
            if len(rows) > MOST_CANDIDATES:
                return None
            each.numbers = sorted(row[_NUMBER] for row in rows)
            found.append(each)
        return found

    def _where(self, contract: Contract, joined: str, kinds: tuple[Kind, ...]) -> str:
        """Rows that share values with a wanted one; an input without common columns is taken whole."""
        there = {column.name: column.type.kind for column in self._target.columns if column.type.kind in kinds}
        common = [column.name for column in contract.columns if there.get(column.name) == column.type.kind]
        groups = []
        for row in self._wanted:
            tests = [
                f"{_quoted(name)} IS NOT DISTINCT FROM {_literal(row[name])}"
                for name in common
                if _is_simple(row[name])
            ]
            if not tests:
                return "true"
            groups.append(f"({joined.join(tests)})")
        return " OR ".join(groups)

    def _source(self, name: str) -> str:
        """An input as the lake has it; views are computed from their tables."""
        return f"SELECT * FROM kept.{_flat(name)}" if name in self._below else self._views[name]

    def _system(self, name: str) -> list[str]:
        described = self._engine.describe(self._scan(f"SELECT * FROM ({self._source(name)})", {}))
        return [each for each in SYSTEM_COLUMNS if each in described.names]

    def _scan(self, sql: str, views: Mapping[str, str]) -> QueryScan:
        """The kept tables stand under their names too, for views; `views` puts fewer rows in their place."""
        kept = {name: f"SELECT * FROM kept.{_flat(name)}" for name in self._below if name not in views}
        between = {name: text for name, text in self._views.items() if name not in views}
        return QueryScan(sql, self._tables, kept | between | dict(views))

    def _query(self, sql: str, views: Mapping[str, str]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._engine.query(self._scan(sql, views)).batches().read_all().to_pylist()
        return found

    def _makes(self, candidates: Sequence[Candidates], numbers: Mapping[str, Sequence[int]]) -> bool:
        """True when the model makes all wanted rows from these input rows; it may make others."""
        self._tries += 1
        views = {each.dataset: each.view(numbers[each.dataset]) for each in candidates}
        try:
            rows = self._query(f"SELECT {_listed(self._columns)} FROM ({self._sql}\n)", views)
        except EntrepotError:
            return False
        return not any(pair.expected for pair in compare_rows(self._wanted, rows, self._columns, ()).pairs)

    def _shrink(self, candidates: Sequence[Candidates]) -> Sequence[Candidates]:
        """Leave out what is not needed, in halves, quarters … down to single rows."""
        for each in candidates:
            size = len(each.numbers)
            while size and self._tries < MOST_TRIES:
                for start in range(len(each.numbers) - 1, -1, -size):
                    fewer = each.numbers[: max(start - size + 1, 0)] + each.numbers[start + 1 :]
                    chosen = {other.dataset: other.numbers for other in candidates} | {each.dataset: fewer}
                    if self._tries < MOST_TRIES and self._makes(candidates, chosen):
                        each.numbers = fewer
                        break
                else:
                    size //= 2
                size = min(size, len(each.numbers))
        return candidates

    def _rows(self, each: Candidates) -> list[dict[str, Any]]:
        views = {each.dataset: each.view(each.numbers)}
        return self._query(f"SELECT {_listed(each.columns)} FROM ({views[each.dataset]}) ORDER BY ALL", {})


def _flat(name: str) -> str:
    return name.replace(".", "__")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(_quoted, names))


def _is_simple(value: Any) -> bool:
    return not isinstance(value, list | dict | float | bytes)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    text = str(value).replace("'", "''")
    return f"'{text}'"
