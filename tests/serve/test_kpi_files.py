"""KPIs as files: what they must hold, how they compile, how they are summed up."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.lake.models import ManyErrors
from entrepot.serve.kpis import (
    Direction,
    Every,
    Kpi,
    Status,
    Thresholds,
    compile_kpi,
    format_number,
    load_kpi,
    load_kpis,
    name_period,
)

GOOD = """\
name: margin
title: Margin
definition: >
  What is left
  of sales.
model: gold.lines
numerator: sum(margin)
denominator: sum(sales)
grain: [day, region]
unit: "%"
owner: finance
"""


def kpi(folder: Path, text: str = GOOD, name: str = "kpi.yaml") -> Kpi:
    """Write and load one KPI."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_kpi(path)


def test_a_rate_shows_both_sides_and_says_why_it_has_no_value(tmp_path: Path) -> None:
    """A zero denominator gives null with a reason, never 0 or infinity."""
    with duckdb.connect() as connection:
        connection.execute("""
            CREATE SCHEMA gold;
            CREATE TABLE gold.lines (day DATE, region VARCHAR, margin DECIMAL(10,2), sales DECIMAL(10,2));
            INSERT INTO gold.lines VALUES ('2026-06-01', 'N', 1, 4), ('2026-06-01', 'N', 1, 4), ('2026-06-01', 'S', 1, 0),
                ('2026-06-01', 'W', 1, NULL), ('2026-06-01', 'E', NULL, 1)
        """)
        rows = connection.execute(
            f"SELECT region, value, numerator, denominator, reason FROM ({compile_kpi(kpi(tmp_path)).sql}) ORDER BY region"
        ).fetchall()
    assert rows == [
        ("E", None, None, Decimal("1.00"), "the numerator is unknown"),
        ("N", 0.25, Decimal("2.00"), Decimal("8.00"), None),
        ("S", None, Decimal("1.00"), Decimal("0.00"), "the denominator is zero"),
        ("W", None, Decimal("1.00"), None, "the denominator is unknown"),
    ]


def test_the_dataset_is_named_after_the_kpi(tmp_path: Path) -> None:
    """A KPI is a full gold model with its definition as description."""
    model = compile_kpi(kpi(tmp_path))
    assert (str(model.name), str(model.kind), list(map(str, model.inputs))) == (
        "gold.kpi_margin",
        "full",
        ["gold.lines"],
    )
    assert model.description == "Margin: What is left of sales."


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("owner: finance\n", "", 1, "needs the key owner"),
        ("owner:", "ownr:", 11, "Did you mean owner"),
        ("name: margin", "name: Margin %", 1, "not a KPI's name"),
        ("gold.lines", "silver.lines", 6, "gold model"),
        ("sum(margin)", "margin", 7, "no aggregate"),
        ("sum(sales)", "sum(sales) FROM x", 8, "one aggregate"),
        ("denominator: sum(sales)\n", "", 7, "the other one is missing"),
        ("numerator: sum(margin)\ndenominator: sum(sales)\n", "", 1, "needs a measure"),
        ("sum(margin)", "sum(margin * random())", 1, "every run"),
        ("[day, region]", "[day, value]", 9, "is there already"),
        ("[day, region]", "[day, 'date_trunc(x)']", 9, "not a column's name"),
        ('unit: "%"', "unit: 7", 10, "allowed is text"),
        ("owner:", "format: many\nowner:", 11, "allowed are patterns"),
        ("owner:", "target: high\nowner:", 11, "allowed is a number"),
        ("owner:", "target: .inf\nowner:", 11, "allowed is a number"),
        ("owner:", "also: {reason: count(*)}\nowner:", 11, "cannot be a further column"),
        ("owner:", "also: {status: count(*)}\nowner:", 11, "cannot be a further column"),
        ("[day, region]", "[day, status]", 9, "is there already"),
        ("[day, region]", "[on_day, region]", 9, "nobody says how long one is"),
        ("owner:", "every: fortnight\nowner:", 11, "allowed are hour, day, week"),
        ("owner:", "total: maybe\nowner:", 11, "allowed are true and false"),
        ("name: margin", "name: scorecard", 1, "table of all KPIs"),
        ("owner:", "direction: up\nowner:", 11, "allowed are higher_is_better and lower_is_better"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, old: str, new: str, line: int, said: str) -> None:
    """What a KPI's file gets wrong is told at its place."""
    assert old in GOOD
    with pytest.raises(ProjectError, match=said) as caught:
        kpi(tmp_path, GOOD.replace(old, new))
    assert caught.value.place is not None
    assert caught.value.place.line == line


def test_all_errors_of_all_files_are_told_and_names_are_unique(tmp_path: Path) -> None:
    """Two KPIs of one name would write one table."""
    kpi(tmp_path, GOOD, "a.yaml")
    kpi(tmp_path, GOOD, "b.yaml")
    (tmp_path / "c.yaml").write_text("name: x\n")
    with pytest.raises(ManyErrors) as caught:
        load_kpis(tmp_path)
    assert ["second KPI" in str(e) for e in caught.value.errors] == [True, False]


@pytest.mark.parametrize(
    ("direction", "thresholds", "line", "said"),
    [
        (
            "higher_is_better",
            "{good: 1, warning: 2}",
            14,
            r"warning \(2\) is better than good \(1\).*a warning below good",
        ),
        (
            "lower_is_better",
            "{good: 2, warning: 1}",
            14,
            r"warning \(1\) is better than good \(2\).*a warning above good",
        ),
        ("higher_is_better", "{good: 1, warning: 1}", 14, "overlap: no value could be a warning"),
        ("higher_is_better", "{good: 1}", 14, "needs good and warning"),
        ("higher_is_better", "{good: 1, warn: 0}", 14, "unknown key 'warn'.*Did you mean warning"),
        ("higher_is_better", "{good: 1, warning: 0, direction: up}", 14, "a key of the KPI"),
        ("higher_is_better", "{good: 1, warning: .nan}", 14, "allowed is a number"),
        ("higher_is_better", "[1, 2]", 14, "allowed is a mapping"),
        ("higher_is_better", "{good: 3, warning: 1}", 12, "target 2 would itself be warning.*at least 3"),
        ("lower_is_better", "{good: 1, warning: 1.5}", 12, "target 2 would itself be critical.*at most 1"),
    ],
)
def test_bad_thresholds_are_told_with_what_is_allowed(
    tmp_path: Path, direction: str, thresholds: str, line: int, said: str
) -> None:
    """Overlap, wrong order for the direction, unknown keys, and a target that would not be good."""
    with pytest.raises(ProjectError) as caught:
        kpi(tmp_path, f"{GOOD}target: 2\ndirection: {direction}\nthresholds: {thresholds}\n")
    assert re.search(said, f"{caught.value} {caught.value.hint or ''}", re.DOTALL)
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.path) == (line, tmp_path / "kpi.yaml")


def test_a_sum_without_total_cannot_have_thresholds(tmp_path: Path) -> None:
    """They would hold for nothing, and nobody would notice."""
    text = GOOD.replace("numerator: sum(margin)\ndenominator: sum(sales)", "measure: sum(sales)")
    bounds = "direction: higher_is_better\nthresholds: {good: 2, warning: 1}\n"
    with pytest.raises(ProjectError, match="hold for its total"):
        kpi(tmp_path, f"{text}total: false\n{bounds}")
    assert kpi(tmp_path, text + bounds).adds_up


def test_thresholds_need_a_direction(tmp_path: Path) -> None:
    """Without one nobody could tell which side is good."""
    with pytest.raises(ProjectError, match="need a direction"):
        kpi(tmp_path, f"{GOOD}thresholds: {{good: 1, warning: 0}}\n")


@pytest.mark.parametrize(
    ("value", "direction", "status"),
    [
        (0.98, "up", "good"), (0.97, "up", "good"), (0.95, "up", "warning"), (0.93, "up", "warning"), (0.9, "up", "critical"),
        (1, "down", "good"), (2, "down", "warning"), (3, "down", "critical"), (None, "up", "unknown"),
    ],
)  # fmt: skip
def test_thresholds_judge_in_their_direction(value: float | None, direction: str, status: str) -> None:
    """The bounds themselves belong to the better side; nothing is unknown, not critical."""
    up = Thresholds(0.97, 0.93, Direction.HIGHER)
    assert (up if direction == "up" else Thresholds(1, 2, Direction.LOWER)).judge(value) is Status(status)


@pytest.mark.parametrize(
    ("day", "every", "name"),
    [
        (date(2026, 9, 27), "day", "2026-09-27"),
        (date(2026, 12, 28), "week", "2026-W53"),
        (date(2027, 1, 4), "week", "2027-W01"),
        (date(2026, 12, 30), "week", "2026-12-30"),
        (date(2026, 9, 1), "month", "2026-09"),
        (date(2026, 10, 1), "quarter", "2026-Q4"),
        (date(2026, 1, 1), "year", "2026"),
        (datetime(2026, 9, 27, 14), "hour", "2026-09-27 14:00"),  # noqa: DTZ001
    ],
)
def test_periods_have_short_names(day: date, every: str, name: str) -> None:
    """Weeks by their ISO number; a period that does not begin where it should keeps its date."""
    assert name_period(day, Every(every)) == name


@pytest.mark.parametrize(
    ("value", "pattern", "text"),
    [
        (Decimal("1234567.895"), "#,##0.00", "1,234,567.90"),
        (0.97346, "0.0%", "97.3%"),
        (-0.5, "#,##0", "-1"),
        (12, None, "12"),
        (None, "0.0%", "–"),
        (0.125, "0.00", "0.13"),
    ],
)
def test_numbers_are_written_by_their_pattern(value: object, pattern: str | None, text: str) -> None:
    """Rounded half up; nothing is a dash, not a zero."""
    assert format_number(value, pattern) == text  # type: ignore[arg-type]
