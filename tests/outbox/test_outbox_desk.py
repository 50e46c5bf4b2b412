"""The desk of the outbox: applications take and acknowledge, people look, send again and pause; the command line says the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.adapters.embedded.outbox import SqliteOutbox
from entrepot.app.outbox_desk import NoSuchMessage, OutboxDesk, check_sent
from entrepot.app.project import open_project
from entrepot.kernel.errors import ConflictError, SystemError_, UsageError
from entrepot.ports.outbox import Delivery, Draft, MessageFilter, MessageStatus
from entrepot.testing.clock import FakeClock
from tests.outbox.outboxes import draft, open_outbox


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "publish").mkdir(parents=True)
    (root / "entrepot.yaml").write_text("name: shop\n")
    (root / "publish" / "shop.yaml").write_text(
        "connector: queue\noptions: {lease: 30 s, max_deliveries: 3, order: key, retry: 5 s}\n"
    )
    (root / "publish" / "partner.yaml").write_text(
        "connector: webhook\noptions: {url: 'https://example.com/hook', unsigned: true}\n"
    )
    return root


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def outbox(project: Path, clock: FakeClock) -> Iterator[SqliteOutbox]:
    store = open_outbox(project / ".entrepot", clock)
    yield store
    store.close()


@pytest.fixture
def desk(project: Path, outbox: SqliteOutbox, clock: FakeClock) -> OutboxDesk:
    return OutboxDesk(outbox, open_project(project).publications, clock)


@pytest.mark.req("G3", "G7")
def test_an_application_takes_and_acknowledges(desk: OutboxDesk, clock: FakeClock) -> None:
    """What it does not acknowledge comes again after the lease; an acknowledgement by id counts whenever it comes."""
    desk.send([draft(1), draft(2)], who="api")
    first, second = desk.take("shop", who="app")
    assert desk.take("shop", who="app") == []
    assert desk.acknowledge([first.receipt], who="app") == [first.message.id]
    clock.advance(31)
    (again,) = desk.take("shop", who="app")
    assert again.message.id == second.message.id
    assert again.receipt != second.receipt
    assert desk.acknowledge([second.message.id, "unknown"], who="app") == [second.message.id]
    assert desk.acknowledge([second.message.id], who="app") == [second.message.id]
    assert desk.standing("shop").counts.by_status == {MessageStatus.ACKNOWLEDGED: 2}


def test_a_message_that_is_given_back_comes_again_later_and_is_dead_in_the_end(
    desk: OutboxDesk, clock: FakeClock
) -> None:
    """With the reason; an old receipt gives back nothing."""
    desk.send([draft(1)], who="api")
    old = ""
    for number in range(3):
        (taken,) = desk.take("shop", who="app")
        assert not old or not desk.nack(old, who="app", why="late")
        assert desk.nack(taken.receipt, who="app", why="the database is full")
        assert desk.take("shop", who="app") == []
        old = taken.receipt
        clock.advance(6)
        assert number < 2 or desk.take("shop", who="app") == []
    kept = desk.show(taken.message.id).message
    assert (kept.status, kept.code, kept.reason) == (MessageStatus.DEAD, "undelivered", "the database is full")


def test_a_message_may_be_refused_for_good(desk: OutboxDesk) -> None:
    """Dead at once, and sent again by a person."""
    desk.send([draft(1)], who="api")
    (taken,) = desk.take("shop", who="app")
    desk.nack(taken.receipt, who="app", why="no such customer", dead=True)
    assert desk.list(MessageFilter(status=MessageStatus.DEAD)).messages[0].code == "refused"
    with pytest.raises(UsageError, match="reason"):
        desk.resend([taken.message.id], who="anna", why=" ")
    assert desk.resend([taken.message.id], who="anna", why="made the customer") == [taken.message.id]
    assert len(desk.take("shop", who="app")) == 1


def test_a_lease_may_be_prolonged(desk: OutboxDesk, clock: FakeClock) -> None:
    """As long as it is one's own."""
    desk.send([draft(1)], who="api")
    (taken,) = desk.take("shop", who="app")
    clock.advance(20)
    assert desk.prolong(taken.receipt, lease_s=60)
    clock.advance(50)
    assert desk.take("shop", who="other") == []
    clock.advance(11)
    assert len(desk.take("shop", who="other")) == 1
    assert not desk.prolong(taken.receipt, lease_s=60)


def test_only_what_publish_names_can_be_used(desk: OutboxDesk) -> None:
    """Unknown integrations, messages, receipts; a webhook's messages cannot be taken."""
    with pytest.raises(NoSuchMessage, match="partner, shop"):
        desk.send([draft(1, integration="nobody")], who="api")
    with pytest.raises(UsageError, match="pushed to a webhook"):
        desk.take("partner", who="app")
    with pytest.raises(NoSuchMessage):
        desk.show("nothing")
    for receipt in ("nonsense", "a.b", "x.99999999999999999999"):
        with pytest.raises(UsageError, match="no receipt"):
            desk.nack(receipt, who="app", why="")
    for limit in (0, 501):
        with pytest.raises(UsageError, match="limit"):
            desk.take("shop", who="app", limit=limit)
    for odd in (Draft("shop", b"", reference="a\nb"), Draft("shop", b"", id="a.1"), Draft("shop", b"", type="ü")):
        with pytest.raises(UsageError):
            desk.send([odd], who="api")


def test_a_conflict_is_told(desk: OutboxDesk) -> None:
    """With the message that has the reference."""
    first = desk.send([draft(1)], who="api")[0].id
    with pytest.raises(ConflictError, match=first):
        check_sent(desk.send([Draft("shop", b"other", reference="o1")], who="api"))


def test_pages_end(desk: OutboxDesk) -> None:
    """The last one has no next."""
    desk.send([draft(number) for number in range(5)], who="api")
    page = desk.list(MessageFilter(), limit=3)
    rest = desk.list(MessageFilter(), limit=3, before=page.next)
    assert (len(page.messages), len(rest.messages), rest.next) == (3, 2, None)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The command line in this process."""
    from unittest.mock import patch

    from entrepot.app.cli import main

    code = 0
    with patch("sys.argv", ["entrepot", *words]):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return code, capsys.readouterr().out


def test_the_command_line_does_the_same(
    project: Path, outbox: SqliteOutbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """List, show, pause, resume, acknowledge, resend; JSON for machines."""
    (answer,) = outbox.enqueue([draft(1)])
    here = ("--project", str(project))
    assert run(capsys, "outbox", "pause", "shop", "--reason", "moving", *here)[0] == 0
    (stands,) = [
        one for one in json.loads(run(capsys, "outbox", "status", "--json", *here)[1]) if one["integration"] == "shop"
    ]
    assert (stands["paused"], stands["reason"], stands["delivery"]) == (True, "moving", {"paused": 1})
    assert "moving" in run(capsys, "outbox", "status", *here)[1]
    listed = json.loads(run(capsys, "outbox", "list", "shop", "--json", *here)[1])
    assert (listed["count"], listed["messages"][0]["delivery"]) == (1, "paused")
    assert run(capsys, "outbox", "resume", "shop", *here)[0] == 0
    assert run(capsys, "outbox", "acknowledge", answer.id, "--reason", "by phone", *here)[0] == 0
    assert run(capsys, "outbox", "resend", answer.id, "--reason", "not heard", *here)[0] == 0
    shown = json.loads(run(capsys, "outbox", "show", answer.id, "--json", "--body", *here)[1])
    assert [change["reason"] for change in shown["history"]] == ["", "by phone", "not heard"]
    assert shown["body"] == '{"order": 1}'
    assert "by phone" in run(capsys, "outbox", "show", answer.id, *here)[1]
    assert run(capsys, "outbox", "list", "--status", "lost", *here)[0] == 2
    assert outbox.counts("shop").by_delivery == {Delivery.WAITING: 1}


def test_an_application_without_a_server_is_told() -> None:
    """With the command that starts one; a reference that a header would change is refused before."""
    from entrepot.client import Entrepot

    with Entrepot("http://127.0.0.1:1", "token") as client:
        with pytest.raises(SystemError_, match="entrepot up"):
            client.send("shop", {})
        with pytest.raises(UsageError, match="header"):
            client.send("shop", {}, reference="Bestellung ü")
