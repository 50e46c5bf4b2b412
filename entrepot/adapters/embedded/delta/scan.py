"""The SQL text that reads a plain table's Parquet files exactly: types, missing columns, partition values.

Files are grouped by how they hold the table's columns; each group is read with explicit expressions. Nothing is left
to guessing: no hive partitions from paths, no union by name, no session time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow.parquet as pq

from entrepot.adapters.embedded.delta.actions import COLUMNS_TAG, Add
from entrepot.adapters.embedded.delta.log import Snapshot
from entrepot.adapters.embedded.delta.schema import (
    UnknownType,
    duckdb_type,
    fields_of,
    layout_tag,
    quote,
    quote_text,
)
from entrepot.kernel.errors import DamageError

FILE = "__entrepot_file"
Describe = Callable[[str], dict[str, str]]
"""Names and DuckDB types of a SELECT."""

_INTEGER_WIDTH = {"TINYINT": 1, "SMALLINT": 2, "INTEGER": 4, "BIGINT": 8}
_ZONED, _LOCAL = "TIMESTAMP WITH TIME ZONE", ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")


class NotPlain(Exception):
    """These files cannot be read exactly without a full Delta reader; the text says why."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files that hold the table's columns in the same way: one expression per column, in the table's order."""

    expressions: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """How to read a set of a table's files."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    groups: tuple[Group, ...]

    def sql(self, columns: Sequence[str] | None = None, *, file_column: bool = False) -> str:
        """A parenthesised SELECT of some columns, all by default. Raises: KeyError for a column that is not there."""
        wanted = [self._index(name) for name in columns] if columns is not None else range(len(self.names))
        if not self.groups:
            return f"({self._nothing(wanted, file_column=file_column)})"
        return (
            "("
            + " UNION ALL ".join(self._select(group, wanted, file_column=file_column) for group in self.groups)
            + ")"
        )

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise KeyError(f"there is no column {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    def _select(self, group: Group, wanted: Iterable[int], *, file_column: bool) -> str:
        items = [f"{group.expressions[index]} AS {quote(self.names[index])}" for index in wanted]
        if file_column or not items:
            items.append(quote(FILE))
        named = f", filename={quote_text(FILE)}" if FILE in "".join(items) else ""
        paths = ", ".join(quote_text(escape_glob(path)) for path in group.paths)
        return f"SELECT {', '.join(items)} FROM read_parquet([{paths}], hive_partitioning=false{named})"

    def _nothing(self, wanted: Iterable[int], *, file_column: bool) -> str:
        items = [f"CAST(NULL AS {self.types[index]}) AS {quote(self.names[index])}" for index in wanted]
        if file_column or not items:
            items.append(f"CAST(NULL AS VARCHAR) AS {quote(FILE)}")
        return f"SELECT {', '.join(items)} WHERE false"


def escape_glob(path: str) -> str:
    """A path that DuckDB takes literally."""
    return "".join(f"[{each}]" if each in "[*?" else each for each in path)


def local_path(table: Path, add: Add) -> Path:
    """Where a data file lies. Raises: NotPlain for files on other systems."""
    parts = urlsplit(add.path) if ":" in add.path.split("/", 1)[0] else None
    if parts is None:
        return table / unquote(add.path)
    if parts.scheme != "file":
        raise NotPlain(f"a data file lies on {parts.scheme}:")
    return Path(unquote(parts.path))


def check_files(table: Path, adds: Iterable[Add]) -> None:
    """All data files are there in their full size. Raises: DamageError naming the first that is not."""
    for add in adds:
        try:
            path = local_path(table, add)
        except NotPlain:
            continue
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise DamageError(
                f"table {table.parent.name}/{table.name}: the data file {path.name} is missing.",
                hint="It was deleted by hand or by a vacuum that did not keep this version: restore it, or read another version.",
            ) from None
        if size != add.size:
            raise DamageError(
                f"table {table.parent.name}/{table.name}: the data file {path.name} has {size} bytes instead of {add.size}.",
                hint="Restore it from a backup.",
            )


def plan_scan(table: Path, snapshot: Snapshot, adds: Iterable[Add], describe: Describe) -> Scan:
    """Find out how to read some of a table's files.

    Raises: NotPlain when they cannot be read exactly in this way.
    """
    fields = fields_of(snapshot.metadata.schema_string)
    try:
        types = tuple(duckdb_type(each["type"]) for each in fields)
    except UnknownType as error:
        raise NotPlain(f"the type {error}") from error
    names = tuple(each["name"] for each in fields)
    if len({name.lower() for name in names}) < len(names):
        raise NotPlain("column names that differ only in case")
    planner = _Planner(table, fields, types, frozenset(snapshot.metadata.partition_columns), describe)
    groups: dict[tuple[str, ...], list[str]] = {}
    for add in adds:
        groups.setdefault(planner.expressions(add), []).append(str(local_path(table, add)))
    return Scan(names, types, tuple(Group(key, tuple(paths)) for key, paths in groups.items()))


class _Planner:
    def __init__(
        self,
        table: Path,
        fields: list[dict[str, Any]],
        types: tuple[str, ...],
        partitions: frozenset[str],
        describe: Describe,
    ) -> None:
        self._table = table
        self._fields = fields
        self._types = types
        self._partitions = partitions
        self._describe = describe
        self._by_tag: dict[str, tuple[str, ...] | None] = {}
        self._by_layout: dict[str, tuple[str, ...]] = {}

    def expressions(self, add: Add) -> tuple[str, ...]:
        """How one file gives the table's columns."""
        held = self._tagged(add.tags.get(COLUMNS_TAG)) or self._from_footer(local_path(self._table, add))
        if not self._partitions:
            return held
        return tuple(
            _literal(add.partition_values.get(each["name"]), each["type"], type_)
            if each["name"] in self._partitions
            else own
            for each, type_, own in zip(self._fields, self._types, held, strict=True)
        )

    def _tagged(self, tag: str | None) -> tuple[str, ...] | None:
        if tag is None:
            return None
        if tag not in self._by_tag:
            count = int(tag.split(":")[0]) if tag.split(":")[0].isdigit() else -1
            fits = 0 <= count <= len(self._fields) and layout_tag(self._fields, count) == tag
            self._by_tag[tag] = self._first(count) if fits else None
        return self._by_tag[tag]

    def _first(self, count: int) -> tuple[str, ...]:
        return tuple(
            quote(each["name"]) if index < count else f"CAST(NULL AS {type_})"
            for index, (each, type_) in enumerate(zip(self._fields, self._types, strict=True))
        )

    def _from_footer(self, path: Path) -> tuple[str, ...]:
        layout = str(pq.ParquetFile(path).schema).split("\n", 1)[1]  # the first line is an address in memory
        if layout not in self._by_layout:
            self._by_layout[layout] = self._compare(path)
        return self._by_layout[layout]

    def _compare(self, path: Path) -> tuple[str, ...]:
        held = self._describe(
            f"SELECT * FROM read_parquet([{quote_text(escape_glob(str(path)))}], hive_partitioning=false)"
        )
        nulls = ", ".join(f"CAST(NULL AS {type_}) AS {quote(each['name'])}"
                          for each, type_ in zip(self._fields, self._types, strict=True))  # fmt: skip
        expected = self._describe(f"SELECT {nulls}") if nulls else {}
        lower = {name.lower() for name in held}
        found = []
        for each, type_ in zip(self._fields, self._types, strict=True):
            name = each["name"]
            if name in held:
                found.append(_convert(name, held[name], expected[name]))
            elif name.lower() in lower:
                raise NotPlain(f"the column {name!r}, which a data file writes in another case")
            else:
                found.append(f"CAST(NULL AS {type_})")
        return tuple(found)


def _convert(name: str, held: str, expected: str) -> str:
    """The expression that gives a file's column in the table's type without changing a value."""
    column = quote(name)
    if held == expected:
        return column
    if expected == _ZONED and held in _LOCAL:  # INT96 of older writers: an instant in UTC
        return f"(CAST({column} AS TIMESTAMP) AT TIME ZONE 'UTC')"
    if expected == "TIMESTAMP" and held in _LOCAL:
        return f"CAST({column} AS TIMESTAMP)"
    if expected in _INTEGER_WIDTH and _INTEGER_WIDTH.get(held, 9) < _INTEGER_WIDTH[expected]:
        return f"CAST({column} AS {expected})"
    raise NotPlain(f"the column {name!r}, which is {expected} in the table and {held} in a data file")


def _literal(value: str | None, delta: Any, type_: str) -> str:
    """A partition value as SQL literal of the column's type. Raises: NotPlain when it is not surely that value."""
    if value is None or value == "":
        return f"CAST(NULL AS {type_})"
    text = value
    try:
        if delta == "timestamp":
            at = datetime.fromisoformat(value)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
            text = at.isoformat()
        elif delta == "timestamp_ntz":
            text = datetime.fromisoformat(value).isoformat()
        elif delta == "date":
            text = date.fromisoformat(value).isoformat()
        elif delta in ("byte", "short", "integer", "long"):
            text = str(int(value))
        elif delta == "boolean":
            text = {"true": "true", "false": "false"}[value.lower()]
        elif isinstance(delta, str) and delta.startswith("decimal"):
            scale = int(delta.rstrip(")").split(",")[1])
            if -int(Decimal(value).as_tuple().exponent) > scale:
                raise NotPlain(f"a partition value with more than {scale} digits")
        elif delta in ("float", "double"):
            float(value)
        elif delta != "string":
            raise NotPlain(f"a partition column of type {delta}")
    except (ValueError, KeyError, InvalidOperation) as error:
        raise NotPlain(f"a partition value that is no {delta}") from error
    return f"CAST({quote_text(text)} AS {type_})"
