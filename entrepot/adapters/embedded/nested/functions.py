"""Nested columns in DuckDB: the functions that type and judge them, and the SQL that calls these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from entrepot.adapters.embedded.casts import sql_type
from entrepot.adapters.embedded.nested.checks import Mark
from entrepot.adapters.embedded.nested.json_text import BLANKS, NotJson, read_json, write_json
from entrepot.adapters.embedded.nested.walk import Report, Walk, compile_column
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.row_rules import AnyRule, Required
from entrepot.contracts.types import Kind
from entrepot.kernel.errors import DataError

if TYPE_CHECKING:
    import duckdb

REASONS = 'STRUCT("rule" VARCHAR, "column" VARCHAR, "value" VARCHAR, "expected" VARCHAR, "at" VARCHAR)[]'
_REASON_TYPE = pa.list_(pa.struct([(name, pa.string()) for name in ("rule", "column", "value", "expected", "at")]))
_READABLE = frozenset(
    {
        "boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
        "float", "double", "decimal", "varchar", "enum", "uuid", "date", "time", "timestamp", "timestamp_s", "timestamp_ms",
        "timestamp_ns", "timestamp with time zone", "sqlnull", '"null"',
    }
)  # fmt: skip
MOST_NAMES = 10
"""Unknown keys that a note names."""

Change = Callable[[Any], Any]


@dataclass(slots=True)
class NestedFunctions:
    """The functions of one task on one connection, each made once."""

    contract: Contract
    connection: duckdb.DuckDBPyConnection
    only_warn: bool
    unknown: set[str] = field(default_factory=set)
    """Paths of keys that came and that the contract does not know."""
    _made: dict[tuple[str, str], str] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)

    def judge(self, column: Column, source: str, place: str) -> str:
        """Name of the function from a value of DuckDB type `source` to `{value, errors, warnings}`.

        Raises: DataError when a value of the source's type can never be one of the column's.
        """
        change = self._check(column, source, place)
        rules = [rule for rule in self.contract.rules if _is_own(rule, column) and not isinstance(rule, Required)]
        zone = self.contract.time_zone
        walk = compile_column(column, rules, zone, only_warn=self.only_warn)
        is_text = source == "VARCHAR"
        outcome = pa.struct([("value", column.type.arrow()), ("errors", _REASON_TYPE), ("warnings", _REASON_TYPE)])
        returns = f'STRUCT("value" {sql_type(column.type)}, "errors" {REASONS}, "warnings" {REASONS})'
        judge = _Judge(column, walk, change, is_text, outcome, self.unknown)
        return self._make(f"judge:{column.name}", source, returns, judge.run)

    def as_json(self, source: str) -> str:
        """Name of the function from a nested value to its JSON text."""
        change = _change(self._type(source)) or _same

        def run(values: Any) -> pa.Array:
            texts = (None if value is None else write_json(change(value)) for value in _plain(values))
            return pa.array(texts, pa.string())

        return self._make("json", source, "VARCHAR", run)

    def note(self) -> str | None:
        """What was left out, in words."""
        if not self.unknown:
            return None
        named = sorted(self.unknown)
        more = f" and {len(named) - MOST_NAMES} more" if len(named) > MOST_NAMES else ""
        return f"ignored {', '.join(named[:MOST_NAMES])}{more}, which the contract does not know"

    def _make(self, purpose: str, source: str, returns: str, run: Callable[[Any], pa.Array]) -> str:
        import duckdb
        from duckdb.func import FunctionNullHandling, PythonUDFType

        known = self._made.get((purpose, source))
        if known is not None:
            return known
        name = f"__nested{next(self._numbers)}"
        self.connection.create_function(
            name,
            run,
            [duckdb.sqltype(source)],
            duckdb.sqltype(returns),
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
            side_effects=True,  # else DuckDB may call it twice for one row
        )
        self._made[purpose, source] = name
        return name

    def _type(self, source: str) -> Any:
        import duckdb

        return duckdb.sqltype(source)

    def _check(self, column: Column, source: str, place: str) -> Change | None:
        if source == "VARCHAR":
            return None
        found = self._type(source)
        strange = _find_strange(found, column.name)
        if strange or found.id not in ("struct", "list", "array", "map"):
            path, kind = strange or (column.name, source.lower())
            raise DataError(
                f"{place}: {path} holds {kind}, which cannot become {column.type if path == column.name else 'a value of ' + column.name}.",
                hint="Change the type in the contract, or convert the column where it comes from.",
            )
        return _change(found)


def is_nested(source: str) -> bool:
    """True for a DuckDB type whose values hold others."""
    return source.endswith("]") or source.startswith(("STRUCT(", "MAP("))


def _is_own(rule: AnyRule, column: Column) -> bool:
    return getattr(rule, "column", None) == column.name


def _find_strange(kind: Any, path: str) -> tuple[str, str] | None:
    """Path and name of the first inner type that is not read."""
    if kind.id == "struct":
        inner = [(f"{path}.{name}", child) for name, child in kind.children]
    elif kind.id in ("list", "array"):
        inner = [(f"{path}[]", kind.children[0][1])]
    elif kind.id == "map":
        inner = [(f"{path}{{key}}", kind.children[0][1]), (f"{path}{{}}", kind.children[1][1])]
    else:
        return None if kind.id in _READABLE else (path, str(kind).lower())
    return next((found for at, child in inner if (found := _find_strange(child, at))), None)


def _same(value: Any) -> Any:
    return value


def _change(kind: Any) -> Change | None:
    """What makes dictionaries of Arrow's lists of pairs; None where there are none."""
    if kind.id == "map":
        inner = _change(kind.children[1][1]) or _same
        return lambda value: value if value is None else _pairs(value, inner)
    if kind.id in ("list", "array"):
        item = _change(kind.children[0][1])
        return item and (lambda value: value if value is None else [item(each) for each in value])
    if kind.id == "struct":
        found = {name: change for name, child in kind.children if (change := _change(child))}
        if found:
            return lambda value: value and {name: found.get(name, _same)(each) for name, each in value.items()}
    return None


def _pairs(value: Any, inner: Change) -> Any:
    """A map as dictionary; as it is when a key stands twice, which then is no map of ours."""
    found = {key: inner(each) for key, each in value}
    return found if len(found) == len(value) else [list(pair) for pair in value]


_UNREADABLE = "(a date outside of the years 1 to 9999)"


def _plain(values: Any) -> list[Any]:
    """Arrow values as Python's; where one cannot be (a year after 9999), only that one is unreadable."""
    try:
        plain: list[Any] = values.to_pylist()
        return plain
    except (OverflowError, ValueError):
        return [_plain_one(value) for value in values]


def _plain_one(value: Any) -> Any:
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return _UNREADABLE


@dataclass(frozen=True, slots=True)
class _Judge:
    """One column's function."""

    column: Column
    walk: Walk
    change: Change | None
    is_text: bool
    outcome: pa.DataType
    unknown: set[str]

    def run(self, values: Any) -> pa.Array:
        """Called by DuckDB with up to 2,048 values, from several threads."""
        report = Report(self.column.name)
        came = _plain(values)
        typed = [self._one(value, row, report) for row, value in enumerate(came)]
        report.judge_patterns()
        self.unknown.update(report.unknown)
        bad = {row for row, reasons in report.errors.items() if reasons}
        kept = [None if row in bad else value for row, value in enumerate(typed)]
        faults = [
            pa.array([found.get(row) for row in range(len(came))], _REASON_TYPE)
            for found in (report.errors, report.warnings)
        ]
        fields = [pa.array(kept, self.column.type.arrow()), *faults]
        return pa.StructArray.from_arrays(fields, fields=list(self.outcome))

    def _one(self, value: Any, row: int, report: Report) -> Any:
        report.row = row
        if value is None:
            return None
        if self.is_text:
            if not value.strip(BLANKS):
                return None
            try:
                came = read_json(value)
            except NotJson:
                report.add(self._mark(), (), value)
                return None
            if came is None:
                return None
            found = self.walk(came, (), report)
            return value.strip(BLANKS) if self.column.type.is_json and found is not None else found
        return self.walk(self.change(value) if self.change else value, (), report)

    def _mark(self) -> Mark:
        kind = "list" if self.column.type.kind is Kind.ARRAY else "object"
        return Mark(f"type:{self.column.name}", f"a JSON {kind}, no key twice", True)
