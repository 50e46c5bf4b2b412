"""Bulk work does what was shown, once, with a receipt; what goes in and out can be looked up, mended and sent again."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from entrepot.app.papers import Papers
from entrepot.app.pauses import InboundPauses
from entrepot.intake.gateway.processing.runner import Handled
from entrepot.ports.inbox import Arrival, Processed, RecordError
from tests.app.http.serving import Shop, receive, wait_for
from tests.app.http.test_api_door import is_problem

US = 1_000_000


def _preview(client: httpx.Client, path: str, **wanted: object) -> dict[str, object]:
    response = client.post(f"{path}:preview", json=wanted)
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found


def _apply(client: httpx.Client, path: str, verb: str, token: object) -> httpx.Response:
    return client.post(f"{path}:apply", params={"verb": verb}, json={"token": token})


def _done(client: httpx.Client, response: httpx.Response) -> dict[str, object]:
    assert response.status_code == 202, response.text
    return wait_for(client, response.headers["location"].removeprefix("/api/v1"))


def test_a_reject_is_fixed_checked_taken_again_and_receipted(own: tuple[Shop, httpx.Client]) -> None:
    """From the list to the released row."""
    _, client = own
    id = "bronze.sales:1.5"
    draft = client.put("/rejects/drafts", json={"items": [{"id": id, "values": {"amount": "7.25"}}]})
    assert draft.json()["items"][0]["fixes"] == {"amount": "7.25"}
    assert client.post("/rejects:check", json={"ids": [id]}).json()["items"] == [
        {"id": id, "passes": True, "breaks": []}
    ]
    done = _done(client, client.post("/rejects:retry", json={"ids": [id]}))
    assert done["status"] == "succeeded"
    receipt = client.get(f"/receipts/{done['receipt']}").json()
    assert receipt["counts"] == {"records": 1, "taken": 1, "accepted": 1, "rejected": 0}
    assert (receipt["is_sound"], receipt["who"], receipt["before"]) == (True, "administrator", None)
    run = _done(client, client.post("/runs", json={"selection": []}))
    assert run["status"] == "succeeded"
    rows = client.post("/sql", json={"sql": "SELECT amount FROM gold.sales WHERE amount = 7.25"}).json()["rows"]
    assert rows == [["7.25"]]
    assert client.get(f"/rejects/{id}").json()["status"] == "retried"
    assert client.get("/home").json()["balance"]["unexplained"] == 0


def test_a_token_does_what_was_shown_and_only_once(own: tuple[Shop, httpx.Client]) -> None:
    """Used, of another verb, or unknown it does nothing."""
    _, client = own
    preview = _preview(client, "/rejects", verb="discard", rule="range:amount", reason="test records")
    assert (preview["count"], preview["counts"]) == (2, {"bronze.sales": 2})
    assert preview["names"] == ["bronze.sales:1.5", "bronze.sales:1.7"]
    is_problem(_apply(client, "/rejects", "approve", preview["token"]), 409, "preview.gone")
    is_problem(_apply(client, "/rejects", "discard", "nothing"), 409, "preview.gone")
    done = _done(client, _apply(client, "/rejects", "discard", preview["token"]))
    assert (done["status"], done["done"], done["total"]) == ("succeeded", 2, 2)
    is_problem(_apply(client, "/rejects", "discard", preview["token"]), 409, "preview.gone")
    discarded = client.get("/rejects", params={"status": "discarded"}).json()["items"]
    assert [each["id"] for each in discarded] == preview["names"]


def test_a_token_dies_when_the_set_has_changed(own: tuple[Shop, httpx.Client]) -> None:
    """What was shown is what is done, or nothing."""
    _, client = own
    preview = _preview(client, "/rejects", verb="discard", status="open", reason="all of them")
    assert preview["count"] == 3
    _done(client, client.post("/rejects:discard", json={"ids": ["bronze.sales:1.6"], "reason": "one of them"}))
    is_problem(_apply(client, "/rejects", "discard", preview["token"]), 409, "preview.gone")
    assert client.get("/rejects", params={"status": "open"}).json()["items"][0]["id"] == "bronze.sales:1.5"


def test_a_token_outlives_a_restart_and_then_runs_out(
    own: tuple[Shop, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a file without the token in it; after a quarter of an hour it is of no use."""
    shop, client = own
    preview = _preview(client, "/rejects", verb="approve", ids=["bronze.sales:1.5"], reason="checked with the store")
    files = list((shop.root / ".entrepot" / "previews").glob("*.json"))
    assert len(files) == 1
    assert str(preview["token"]) not in files[0].read_text() + files[0].name
    shop.context.__dict__.pop("actions")  # as after a restart: nothing in memory
    later = datetime.now(UTC) + timedelta(minutes=16)
    with monkeypatch.context() as patch:
        patch.setattr(shop.context.clock, "now", lambda: later)
        is_problem(_apply(client, "/rejects", "approve", preview["token"]), 409, "preview.gone")
    again = _preview(client, "/rejects", verb="approve", ids=["bronze.sales:1.5"], reason="checked with the store")
    shop.context.__dict__.pop("actions")
    assert _done(client, _apply(client, "/rejects", "approve", again["token"]))["status"] == "succeeded"


def test_an_operation_whose_process_died_is_interrupted(own: tuple[Shop, httpx.Client]) -> None:
    """Not running for ever."""
    shop, client = own
    operation = _done(client, client.post("/rejects:discard", json={"ids": ["bronze.sales:1.6"], "reason": "x"}))
    papers = Papers(shop.root / ".entrepot" / "operations")
    paper = dict(papers.read(str(operation["id"])) or {})
    host = str(paper["holder"]).partition("/")[0]
    papers.write("op-dead", paper | {"id": "op-dead", "status": "running", "holder": f"{host}/999999/1/x"})
    assert client.get("/operations/op-dead").json()["status"] == "interrupted"


def test_receipts_hold_the_hash_of_the_one_before(own: tuple[Shop, httpx.Client]) -> None:
    """So that none can be changed or taken out unseen."""
    shop, client = own
    for id in ("bronze.sales:1.5", "bronze.sales:1.6"):
        _done(client, client.post("/rejects:discard", json={"ids": [id], "reason": "x"}))
    first, second = (client.get(f"/receipts/RC-00000{n}").json() for n in (1, 2))
    assert second["before"] == first["sha256"]
    assert client.get("/receipts").json()["items"] == ["RC-000002", "RC-000001"]
    file = shop.root / ".entrepot" / "receipts" / "RC-000001.json"
    file.write_text(file.read_text().replace("administrator", "somebody else"))
    assert client.get("/receipts/RC-000001").json()["is_sound"] is False


def test_numbers_of_receipts_are_given_once(tmp_path: Path) -> None:
    """Also by several writers at once."""
    from concurrent.futures import ThreadPoolExecutor

    rooms = [Papers(tmp_path / "receipts") for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        names = list(
            pool.map(lambda n: rooms[n % 4].add(lambda k: f"RC-{k:06d}", lambda name: {"id": name}), range(40))
        )
    assert sorted(names) == [f"RC-{n:06d}" for n in range(1, 41)]
    assert all((rooms[0].read(name) or {})["id"] == name for name in names)


def _arrivals(shop: Shop, *references: str) -> list[str]:
    now = round(datetime.now(UTC).timestamp() * US)
    arrivals = [
        Arrival("orders", r, now + n, json.dumps({"order": r}).encode(), "application/json")
        for n, r in enumerate(references)
    ]
    return [accepted.id for accepted in receive(shop.context.inbox, *arrivals)]  # type: ignore[arg-type]


@pytest.mark.req("G3", "G4")
def test_records_are_found_by_reference_and_by_id(own: tuple[Shop, httpx.Client]) -> None:
    """With body, life and error as the sender needs them."""
    shop, client = own
    inbox = shop.context.inbox
    assert inbox is not None
    ids = _arrivals(shop, "A-1", "A-2", "A-3")
    records = inbox.waiting("orders", 0, 10)
    error = RecordError(
        "contract",
        "the record breaks its contract",
        [{"path": "order", "rule": "required", "message": "it is missing"}],
    )
    inbox.finish(
        [
            Processed(records[0].seq, 0, datetime.now(UTC), rows=('{"number":"A-1"}',)),
            Processed(records[1].seq, 0, datetime.now(UTC), error=error),
        ]
    )
    page = client.get("/records", params={"integration": "orders"}).json()
    assert (page["total"], [each["reference"] for each in page["items"]]) == (3, ["A-3", "A-2", "A-1"])
    assert [each["status"] for each in page["items"]] == ["just_in", "error", "processed"]
    parts, cursor = [], None
    while True:
        part = client.get("/records", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        parts += part["items"]
        cursor = part["next"]
        if cursor is None:
            break
    assert parts == page["items"]
    for q in ("A-2", ids[1]):
        assert [each["id"] for each in client.get("/records", params={"q": q}).json()["items"]] == [ids[1]]
    detail = client.get(f"/records/{ids[1]}").json()
    assert detail["faults"] == [{"path": "order", "rule": "required", "message": "it is missing"}]
    assert [each["status"] for each in client.get(f"/records/{ids[1]}/history").json()["items"]] == ["just_in", "error"]
    body = client.get(f"/records/{ids[1]}/body").json()
    assert base64.b64decode(body["base64"]) == b'{"order": "A-2"}'
    is_problem(client.get("/records/nothing"), 404, "not_found")


@pytest.mark.req("G6")
def test_records_in_error_are_replayed_after_a_preview(own: tuple[Shop, httpx.Client]) -> None:
    """Those that wait are left alone; an edit keeps the body as received."""
    shop, client = own
    inbox = shop.context.inbox
    assert inbox is not None
    ids = _arrivals(shop, "B-1", "B-2", "B-3")
    waiting = inbox.waiting("orders", 0, 10)
    failed = RecordError("handler_failed", "no")
    inbox.finish([Processed(r.seq, 0, datetime.now(UTC), error=failed) for r in waiting[:2]])
    preview = _preview(client, "/records", verb="replay", status="error", integration="orders", reason="handler fixed")
    assert (preview["count"], preview["counts"]) == (2, {"error": 2})
    done = _done(client, _apply(client, "/records", "replay", preview["token"]))
    assert done["status"] == "succeeded"
    assert {r.revision for r in inbox.waiting("orders", 0, 10)} == {0, 1}
    history = client.get(f"/records/{ids[0]}/history").json()["items"]
    assert (history[-1]["who"], history[-1]["reason"]) == ("administrator", "handler fixed")
    again = inbox.waiting("orders", 0, 10)
    inbox.finish([Processed(r.seq, r.revision, datetime.now(UTC), error=failed) for r in again[:1]])
    edit = {"base64": base64.b64encode(b'{"order": "B-1x"}').decode(), "reason": "a letter was missing"}
    edited = client.post(f"/records/{ids[0]}:edit", json=edit).json()
    assert (edited["status"], edited["revision"]) == ("just_in", 2)
    assert client.get(f"/records/{ids[0]}/body").json()["text"] == '{"order": "B-1"}'
    assert client.get(f"/records/{ids[0]}/body", params={"version": "processed"}).json()["text"] == '{"order": "B-1x"}'


@pytest.mark.req("G7")
def test_a_message_is_taken_given_back_and_acknowledged(own: tuple[Shop, httpx.Client]) -> None:
    """And the same reference with another content is a conflict that names the first."""
    _, client = own
    sent = client.post("/out/partner", content=b"{}", headers={"X-Reference": "R-1", "X-Key": "k"})
    assert sent.status_code == 202
    id = sent.json()["id"]
    assert client.post(
        "/out/partner", content=b"{}", headers={"X-Reference": "R-1", "X-Key": "k"}
    ).json() == sent.json() | {"is_repeated": True}
    conflict = client.post("/out/partner", content=b"[]", headers={"X-Reference": "R-1"})
    is_problem(conflict, 409, "conflict")
    assert conflict.json()["first"] == id
    taken = client.post("/out/partner/take", json={"consumer": "erp"}).json()["items"]
    assert [(each["id"], each["text"]) for each in taken] == [(id, "{}")]
    assert client.post("/out/partner/take", json={"consumer": "erp"}).json()["items"] == []
    back = client.post(f"/messages/{id}:nack", json={"receipt": taken[0]["receipt"], "reason": "busy", "delay_s": 0})
    assert back.json() == {"counts": True}
    assert len(client.post("/out/partner/take", json={}).json()["items"]) == 1
    settled = client.post(f"/messages/{id}:acknowledge", json={"reason": "seen at the receiver"}).json()
    assert settled["status"] == "acknowledged"
    assert client.post(f"/messages/{id}:resend", json={"reason": "lost there"}).json()["status"] == "queued"
    life = client.get(f"/records/{id}/history").json()["items"]
    assert "lost there" in [each["reason"] for each in life]
    is_problem(client.post("/out/nobody", content=b"{}"), 404, "outbox.unknown")
    is_problem(client.post("/messages/nothing:acknowledge", json={}), 404, "outbox.unknown")


def test_an_integration_is_paused_with_a_reason(own: tuple[Shop, httpx.Client]) -> None:
    """And goes on."""
    _, client = own
    paused = client.post("/integrations/partner:pause", json={"reason": "the partner moves house"}).json()
    assert (paused["is_paused"], paused["pause_reason"], paused["paused_by"]) == (
        True,
        "the partner moves house",
        "administrator",
    )
    client.post("/out/partner", content=b"{}")
    assert client.post("/out/partner/take", json={}).json()["items"] == []
    assert client.post("/integrations/partner:resume", json={}).json()["is_paused"] is False
    is_problem(client.post("/integrations/nothing:pause", json={"reason": "x"}), 404, "not_found")


@pytest.mark.req("D5")
def test_a_trigger_is_asked_for_paused_and_resumed(own: tuple[Shop, httpx.Client]) -> None:
    """What is asked is kept for the scheduler."""
    shop, client = own
    trigger = client.get("/triggers/nightly").json()
    assert (trigger["when"], trigger["run"]) == ({"cron": "0 6 * * *"}, ["bronze.sales+"])
    assert trigger["next_at"].endswith("Z")
    asked = client.post("/triggers/nightly:run", json={"reason": "now"})
    assert asked.status_code == 202
    seen = []
    shop.context.projects.schedule().turn(datetime.now(UTC), lambda snapshot: seen.append(snapshot) or _nothing())  # type: ignore[func-returns-value]
    assert [(h.subject, h.kind.value) for h in seen[0].happenings] == [("nightly", "asked")]
    paused = client.post("/triggers/nightly:pause", json={"reason": "holidays"}).json()
    assert paused["pause"]["reason"] == "holidays"
    assert client.post("/triggers/nightly:resume").json()["pause"] is None
    is_problem(client.post("/triggers/nothing:run", json={}), 404, "not_found")


def _nothing() -> object:
    from entrepot.ports.schedule import Decision

    return Decision()


@pytest.mark.req("G2", "X2")
def test_a_record_is_traced_to_its_rows_and_counted_on_the_way(own: tuple[Shop, httpx.Client]) -> None:
    """From the inbox to bronze, with what is in flight told apart."""
    shop, client = own
    inbox = shop.context.inbox
    assert inbox is not None
    (id,) = _arrivals(shop, "C-1")
    record = inbox.waiting("orders", 0, 10)[0]
    assert client.get("/home").json()["balance"]["waiting_records"] == 1
    inbox.finish([Processed(record.seq, 0, datetime.now(UTC), rows=('{"number": "C-1", "amount": "12.50"}',))])
    done = _done(client, client.post("/runs", json={"selection": ["bronze.orders"]}))
    assert done["status"] == "succeeded", done
    trace = client.get(f"/records/{id}/trace").json()
    assert [(each["state"], each["origin"], each["row"]["amount"]) for each in trace["fates"]] == [
        ("accepted", f"inbox/{id}", "12.50")
    ]
    source = next(each for each in client.get("/balance/sources").json()["items"] if each["dataset"] == "bronze.orders")
    assert (source["received"], source["accepted"], source["unexplained"]) == (1, 1, 0)
    assert source["inbox"] == {"just_in": 0, "processed": 1, "error": 0, "outputs_waiting": 0}


def test_a_dry_run_says_what_a_replay_would_change(own: tuple[Shop, httpx.Client]) -> None:
    """Row by row, and nothing is kept; where nothing can process it says so."""
    shop, client = own
    inbox = shop.context.inbox
    assert inbox is not None
    _arrivals(shop, "D-1")
    record = inbox.waiting("orders", 0, 10)[0]
    inbox.finish([Processed(record.seq, 0, datetime.now(UTC), error=RecordError("handler_failed", "no"))])
    wanted = {"status": "error", "reason": "handler fixed"}
    is_problem(client.post("/records:try", json=wanted), 503, "not_running")
    shop.context.try_out = lambda platform, integration, records, seconds: [
        Handled(each.seq, each.revision, ('{"number": "D-1"}',)) for each in records
    ]
    found = client.post("/records:try", json=wanted).json()
    assert (found["records"], found["tables"]) == (1, ["bronze.orders"])
    assert [(each["verdict"], each["after"]) for each in found["effects"]] == [("new", [{"number": "D-1"}])]
    assert client.get("/records", params={"status": "error"}).json()["total"] == 1


def test_an_inbound_integration_is_paused_until_an_instant(own: tuple[Shop, httpx.Client]) -> None:
    """Kept beside the project, and over by itself."""
    shop, client = own
    until = datetime.now(UTC) + timedelta(hours=1)
    paused = client.post("/integrations/orders:pause", json={"reason": "move", "until": until.isoformat()}).json()
    assert (paused["is_paused"], paused["paused_by"]) == (True, "administrator")
    again = InboundPauses(shop.root / ".entrepot")
    assert again.find("orders", until - timedelta(minutes=1)) is not None
    assert again.find("orders", until) is None
    assert client.post("/integrations/orders:resume", json={}).json()["is_paused"] is False


def test_a_status_of_the_other_direction_is_refused_never_left_out(own: tuple[Shop, httpx.Client]) -> None:
    """Left out it would widen the set to everything."""
    shop, client = own
    _arrivals(shop, "E-1")
    response = client.post("/records:preview", json={"verb": "replay", "status": "dead", "reason": "x"})
    is_problem(response, 400, "usage")
    wrong = client.post("/records:preview", json={"verb": "resend", "direction": "in", "reason": "x"})
    is_problem(wrong, 400, "usage")
