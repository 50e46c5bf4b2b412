"""A KPI's status in SQL is that of `Thresholds.judge` for every number, and none for what is no number; periods are those of the calendar."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.serve.kpis import (
    Direction,
    Status,
    Thresholds,
    compile_kpis,
    load_kpis,
    select_outstanding,
    select_periods,
    select_scorecard,
)

pytestmark = pytest.mark.req("S6")

HEAD = "name: k\ntitle: t\ndefinition: d\nmodel: gold.m\nunit: u\nowner: o\n"
BOUNDS = "direction: {0}\nthresholds: {{good: {1}, warning: {2}}}\n"
NAN, INF = math.nan, math.inf
DAY = date(2026, 6, 1)


class Kpis:
    """One gold model (period, a, b), and a KPI over it."""

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.folder = folder
        self.connection = connection

    def compute(self, text: str, type: str, rows: list[tuple[Any, ...]], period: str = "DATE") -> None:
        """Compute the KPI of a file and the scorecard."""
        (self.folder / "k.yaml").write_text(HEAD + text)
        self.kpis = load_kpis(self.folder)
        self.connection.execute(f"CREATE OR REPLACE TABLE gold.m (period {period}, a {type}, b {type})")
        self.connection.executemany("INSERT INTO gold.m VALUES (?, ?, ?)", rows)
        for model in compile_kpis(self.kpis):
            self.connection.execute(f"CREATE OR REPLACE TABLE {model.name} AS {model.sql}")

    def ask(self, columns: str, table: str = "gold.kpi_k") -> list[tuple[Any, ...]]:
        order = "period"
        return self.connection.execute(f"SELECT {columns} FROM {table} ORDER BY {order}").fetchall()


@pytest.fixture
def kpis(tmp_path: Path) -> Iterator[Kpis]:
    """No KPI yet."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA gold")
        connection.execute("SET TimeZone = 'Europe/Berlin'")
        yield Kpis(tmp_path, connection)


NUMBERS = st.one_of(
    st.none(),
    st.floats(),
    st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 0.1, 0.3, 0.97, 1e308, 5e-324]),
)


@given(
    values=st.lists(NUMBERS, min_size=1, max_size=12),
    pair=st.lists(
        st.sampled_from([-1e300, -2.5, 0.0, 0.1, 0.3, 0.97, 7.0, 1e300]), min_size=2, max_size=2, unique=True
    ),
    direction=st.sampled_from(Direction),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_and_python_judge_alike(
    kpis: Kpis, values: list[float | None], pair: list[float], direction: Direction
) -> None:
    """Nulls, NaN, both infinities, the bounds themselves and their neighbours; nothing that is not finite is ever compared."""
    good, warning = sorted(pair, reverse=direction is Direction.HIGHER)
    for bound in (good, warning):
        values += [bound, math.nextafter(bound, INF), math.nextafter(bound, -INF)]
    bounds = BOUNDS.format(direction, good, warning)
    rows = [(DAY + timedelta(days=number), value, None) for number, value in enumerate(values)]
    kpis.compute(f"measure: median(a)\ngrain: [period]\nevery: day\n{bounds}", "DOUBLE", rows)
    judge = Thresholds(good, warning, direction).judge
    found = kpis.ask("value, status, previous, change, change_percent, trend")
    assert [row[1] for row in found] == [judge(value) for value in values]
    assert [row[0] for row in found] == [
        value if value is not None and math.isfinite(value) else None for value in values
    ]
    for row in found:
        assert all(number is None or math.isfinite(number) for number in (row[0], *row[2:5]))
        assert (row[5] is None) == (row[0] is None or row[2] is None)
    assert [row[0] for row in kpis.ask("status", "gold.kpi_scorecard")] == [row[1] for row in found]


@pytest.mark.parametrize("text", ["0.1", "0.30", "0.97", "0.96", "0.98"])
@pytest.mark.parametrize("direction", Direction)
def test_a_decimal_on_a_bound_belongs_to_the_better_side(kpis: Kpis, text: str, direction: Direction) -> None:
    """In Python as in SQL, though no double is exactly a tenth."""
    bounds = {"0.1": ("0.1", "0.3"), "0.30": ("0.3", "0.1")}.get(text, ("0.97", "0.5"))
    good, warning = sorted(map(float, bounds), reverse=direction is Direction.HIGHER)
    rows = [(DAY, Decimal(text), None)]
    kpis.compute(
        f"measure: median(a)\ngrain: [period]\nevery: day\n{BOUNDS.format(direction, good, warning)}",
        "DECIMAL(9,2)", rows,
    )  # fmt: skip
    assert kpis.ask("status") == [(Thresholds(good, warning, direction).judge(Decimal(text)),)]
    assert text not in ("0.1", "0.97") or float(text) != good or kpis.ask("status") == [(Status.GOOD,)]


@pytest.mark.parametrize(
    ("measure", "row", "said"),
    [
        ("measure: sum(a)", (NAN, 1.0), "the measure is not a finite number"),
        ("measure: max(a)", (INF, 1.0), "the measure is not a finite number"),
        ("measure: sum(a)", (None, 1.0), "there is nothing to measure"),
        ("numerator: sum(a)\ndenominator: sum(b)", (NAN, 1.0), "the numerator is not a finite number"),
        ("numerator: sum(a)\ndenominator: sum(b)", (1.0, NAN), "the denominator is not a finite number"),
        ("numerator: sum(a)\ndenominator: sum(b)", (1.0, -INF), "the denominator is not a finite number"),
        ("numerator: sum(a)\ndenominator: sum(b)", (1e308, 1e-308), "the value is not a finite number"),
        ("numerator: sum(a)\ndenominator: sum(b)", (1.0, 0.0), "the denominator is zero"),
    ],
)
def test_what_is_no_number_is_null_with_a_reason(
    kpis: Kpis, measure: str, row: tuple[float | None, float], said: str
) -> None:
    """Unknown in status, never good; what comes after it has nothing to be compared with."""
    rows = [(DAY, 1.0, 1.0), (DAY + timedelta(days=1), *row), (DAY + timedelta(days=2), 5.0, 1.0)]
    bounds = BOUNDS.format("higher_is_better", 1, 0)
    kpis.compute(f"{measure}\ngrain: [period]\nevery: day\n{bounds}", "DOUBLE", rows)
    standing = "value, reason, status, change, change_percent, trend"
    assert kpis.ask(standing, "gold.kpi_scorecard")[1] == (None, said, "unknown", None, None, None)
    assert kpis.ask("value, change_reason", "gold.kpi_scorecard")[2] == (5.0, "the period before has no value")


def test_a_change_beyond_all_numbers_is_null(kpis: Kpis) -> None:
    """From -1e308 to 1e308."""
    rows = [(DAY, -1e308, None), (DAY + timedelta(days=1), 1e308, None)]
    kpis.compute("measure: sum(a)\ngrain: [period]\nevery: day\n", "DOUBLE", rows)
    expected = (1e308, None, None, "the change is too large for a number")
    assert kpis.ask("value, change, change_percent, change_reason")[1] == expected


@pytest.mark.parametrize(
    ("every", "periods"),
    [
        ("month", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("month", ["2023-11-15", "2023-12-15", "2024-01-15", "2024-02-15"]),
        ("month", ["2024-01-31", "2024-02-28", "2024-03-29"]),  # the last working day
        ("quarter", ["2023-12-31", "2024-03-31", "2024-06-30", "2024-09-30"]),
        ("year", ["2023-12-31", "2024-12-31", "2025-12-31"]),
        ("year", ["2024-02-29", "2025-02-28"]),
        ("week", ["2024-01-07", "2024-01-14", "2024-01-21"]),  # Sundays
        ("day", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("day", ["2024-03-30", "2024-03-31", "2024-04-01"]),  # clocks change in Berlin
    ],
)
@pytest.mark.parametrize("type", ["DATE", "TIMESTAMP", "TIMESTAMPTZ"])
def test_periods_that_follow_each_other_are_compared(kpis: Kpis, type: str, every: str, periods: list[str]) -> None:
    """Whichever day of a period names it."""
    rows = [(period, number, None) for number, period in enumerate(periods, 1)]
    kpis.compute(f"measure: sum(a)\ngrain: [period]\nevery: {every}\n", "DOUBLE", rows, type)
    assert kpis.ask("previous, change_reason") == [
        (None, "there is no earlier period"),
        *((float(number), None) for number in range(1, len(periods))),
    ]


@pytest.mark.parametrize(
    ("every", "periods"),
    [
        ("month", ["2024-01-31", "2024-03-31"]),
        ("quarter", ["2024-03-31", "2024-09-30"]),
        ("week", ["2024-01-07", "2024-01-21"]),
        ("day", ["2024-03-30", "2024-04-01"]),
    ],
)
def test_a_gap_stays_a_gap(kpis: Kpis, every: str, periods: list[str]) -> None:
    """Nothing older takes the place of the period before."""
    kpis.compute(f"measure: sum(a)\ngrain: [period]\nevery: {every}\n", "DOUBLE", [(p, 1.0, None) for p in periods])
    said = "the period before is missing; an older one is not used"
    assert kpis.ask("previous, change_reason")[1] == (None, said)


def test_two_rows_of_one_period_are_told(kpis: Kpis) -> None:
    """A model of days under a KPI of months: nothing is missing, but nothing is cut either."""
    rows = [("2024-01-30", 1.0, None), ("2024-01-31", 2.0, None)]
    kpis.compute("measure: sum(a)\ngrain: [period]\nevery: month\n", "DOUBLE", rows)
    said = "the row before lies in the same month: the model does not cut its periods"
    assert kpis.ask("previous, change_reason")[1] == (None, said)


def test_hours_are_exact_where_clocks_are_set_back(kpis: Kpis) -> None:
    """The hour that comes twice is two hours, one after the other."""
    start = datetime.fromisoformat("2026-10-24T23:00:00+00:00")
    rows = [((start + timedelta(hours=number)).isoformat(), 1.0, None) for number in range(5)]
    kpis.compute("measure: sum(a)\ngrain: [period]\nevery: hour\n", "DOUBLE", rows, "TIMESTAMPTZ")
    assert [row[0] for row in kpis.ask("previous")] == [None, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("type", ["VARCHAR", "INTEGER"])
def test_a_period_that_is_no_date_is_refused_before_it_runs(kpis: Kpis, type: str) -> None:
    """When the text is bound, as `check` does it: not at the first value that is no date."""
    with pytest.raises(duckdb.BinderException):
        kpis.compute("measure: sum(a)\ngrain: [period]\nevery: month\n", "DOUBLE", [("2024", 1.0, None)], type)


@pytest.mark.parametrize("period", ["DATE", "TIMESTAMP", "TIMESTAMPTZ"])
def test_one_date_far_ahead_closes_nothing(kpis: Kpis, period: str) -> None:
    """November runs, whatever the row of 2062 says; once it has ended it is closed."""
    rows = [("2026-09-01", 1.0, None), ("2026-10-01", 2.0, None), ("2026-11-01", 3.0, None), ("2062-11-01", 4.0, None)]
    kpis.compute("measure: sum(a)\ngrain: [period]\nevery: month\n", "DOUBLE", rows, period)
    shown = "SELECT left(period::VARCHAR, 7), value, is_closed FROM ({})"
    for at, month, value in (
        ("2026-11-21T12:00:00+00:00", "2026-10", 2.0),
        ("2026-11-30T22:59:59+00:00", "2026-10", 2.0),
        ("2026-11-30T23:00:00+00:00", "2026-11", 3.0),  # midnight in Berlin
    ):
        instant = datetime.fromisoformat(at)
        expected = [(month, value, True)]
        assert kpis.connection.execute(shown.format(select_scorecard(instant))).fetchall() == expected
        [kpi] = kpis.kpis
        assert kpis.connection.execute(shown.format(select_outstanding(kpi, instant))).fetchall() == expected
        listed = kpis.connection.execute(shown.format(select_periods(kpi, instant, limit=9))).fetchall()
        assert {row[0]: row[2] for row in listed} == {
            "2062-11": False, "2026-11": month == "2026-11", "2026-10": True, "2026-09": True,
        }  # fmt: skip


def test_a_typo_in_the_first_month_is_not_shown_for_it(kpis: Kpis) -> None:
    """Nothing is closed yet: the month that has begun stands there."""
    kpis.compute(
        "measure: sum(a)\ngrain: [period]\nevery: month\n",
        "DOUBLE",
        [("2026-11-01", 3.0, None), ("2062-11-01", 4.0, None), ("2026-10-01", None, None)],
    )
    at = datetime.fromisoformat("2026-10-21T12:00:00+00:00")
    row = kpis.connection.execute(f"SELECT left(period::VARCHAR, 7) FROM ({select_scorecard(at)})").fetchall()
    assert row == [("2026-10",)]


def test_a_clock_before_all_data_says_nothing(kpis: Kpis) -> None:
    """Then the data alone decide, as they do in the tables."""
    rows = [("2026-09-01", 1.0, None), ("2026-10-01", 2.0, None)]
    kpis.compute("measure: sum(a)\ngrain: [period]\nevery: month\n", "DOUBLE", rows)
    at = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
    shown = kpis.connection.execute(
        f"SELECT left(period::VARCHAR, 7), is_closed FROM ({select_scorecard(at)})"
    ).fetchall()
    assert shown == [("2026-09", True)]
