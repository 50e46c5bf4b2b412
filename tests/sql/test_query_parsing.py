"""Parsing: one SELECT, with the place of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.sql.query import parse_query

FILE = Path("models/silver/x.sql")


@pytest.mark.parametrize(
    ("sql", "line", "column", "said"),
    [
        ("SELECT a\nFRM b c d", 2, 5, "near 'b'"),
        ("SELECT a\nFROM b WHERE", 2, 8, "near 'WHERE'"),
        ("SELECT 1;\nSELECT 2", 2, 1, "second statement"),
        ("\nDELETE FROM gold.x", 2, 1, "begins with DELETE"),
        ("COPY gold.x TO 'f'", 1, 1, "begins with COPY"),
        ("VALUES (1)", 1, 1, "begins with VALUES"),
        ("SELECT\n  {{ ref('x') }}", 2, 3, "template"),
        ("SELECT a" + "[1]" * 300, 1, 612, "indexes what was indexed"),
    ],
)
def test_what_is_not_one_select_is_refused_with_its_place(sql: str, line: int, column: int, said: str) -> None:
    """Errors name file, line, column and what was found."""
    with pytest.raises(ProjectError, match=said) as caught:
        parse_query(sql, FILE)
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.column) == (line, column)


@pytest.mark.parametrize("sql", ["", "  -- nothing\n", "SELECT 'abc", "SELECT /* a", "SELECT " + "NOT " * 5000 + "a"])
def test_texts_without_a_whole_statement_are_refused(sql: str) -> None:
    """Nothing at all, a text or comment that is never closed, or a depth that the parser does not take."""
    with pytest.raises(ProjectError):
        parse_query(sql, FILE)


@pytest.mark.parametrize("end", ["", ";", ";;", "; -- done", " -- done\n", "\n/* done */\n"])
def test_the_body_can_stand_in_parentheses(end: str) -> None:
    """Comments and semicolons around the statement are no part of it."""
    assert parse_query(f"-- head\nSELECT 1 AS a{end}").body == "SELECT 1 AS a"


def test_layout_does_not_change_the_normal_text_but_content_does() -> None:
    """Hashes are made of the normal text: comments, spaces and case are free, strings and quoted names are not."""
    normal = parse_query("SELECT a, 'X' FROM gold.t").normal_text()
    assert parse_query("select a ,\n 'X' -- why\nfrom gold.t ;").normal_text() == normal
    assert parse_query("SELECT a, 'x' FROM gold.t").normal_text() != normal
    assert parse_query("SELECT \"A\", 'X' FROM gold.t").normal_text() != normal
    for one, other in (("$$P1$$", "$$p1$$"), ("E'A'", "E'a'"), ("{A: 1}", "{a: 1}")):
        assert parse_query(f"SELECT {one} AS x").normal_text() != parse_query(f"SELECT {other} AS x").normal_text()
    assert parse_query("SELECT a, 'X' FROM gold.t LIMIT 0").normal_text() != normal
