"""Real logs and tickets, as a log, JSON lines, a document and a database: every record is accounted for, every figure is the published one."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.real.feeding import RealProject, read_csv

pytestmark = pytest.mark.real


@pytest.fixture
def project(real_project: Callable[[str], RealProject]) -> RealProject:
    return real_project("web_and_crm")


@pytest.mark.req("F4", "S1")
def test_access_log(project: RealProject, shared_data: Path, tmp_path: Path) -> None:
    """4,525 lines in, 4,525 rows out, with the days, statuses and bytes that the log's SOURCE.txt states; torn lines go to quarantine."""
    log = shared_data / "web/apache_access/access_2015-05-17_18.log"
    torn = tmp_path / "torn.log.gz"
    lines = log.read_text().splitlines()
    torn.write_bytes(gzip.compress(f"{lines[0]}\n{lines[1][:100]}\n".encode()))
    project.drop("web", log, torn)
    report = project.run()
    balance = next(b for b in report.balances if b.dataset == "bronze.requests")
    assert (balance.received, balance.live, balance.rejected) == (4_527, 4_526, 1)
    found = project.rows("SELECT * FROM gold.requests_by_day")
    assert sum(row["bytes"] or 0 for row in found) == 1_202_896_060 + 203_023
    assert sum(row["requests"] - row["sized"] for row in found) == 380
    days = {str(row["day"]): 0 for row in found}
    for row in found:
        days[str(row["day"])] += row["requests"]
    assert days == {"2015-05-17": 1_633, "2015-05-18": 2_893}


@pytest.mark.req("F4")
def test_tickets_in_three_shapes(project: RealProject, shared_data: Path, tmp_path: Path) -> None:
    """Thirds of the published complaints as JSON lines, as a document and as a SQLite file give the published counts."""
    source = shared_data / "crm/comcast_complaints/comcast_telecom_complaints.csv"
    with source.open(encoding="utf-8-sig", newline="") as file:
        tickets = list(csv.DictReader(file))
    assert len(tickets) == 2_224
    (tmp_path / "a.ndjson").write_text("".join(json.dumps(ticket) + "\n" for ticket in tickets[0::3]))
    (tmp_path / "b.json").write_text(json.dumps(tickets[1::3], indent=2, ensure_ascii=False))
    columns = ", ".join(f'"{name}"' for name in tickets[0])
    with closing(sqlite3.connect(tmp_path / "c.db")) as database:
        database.execute(f"CREATE TABLE tickets ({columns})")
        marks = ", ".join("?" * len(tickets[0]))
        database.executemany(
            f"INSERT INTO tickets VALUES ({marks})", [list(ticket.values()) for ticket in tickets[2::3]]
        )
        database.commit()
    project.drop("crm", *(tmp_path / name for name in ("a.ndjson", "b.json", "c.db")))
    report = project.run()
    balance = next(b for b in report.balances if b.dataset == "bronze.tickets")
    assert (balance.received, balance.live, balance.rejected) == (2_224, 2_224, 0)
    found = project.rows("SELECT State, Status, received_via, count(*) AS n FROM bronze.tickets GROUP BY ALL")
    expected = read_csv(shared_data / "expected/comcast_by_state_status.csv")
    assert {(row["State"], row["Status"], row["received_via"]): row["n"] for row in found} == {
        (row["State"], row["Status"], row["Received Via"]): int(row["n"]) for row in expected
    }
