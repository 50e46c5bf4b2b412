"""The lineage of many shapes of SELECTs is what a person reads out of them."""

from __future__ import annotations

import duckdb
import pytest

from entrepot.sql.lineage.find import find_lineage
from tests.sql.lineage.oracle import TYPES
from tests.sql.lineage.shapes import SCHEMAS, SHAPES, TABLES, Shape, read_direct, read_indirect


def test_there_are_many_shapes() -> None:
    assert len({shape.name for shape in SHAPES}) == len(SHAPES) >= 60


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_lineage_is_what_a_person_reads(shape: Shape) -> None:
    found = find_lineage(shape.sql, SCHEMAS)
    assert [column.name for column in found.columns] == list(shape.columns)
    for column in found.columns:
        expected = shape.columns[column.name]
        assert dict(column.direct) == read_direct(expected), f"direct of {column.name}"
        assert column.indirect == read_indirect(shape, expected), f"indirect of {column.name}"
        assert not column.is_approximate
    assert not found.doubts


def test_columns_are_those_of_the_engine() -> None:
    """Names and order of the output columns are what the engine gives."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA silver")
        for table, columns in TABLES.items():
            typed = ", ".join(f"{column} {TYPES.get(column, 'INTEGER')}" for column in columns)
            connection.execute(f"CREATE TABLE silver.{table} ({typed})")
        for shape in SHAPES:
            given = [column[0] for column in connection.execute(shape.sql).description]
            assert given == [column.name for column in find_lineage(shape.sql, SCHEMAS).columns], shape.name
