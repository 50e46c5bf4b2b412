"""Tables with lists, structs and maps: others read them as we do, and no way of writing loses what is inside."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from delta_lake import NAME, SCHEMA, Lake, sale
from deltalake import DeltaTable, QueryBuilder

from entrepot.adapters.embedded.delta.reader import load_delta_extension
from entrepot.contracts.types import ColumnType, Kind, Property
from entrepot.ports.writer import Merge, Replace

LINE = ColumnType(
    Kind.OBJECT,
    properties=(
        Property("sku", ColumnType(Kind.STRING)),
        Property("price", ColumnType(Kind.DECIMAL, 8, 2)),
        Property("sold", ColumnType(Kind.TIMESTAMP)),
        Property("tags", ColumnType(Kind.ARRAY, items=Property("", ColumnType(Kind.STRING)))),
    ),
)
NESTED = (
    SCHEMA.append(pa.field("lines", ColumnType(Kind.ARRAY, items=Property("", LINE)).arrow()))
    .append(pa.field("one", LINE.arrow()))
    .append(pa.field("opens", ColumnType(Kind.TIME).arrow()))
)
SOLD = datetime(2026, 1, 1, 8, 0, 0, 1, tzinfo=UTC)
FULL = {"sku": "é👩", "price": Decimal("2.50"), "sold": SOLD, "tags": ["a", None, ""]}
EMPTY = {"sku": None, "price": None, "sold": None, "tags": None}
VALUES: list[dict[str, Any]] = [
    {"lines": [FULL, None, EMPTY], "one": FULL, "opens": "10:00:00.500000"},
    {"lines": [], "one": None, "opens": None},
    {"lines": None, "one": {**EMPTY, "tags": []}, "opens": "00:00:00"},
]


def rows(*ids: int) -> list[dict[str, Any]]:
    return [{**sale(id), **VALUES[id % 3]} for id in ids]


def by_deltars(path: Path) -> list[tuple[Any, ...]]:
    builder = QueryBuilder().register("t", DeltaTable(str(path)))
    found = builder.execute("SELECT id, lines, one, opens FROM t ORDER BY id")
    return as_tuples(pa.RecordBatchReader.from_stream(found).read_all())


def by_duckdb(path: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        load_delta_extension(connection)
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT id, lines, one, opens FROM delta_scan('{path}') ORDER BY id"
        return as_tuples(connection.execute(query).to_arrow_table())


def as_tuples(table: pa.Table) -> list[tuple[Any, ...]]:
    wanted = pa.schema([("id", pa.int64()), *(NESTED.field(name) for name in ("lines", "one", "opens"))])
    return [tuple(row.values()) for row in table.cast(wanted).to_pylist()]


def test_two_readers_see_what_was_written(lake: Lake) -> None:
    """Appended, merged, replaced, rewritten and compacted: every value inside stays, nulls and empty lists too."""
    lake.tables.create(NAME, NESTED)
    steps = [
        (lambda: lake.commit(1, rows(1, 2, 3), schema=NESTED), {1: 1, 2: 2, 3: 3}),
        (
            lambda: lake.commit(2, [{**sale(2), **VALUES[0]}, *rows(4)], Merge(("id",)), schema=NESTED),
            {1: 1, 2: 0, 3: 3, 4: 4},
        ),
        (lambda: lake.commit(3, rows(5), Replace("id = 1"), schema=NESTED), {2: 0, 3: 3, 4: 4, 5: 5}),
        (lambda: lake.tables.compact(NAME), {2: 0, 3: 3, 4: 4, 5: 5}),
    ]
    for step, left in steps:
        step()
        expected = [(id, *VALUES[value % 3].values()) for id, value in left.items()]
        assert by_deltars(lake.path()) == expected
        assert by_duckdb(lake.path()) == expected


def test_nested_columns_come_to_a_table_that_had_none(lake: Lake) -> None:
    """Rows from before have null in them."""
    lake.commit(1, [sale(1)])
    lake.tables.create(NAME, NESTED)
    lake.commit(2, rows(3), schema=NESTED)
    assert by_deltars(lake.path()) == by_duckdb(lake.path()) == [(1, None, None, None), (3, *VALUES[0].values())]
