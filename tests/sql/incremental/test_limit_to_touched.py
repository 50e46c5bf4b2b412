"""A model limited to touched keys gives its rows with those keys, NULL among them, in every way of writing the condition."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest

from entrepot.sql.incremental.limit import limit_to_touched, touched_condition, write_literal

MODEL = "SELECT a, b, v FROM rows -- the end"


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Rows 1 to 5; two keys hold a NULL."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE rows AS FROM (VALUES (1, 'x', 1), (NULL, 'x', 2), (1, NULL, 3), (2, 'y', 4), (3, 'x', 5)) AS t(a, b, v)"
        )
        connection.execute(
            "CREATE TABLE touched AS FROM (VALUES (1, NULL), (NULL, 'x'), (3, 'x'), (2, 'z')) AS t(a, b)"
        )
        connection.execute("CREATE TABLE whole AS FROM touched WHERE a IS NOT NULL AND b IS NOT NULL")
        yield connection


@pytest.mark.parametrize(
    ("keys", "touched", "literals", "holds_null", "expected"),
    [
        (["a", "b"], "touched", None, True, [2, 3, 5]),
        (["a", "b"], "whole", None, False, [5]),
        (["a"], "touched", None, True, [1, 2, 3, 4, 5]),
        (["a"], "whole", None, False, [4, 5]),
        (["a"], "whole", ["1", None], True, [1, 2, 3]),
        (["a"], "whole", ["2"], True, [4]),
        (["b"], "whole", [None], True, [3]),
        (["b"], "whole", [], True, []),
    ],
)
def test_rows_with_touched_keys_are_given(
    connection: duckdb.DuckDBPyConnection,
    keys: list[str],
    touched: str,
    literals: list[str | None] | None,
    holds_null: bool,
    expected: list[int],
) -> None:
    """The same rows that a DELETE by the same condition takes away."""
    sql = limit_to_touched(MODEL, keys, touched, literals=literals, holds_null=holds_null)
    condition = touched_condition(keys, touched, literals=literals, holds_null=holds_null)
    assert [row[0] for row in connection.execute(f"SELECT v FROM ({sql}) ORDER BY v").fetchall()] == expected
    assert [
        row[0] for row in connection.execute(f"SELECT v FROM rows WHERE {condition} ORDER BY v").fetchall()
    ] == expected


@pytest.mark.parametrize(
    "value",
    [
        7,
        -3,
        Decimal("1.50"),
        "it's",
        "",
        True,
        False,
        date(2024, 2, 29),
        datetime(2024, 2, 29, 13, 5, 6, 7),  # noqa: DTZ001  # a moment without a zone is a key like any other
        datetime(2024, 2, 29, tzinfo=UTC),
        None,
    ],
)
def test_a_literal_is_the_value(connection: duckdb.DuckDBPyConnection, value: object) -> None:
    """What is written is what the engine reads."""
    literal = write_literal(value)
    assert connection.execute(f"SELECT {literal or 'NULL'} IS NOT DISTINCT FROM ?", [value]).fetchall() == [(True,)]


def test_a_float_is_not_written() -> None:
    """Equal doubles may be written differently, so they are compared as a table."""
    with pytest.raises(TypeError, match="float"):
        write_literal(1.5)
