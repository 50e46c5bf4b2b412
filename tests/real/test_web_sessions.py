"""Sessions and bounces of a real web server's log, by the very SQL of the retail example; held against plain Python over the same lines."""

from __future__ import annotations

import re
import shutil
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.real.feeding import RealProject

pytestmark = [pytest.mark.real, pytest.mark.req("S6")]

MODELS = ("models/silver/sessions.sql", "models/gold/sessions.sql", "kpis/session_duration_bounce_rate.yaml")
"""Taken as they are from the example."""
BOTS = ("bot", "crawl", "spider", "slurp", "feedburner", "curl/", "python", "java/", "wget")
LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+)[^"]*" \d+ \S+ "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)"')
ASSET = re.compile(r"\.(css|js|png|jpg|jpeg|gif|ico|svg|woff|ttf|eot)(\?.*)?$")
Request = tuple[datetime, str, bool, bool]
"""When, by whom, is it a page, is it a bot."""


@pytest.fixture
def project(real_project: Callable[[str], RealProject], repository: Path, tmp_path: Path) -> RealProject:
    """The log's project with the example's models in it."""
    project = real_project("web_sessions")
    for name in MODELS:
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / "examples/retail" / name, project.root / name)
    bots = tmp_path / "bots.csv"
    bots.write_text("pattern\n" + "".join(f"{bot}\n" for bot in BOTS))
    project.drop("bots", bots)
    return project


@pytest.fixture
def log(shared_data: Path) -> Path:
    """Two days of a web site."""
    return shared_data / "web/apache_access/access_2015-05-17_18.log"


def read_requests(lines: Sequence[str]) -> list[Request]:
    """Every line's request."""
    found: list[Request] = []
    for line in lines:
        match = LINE.match(line)
        assert match is not None, line
        host, at, method, path, agent = match.groups()
        is_bot = any(bot in agent.lower() for bot in BOTS)
        is_page = method == "GET" and not ASSET.search(path)
        found.append((datetime.strptime(at, "%d/%b/%Y:%H:%M:%S %z"), f"{host} {agent}", is_page, is_bot))
    return found


def count_sessions(requests: Sequence[Request]) -> dict[str, dict[str, float | None]]:
    """Sessions, bounces and seconds by hour, in plain Python."""
    by_visitor: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        by_visitor[request[1]].append(request)
    sessions: list[list[Request]] = []
    for mine in by_visitor.values():
        last: datetime | None = None
        for request in sorted(mine):
            if last is None or request[0] - last > timedelta(minutes=30):
                sessions.append([])
            sessions[-1].append(request)
            last = request[0]
    hours: dict[str, list[list[Request]]] = defaultdict(list)
    for session in sessions:
        hours[session[0][0].astimezone(UTC).strftime("%d %H")].append(session)
    return {hour: count_hour(mine) for hour, mine in hours.items()}


def count_hour(sessions: Sequence[Sequence[Request]]) -> dict[str, float | None]:
    """The figures of an hour."""
    people = [session for session in sessions if not session[0][3]]
    seconds = [(session[-1][0] - session[0][0]).total_seconds() for session in people]
    return {
        "numerator": sum(sum(is_page for _, _, is_page, _ in session) == 1 for session in people),
        "denominator": len(people),
        "bot_sessions": len(sessions) - len(people),
        "median_duration_s": statistics.median(seconds) if seconds else None,
        "mean_duration_s": statistics.fmean(seconds) if seconds else None,
    }


def is_same(found: Mapping[str, Mapping[str, Any]], expected: Mapping[str, Mapping[str, float | None]]) -> bool:
    """True when all hours and figures agree; seconds have three decimals."""
    within = {
        hour: {name: pytest.approx(value, abs=0.0006) for name, value in row.items()} for hour, row in expected.items()
    }
    return found == within


def ask(project: RealProject) -> dict[str, Mapping[str, Any]]:
    """The KPI by hour."""
    rows = project.rows(
        "SELECT strftime(timezone('UTC', hour), '%d %H') AS at, numerator, denominator, bot_sessions, "
        "CAST(median_duration_s AS DOUBLE) AS median_duration_s, CAST(mean_duration_s AS DOUBLE) AS mean_duration_s "
        "FROM gold.kpi_session_duration_bounce_rate"
    )
    return {row.pop("at"): row for row in rows}


def test_sessions_and_bounces(project: RealProject, log: Path) -> None:
    """1,575 sessions though 2,216 of 4,525 lines are out of order; each hour's figures are those of plain Python."""
    project.drop("web", log)
    project.run()
    lines = log.read_text().splitlines()
    requests = read_requests(lines)
    assert sum(after[0] < before[0] for before, after in pairwise(requests)) == 2_216
    assert project.rows("SELECT count(*) AS n FROM silver.sessions") == [{"n": 1_575}]
    expected = count_sessions(requests)
    found = ask(project)
    assert is_same(found, expected)
    assert sum(row["denominator"] + row["bot_sessions"] for row in found.values()) == 1_575
    assert any(row["bot_sessions"] for row in found.values())


def test_lines_that_come_later_open_sessions_again(project: RealProject, log: Path, tmp_path: Path) -> None:
    """Every third line comes with a second file: sessions are joined, and all is as if it had come at once."""
    lines = log.read_text().splitlines(keepends=True)
    pieces = {"a.log": [line for number, line in enumerate(lines) if number % 3], "b.log": lines[::3]}
    for name, piece in pieces.items():
        (tmp_path / name).write_text("".join(piece))
        project.drop("web", tmp_path / name)
        project.run()
        if name == "a.log":
            assert is_same(ask(project), count_sessions(read_requests(piece)))
    assert is_same(ask(project), count_sessions(read_requests(lines)))
