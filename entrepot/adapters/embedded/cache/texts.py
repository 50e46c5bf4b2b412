"""What can be told of a query by its text: the tables it reads, and whether its rows follow from them alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from sqlglot.tokenizer_core import Token

from entrepot import __version__
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.sql.functions import find_unsafe_calls
from entrepot.sql.query import parse_query
from entrepot.sql.tables import find_tables

_CLOCKS = frozenset(
    {"current_date", "current_time", "current_timestamp", "get_current_timestamp", "localtime", "localtimestamp"}
)
_CHANCES = frozenset({"sample", "tablesample"})
_OF_THE_DATA = frozenset({"pivot", "pivot_wider", "pivot_longer", "unpivot"})
"""The columns that these give may depend on rows."""
_QUOTED = ("STRING", "IDENTIFIER")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a scan reads: its own text's part of the tables and views that stand ready."""

    tables: tuple[str, ...]
    views: tuple[tuple[str, str], ...]
    """Name and text, each after those it reads."""
    texts: tuple[str, ...]
    """All texts that are run."""


def find_reading(scan: QueryScan) -> Reading | None:
    """The tables and views that the text reads, looking through views; None for a text that is not understood here."""
    ready = {name.lower(): name for name in (*scan.tables, *scan.views)}
    try:
        tables, views = _walk(scan.sql, scan, ready)
    except (EntrepotError, KeyError, RecursionError):
        return None
    ordered = tuple((name, text) for name, text in scan.views.items() if name in views)
    return Reading(tuple(sorted(tables)), ordered, (scan.sql, *(text for _, text in ordered)))


def _walk(sql: str, scan: QueryScan, ready: dict[str, str]) -> tuple[set[str], set[str]]:
    tables: set[str] = set()
    views: set[str] = set()
    for dataset in find_tables(sql):
        name = ready[str(dataset)]
        if name not in scan.views:
            tables.add(name)
            continue
        views.add(name)
        below = _walk(scan.views[name], scan, ready)
        tables |= below[0]
        views |= below[1]
    return tables, views


def follows_from_tables(texts: tuple[str, ...]) -> bool:
    """True when no text calls anything whose value may differ from call to call: functions that are not known as safe count as such."""
    return all(not _is_odd(parse_query(text).tokens, _CLOCKS | _CHANCES) for text in texts) and not any(
        next(find_unsafe_calls(parse_query(text).tokens), None) for text in texts
    )


def has_fixed_shape(texts: tuple[str, ...]) -> bool:
    """True when the columns and types follow from those of the tables."""
    return not any(_is_odd(parse_query(text).tokens, _OF_THE_DATA) for text in texts)


def _is_odd(tokens: tuple[Token, ...], words: frozenset[str]) -> bool:
    return any(token.text.lower() in words and token.token_type.name not in _QUOTED for token in tokens)


@cache
def engine_version() -> str:
    """What computes: another engine or another edition of this package may answer otherwise."""
    return f"{__version__}/{version('duckdb')}"


def identify_tables(reading: Reading, scan: QueryScan) -> tuple[TableVersion, ...] | None:
    """The tables at their versions, in the order of their names; None when one of them is no table of the lake."""
    found = [scan.tables[name] for name in reading.tables]
    tables = tuple(table for table in found if isinstance(table, TableVersion))
    return tables if len(tables) == len(found) else None
