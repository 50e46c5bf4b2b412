"""A report made by hand: the tests of rendering need no lake."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from entrepot.app.docs_site.facts import KpiEntry, PeriodFigures
from entrepot.app.reports.facts import ReportFacts
from entrepot.serve.kpis import Kpi, load_kpi

KPI = """\
name: stock_availability
title: 'Stock <b>availability</b> =1+1'
definition: How much of the wanted stock is there.
formula: Σ available ÷ Σ wanted
model: gold.stock
grain: [day]
numerator: sum(available)
denominator: sum(wanted)
unit: '%'
owner: logistics
format: '0.0%'
target: 0.95
direction: higher_is_better
thresholds: {good: 0.95, warning: 0.9}
edge_cases: ['Nothing wanted: no value 中']
"""


def _period(day: int, value: float | None, *, is_closed: bool = True) -> PeriodFigures:
    start = datetime(2026, 9, day)  # noqa: DTZ001 — a period begins on the project's clock
    status = None if value is None else "good" if value >= 0.95 else "warning" if value >= 0.9 else "critical"
    return PeriodFigures(
        start, f"2026-09-{day:02d}", value, 0.9, 0.01, 1.1, 97.0, 100.0, 0.95,
        "nothing was wanted" if value is None else None, "better", status or "unknown", is_closed,
    )  # fmt: skip


@pytest.fixture
def kpi(tmp_path: Path) -> Kpi:
    """A rate with everything that one can have."""
    path = tmp_path / "stock_availability.yaml"
    path.write_text(KPI)
    return load_kpi(path)


@pytest.fixture
def facts(kpi: Kpi) -> ReportFacts:
    """One KPI, five periods, one of them without a value, the last one open."""
    periods = (_period(1, 0.97), _period(2, 0.91), _period(3, None), _period(4, 0.8), _period(5, 0.99, is_closed=False))
    entry = KpiEntry(kpi, "stock_availability.yaml", periods, periods[3])
    return ReportFacts("Läden & <Co>", "", "Europe/Berlin", 12, datetime(2026, 9, 5, 4, 30, tzinfo=UTC), (entry,))


@pytest.fixture
def needed() -> Callable[[str], ModuleType]:
    """Imports an optional library: skipped on a person's machine where it is missing, a failure under CI."""

    def load(name: str) -> ModuleType:
        try:
            return importlib.import_module(name)
        except ImportError:
            if os.environ.get("CI"):
                pytest.fail(f"{name} is not installed (under CI this is a failure)", pytrace=False)
            pytest.skip(f"{name} is not installed")

    return load
