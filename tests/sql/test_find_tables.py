"""Which datasets a SELECT reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.sql.query import parse_query
from entrepot.sql.tables import find_table_uses, find_tables


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM bronze.a JOIN Silver.B USING (k), gold.c", ["bronze.a", "silver.b", "gold.c"]),
        ("WITH x AS (SELECT * FROM bronze.a), y AS (SELECT * FROM x) SELECT * FROM y JOIN x USING (k)", ["bronze.a"]),
        (
            "SELECT (SELECT max(v) FROM gold.a) FROM gold.b WHERE k IN (SELECT k FROM gold.c)",
            ["gold.a", "gold.b", "gold.c"],
        ),
        ("SELECT * FROM gold.a UNION ALL (SELECT * FROM gold.b EXCEPT SELECT * FROM gold.a)", ["gold.a", "gold.b"]),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * FROM r", []),
        (
            "SELECT * FROM (SELECT * FROM gold.a) AS a, LATERAL (SELECT * FROM gold.b WHERE b.k = a.k)",
            ["gold.a", "gold.b"],
        ),
        ("SELECT * FROM range(3), unnest([1]) AS u(v), generate_series(1, 2)", []),
        ("SELECT * FROM (gold.a JOIN gold.b USING (k))", ["gold.a", "gold.b"]),
        ("FROM gold.a SELECT k WHERE EXISTS (FROM gold.b)", ["gold.a", "gold.b"]),
        ("SELECT * FROM (PIVOT gold.a ON k USING sum(v))", ["gold.a"]),
    ],
)
def test_every_dataset_is_found_once_and_ctes_are_none(sql: str, expected: list[str]) -> None:
    """Wherever a table may stand in a SELECT it is found, in the order of the text."""
    assert [str(name) for name in find_tables(sql)] == expected


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (SELECT * FROM x) SELECT * FROM x",
        "WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
        "SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) JOIN x ON true",
    ],
)
def test_a_cte_is_visible_only_where_sql_lets_it(sql: str) -> None:
    """A name used before its definition, or outside of it, is no CTE."""
    with pytest.raises(ProjectError, match="neither a dataset nor a common table expression"):
        find_tables(sql)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("sales", "neither a dataset"),
        ("'f.parquet'", "neither a dataset"),
        ('"data/x.csv"', "neither a dataset"),
        ("read_csv('x.csv')", "read_csv"),
        ("read_parquet('s3://x')", "read_parquet"),
        ("glob('*')", "glob"),
        ("query_table(['gold.x'])", "query_table"),
        ("duckdb_settings()", "duckdb_settings"),
        ("lake.gold.x", "not a dataset name"),
        ("main.x", "not a dataset name"),
        ("quarantine.x", "not a dataset name"),
        ("information_schema.tables", "not a dataset name"),
        ("gold.x AT (VERSION => 1)", "another version"),
    ],
)
def test_only_datasets_of_the_lake_may_be_read(table: str, said: str) -> None:
    """Files, functions that read and other catalogues are refused with their place."""
    query = parse_query(f"SELECT *\nFROM gold.y,\n  {table}", Path("m.sql"))
    with pytest.raises(ProjectError, match=said) as caught:
        find_tables(query)
    assert str(caught.value.place) == "m.sql:3:3"


def test_every_mention_has_its_place() -> None:
    """Two mentions of a dataset are two uses."""
    query = parse_query("SELECT *\nFROM gold.x AS a\nJOIN gold.x AS b USING (k)", Path("m.sql"))
    assert [str(use.place) for use in find_table_uses(query)] == ["m.sql:2:6", "m.sql:3:6"]
