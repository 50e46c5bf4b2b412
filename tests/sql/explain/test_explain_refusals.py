"""What cannot be followed is refused by name with its line; remarks name the construct, its line and the view."""

from __future__ import annotations

import pytest

from entrepot.kernel.names import parse_dataset
from entrepot.sql.explain import IdLists, NotExplainable, rewrite
from entrepot.sql.explain.keys import find_row_key
from entrepot.sql.explain.lines import original_lines
from entrepot.sql.explain.prune import named_columns, prune
from entrepot.sql.query import parse_query
from tests.sql.explain.model_shapes import REFUSED, SHAPES
from tests.sql.explain.oracle import INPUTS, R, S, rewritten


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name_and_line(name: str) -> None:
    sql, word = REFUSED[name]
    with pytest.raises(NotExplainable) as error:
        rewritten(f"-- first line\n{sql}")
    assert word in error.value.message
    assert "line 2" in error.value.message or "sample" in error.value.message


def test_remarks_name_the_construct_and_the_line() -> None:
    found = rewritten("SELECT g,\n  count(DISTINCT k) AS n\nFROM bronze.r GROUP BY g")
    assert [str(remark) for remark in found.longer[R]] == [
        "count(DISTINCT …): every row of the group is listed (line 2)"
    ]
    found = rewritten("SELECT k FROM bronze.r AS r\nWHERE NOT EXISTS (SELECT 1 FROM bronze.s AS s WHERE s.k = r.k)")
    assert [str(remark) for remark in found.absences[S]] == ["NOT EXISTS: the row has no match among these (line 2)"]
    assert S not in found.longer


def test_remarks_of_a_view_name_the_view() -> None:
    views = {parse_dataset("silver.v"): parse_query("SELECT k,\n median(y) AS m\nFROM bronze.s GROUP BY k")}
    found = rewrite(parse_query("SELECT k, m FROM silver.v"), INPUTS, IdLists(), views)
    assert str(found.longer[S][0]).endswith("(line 2 of silver.v)")


@pytest.mark.parametrize(
    ("sql", "key"),
    [
        (SHAPES["group_sum"], ("g",)),
        ("SELECT date_trunc('month', d) AS m, g, sum(x) AS x FROM bronze.r GROUP BY ALL", ("m", "g")),
        ("SELECT upper(g) AS u, sum(x) AS x FROM bronze.r GROUP BY upper(g)", ("u",)),
        ("SELECT DISTINCT g, k FROM bronze.r", ("g", "k")),
        ("SELECT sum(x) AS x FROM bronze.r GROUP BY g", None),
        (SHAPES["rollup"], None),
        (SHAPES["filter"], None),
    ],
)
def test_key_that_the_text_says(sql: str, key: tuple[str, ...] | None) -> None:
    assert find_row_key(parse_query(sql)) == key


def test_unwanted_windows_go_and_what_they_looked_at_with_them() -> None:
    sql = (
        "WITH a AS (SELECT g, d, sum(x) AS x FROM bronze.r GROUP BY ALL), "
        "b AS (SELECT *, lag(x) OVER (ORDER BY d) AS before FROM a) "
        "SELECT *, x - before AS change, max(d) OVER () AS last FROM b"
    )
    assert "lag(" not in prune(parse_query(sql), {"g", "d", "x"}).tree.sql("duckdb").lower()
    kept = prune(parse_query(sql), {"g", "d", "change"}).tree.sql("duckdb").lower()
    assert "lag(" in kept
    assert "max(" not in kept


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT DISTINCT g, row_number() OVER (PARTITION BY g ORDER BY x) AS n FROM bronze.r",
        "SELECT g, sum(x) OVER (PARTITION BY g) AS n FROM bronze.r UNION ALL SELECT g, sum(x) OVER () FROM bronze.r",
        "SELECT g, row_number() OVER (PARTITION BY g ORDER BY x) AS n FROM bronze.r ORDER BY 2 LIMIT 3",
        "SELECT g, row_number() OVER (PARTITION BY g ORDER BY x) AS n FROM bronze.r QUALIFY n = 1",
        "SELECT count(*) AS n FROM bronze.r",
    ],
)
def test_what_decides_about_rows_stays(sql: str) -> None:
    assert prune(parse_query(sql), {"g"}).tree == parse_query(sql).tree


def test_columns_that_a_query_names() -> None:
    named = named_columns(
        parse_query("SELECT g, sum(x) AS total FROM bronze.r WHERE d > '2026-01-01' GROUP BY g"), {"bronze.r"}
    )
    assert named is not None and {"g", "x", "d"} <= named and "k" not in named
    assert named_columns(parse_query("SELECT * FROM bronze.r"), {"bronze.r"}) is None


def test_lines_of_a_compiled_text_are_those_of_the_file() -> None:
    original = parse_query("/* head\n*/\nSELECT\n  k,\n  x\nFROM bronze.r\nWHERE x > 1")
    compiled = parse_query("SELECT\n  k,\n  x, r._record_id AS _record_id\nFROM bronze.r\nWHERE x > 1")
    line_of = original_lines(original, compiled)
    assert line_of(compiled.text.index("FROM")) == 6
    assert line_of(compiled.text.index("WHERE")) == 7
