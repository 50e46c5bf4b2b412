"""KPIs as files: what they must hold, how they compile, how they are summed up."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.lake.models import ManyErrors
from entrepot.serve.kpis import (
    Direction,
    Kpi,
    Thresholds,
    Verdict,
    compile_kpi,
    format_number,
    load_kpi,
    load_kpis,
    summarise,
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
            f"SELECT * EXCLUDE (day) FROM ({compile_kpi(kpi(tmp_path)).sql}) ORDER BY region"
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
        ("owner:", "thresholds: {good: 1, warn: 2}\nowner:", 11, "is worse than"),
        ("owner:", "thresholds: {good: 1}\nowner:", 11, "needs good and warn"),
        ("owner:", "also: {reason: count(*)}\nowner:", 11, "cannot be a further column"),
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


def test_the_headline_adds_rates_up_by_their_sums(tmp_path: Path) -> None:
    """The mean of rates would be wrong; two periods, newest first."""
    with duckdb.connect() as connection:
        connection.execute("""
            CREATE SCHEMA gold;
            CREATE TABLE gold.lines (day DATE, region VARCHAR, margin BIGINT, sales BIGINT);
            INSERT INTO gold.lines VALUES ('2026-06-01', 'N', 1, 1), ('2026-06-02', 'N', 1, 1), ('2026-06-02', 'S', 0, 3),
                ('2026-05-01', 'N', 0, 1)
        """)
        made = kpi(tmp_path)
        connection.execute(f"CREATE TABLE gold.kpi_margin AS {compile_kpi(made).sql}")
        summary = summarise(made)
        assert summary.headline is not None
        headline = connection.execute(summary.headline).fetchall()
        top = connection.execute(f"SELECT region FROM ({summary.top})").fetchall()
    assert [(str(day), value) for day, value, _, _ in headline] == [("2026-06-02", 0.25), ("2026-06-01", 1.0)]
    assert top == [("N",), ("S",)]


def test_what_does_not_add_up_has_no_headline(tmp_path: Path) -> None:
    """Distinct counts of groups overlap."""
    made = kpi(
        tmp_path, GOOD.replace("numerator: sum(margin)\ndenominator: sum(sales)", "measure: count(DISTINCT customer)")
    )
    assert summarise(made).headline is None


@pytest.mark.parametrize(
    ("value", "direction", "verdict"),
    [(0.98, "up", "good"), (0.97, "up", "good"), (0.95, "up", "warn"), (0.9, "up", "bad"), (3, "down", "bad")],
)
def test_thresholds_judge_in_their_direction(value: float, direction: str, verdict: str) -> None:
    """The bounds themselves belong to the better side."""
    thresholds = Thresholds(0.97, 0.93) if direction == "up" else Thresholds(1, 2, Direction.DOWN)
    assert thresholds.judge(value) is Verdict(verdict)


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
