"""Each KPI's values against the period before, against target and thresholds, worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from entrepot.lake.models import ModelGraph
from entrepot.serve.kpis import compile_kpis, load_kpis, select_outstanding, select_periods, select_scorecard

pytestmark = pytest.mark.req("S6")

AT = datetime(2026, 7, 1, tzinfo=UTC)
"""When the release was made."""

HEAD = "title: {0}\ndefinition: Something.\nmodel: gold.lines\nunit: EUR\nowner: finance\nname: {0}\n"
SUM = HEAD.format("sales") + "measure: sum(sales)\ngrain: [day, shop]\n"
RATE = HEAD.format("margin") + "numerator: sum(margin)\ndenominator: sum(sales)\ngrain: [day, shop]\n"
BOUNDS = "direction: higher_is_better\ntarget: 0.6\nthresholds: {good: 0.5, warning: 0.25}\n"


class Kpis:
    """A few rows of one gold model, and KPIs over them."""

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.folder = folder
        self.connection = connection

    def ask(self, sql: str, *files: str, rows: str) -> list[tuple[Any, ...]]:
        """Compute the KPIs over the rows (day, shop, margin, sales) and ask."""
        for number, text in enumerate(files):
            (self.folder / f"{number}.yaml").write_text(text)
        self.kpis = load_kpis(self.folder)
        self.connection.execute(
            "CREATE OR REPLACE TABLE gold.lines (day DATE, shop VARCHAR, margin DECIMAL(9,2), sales DECIMAL(9,2))"
        )
        self.connection.execute(f"INSERT INTO gold.lines VALUES {rows}")
        for model in compile_kpis(self.kpis):
            self.connection.execute(f"CREATE OR REPLACE TABLE {model.name} AS {model.sql}")
        return self.connection.execute(sql).fetchall()


@pytest.fixture
def kpis(tmp_path: Path) -> Iterator[Kpis]:
    """No KPI yet."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA gold")
        yield Kpis(tmp_path, connection)


def test_a_value_is_compared_with_the_period_before(kpis: Kpis) -> None:
    """8 after 10: 2 less, 20 % less, worse; each shop with itself alone."""
    rows = "('2026-06-01','A',0,10), ('2026-06-02','A',0,8), ('2026-06-01','B',0,1), ('2026-06-02','B',0,3)"
    asked = "SELECT shop, value, previous, change, change_percent, change_reason, trend FROM gold.kpi_sales WHERE day = '2026-06-02' ORDER BY shop"
    assert kpis.ask(asked, SUM + "direction: higher_is_better\n", rows=rows) == [
        ("A", 8, 10, -2, -20.0, None, "worse"),
        ("B", 3, 1, 2, 200.0, None, "better"),
    ]


def test_less_is_better_where_the_direction_says_so(kpis: Kpis) -> None:
    """The same figures, lower is better; without a direction nobody says better or worse."""
    rows = "('2026-06-01','A',0,10), ('2026-06-02','A',0,8), ('2026-06-03','A',0,8)"
    asked = "SELECT trend, direction FROM gold.kpi_sales ORDER BY day"
    assert kpis.ask(asked, SUM + "direction: lower_is_better\n", rows=rows) == [
        (None, "lower_is_better"), ("better", "lower_is_better"), ("same", "lower_is_better"),
    ]  # fmt: skip
    assert kpis.ask(asked, SUM, rows=rows) == [(None, None)] * 3


def test_a_missing_period_is_not_skipped(kpis: Kpis) -> None:
    """Nothing on June 2nd: the 3rd is not compared with the 1st, and says why; nor is the first period."""
    rows = "('2026-06-01','A',0,10), ('2026-06-03','A',0,8), ('2026-06-02','B',0,1)"
    asked = "SELECT day::VARCHAR, previous, change, change_percent, change_reason FROM gold.kpi_sales WHERE shop = 'A' ORDER BY day"
    assert kpis.ask(asked, SUM, rows=rows) == [
        ("2026-06-01", None, None, None, "there is no earlier period"),
        ("2026-06-03", None, None, None, "the period before is missing; an older one is not used"),
    ]


def test_zero_and_null_before_have_a_reason(kpis: Kpis) -> None:
    """After 0 there is a change but no percentage; after null and of null there is neither. Never infinity."""
    rows = (
        "('2026-06-01','A',0,4), ('2026-06-02','A',2,4), ('2026-06-03','A',1,0), ('2026-06-04','A',1,4), "
        "('2026-06-05','A',NULL,4)"
    )
    asked = "SELECT value, previous, change, change_percent, change_reason, status FROM gold.kpi_margin ORDER BY day"
    assert kpis.ask(asked, RATE + BOUNDS, rows=rows) == [
        (0.0, None, None, None, "there is no earlier period", "critical"),
        (0.5, 0.0, 0.5, None, "the period before was zero, so there is no percentage", "good"),
        (None, 0.5, None, None, "there is no value to compare", "unknown"),
        (0.25, None, None, None, "the period before has no value", "warning"),
        (None, 0.25, None, None, "there is no value to compare", "unknown"),
    ]


def test_percent_of_a_negative_value_keeps_its_sign(kpis: Kpis) -> None:
    """From −10 to −5 is better by 50 %, not by minus 50 %."""
    rows = "('2026-06-01','A',0,-10), ('2026-06-02','A',0,-5)"
    assert kpis.ask("SELECT max(change_percent) FROM gold.kpi_sales", SUM, rows=rows) == [(50.0,)]


@pytest.mark.parametrize(
    ("every", "before", "after"),
    [("week", "2026-05-25", "2026-06-01"), ("month", "2026-05-01", "2026-06-01"), ("quarter", "2026-01-01", "2026-04-01"),
     ("year", "2025-01-01", "2026-01-01")],
)  # fmt: skip
def test_periods_follow_each_other_by_the_calendar(kpis: Kpis, every: str, before: str, after: str) -> None:
    """Months and years have different lengths; the one before is still the one before."""
    rows = f"('{before}','A',0,10), ('{after}','A',0,8)"
    assert kpis.ask("SELECT max(previous) FROM gold.kpi_sales", f"{SUM}every: {every}\n", rows=rows) == [(10,)]


def test_a_period_is_closed_when_the_data_go_beyond_it(kpis: Kpis) -> None:
    """The newest day is open; also for a shop that has nothing on it."""
    rows = "('2026-06-01','A',0,1), ('2026-06-02','A',0,1), ('2026-06-02','B',0,1), ('2026-06-03','A',0,1)"
    assert kpis.ask("SELECT day::VARCHAR, shop, is_closed FROM gold.kpi_sales ORDER BY ALL", SUM, rows=rows) == [
        ("2026-06-01", "A", True), ("2026-06-02", "A", True), ("2026-06-02", "B", True), ("2026-06-03", "A", False),
    ]  # fmt: skip


def test_the_scorecard_takes_rates_from_their_sums(kpis: Kpis) -> None:
    """1 of 1 and 0 of 3 are 0.25, not 0.5; the row of shop A is good, the total is a warning."""
    rows = "('2026-06-01','A',1,1), ('2026-06-02','A',1,1), ('2026-06-02','B',0,3)"
    asked = "SELECT period::DATE::VARCHAR, value, numerator, denominator, previous, change_percent, trend, target, status FROM gold.kpi_scorecard ORDER BY period"
    assert kpis.ask(asked, RATE + BOUNDS, rows=rows) == [
        ("2026-06-01", 1.0, 1.0, 1.0, None, None, None, 0.6, "good"),
        ("2026-06-02", 0.25, 1.0, 4.0, 1.0, -75.0, "worse", 0.6, "warning"),
    ]
    assert kpis.connection.execute("SELECT status FROM gold.kpi_margin WHERE shop = 'A'").fetchall() == [("good",)] * 2


def test_thresholds_of_a_sum_hold_for_the_total_alone(kpis: Kpis) -> None:
    """Two shops with 6 each reach a target of 10 together; neither is bad for not reaching it alone."""
    text = SUM + "direction: higher_is_better\ntarget: 10\nthresholds: {good: 10, warning: 5}\n"
    rows = "('2026-06-01','A',0,6), ('2026-06-01','B',0,6)"
    assert kpis.ask("SELECT value, status FROM gold.kpi_scorecard", text, rows=rows) == [(12.0, "good")]
    assert kpis.connection.execute("SELECT DISTINCT status, target FROM gold.kpi_sales").fetchall() == [(None, None)]


def test_what_has_no_total_says_so(kpis: Kpis) -> None:
    """A KPI over several currencies stands in the scorecard without a value."""
    rows = "('2026-06-01','A',0,6), ('2026-06-01','B',0,6)"
    asked = "SELECT value, status, reason FROM gold.kpi_scorecard"
    assert kpis.ask(asked, SUM + "total: false\n", rows=rows) == [
        (None, None, "a total over all groups would mean nothing")
    ]


def test_totals_count_distinct_things_once(kpis: Kpis) -> None:
    """A customer of two shops is one customer: what cannot be added up is counted anew."""
    text = SUM.replace("sum(sales)", "count(DISTINCT margin)")
    rows = "('2026-06-01','A',7,1), ('2026-06-01','B',7,1)"
    assert kpis.ask("SELECT value FROM gold.kpi_scorecard", text, rows=rows) == [(1.0,)]


def test_the_summary_shows_the_newest_closed_period(kpis: Kpis) -> None:
    """June 2nd, as the 3rd is open; before anything is closed the open one. Worst rows first."""
    rows = "('2026-06-01','A',1,1), ('2026-06-02','A',1,1), ('2026-06-02','B',0,3), ('2026-06-03','A',1,1)"
    kpis.ask("SELECT 1", RATE + BOUNDS, rows=rows)
    shown = kpis.connection.execute(f"SELECT period::DATE::VARCHAR, value FROM ({select_scorecard(AT)})").fetchall()
    assert shown == [("2026-06-02", 0.25)]
    [kpi] = kpis.kpis
    worst = kpis.connection.execute(f"SELECT shop FROM ({select_outstanding(kpi, AT)})").fetchall()
    assert worst == [("B",), ("A",)]
    periods = kpis.connection.execute(f"SELECT day::VARCHAR FROM ({select_periods(kpi, AT, limit=2)})").fetchall()
    assert periods == [("2026-06-03",), ("2026-06-02",)]
    kpis.ask("SELECT 1", RATE + BOUNDS, rows="('2026-06-01','A',1,1)")
    assert kpis.connection.execute(f"SELECT is_closed FROM ({select_scorecard(AT)})").fetchall() == [(False,)]


def test_the_scorecard_waits_for_the_models_of_all_kpis(kpis: Kpis) -> None:
    """It is a model like any other, made of gold models; without KPIs there is none."""
    kpis.ask("SELECT 1", SUM, RATE, rows="('2026-06-01','A',1,1)")
    *_, scorecard = compile_kpis(kpis.kpis)
    assert (str(scorecard.name), list(map(str, scorecard.inputs))) == ("gold.kpi_scorecard", ["gold.lines"])
    assert compile_kpis([]) == ()
    assert ModelGraph([], set()).models == ()
