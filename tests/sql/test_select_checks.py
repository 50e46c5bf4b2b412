"""What a model's SELECT may not hold."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.sql.checks import VOLATILE_CALLS, VOLATILE_WORDS, check_select, find_faults
from entrepot.sql.query import parse_query

HARMLESS = {"error"}
"""Volatile for the engine, since it raises; it gives no value that could differ."""


@pytest.mark.parametrize(
    "expression",
    [
        "random()", "now()", "uuid()", "gen_random_uuid()", "nextval('s')", "current_date", "current_timestamp",
        "CURRENT_TIMESTAMP", "today()", "age(at)", "getenv('HOME')", "current_setting('x')", "localtimestamp",
        "current_user", "pg_catalog.now()", '"random"()', "now ()", "version()", "at > now() - INTERVAL 1 DAY",
    ],
)  # fmt: skip
def test_what_differs_from_run_to_run_is_refused(expression: str) -> None:
    """A repeated batch must give the same rows."""
    with pytest.raises(ProjectError, match="another value at every run"):
        check_select(f"SELECT {expression} FROM gold.x")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x.today, today FROM gold.x",
        "SELECT day AS current_date FROM gold.x",
        "SELECT x.now FROM gold.x",
        "SELECT age(a, b), 'now()' FROM gold.x -- now()",
        "SELECT a FROM gold.x ORDER BY a LIMIT 3",
        "SELECT a FROM gold.x LIMIT 0",
        "SELECT a FROM gold.x WHERE b IS DISTINCT FROM c",
    ],
)
def test_what_only_looks_like_it_is_allowed(sql: str) -> None:
    """Columns, texts and comments that hold such a word are no calls."""
    check_select(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT a FROM gold.x USING SAMPLE 3", "sample"),
        ("SELECT a FROM gold.x TABLESAMPLE 10%", "sample"),
        ("SELECT a FROM gold.x LIMIT 3", "without ORDER BY"),
        ("SELECT a FROM gold.x NATURAL JOIN gold.y", "NATURAL"),
        ("SELECT a FROM gold.x POSITIONAL JOIN gold.y", "POSITIONAL"),
        ("SELECT $1 FROM gold.x", "no parameters"),
        ("SELECT ? FROM gold.x", "no parameters"),
        ("SELECT a INTO gold.y FROM gold.x", "INTO"),
    ],
)
def test_what_is_unstable_is_refused(sql: str, said: str) -> None:
    """Samples, cut-offs without order, joins by accident and parameters."""
    with pytest.raises(ProjectError, match=said):
        check_select(sql)


def test_all_faults_are_told_with_their_places() -> None:
    """Not only the first."""
    query = parse_query("SELECT now(),\n  random()\nFROM gold.x\nLIMIT 1", Path("m.sql"))
    assert [str(fault.place) for fault in find_faults(query)] == ["m.sql:1:8", "m.sql:2:3", "m.sql:4:7"]


def test_the_list_covers_all_functions_that_the_engine_calls_volatile() -> None:
    """A new version of DuckDB cannot bring one in unseen."""
    found = duckdb.sql(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY') AND function_type IN ('scalar', 'macro', 'aggregate')"
    ).fetchall()
    assert {name for (name,) in found} - VOLATILE_CALLS - VOLATILE_WORDS - HARMLESS == set()
