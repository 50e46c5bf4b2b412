"""Resolution times of a real help desk, by the very SQL of the retail example: the published figures, case by case and day by day."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from tests.real.feeding import RealProject, read_csv

pytestmark = [pytest.mark.real, pytest.mark.req("S6")]

MODELS = ("models/silver/interactions.sql", "models/gold/resolutions.sql", "kpis/time_to_resolution.yaml")
"""Taken from the example; only the zone in which days are cut is the log's."""
CASES = "SELECT reference, CAST(epoch(resolved_at) - epoch(opened_at) AS BIGINT) AS seconds FROM silver.interactions"


@pytest.fixture
def project(real_project: Callable[[str], RealProject], repository: Path) -> RealProject:
    """The help desk's project with the example's models in it."""
    project = real_project("helpdesk")
    for name in MODELS:
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        text = (repository / "examples/retail" / name).read_text()
        (project.root / name).write_text(text.replace("Europe/Berlin", "UTC"))
    return project


@pytest.fixture
def published(shared_data: Path) -> dict[str, int]:
    """Seconds from the first to the last event of each case."""
    rows = read_csv(shared_data / "expected/cases_resolution_helpdesk.csv")
    return {row["CaseID"]: int(row["duration_s"]) for row in rows}


def ask_cases(project: RealProject) -> dict[str, int]:
    """Seconds of each case, as the models have them."""
    return {row["reference"]: row["seconds"] for row in project.rows(CASES)}


def test_resolution_times_are_the_published_ones(
    project: RealProject, shared_data: Path, published: dict[str, int]
) -> None:
    """3,804 cases, each to the second; and each day's median and number as worked out from the published list."""
    project.drop("helpdesk", shared_data / "crm/helpdesk_events/helpdesk.csv")
    project.run()
    assert len(published) == 3_804
    assert ask_cases(project) == published
    by_day: dict[date, list[float]] = defaultdict(list)
    for row in read_csv(shared_data / "expected/cases_resolution_helpdesk.csv"):
        by_day[datetime.fromisoformat(row["last_event"]).date()].append(int(row["duration_s"]) / 3600)
    rows = project.rows("SELECT day, CAST(value AS DOUBLE) AS value, resolved FROM gold.kpi_time_to_resolution")
    found = {row["day"]: (row["value"], row["resolved"]) for row in rows if row["resolved"]}
    expected = {day: (pytest.approx(statistics.median(hours), abs=0.0051), len(hours)) for day, hours in by_day.items()}
    assert found == expected
    assert sum(resolved for _, resolved in found.values()) == 3_804


def test_events_in_any_order_and_in_pieces_give_the_same(
    project: RealProject, shared_data: Path, tmp_path: Path, published: dict[str, int]
) -> None:
    """Shuffled, three quarters first, the rest later: cases are resolved later than they seemed, all others stay."""
    source = shared_data / "crm/helpdesk_events/helpdesk.csv"
    head, *lines = source.read_text().splitlines()
    random.Random(5).shuffle(lines)
    cut = 3 * len(lines) // 4
    for name, piece in (("a.csv", lines[:cut]), ("b.csv", lines[cut:])):
        (tmp_path / name).write_text("\n".join([head, *piece]) + "\n")
        project.drop("helpdesk", tmp_path / name)
        project.run()
    assert ask_cases(project) == published
