"""A flow's predicate, written for DuckDB, carried over to a SQLite table whose values stand as `storage` says.

Only what means the same in both is carried over: comparisons of one column with literals of its type, IN, BETWEEN, IS NULL,
starts_with, AND, OR, NOT. Everything else is refused: a predicate says which rows are deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from entrepot.adapters.sqlite.storage import encode_decimal, encode_instant, quote, storage_of
from entrepot.kernel.errors import ProjectError

_ORDER: dict[type[exp.Expr], tuple[str, str]] = {
    exp.GT: (">", "<"),
    exp.GTE: (">=", "<="),
    exp.LT: ("<", ">"),
    exp.LTE: ("<=", ">="),
}
_EQUAL: dict[type[exp.Expr], tuple[str, str]] = {exp.EQ: ("=", "="), exp.NEQ: ("<>", "<>")}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQLite's text with `?` for each of the values."""

    sql: str
    values: tuple[Any, ...] = ()


def translate_predicate(where: str, schema: pa.Schema) -> Condition:
    """Carry a predicate over.

    Raises: ProjectError when it holds something that is not known to mean the same in SQLite.
    """
    try:
        tree = parse_one(where, dialect="duckdb")
    except SqlglotError as error:
        raise ProjectError(f"the predicate {where!r} cannot be read as SQL.") from error
    return _Translation(where, schema).condition(tree)


class _Translation:
    def __init__(self, where: str, schema: pa.Schema) -> None:
        self._where = where
        self._schema = schema

    def condition(self, node: exp.Expr) -> Condition:
        match node:
            case exp.Paren():
                return self.condition(node.this)
            case exp.And():
                return self._join(node, "AND")
            case exp.Or():
                return self._join(node, "OR")
            case exp.Not():
                inner = self.condition(node.this)
                return Condition(f"(NOT {inner.sql})", inner.values)
            case exp.Boolean():
                return Condition("1" if node.this else "0")
            case exp.Is() if isinstance(node.expression, exp.Null):
                return Condition(f"({self._name(self._column(node.this))} IS NULL)")
            case exp.In() if node.expressions:
                return self._in(node)
            case exp.Between():
                return self._between(node)
            case exp.StartsWith():
                return self._starts_with(node)
        if type(node) in _ORDER or type(node) in _EQUAL:
            return self._compare(node)
        raise self._refuse(node)

    def _join(self, node: exp.Binary, word: str) -> Condition:
        left, right = self.condition(node.left), self.condition(node.right)
        return Condition(f"({left.sql} {word} {right.sql})", left.values + right.values)

    def _compare(self, node: exp.Expr) -> Condition:
        plain, flipped = (_ORDER | _EQUAL)[type(node)]
        left, right = node.this, node.expression
        operator = plain
        if isinstance(right, exp.Column):
            left, right, operator = right, left, flipped
        field = self._column(left)
        value = self._literal(field, right, ordered=type(node) in _ORDER)
        return Condition(f"({self._name(field)} {operator} ?)", (value,))

    def _in(self, node: exp.In) -> Condition:
        field = self._column(node.this)
        values = tuple(self._literal(field, item) for item in node.expressions)
        return Condition(f"({self._name(field)} IN ({', '.join('?' * len(values))}))", values)

    def _between(self, node: exp.Between) -> Condition:
        field = self._column(node.this)
        bounds = tuple(self._literal(field, node.args[side], ordered=True) for side in ("low", "high"))
        return Condition(f"({self._name(field)} BETWEEN ? AND ?)", bounds)

    def _starts_with(self, node: exp.StartsWith) -> Condition:
        field = self._column(node.this)
        value = self._literal(field, node.expression)
        if not isinstance(value, str) or storage_of(field).declared != "TEXT" or "\0" in value:
            raise self._refuse(node)
        # SQLite's LIKE takes a and A for the same; substr does not.
        return Condition(f"(substr({self._name(field)}, 1, ?) = ?)", (len(value), value))

    def _column(self, node: exp.Expr) -> pa.Field:
        if not isinstance(node, exp.Column) or node.table:
            raise self._refuse(node)
        names = [name for name in self._schema.names if name.casefold() == node.name.casefold()]
        if len(names) != 1:
            raise ProjectError(f"the predicate {self._where!r} names {node.name}, which is no column of the table.")
        return self._schema.field(names[0])

    @staticmethod
    def _name(field: pa.Field) -> str:
        return quote(field.name)

    def _literal(self, field: pa.Field, node: exp.Expr, *, ordered: bool = False) -> Any:
        declared = storage_of(field).declared
        read = _READERS.get(declared.partition("(")[0])
        if read is None or (ordered and declared.startswith("DECIMAL_TEXT")):
            raise self._refuse(node, f" (column {field.name} is stored as {declared})")
        try:
            return read(node, field)
        except (ValueError, InvalidOperation) as error:
            raise self._refuse(node, f" (column {field.name} is {field.type})") from error

    def _refuse(self, node: exp.Expr, why: str = "") -> ProjectError:
        return ProjectError(
            f"the predicate {self._where!r} cannot be carried over to SQLite: {node.sql(dialect='duckdb')!r}{why}.",
            hint="Allowed are comparisons of a column with literals of its type (decimals only for equality), IN, BETWEEN, "
            "IS NULL, starts_with, AND, OR, NOT.",
        )


def _text(node: exp.Expr, *casts: exp.DType) -> str:
    """A string literal's text, alone or as `TYPE 'text'` of one of these types."""
    if isinstance(node, exp.Cast) and node.to.this in casts:
        node = node.this
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise ValueError("no text")
    return str(node.this)


def _number(node: exp.Expr) -> Decimal:
    if isinstance(node, exp.Neg):
        return -_number(node.this)
    if not isinstance(node, exp.Literal) or node.is_string:
        raise ValueError("no number")
    return Decimal(node.this)


def _read_text(node: exp.Expr, field: pa.Field) -> str:
    return _text(node)


def _read_integer(node: exp.Expr, field: pa.Field) -> int:
    number = _number(node)
    if number != number.to_integral_value() or abs(number) >= 2**63:
        raise ValueError("no integer")
    return int(number)


def _read_real(node: exp.Expr, field: pa.Field) -> float:
    return float(_number(node))


def _read_decimal(node: exp.Expr, field: pa.Field) -> str:
    number = _number(node)
    exact = number.quantize(Decimal(1).scaleb(-field.type.scale))
    if exact != number:
        raise ValueError("more decimals than the column has")
    return encode_decimal(exact)


def _read_boolean(node: exp.Expr, field: pa.Field) -> int:
    if not isinstance(node, exp.Boolean):
        raise ValueError("no boolean")
    return int(bool(node.this))


def _read_date(node: exp.Expr, field: pa.Field) -> str:
    return date.fromisoformat(_text(node, exp.DType.DATE)).isoformat()


def _read_instant(node: exp.Expr, field: pa.Field) -> str:
    found = datetime.fromisoformat(_text(node, exp.DType.TIMESTAMPTZ))
    if found.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return encode_instant(found.astimezone(UTC))


def _read_local(node: exp.Expr, field: pa.Field) -> str:
    found = datetime.fromisoformat(_text(node, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ))
    if found.tzinfo is not None:
        raise ValueError("a time on a wall clock has no zone")
    return encode_instant(found)


_READERS: dict[str, Callable[[exp.Expr, pa.Field], Any]] = {
    "TEXT": _read_text,
    "INTEGER": _read_integer,
    "REAL": _read_real,
    "BOOLEAN": _read_boolean,
    "DECIMAL_TEXT": _read_decimal,
    "DATE_TEXT": _read_date,
    "TIMESTAMP_TEXT": _read_instant,
    "TIMESTAMP_LOCAL_TEXT": _read_local,
}
