"""A model limited to touched keys: the condition stands outside of the model, so that it is right whatever the model does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from entrepot.sql.expressions import quote_name


def limit_to_touched(
    query_sql: str,
    keys: Sequence[str],
    touched_name: str,
    *,
    literals: Sequence[str | None] | None = None,
    holds_null: bool = True,
) -> str:
    """A SELECT of a model's rows that have a touched key; NULL is a key like any other.

    Args:
        query_sql: the model, one SELECT without a semicolon.
        touched_name: a table or view with the touched keys, as it is written in SQL.
        literals: with one key column only: all touched keys as SQL literals, None for NULL. The engine takes such a list down to
            the stored table, also through windows, which it does not do with a table. Pays up to some thousand keys.
        holds_null: False when no touched key holds a NULL: the engine can then skip files that have none of the keys.
    """
    condition = touched_condition(keys, touched_name, literals=literals, holds_null=holds_null)
    return f"SELECT * FROM (\n{query_sql}\n) AS __model WHERE {condition}"


def touched_condition(
    keys: Sequence[str],
    touched_name: str,
    *,
    literals: Sequence[str | None] | None = None,
    holds_null: bool = True,
) -> str:
    """The condition alone, as a DELETE needs it too. Args: as `limit_to_touched`."""
    columns = [quote_name(key) for key in keys]
    if literals is not None:
        if len(keys) != 1:
            raise ValueError("literals are for a single key column")
        return _among_literals(columns[0], literals)
    if len(columns) == 1 and not holds_null:
        return f"{columns[0]} IN (SELECT {columns[0]} FROM {touched_name})"
    condition = f"{_struct(columns)} IN (SELECT {_struct(columns)} FROM {touched_name})"
    if holds_null:
        return condition
    # What the first condition says already; but by a range of bare columns the engine skips files.
    ranges = [
        f"{c} BETWEEN (SELECT min({c}) FROM {touched_name}) AND (SELECT max({c}) FROM {touched_name})" for c in columns
    ]
    return " AND ".join([*ranges, condition])


def write_literal(value: object) -> str | None:
    """A key's value as a literal of its type.

    Raises: TypeError for a type of which equal values may be written differently.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Decimal):
        return f"{value:f}"  # 1E-9 would be a double, and all other keys with it
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
        return f"{kind} '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    raise TypeError(f"a key of type {type(value).__name__} is not written as a literal")


def _among_literals(column: str, literals: Sequence[str | None]) -> str:
    known = [literal for literal in literals if literal is not None]
    found = [f"{column} IN ({', '.join(known)})"] if known else []
    if len(known) < len(literals):
        found.append(f"{column} IS NULL")
    return f"({' OR '.join(found)})" if found else "FALSE"


def _struct(columns: Sequence[str]) -> str:
    """Structs compare NULL with NULL as equal."""
    return "{" + ", ".join(f"'k{i}': {column}" for i, column in enumerate(columns)) + "}"
