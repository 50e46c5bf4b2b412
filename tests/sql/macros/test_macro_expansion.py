"""Macro calls become plain SQL; all else keeps its line; what is wrong is said with line, column and argument."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.kernel.errors import ProjectError
from entrepot.sql.checks import find_faults
from entrepot.sql.macros.catalogue import MACROS
from entrepot.sql.macros.expand import expand_macros, find_calls
from entrepot.sql.query import parse_query
from entrepot.sql.tables import find_tables

pytestmark = pytest.mark.req("A8")
PATH = Path("models/silver/x.sql")
CONVERT = "convert(silver.p, amounts := [price], currency := currency, day := day, rates := silver.fx, rate := 'exact'"


def test_lines_after_a_call_stay_where_they_are() -> None:
    """A call over several lines, with comments, moves nothing that stands below it."""
    text = (
        "SELECT a -- first\nFROM clean(\n  bronze.x, -- the table\n  required := [a] /* what\n is needed */\n) AS q\n"
        "WHERE nothing_like_it(a)\n"
    )
    made = expand_macros(text, PATH)
    assert made.count("\n") == text.count("\n")
    assert made.splitlines()[6] == "WHERE nothing_like_it(a)"
    assert made.splitlines()[0] == "SELECT a -- first"
    assert "(SELECT * FROM bronze.x WHERE a IS NOT NULL)" in made.splitlines()[1]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM bronze.x",
        "WITH daily(day, total) AS (SELECT 1, 2) SELECT * FROM daily",
        "WITH a AS (SELECT 1 AS x), clean(y) AS (SELECT 2) SELECT x, y FROM a, clean",
        "SELECT sum(x) FILTER (WHERE x IS DISTINCT FROM abs(y)) FROM bronze.x",
        "SELECT * FROM range(3) AS r(n)",
        "SELECT a, sum(gold.sales.amount), struct_pack(a := 1), count(struct_pack(b := bronze.x.c)) FROM gold.sales",
        "SELECT 'FROM clean(bronze.x, required := [a])' AS t FROM bronze.x -- FROM clean(bronze.x, required := [a])",
        "SELECT 'not closed",
        "SELECT * FROM read_csv('x.csv', header := true)",
        "",
    ],
)
def test_what_is_no_call_stays_as_it_is(text: str) -> None:
    """Names, texts, comments, and functions that others judge."""
    assert expand_macros(text, PATH) == text


def test_calls_stand_in_each_other_and_in_selects() -> None:
    """The first argument is a dataset, a name from WITH, a SELECT in parentheses, or another call."""
    text = (
        "WITH w AS (SELECT * FROM clean(bronze.a, required := [x])) SELECT * FROM daily(w, day := d, count := n) AS one "
        "JOIN daily(clean((SELECT * FROM fact(silver.b, keys := {k: {to: gold.d, on: [x]}})), required := [x]), day := d, count := n) AS two "
        "ON one.day = two.day"
    )
    made = expand_macros(text)
    assert find_faults(parse_query(made)) == ()
    assert {str(name) for name in find_tables(made)} == {"bronze.a", "silver.b", "gold.d"}
    assert [call.macro.name for call in find_calls(text)] == ["clean", "daily", "fact", "clean", "daily"]


def test_a_call_has_a_name() -> None:
    """Its own one, unless the author gives it another."""
    assert expand_macros("SELECT clean.a FROM clean(bronze.x, required := [a])").endswith(") AS clean")
    assert expand_macros("SELECT c.a FROM clean(bronze.x, required := [a]) c WHERE c.a > 1").endswith(
        ") c WHERE c.a > 1"
    )
    assert ") AS clean LEFT JOIN" in expand_macros(
        "SELECT 1 FROM clean(bronze.x, required := [a]) LEFT JOIN bronze.y USING (a)"
    )
    assert ") AS clean\nWHERE" in expand_macros("SELECT 1 FROM clean(bronze.x, required := [a])\nWHERE a > 1")


@pytest.mark.parametrize(
    ("text", "line", "at", "said"),
    [
        ("SELECT *\nFROM cleen(bronze.x, required := [a])", 2, "cleen", "Did you mean clean?"),
        ("SELECT *\nFROM daily(cleen(bronze.x, required := [a]), day := d, count := n)", 2, "cleen", "Did you mean clean?"),
        ("SELECT *\nFROM tidy(bronze.x, required := [a])", 2, "tidy", "there is no macro tidy"),
        ("SELECT *\nFROM clean(bronze.x,\n  requird := [a])", 3, "requird", "Did you mean required?"),
        ("SELECT *\nFROM clean(bronze.x,\n  required := [a + 1])", 3, "a + 1", "a column's name is expected"),
        ("SELECT *\nFROM clean(bronze.x,\n  required := [])", 3, "[]", "is an empty list"),
        ("SELECT *\nFROM clean(bronze.x, required := [a, A])", 2, "[a, A]", "names a twice"),
        ("SELECT *\nFROM clean(bronze.x, required := )", 2, "required := )", "has no value"),
        ("SELECT *\nFROM clean(bronze.x, required := [a], required := [b])", 2, "required := [b]", "given required twice"),
        ("SELECT *\nFROM clean(bronze.x, [a])", 2, "[a])", "without a name"),
        ("SELECT *\nFROM clean(required := [a])", 2, "clean(required", "lacks its table"),
        ("SELECT *\nFROM clean('bronze.x', required := [a])", 2, "'bronze.x'", "as a table"),
        ("SELECT *\nFROM clean(bronze.x)", 2, "clean(", "does nothing"),
        ("SELECT clean(bronze.x, required := [a])", 1, "clean(", "stands in FROM or JOIN"),
        ("SELECT *\nFROM clean(bronze.x, required := [a], newest := {key: [b], by: c})", 2, "[b], by", "required := [a, b]"),
        ("SELECT *\nFROM clean(bronze.x, newest := {kee: [b], by: c})", 2, "[b], by: c})", "Did you mean key?"),
        ("SELECT *\nFROM clean(bronze.x, newest := {by: c})", 2, "{by", "lacks the field key"),
        ("SELECT *\nFROM clean(w, required := [a], newest := {key: [a], by: c})", 2, "{key", "which row wins a tie"),
        ("SELECT *\nFROM clean(w, stamp := at)", 2, "at)", "needs _received_at"),
        ("SELECT *\nFROM daily(bronze.x, by := [a], count := n)", 2, "daily", "lacks day"),
        ("SELECT *\nFROM daily(bronze.x, day := d)", 2, "daily", "computes nothing"),
        (f"SELECT *\nFROM {CONVERT}, into := 'euro')", 2, "'euro'", "three capital letters"),
        (f"SELECT *\nFROM {CONVERT}, within_days := 3)", 2, "3)", "belongs to rate := 'last_earlier'"),
        (
            "SELECT *\nFROM convert(silver.p, amounts := [a], currency := c, day := d, rates := silver.r, rate := 'last')",
            2, "'last')", "allowed are 'last_earlier' and 'exact'",
        ),
        (
            "SELECT *\nFROM dimension(silver.p, id := k, key := [a], columns := [b], unknown := {c: 'x'})",
            2, "{c: 'x'}", "names c, which is no column",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str, line: int, at: str, said: str) -> None:
    """Line, column and argument, and what may have been meant."""
    with pytest.raises(ProjectError) as caught:
        expand_macros(text, PATH)
    place = caught.value.place
    assert said in str(caught.value)
    assert place is not None
    assert (place.path, place.line) == (PATH, line)
    assert text.splitlines()[line - 1][(place.column or 0) - 1 :].startswith(at)


WORDS = st.sampled_from(
    """clean convert daily dimension fact clen FROM JOIN SELECT AS ( ) [ ] { } , : := . * bronze x a 'EUR' 'exact' 7 required newest key
    by then stamp amounts currency day rates rate id columns unknown keys to on count sum --""".split()  # noqa: SIM905
)


@settings(deadline=None, max_examples=400)
@given(st.lists(WORDS, max_size=40), st.sampled_from(sorted(MACROS)))
def test_nothing_but_errors_with_a_place(words: list[str], macro: str) -> None:
    """Whatever stands in a call, it is written out or refused; brackets that do not fit are refused, too."""
    text = f"SELECT *\nFROM {macro}(\n bronze.x, {' '.join(words)}\n)\n"
    with suppress(ProjectError):
        assert expand_macros(text, PATH).count("\n") == text.count("\n")


def test_brackets_of_two_kinds_are_refused() -> None:
    """[a) is no list."""
    with pytest.raises(ProjectError, match="a list, "):
        expand_macros("SELECT * FROM clean(bronze.x, required := [a))", PATH)


def test_rates_may_be_a_select_or_a_macro() -> None:
    """As a table may."""
    for rates in ("(SELECT c AS currency, d AS day, r AS rate FROM bronze.r)", "clean(bronze.r, required := [rate])"):
        text = f"SELECT * FROM {CONVERT.replace('silver.fx', rates)})"
        assert {str(name) for name in find_tables(expand_macros(text))} == {"silver.p", "bronze.r"}


def test_every_argument_is_understood() -> None:
    """What a macro's page lists is what a call may say: each argument's own form is accepted."""
    needed = {
        name: ", ".join(f"{one.name} := {one.form}" for one in macro.arguments if one.needed)
        for name, macro in MACROS.items()
    }
    for name, macro in MACROS.items():
        for argument in macro.arguments:
            extra = "" if argument.needed else f"{argument.name} := {argument.form}"
            if name == "clean" and argument.name == "newest":
                extra += ", required := [order_id]"
            parts = ", ".join(filter(None, ("bronze.x", needed[name], extra)))
            if name == "daily":
                parts += "" if argument.name == "count" else ", count := n"
            if name == "dimension":
                parts = parts.replace("[product, category]", "[product]")
            assert find_faults(parse_query(expand_macros(f"SELECT * FROM {name}({parts})"))) == (), parts
