"""`entrepot triggers`, `report` and `backfill` as a user calls them: tables, JSON, errors that name what to do, reports that are sent."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from entrepot.app.cli import main
from entrepot.app.reports.distribute import ReportSender
from entrepot.app.scheduling.running import ProjectRun
from entrepot.app.scheduling.scheduler import Scheduler
from entrepot.app.scheduling.sending import Sender
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.outbox import Draft, Enqueued, Enqueueing, MessageFilter
from entrepot.ports.schedule import Happening, HappeningKind
from tests.flow.running import Shop

KPI = """\
name: pieces
title: Pieces sold
definition: How many pieces were ordered.
model: gold.daily
grain: [day]
measure: sum(pieces)
unit: pieces
owner: sales
"""
MODEL = "/* ---\nkind: full\n--- */\nSELECT ordered_on AS day, sum(quantity) AS pieces FROM bronze.orders GROUP BY ordered_on\n"

Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A project with a KPI and two triggers."""
    made = Shop(tmp_path / "shop")
    for name, text in {
        "kpis/pieces.yaml": KPI,
        "models/gold/daily.sql": MODEL,
        "triggers/arrive.yaml": "when: {files: orders}\nreport: {kpis: [pieces], format: html, to: {folder: out}}\nrun: [orders+]\n",
        "triggers/manual.yaml": "when: {api: true}\nreport: {format: xlsx, to: {webhook: portal}}\n",
    }.items():
        path = made.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made.orders("a", "1,p1,2026-01-01,3", "2,p1,2026-01-02,4")
    return made


@pytest.fixture
def call(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command line in the project; gives exit code and JSON."""

    def run(*arguments: str) -> tuple[int, Any]:
        monkeypatch.chdir(shop.root)
        monkeypatch.setattr("sys.argv", ["entrepot", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = capsys.readouterr()
        try:
            return code, json.loads(captured.out)
        except ValueError:
            return code, captured.out + captured.err

    return run


@pytest.mark.req("D5")
def test_a_trigger_is_run_here_shown_paused_and_cancelled(call: Call) -> None:
    """The whole way by hand, without a scheduler at work."""
    code, ended = call("triggers", "run", "arrive", "--here", "--reason", "a test", "--json")
    assert (code, ended["status"]) == (0, "succeeded")
    assert "a test" in ended["reason"]
    _, shown = call("triggers", "show", "arrive", "--json")
    assert [firing["id"] for firing in shown["firings"]] == ["arrive.1"]
    assert shown["state"] == "idle"
    _, paused = call("triggers", "pause", "arrive", "--reason", "stock-taking", "--until", "2h", "--json")
    assert paused["reason"] == "stock-taking"
    _, listed = call("triggers", "list", "--json")
    assert {each["name"]: each["state"] for each in listed["triggers"]} == {"arrive": "paused", "manual": "idle"}
    assert call("triggers", "resume", "arrive", "--json")[1] == {"trigger": "arrive", "was_paused": True}
    _, asked = call("triggers", "run", "manual", "--json")
    assert asked == {"trigger": "manual", "asked": True, "paused": False}
    assert call("triggers", "cancel", "manual")[0] == 2, "nothing waits yet: nobody has looked"


WRONG = [
    (("triggers", "show", "arive"), "Did you mean arrive?"),
    (("triggers", "pause", "arrive"), "why is it paused?"),
    (("triggers", "pause", "arrive", "--reason", "x", "--until", "soon"), "'soon'"),
    (("report", "-o", "x.docx"), "--format"),
    (("report", "--kpi", "nothing"), "there is no KPI 'nothing'"),
    (("backfill", "orders", "--from", "2020-01-01"), "only appends"),
    (("backfill", "nothing", "--from", "2020-01-01"), "there is no source"),
]


def test_wrong_calls_are_answered_with_what_to_do(call: Call) -> None:
    """Exit code 2, and the way on."""
    call("run")
    for arguments, said in WRONG:
        code, text = call(*arguments)
        assert code == 2, arguments
        assert said in text


def test_a_report_is_written_from_a_release(call: Call, shop: Shop) -> None:
    """By the ending of the file's name, with the figures of the release."""
    call("run")
    code, said = call("report", "-o", "pieces.html", "--kpi", "pieces", "--json")
    assert (code, said["kpis"], said["release"]) == (0, ["pieces"], 1)
    page = (shop.root / "pieces.html").read_text()
    assert "Complete to 2026-01-01, the newest closed day; 2026-01-02 is still open." in page
    code, _ = call("report", "-o", "pieces.xlsx")
    assert code == 0
    assert (shop.root / "pieces.xlsx").read_bytes()[:2] == b"PK"


@pytest.mark.req("F13")
def test_a_trigger_sends_its_report_after_its_run(shop: Shop, tmp_path: Path) -> None:
    """To a folder with the run's own release; to a webhook as the body of a message, once."""
    platform = shop.platform()
    sent: list[Draft] = []

    def enqueue(drafts: Sequence[Draft], *, who: str = "") -> Sequence[Enqueued]:
        sent.extend(drafts)
        return [Enqueued("id", Enqueueing.ACCEPTED) for _ in drafts]

    reports = ReportSender(shop.platform, platform.stores.secrets, enqueue=enqueue)
    sender = Sender(platform.schedule, platform.clock, shop.root, enqueue=enqueue, send_report=reports)
    scheduler = Scheduler(platform, ProjectRun(shop.root))
    try:
        scheduler.tick()
        scheduler.drain()
        platform.schedule.tell([Happening(HappeningKind.ASKED, "manual", platform.clock.now())])
        scheduler.tick()
        scheduler.drain()
    finally:
        scheduler.close()
    assert sender.work() == 2
    assert sender.work() == 0
    (page,) = (shop.root / "out").iterdir()
    assert page.name == "shop-kpis-release-1.html"
    assert "Pieces sold" in page.read_text()
    (draft,) = sent
    assert (draft.integration, draft.reference, draft.body[:2]) == ("portal", "report/manual.1/report", b"PK")


def test_a_call_that_cannot_be_made_waits_and_is_given_up_at_last(shop: Shop) -> None:
    """Without an outbox the report waits; nothing is lost before its attempts are used up."""
    platform = shop.platform()
    scheduler = Scheduler(platform, ProjectRun(shop.root))
    platform.schedule.tell([Happening(HappeningKind.ASKED, "manual", platform.clock.now())])
    scheduler.tick()
    scheduler.drain()
    scheduler.close()
    Sender(platform.schedule, platform.clock, shop.root).work()
    calls = [call for call in platform.schedule.calls() if call.trigger == "manual"]
    assert [(call.attempts, call.done_at) for call in calls] == [(1, None)]
    assert "nobody sends reports" in str(calls[0].error)


@pytest.mark.req("F13")
def test_the_projects_hooks_are_called_after_a_run_by_hand(call: Call, shop: Shop) -> None:
    """Through the real outbox and as a command; once for each run."""
    with (shop.root / "entrepot.yaml").open("a") as file:
        file.write("hooks:\n- {on: completed, webhook: portal}\n- {on: [completed, failed], command: [touch, told]}\n")
    code, report = call("run", "--json")
    assert code == 0
    assert (shop.root / "told").exists()
    outbox = shop.platform().stores.outbox()
    (message,) = outbox.find(MessageFilter(integration="portal"))
    stored = outbox.get(message.id)
    assert stored is not None
    body = json.loads(stored.body)
    assert (body["status"], body["run"], body["release"]) == ("completed", report["run"], report["release"])
    assert message.reference.startswith(f"hook/{report['run']}/completed/project.0/")
    outbox.close()


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By name, without its arguments."""
    from entrepot.app.scheduling.sending import run_command

    with pytest.raises(EntrepotError, match=r"the command nothing-of-the-kind cannot be started"):
        run_command(["nothing-of-the-kind", "secret"], 1, dict(os.environ), tmp_path)
