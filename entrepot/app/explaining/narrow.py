"""Predicates with literals, which the engine pushes down through groups and windows, as it does not with joins."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.app.explaining.identities import Identity, is_ordered
from entrepot.ports.workbench import Workbench
from entrepot.sql.expressions import quote_name

MOST_LITERALS = 200


def narrow(bench: Workbench, asked: str, identity: Identity, types: dict[str, str], alias: str) -> str:
    """SQL: conditions that all asked rows fulfil, as sharp as few literals allow; `true` when there is none."""
    usable = [
        (name, type_) for name, type_ in identity.columns if types.get(name.lower()) == type_ and _is_plain(type_)
    ]
    if not usable:
        return "true"
    figures = ", ".join(
        f"count(DISTINCT {quote_name(n)}), count(*) - count({quote_name(n)}), "
        f"CAST(min({quote_name(n)}) AS VARCHAR), CAST(max({quote_name(n)}) AS VARCHAR)"
        for n, _ in usable
    )
    row = bench.rows(f"SELECT {figures} FROM {asked}")
    values = [row.column(index)[0].as_py() for index in range(row.num_columns)]
    conditions = []
    for index, (name, type_) in enumerate(usable):
        distinct, nulls, low, high = values[4 * index : 4 * index + 4]
        column = f"{alias}.{quote_name(name)}"
        found = None
        if distinct <= MOST_LITERALS:
            found = _one_of(column, type_, _texts(bench, asked, name))
        elif is_ordered(type_):
            found = f"{column} BETWEEN {_literal(low, type_)} AND {_literal(high, type_)}"
        if found is not None:
            conditions.append(f"({found} OR {column} IS NULL)" if nulls else found)
    return " AND ".join(conditions) or "true"


def _texts(bench: Workbench, asked: str, name: str) -> list[str]:
    column = quote_name(name)
    sql = f"SELECT DISTINCT CAST({column} AS VARCHAR) AS text FROM {asked} WHERE {column} IS NOT NULL"
    return [str(text) for text in bench.rows(sql).column("text").to_pylist()]


def _one_of(column: str, type_: str, texts: Iterable[str]) -> str:
    literals = [_literal(text, type_) for text in texts]
    if not literals:
        return "false"
    return f"{column} = {literals[0]}" if len(literals) == 1 else f"{column} IN ({', '.join(literals)})"


def _literal(text: str, type_: str) -> str:
    quoted = "'" + text.replace("'", "''") + "'"
    return quoted if type_ == "VARCHAR" else f"CAST({quoted} AS {type_})"


def _is_plain(type_: str) -> bool:
    """True for types whose text means the value exactly."""
    return is_ordered(type_) or type_ in ("VARCHAR", "BOOLEAN", "UUID")
