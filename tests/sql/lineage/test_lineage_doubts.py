"""What cannot be resolved is said by name and line, and never guessed: all columns of the tables in question stand in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.find import find_lineage
from entrepot.sql.lineage.values import ANY, ColumnName, Doubt, How, Schema
from entrepot.sql.query import parse_query
from tests.sql.lineage.shapes import SCHEMAS, TABLES

ALL_OF_A = {ColumnName(Dataset("silver", "a"), column) for column in TABLES["a"]}
ALL_OF_B = {ColumnName(Dataset("silver", "b"), column) for column in TABLES["b"]}
CASES = {
    "SELECT x,\n  nope + 1 AS e FROM silver.a": (2, "no input has a column nope", ALL_OF_A),
    "SELECT a.nope AS e FROM silver.a JOIN silver.b USING (k)": (1, "no input has a column a.nope", ALL_OF_A | ALL_OF_B),
    "SELECT x AS e FROM silver.a, silver.b": (1, "x could be a column of several inputs", None),
    "SELECT x AS e\nFROM silver.a\nNATURAL JOIN silver.b": (3, "a NATURAL JOIN is not resolved", ALL_OF_A | ALL_OF_B),
    "SELECT COLUMNS(c -> c LIKE 'x%') FROM silver.a": (1, "the columns of this COLUMNS(…) cannot be told", ALL_OF_A),
    "SELECT\n s.* FROM silver.a": (2, "the fields of s are known by its type only", None),
    "SELECT i AS e FROM silver.a EXCEPT SELECT i, k FROM silver.b": (
        1, "the two sides of this have columns that cannot be matched", ALL_OF_A | ALL_OF_B
    ),
    "SELECT x AS e FROM silver.a JOIN silver.b USING (w)": (1, "no input has a column w to join by", ALL_OF_A | ALL_OF_B),
}  # fmt: skip


@pytest.mark.parametrize("sql", CASES)
def test_what_cannot_be_resolved_is_said_and_covered(sql: str) -> None:
    line, reason, covered = CASES[sql]
    found = find_lineage(sql, SCHEMAS)
    assert Doubt(line, reason) in found.doubts
    column = found.columns[-1]
    assert column.is_approximate
    assert covered is None or column.all >= covered


def test_other_columns_stay_exact() -> None:
    """A doubt about one column is no doubt about those beside it."""
    found = find_lineage("SELECT x, nope AS e FROM silver.a", SCHEMAS)
    assert not found.columns[0].is_approximate
    assert found.columns[0].direct == {ColumnName(Dataset("silver", "a"), "x"): How.IDENTITY}


def test_ambiguous_names_count_for_all_candidates() -> None:
    found = find_lineage("SELECT x FROM silver.a, silver.b", SCHEMAS).columns[0]
    assert {name.dataset.name for name in found.direct} == {"a", "b"}


def test_names_that_come_from_data_leave_the_result_open() -> None:
    """PIVOT without a list of values: further columns have the lineage of the one named `*`."""
    found = find_lineage("SELECT * FROM (PIVOT silver.b ON g USING sum(z) GROUP BY k)", SCHEMAS)
    assert [column.name for column in found.columns] == ["k", ANY]
    assert found.is_open
    assert found.doubts == (Doubt(1, "the names of the columns that PIVOT makes cannot be told"),)
    some = found.find("whatever")
    assert some is not None
    assert dict(some.direct) == {ColumnName(Dataset("silver", "b"), "z"): How.AGGREGATE}


def test_a_dataset_whose_columns_are_not_known_is_named_as_a_whole() -> None:
    schemas = SCHEMAS | {Dataset("silver", "open"): Schema(("i",), is_open=True)}
    found = find_lineage("SELECT i, other FROM silver.open", schemas)
    assert not found.columns[0].is_approximate
    assert found.columns[1].is_approximate
    assert set(found.columns[1].direct) == {ColumnName(Dataset("silver", "open"), ANY)}


def test_system_columns_can_be_named_but_stars_leave_them_out() -> None:
    schemas = {Dataset("bronze", "t"): Schema(("a",), ("_record_id", "_received_at"))}
    found = find_lineage("SELECT *, _received_at AS at FROM (SELECT * FROM bronze.t)", schemas)
    assert [column.name for column in found.columns] == ["a", "at"]
    assert set(found.columns[1].direct) == {ColumnName(Dataset("bronze", "t"), "_received_at")}


def test_lines_are_those_of_the_file() -> None:
    """With the head of the file before it."""
    text = "/* ---\nkind: full\n--- */\nSELECT\n  x,\n  *\nFROM silver.c, (SELECT x FROM silver.a)"
    found = find_lineage(parse_query(text, Path("models/gold/m.sql")), SCHEMAS)
    assert [(column.name, column.line) for column in found.columns] == [("x", 5), ("k", 6), ("w", 6), ("x_1", 6)]


def test_a_text_that_is_no_select_is_refused() -> None:
    with pytest.raises(ProjectError, match="one SELECT"):
        find_lineage("DELETE FROM silver.a", SCHEMAS)


def test_long_chains_are_read() -> None:
    """Hundreds of conditions and of UNIONs are no doubt."""
    many = " OR ".join(f"x = {number}" for number in range(600))
    found = find_lineage(f"SELECT y FROM silver.a WHERE {many}", SCHEMAS)
    assert found.columns[0].indirect == {ColumnName(Dataset("silver", "a"), "x")}
    found = find_lineage(" UNION ALL ".join(["SELECT x FROM silver.a"] * 600), SCHEMAS)
    assert (found.doubts, len(found.columns)) == ((), 1)


def test_what_is_nested_too_deeply_is_covered() -> None:
    """Where Python's stack is too small, everything is named."""
    deep = "coalesce(" * 120 + "x" + ")" * 120
    for _ in range(4):
        deep = f"({deep})"
    text = f"SELECT {deep} AS e FROM silver.a"
    assert find_lineage(text, SCHEMAS).find("e") is not None
