"""Figures, charts and texts of the site are shown as they are: rounded, never cut; gaps stay gaps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from docs_site_shop import Page
from hypothesis import given
from hypothesis import strategies as st

from entrepot.app.docs_site.charts import draw_chart, draw_spark, find_ticks
from entrepot.app.docs_site.facts import KpiEntry, PeriodFigures
from entrepot.app.docs_site.figures import say_hold
from entrepot.app.docs_site.highlight import highlight
from entrepot.app.docs_site.sources import SECRET, show_option
from entrepot.app.docs_site.words import count, kpi_value, number, percent, plural, size
from entrepot.connectors import FieldSpec
from entrepot.contracts.docs.markup import el, page_name, plain, table
from entrepot.kernel.names import Dataset
from entrepot.lake.models.model import ModelKind, make_model
from entrepot.serve.kpis import Every, Kpi, select_history
from entrepot.sql.query import parse_query


def kpi(**more: object) -> Kpi:
    """A KPI whose values are charted."""
    given: dict[str, object] = {
        "name": "n", "title": "Net <b>", "definition": "d", "model": Dataset("gold", "m"), "grain": ("day",), "every": Every.DAY,
        "unit": "EUR", "owner": "o", "path": Path("kpis/n.yaml"), "format": "#,##0.0",
    }  # fmt: skip
    return Kpi(**(given | more))  # type: ignore[arg-type]


def entry(values: list[float | None], target: float | None = None, *, open: int = 0) -> KpiEntry:
    """Its periods, day by day."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    days = [start + timedelta(days=place) for place in range(len(values))]
    periods = tuple(
        PeriodFigures(
            start=day, name=f"{day:%Y-%m-%d}", value=value, previous=None, change=None, change_percent=None, numerator=None,
            denominator=None, target=target, reason=None if value is not None else "nothing", trend=None, status=None,
            is_closed=place < len(values) - open,
        )
        for place, (day, value) in enumerate(zip(days, values, strict=True))
    )  # fmt: skip
    return KpiEntry(kpi(), "kpis/n.yaml", periods)


finite = st.floats(min_value=-1e12, max_value=1e12)


@given(finite, finite)
def test_ticks_are_few_round_and_around_all_values(one: float, other: float) -> None:
    """From at or below the least to at or above the largest, evenly."""
    low, high = sorted((one, other))
    ticks = find_ticks(low, high)
    hair = 1e-6 * max(high - low, 1e-6 * abs(high), 1e-6 * abs(low))
    assert ticks[0] <= low + hair
    assert ticks[-1] >= high - hair
    assert 3 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))


@given(st.lists(st.none() | finite, max_size=50), st.none() | finite)
def test_any_series_makes_a_valid_chart(values: list[float | None], target: float | None) -> None:
    """Every point lies within the picture; none is missing; no number is NaN."""
    text = str(draw_chart(entry(values, target, open=1)))
    assert (text == "") == all(value is None for value in values)
    assert Page(text).faults == []
    assert "nan" not in text.replace("Net", "")
    points = re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)"', text)
    assert len(points) == sum(value is not None for value in values)
    assert all(0 <= float(x) <= 560 and 30 <= float(y) <= 230 for x, y in points)
    assert Page(str(draw_spark(entry(values)))).faults == []


def test_a_period_without_a_value_is_a_gap() -> None:
    """The line ends before it and begins after it; single points have no line, but a dot."""
    text = str(draw_chart(entry([1, 2, None, 3, 4, None, 5])))
    assert [len(points.split()) for points in re.findall('points="(.*?)"', text)] == [2, 2]
    assert text.count("<circle") == 5


def test_an_open_period_is_told_and_left_out_of_the_small_chart() -> None:
    """It would always look like a fall."""
    shown = entry([5, 6, 7, 0.1], open=1)
    assert "2026-01-04: 0.1 EUR, not closed yet" in Page(str(draw_chart(shown))).words
    assert "2026-01-01 to 2026-01-03" in Page(str(draw_spark(shown))).words
    assert "Net <b>" in Page(str(draw_spark(shown))).words


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 1, 4, 12, tzinfo=UTC), [(2, True), (3, True), (4, False)]),
        (datetime(2025, 1, 1, tzinfo=UTC), [(3, True), (4, True), (1, False)]),
    ],
)
def test_periods_that_have_not_begun_are_left_out(at: datetime, shown: list[tuple[int, bool]]) -> None:
    """A record of 2062 neither stands in a chart nor closes the day that runs; a clock before all data says nothing."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA gold")
        days = "['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04', '2062-01-01']"
        connection.execute(
            "CREATE TABLE gold.kpi_scorecard AS SELECT 'n' AS kpi, 'day' AS every, CAST(d AS TIMESTAMP) AS period, "
            f"d < '2062' AS is_closed FROM unnest({days}) AS _(d)"
        )
        rows = connection.execute(select_history(at, limit=3)).fetchall()
    assert [(period.day, is_closed) for _, _, period, is_closed in rows] == shown


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"), (0, "0"), (1234567.5, "1,234,567.5"), (0.1 + 0.2, "0.3"), (2 / 3, "0.666667"), (1e-9, "1e-9"),
        (-0.0, "0"), (1e30, "1,000,000,000,000,000,000,000,000,000,000"), (Decimal("10.50"), "10.5"), (1000, "1,000"),
    ],
)  # fmt: skip
def test_figures_without_a_pattern(value: float | None, said: str) -> None:
    """Rounded to six places, thousands separated, trailing zeros left out; what is small does not become nothing."""
    assert number(value) == said


def test_figures_of_all_sizes() -> None:
    """Counts, sizes, shares, and a value with more digits than its pattern can round."""
    assert (count(1234567), count(None)) == ("1,234,567", "–")
    assert [size(n) for n in (0, 999, 1000, 12_345, 999_499, 999_500, 4_300_000_000)] == [
        "0 B", "999 B", "1.0 kB", "12.3 kB", "999 kB", "1.0 MB", "4.3 GB",
    ]  # fmt: skip
    assert (percent(1, 3), percent(1, 1_000_000), percent(0, 5), percent(0, 0)) == (
        "33.33 %",
        "< 0.01 %",
        "0.00 %",
        "–",
    )
    assert (plural(1, "batch", "batches"), plural(2000, "batch", "batches")) == ("1 batch", "2,000 batches")
    assert kpi_value(kpi(format="#,##0.00"), 1e30) == "1e+30"
    assert kpi_value(kpi(format="0.0%"), 0.97854) == "97.9%"


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("version 3 broke the rule few (0.8 percent, allowed <= 0.5). See: entrepot quality x", "version 3 broke the rule few"),
        ("it is made from silver.a, which is held: Could not convert 'Zora' to INT32", "it is made from silver.a, which is held"),
        ("Could not convert string 'Zora' to INT32", "its last run failed; `entrepot status` says why"),
        ("rolled back to release 4: Zora asked for it", "readers were set back to release 4"),
        ("batch 7 of silver.a is not finished", "batch 7 of silver.a is not finished"),
        ("batch 7 of silver.a is not finished: Zora", "its last run failed; `entrepot status` says why"),
    ],
)  # fmt: skip
def test_reasons_are_told_in_words_of_our_own(why: str, said: str) -> None:
    """Only what is known to hold no value is kept of them."""
    assert say_hold(why) == said


def test_options_that_are_secret_are_not_shown() -> None:
    """What the connector says is one, whatever it is called; others in words."""
    secret = FieldSpec(name="door", type="string", description="d", secret=True)
    plain_one = FieldSpec(name="door", type="string", description="d")
    assert show_option("door", "swordfish", secret) == SECRET
    assert show_option("door", "swordfish", plain_one) == "swordfish"
    assert show_option("door", "swordfish", None) == SECRET
    assert show_option("api_key", "swordfish", plain_one) == SECRET
    assert show_option("headers", {"X-Door": "swordfish"}, plain_one) == "X-Door → …"
    assert show_option("door", True, plain_one) == "yes"
    assert show_option("door", ["a", "b"], plain_one) == "a, b"
    assert show_option("door", [{"a": "swordfish"}], plain_one) == "1 entry"


def test_sql_is_shown_as_it_is_written() -> None:
    """Every character, comments and odd names too; only marked."""
    sql = "SELECT 'a<b' AS \"x & y\", 1.5 /* why */ AS n -- end </code>\nFROM bronze.t WHERE d = DATE '2020-01-01' AND f(x)"
    model = make_model(Dataset("silver", "t"), ModelKind.FULL, parse_query(sql), Path("t.sql"))
    shown = str(highlight(model))
    assert Page(shown).words == sql
    assert Page(shown).faults == []
    for mark, text in (("k", "SELECT"), ("s", "&#x27;a&lt;b&#x27;"), ("n", "1.5"), ("k", "FROM"), ("k", "DATE")):
        assert f'<span class="{mark}">{text}</span>' in shown
    assert '<span class="c"> /* why */ </span>' in shown
    assert ">f</span>" not in shown


@given(st.text(max_size=40))
def test_any_text_is_text(text: str) -> None:
    """In an element, an attribute, a table's label, a file's name: nothing of it becomes markup, and no character is one a page may not hold."""
    page = f"{el('p', text, title=text)}{table(text, [text], [[text]])}"
    seen = Page(page)
    assert seen.faults == []
    assert set(seen.tags) == {"p", "div", "table", "thead", "tbody", "tr", "th", "td"}
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", page)
    page.encode()
    assert re.fullmatch(r"[A-Za-z0-9_.~-]*\.html", page_name(text))
    assert plain(plain(text)) == plain(text)
