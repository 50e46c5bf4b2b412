"""What the API tells equals what the project holds; and telling it changes nothing."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.app.http.serving import Shop, deliver, run_once


def _files(root: Path) -> dict[str, str]:
    """Every file that counts: the lake, the project, the landing; of the state the content of its tables."""
    import sqlite3

    found = {}
    for path in sorted(root.rglob("*")):
        below = path.relative_to(root).as_posix()
        if path.is_file() and "/cache/" not in below and "/tmp/" not in below and ".db" not in path.name:
            found[below] = hashlib.sha256(path.read_bytes()).hexdigest()
    for name in ("state.db", "inbox.db", "outbox.db"):
        if (root / ".entrepot" / name).exists():
            connection = sqlite3.connect(root / ".entrepot" / name)
            lines = [line for line in connection.iterdump() if "pins" not in line]
            connection.close()
            found[name] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return found


def test_asking_changes_nothing(own: tuple[Shop, httpx.Client]) -> None:
    """Every GET, with the names of things that are there."""
    shop, client = own
    run = client.get("/runs").json()["items"][0]["id"]
    names = {
        "dataset": "bronze.sales", "flow": "sales", "kpi": "turnover", "name": "partner", "id": "1",
    }  # fmt: skip
    client.get("/triggers")  # makes the schedule's own file
    before = _files(shop.root)
    asked = 0
    for path, item in client.get("/openapi.json").json()["paths"].items():
        if "get" not in item or path.endswith("/events") or not path.startswith("/api/v1"):
            continue
        at = path.removeprefix("/api/v1").format(**(names | ({"id": run} if "/runs/" in path else {})))
        params = {"/search": {"q": "sales"}, "/lineage/path": {"from": "bronze.sales", "to": "gold.sales"}}.get(at)
        response = client.get(at, params=params)
        assert response.status_code in (200, 404), response.text
        asked += response.status_code == 200
    assert asked > 30
    assert _files(shop.root) == before


def test_home_accounts_for_every_record(client: httpx.Client) -> None:
    """Seven lines came: four are there, three were rejected, none is missing."""
    home = client.get("/home").json()
    balance = home["balance"]
    assert [balance[name] for name in ("received", "accepted", "rejected", "duplicate", "unexplained")] == [
        7,
        4,
        3,
        0,
        0,
    ]
    assert sum(hour["received"] for hour in home["hours"]) == 7
    assert home["is_well"] is True
    assert home["sentence"].startswith("Every record is accounted for")
    assert [need["kind"] for need in home["needs"]] == ["rejects"]
    assert home["needs"][0]["holds_back"][0] == "silver.sales"
    source = client.get("/balance/sources").json()["items"][0]
    assert source["received"] == source["accepted"] + source["rejected"] + source["duplicate"] + source["superseded"]
    assert source["unexplained"] == 0


def test_a_run_shows_the_steps_of_the_protocol(client: httpx.Client) -> None:
    """In order, with the commit point between them."""
    run = client.get("/runs").json()["items"][0]
    assert (run["status"], run["received"], run["rejected"]) == ("succeeded", 29, 3)
    steps = [each for each in client.get(f"/runs/{run['id']}/steps").json()["items"] if each["flow"] == "sales"]
    assert [each["step"] for each in steps] == ["claim", "plan", "stage", "quarantine", "main", "settle", "acknowledge"]
    assert [each["side"] for each in steps] == ["before commit"] * 5 + ["after commit"] * 2
    assert {each["batch"] for each in steps} == {1}
    assert all(each["seconds"] is not None for each in steps)
    counts = client.get(f"/runs/{run['id']}/counts").json()["items"]
    assert {each["unexplained"] for each in counts} == {0}


def test_a_log_is_read_on_where_it_was_left(client: httpx.Client) -> None:
    """Part by part nothing is missing or there twice; levels are chosen by the server."""
    id = client.get("/runs").json()["items"][0]["id"]
    whole = client.get(f"/runs/{id}/log").json()["items"]
    parts, after = [], None
    while True:
        page = client.get(f"/runs/{id}/log", params={"limit": 7} | ({"after": after} if after else {})).json()
        parts += page["items"]
        after = page["next"]
        if after is None:
            break
    assert parts == whole
    some = client.get(f"/runs/{id}/log", params={"level": ["info", "error"], "flow": "sales"}).json()["items"]
    assert {line["level"] for line in some} == {"info"}
    assert {line["flow"] for line in some} == {"sales"}


def test_lists_are_read_part_by_part(client: httpx.Client) -> None:
    """With the same order and nothing twice."""
    for path in ("/datasets", "/rejects", "/flows", "/contracts"):
        whole = client.get(path).json()
        assert whole["next"] is None
        found, cursor = [], None
        while True:
            page = client.get(path, params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
            assert len(page["items"]) <= 2
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        assert [json.dumps(each) for each in found] == [json.dumps(each) for each in whole["items"]] or path == "/flows"


def test_numbers_come_with_every_digit(client: httpx.Client) -> None:
    """Decimals and large whole numbers as text, instants in UTC."""
    sql = "SELECT 9007199254740993 AS big, 0.1::DECIMAL(38,20) AS d, 7 AS n, TIMESTAMPTZ '2026-07-01 12:00:00+02' AS t"
    answer = client.post("/sql", json={"sql": sql}).json()
    assert answer["rows"] == [["9007199254740993", "0.10000000000000000000", 7, "2026-07-01T10:00:00Z"]]
    odd = client.post("/sql", json={"sql": "SELECT 'nan'::DOUBLE AS a, 'inf'::DOUBLE AS a"}).json()
    assert odd["rows"] == [["nan", "inf"]]


def test_sql_is_read_on_and_says_when_there_is_more(client: httpx.Client) -> None:
    """A view of many rows."""
    answer = client.post("/sql", json={"sql": "SELECT range AS n FROM range(5000) ORDER BY n", "limit": 1200}).json()
    assert (answer["row_count"], answer["is_whole"], len(answer["rows"])) == (1200, False, 500)
    rows, cursor = answer["rows"], answer["next"]
    while cursor:
        page = client.get(f"/sql/{answer['id']}/rows", params={"cursor": cursor}).json()
        rows += page["rows"]
        cursor = page["next"]
    assert [row[0] for row in rows] == list(range(1200))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT content FROM read_text('/etc/passwd')",
        "COPY gold.sales TO '/tmp/stolen.csv'",
        "DROP TABLE gold.sales",
        "SELECT 1; SELECT 2",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_settings()",
        "SET threads = 1",
        "ATTACH '/tmp/x.db'",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM sqlite_master",
    ],
)
def test_sql_reads_the_lake_and_nothing_else(client: httpx.Client, sql: str) -> None:
    """No file, no setting, no second statement."""
    response = client.post("/sql", json={"sql": sql})
    assert response.status_code == 422, response.text
    assert client.post("/sql:check", json={"sql": sql}).json()["ok"] is False


def test_a_question_can_be_stopped_and_stops_by_itself(own: tuple[Shop, httpx.Client]) -> None:
    """Both soon, and the server goes on."""
    shop, client = own
    endless = "SELECT count(*) FROM range(100000000) AS a, range(1000000) AS b"
    shop.context.sql_seconds = 1.0
    started = time.monotonic()
    assert client.post("/sql", json={"sql": endless}).json()["code"] == "query.stopped"
    assert time.monotonic() - started < 10
    shop.context.sql_seconds = 60.0
    found: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: found.append(client.post("/sql", json={"sql": endless, "id": "my-question"}))
    )
    thread.start()
    for _ in range(200):
        if client.delete("/sql/my-question").json()["stopped"]:
            break
        time.sleep(0.05)
    thread.join(15)
    assert found[0].json()["code"] == "query.stopped"
    assert client.post("/sql", json={"sql": "SELECT 1 AS one"}).json()["rows"] == [[1]]


@pytest.mark.req("F10")
def test_a_kpi_s_series_is_computed_from_rows_not_from_other_rates(client: httpx.Client) -> None:
    """Of a rate over all lanes: two of two on the first day, by hand, though each lane has one."""
    wanted = {"from": "2026-06-01", "to": "2026-06-03"}
    points = client.post("/kpis/large_share/series", json=wanted).json()["points"]
    assert [(p["period"], p["value"], p["numerator"], p["denominator"]) for p in points] == [
        ("2026-06-01", "1.0", "2", "2"),
        ("2026-06-02", "0.0", "0", "1"),
    ]
    by = client.post("/kpis/turnover/series", json={"by": ["lane"], "filters": {"lane": ["0"]}}).json()["points"]
    assert [(p["period"], p["by"], p["value"]) for p in by] == [
        ("2026-06-01", {"lane": 0}, "1000.00"),
        ("2026-06-03", {"lane": 0}, "10.20"),
    ]
    text = client.post("/kpis/turnover/series", json={"filters": {"lane": ["0' OR '1'='1"]}}).json()
    assert text["points"] == []
    assert client.post("/kpis/turnover/series", json={"by": ["amount"]}).status_code == 400


@pytest.mark.req("X2")
def test_explain_goes_back_to_the_file_and_forward_to_the_kpi(client: httpx.Client) -> None:
    """The record behind a number, and what the record reached."""
    back = client.post("/explain", json={"dataset": "gold.kpi_turnover", "where": "day = '2026-06-02'"}).json()
    assert back["steps"][-1]["files"] == [
        {"source": "sales", "place": "first.csv", "records": 1, "first": "first.csv#3"}
    ]
    forward = client.post("/explain", json={"origin": "first.csv#3"}).json()
    assert {each["dataset"] for each in forward["reached"]} >= {"silver.sales", "gold.sales", "gold.kpi_turnover"}
    assert client.post("/explain", json={}).status_code == 400


def test_files_that_change_are_seen_and_broken_ones_are_said(own: tuple[Shop, httpx.Client]) -> None:
    """A new model is there at once; a broken one leaves the last good project, and says so."""
    shop, client = own
    (shop.root / "models/gold/new.sql").write_text("/* ---\nkind: view\n--- */\nSELECT day FROM gold.sales\n")
    time.sleep(1.1)
    assert client.get("/datasets/gold.new").status_code == 200
    (shop.root / "models/gold/new.sql").write_text("/* ---\nkind: view\n--- */\nSELEC day FROM gold.sales\n")
    time.sleep(1.1)
    home = client.get("/home").json()
    assert (home["is_well"], home["needs"][0]["kind"]) == (False, "project")
    assert client.get("/doctor").json()["verdict"] == "needs somebody"
    assert client.get("/datasets/gold.sales").status_code == 200


def test_figures_follow_a_run_of_another_process(own: tuple[Shop, httpx.Client]) -> None:
    """What the command line does is seen here."""
    shop, client = own
    assert client.get("/datasets/bronze.sales").json()["rows"] == 4
    deliver(shop.root, "second.csv", "id,buyer,day,amount\n9,A,2026-06-04,1\n")
    run_once(shop.root)
    assert client.get("/datasets/bronze.sales").json()["rows"] == 5
    release = client.get("/releases").json()["items"][0]
    changes = client.get(f"/releases/{release['id']}").json()["changes"]
    sales = next(each for each in changes if each["dataset"] == "bronze.sales")
    assert (sales["rows_before"], sales["rows_after"]) == (4, 5)


def test_before_the_first_run_everything_answers(tmp_path: Path) -> None:
    """Empty lists, not errors; and no state is made by looking."""
    from tests.app.http.serving import make_shop, opened, served

    root = make_shop(tmp_path / "shop")
    with (
        opened(root, with_stores=False) as shop,
        served(shop) as address,
        httpx.Client(base_url=f"{address}/api/v1", headers=shop.headers) as client,
    ):
        lists = "home balance/sources flows runs releases datasets kpis rejects rejects/groups lineage contracts doctor"
        for path in lists.split():
            assert client.get(path).status_code == 200, path
        assert {each["state"] for each in client.get("/flows").json()["items"]} == {"never run"}
        assert client.get("/home").json()["sentence"] == "Nothing has come in yet."
        assert client.get("/records").json()["code"] == "not_running"
        assert client.get("/records").status_code == 503
        assert client.post("/sql", json={"sql": "SELECT 1"}).status_code == 400
    assert not (root / ".entrepot" / "state.db").exists()


def test_search_finds_names_and_ids(client: httpx.Client) -> None:
    """The exact name first; a pasted id at once."""
    found = client.get("/search", params={"q": "turnover"}).json()
    assert found["items"][0]["name"] == "turnover"
    run = client.get("/runs").json()["items"][0]["id"]
    assert client.get("/search", params={"q": run}).json()["items"][0]["kind"] == "run"
    only = client.get("/search", params={"q": "sales", "kind": "dataset"}).json()
    assert {each["kind"] for each in only["items"]} == {"dataset"}
    assert only["facets"]["column"] >= 1
