"""One SELECT gives one result wherever it stands — model, view, query, rule, KPI — and that of the project's time zone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from entrepot.app.cli.query import query_release, read_records
from entrepot.app.planning import foresee
from entrepot.app.project import open_project
from entrepot.app.quality_desk import QualityDesk
from entrepot.app.session import run_project
from entrepot.app.statics import check_models
from entrepot.app.wiring import Platform
from entrepot.contracts.inferred import contract_of_schema
from entrepot.serve.kpis import select_outstanding, select_periods, select_scorecard

INSTANTS = (
    "2026-01-31T22:30:00Z",  # 23:30 in Berlin
    "2026-01-31T23:30:00Z",  # February in Berlin
    "2026-02-01T04:30:00Z",  # January in New York
    "2026-02-01T05:30:00Z",
    "2026-03-29T00:30:00Z",  # around a change of the clocks in Berlin
    "2026-03-29T01:30:00Z",
    "2026-12-31T23:30:00Z",
)
ZONELESS = "2026-02-01T00:15:00"
ASKED = (
    "SELECT id, CAST(date_trunc('month', ts) AS DATE) AS month, CAST(ts AS DATE) AS day, hour(ts) AS clock,"
    " strftime(ts, '%d %H:%M') AS said, CAST(ts AS VARCHAR) AS text,"
    " ts < TIMESTAMPTZ '2026-02-01 00:00:00' AS early, date_trunc('month', ts) AS start FROM bronze.m"
)
COLUMNS = "id, month, day, clock, said, text, early, start"
MONTHS = "SELECT id, date_trunc('month', ts) AS month, 1 AS n FROM bronze.m"
HEAD = "apiVersion: v3.2.0\nkind: DataContract\nversion: 1.0.0\nstatus: active\n"
AT = datetime(2027, 6, 1, tzinfo=UTC)
ZONES = [
    ("America/New_York", "America/New_York"),
    ("Europe/Berlin", "Europe/Berlin"),
    ("Europe/Berlin", "America/New_York"),
    ("UTC", "Asia/Kolkata"),
]


def contract(name: str, zone: str, columns: str, rules: str = "") -> str:
    return (
        f"{HEAD}id: {name.replace('.', '_')}\nschema:\n  - name: {name.partition('.')[2]}\n    physicalName: {name}\n"
        f"    properties:\n{columns}{rules}customProperties: [{{property: entrepot.timeZone, value: {zone}}}]\n"
    )


def rule(name: str) -> str:
    """How many rows the SELECT gives in a rule that the dataset has not."""
    sql = f"SELECT count(*) FROM (({ASKED}) EXCEPT ALL (SELECT {COLUMNS} FROM {name}))"
    id = name.replace(".", "_")
    return f'      - {{type: sql, id: {id}, severity: warning, mustBe: 0, query: "{sql}"}}\n'


def write_project(folder: Path, zone: str, contract_zone: str) -> None:
    """A source, and the same SELECT in every place where one may stand."""
    judged = ("gold.plain", "gold.promised", "gold.seen", "gold.through", "gold.driven")
    bronze = "      - {name: id, logicalType: integer, primaryKey: true}\n      - {name: ts, logicalType: timestamp}\n"
    promised = {
        "id": "integer", "month": "date", "day": "date", "clock": "integer", "said": "string", "text": "string",
        "early": "boolean", "start": "timestamp",
    }  # fmt: skip
    typed = "".join(f"      - {{name: {name}, logicalType: {type}}}\n" for name, type in promised.items())
    kpi = "title: t\ndefinition: d\nunit: u\nowner: o\nmeasure: sum(n)\n"
    files = {
        "entrepot.yaml": f"name: zones\ntime_zone: {zone}\n",
        "contracts/m.odcs.yaml": contract(
            "bronze.m", contract_zone, bronze, "    quality:\n" + "".join(rule(name) for name in judged)
        ),
        "contracts/promised.odcs.yaml": contract("gold.promised", contract_zone, typed),
        "sources/m.yaml": "connector: files\ndataset: bronze.m\nwrite: append\n"
        "options: {path: storage, pattern: '*.csv', wait: {stable_s: 0}}\n",
        "models/gold/plain.sql": f"/* ---\nkind: full\n--- */\n{ASKED}\n",
        "models/gold/promised.sql": f"/* ---\nkind: full\n--- */\n{ASKED}\n",
        "models/gold/seen.sql": f"/* ---\nkind: view\n--- */\n{ASKED}\n",
        "models/gold/through.sql": "/* ---\nkind: full\n--- */\nSELECT * FROM gold.seen\n",
        "models/gold/driven.sql": f"/* ---\nkind: append\ndriving: bronze.m\n--- */\n{ASKED}\n",
        "models/gold/months.sql": f"/* ---\nkind: view\n--- */\n{MONTHS}\n",
        "kpis/seen.yaml": f"name: seen\n{kpi}model: gold.months\ngrain: [month]\n",
        "kpis/inside.yaml": f"name: inside\n{kpi.replace('sum(n)', 'count(DISTINCT hour(start))')}model: gold.plain\ngrain: [month, early]\n",
        "storage/incoming/a.csv": "id,ts\n" + "".join(f"{n},{text}\n" for n, text in enumerate((*INSTANTS, ZONELESS))),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def ask(platform: Platform, sql: str) -> list[dict[str, Any]]:
    """Rows of a SELECT over the newest release, as `entrepot query` has them."""
    try:
        return read_records(query_release(platform, platform.release_for(None), sql).read_all())
    finally:
        platform.state.unpin(platform.holder)


def instants(contract_zone: str) -> list[datetime]:
    """What stands in bronze.m: a text without a zone is read in that of the contract."""
    zoneless = datetime.fromisoformat(ZONELESS).replace(tzinfo=ZoneInfo(contract_zone))
    return [*map(datetime.fromisoformat, INSTANTS), zoneless.astimezone(UTC)]


def expected(zone: str, contract_zone: str) -> list[dict[str, Any]]:
    """The SELECT as Python computes it in a zone."""
    rows = []
    for id, instant in enumerate(instants(contract_zone)):
        at = instant.astimezone(ZoneInfo(zone))
        start = at.replace(day=1, hour=0, minute=0)
        offset = f"{at:%z}"
        said = f"{at:%Y-%m-%d %H:%M:%S}{offset[:3]}" + (f":{offset[3:]}" if offset[3:] != "00" else "")
        early = at.date() < date(2026, 2, 1)
        rows.append(
            {
                "id": id, "month": start.date(), "day": at.date(), "clock": at.hour, "said": f"{at:%d %H:%M}",
                "text": said, "early": early, "start": start,
            }
        )  # fmt: skip
    return rows


@pytest.mark.parametrize(("zone", "contract_zone"), ZONES)
def test_one_select_gives_one_result(tmp_path: Path, zone: str, contract_zone: str) -> None:
    """As full, driven and promised model, as view, below a view, in a query, in a rule and in KPIs; whatever zone a contract has."""
    write_project(tmp_path, zone, contract_zone)
    platform = Platform(open_project(tmp_path))
    assert not list(check_models(platform))
    assert run_project(platform).succeeded
    wanted = expected(zone, contract_zone)
    for name in ("plain", "promised", "seen", "through", "driven"):
        assert ask(platform, f"SELECT {COLUMNS} FROM gold.{name} ORDER BY id") == wanted, name
    assert ask(platform, f"{ASKED} ORDER BY id") == wanted
    standings = QualityDesk(platform).standings("bronze.m")
    assert {each.result.rule: (each.result.measured, each.result.error) for each in standings} == {
        f"gold_{name}": ("0", None) for name in ("plain", "promised", "seen", "through", "driven")
    }
    months = Counter(row["start"] for row in wanted)
    by_id = {kpi.name: kpi for kpi in platform.project.kpis}
    assert {row["month"]: row["value"] for row in ask(platform, "SELECT * FROM gold.kpi_seen")} == months
    recomputed = ask(platform, select_periods(by_id["seen"], AT, limit=99))
    assert {row["month"]: row["value"] for row in recomputed} == months
    assert all(row["month"].utcoffset() == row["month"].astimezone(ZoneInfo(zone)).utcoffset() for row in recomputed)
    kept = ask(platform, "SELECT period, value FROM gold.kpi_scorecard WHERE kpi = 'seen'")
    assert {row["period"]: row["value"] for row in kept} == {at.replace(tzinfo=None): n for at, n in months.items()}
    inside = ask(platform, "SELECT value FROM gold.kpi_inside")
    assert {row["value"] for row in inside} == {1}  # each month's start is at midnight of the zone
    assert {row["value"] for row in ask(platform, select_outstanding(by_id["inside"], AT))} == {1}
    assert len(ask(platform, select_scorecard(AT))) == 2


def test_another_zone_computes_the_models_anew(tmp_path: Path) -> None:
    """`plan` says why; the source brings nothing again, and what is stored stays."""
    write_project(tmp_path, "Europe/Berlin", "Europe/Berlin")
    assert run_project(Platform(open_project(tmp_path))).succeeded
    settings = tmp_path / "entrepot.yaml"
    settings.write_text(settings.read_text().replace("Europe/Berlin", "America/New_York"))
    platform = Platform(open_project(tmp_path))
    steps = {step.dataset: step for step in foresee(platform, []).steps}
    why = "the project's time zone changed from Europe/Berlin to America/New_York"
    assert {name: step.why for name, step in steps.items() if step.will_run} == dict.fromkeys(
        ("gold.plain", "gold.promised", "gold.through", "gold.driven", "gold.kpi_seen"), why
    ) | {"gold.kpi_inside": "gold.plain will change", "gold.kpi_scorecard": "gold.plain will change"}
    stored = ask(platform, "SELECT id, epoch_us(ts) AS at FROM bronze.m ORDER BY id")
    assert run_project(platform).succeeded
    wanted = expected("America/New_York", "Europe/Berlin")
    for name in ("plain", "promised", "seen", "through", "driven"):
        assert ask(platform, f"SELECT {COLUMNS} FROM gold.{name} ORDER BY id") == wanted, name
    assert ask(platform, "SELECT id, epoch_us(ts) AS at FROM bronze.m ORDER BY id") == stored
    assert not any(step.will_run for step in foresee(platform, []).steps)


def test_another_text_is_its_definition(tmp_path: Path) -> None:
    """What changed in the model itself is not put down to the zone."""
    write_project(tmp_path, "Europe/Berlin", "Europe/Berlin")
    assert run_project(Platform(open_project(tmp_path))).succeeded
    model = tmp_path / "models/gold/plain.sql"
    model.write_text(model.read_text().replace("hour(ts)", "minute(ts)"))
    steps = {step.dataset: step.why for step in foresee(Platform(open_project(tmp_path)), []).steps}
    assert steps["gold.plain"] == "its definition changed"
    assert steps["gold.through"] == "nothing new"


@pytest.mark.parametrize(
    ("zone", "text"), [("Europe/Berlin", "9999-12-31T23:59:59Z"), ("America/New_York", "0001-01-01T00:00:00Z")]
)
def test_instants_at_the_ends_of_the_calendar_are_shown(tmp_path: Path, zone: str, text: str) -> None:
    """Where the zone's clock would stand beyond the years that there are, in UTC."""
    write_project(tmp_path, zone, zone)
    (tmp_path / "storage/incoming/a.csv").write_text(f"id,ts\n1,{text}\n")
    platform = Platform(open_project(tmp_path))
    run_project(platform)
    assert ask(platform, "SELECT ts FROM bronze.m") == [{"ts": datetime.fromisoformat(text)}]


def test_a_schema_is_described_alike_in_every_zone(tmp_path: Path) -> None:
    """The contract made of a SELECT's columns does not hang on the session."""
    hashes = set()
    for zone in ("UTC", "Europe/Berlin"):
        write_project(tmp_path / zone, zone, zone)
        platform = Platform(open_project(tmp_path / zone))
        assert run_project(platform).succeeded
        schema = query_release(platform, platform.release_for(None), "SELECT ts, [ts] AS l FROM bronze.m").schema
        hashes.add(contract_of_schema(platform.project.models[0].name, schema, zone).hash)
    assert len(hashes) == 1
