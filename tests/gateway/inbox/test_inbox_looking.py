"""Support staff find any record: what `find` and `count` give is what a look at every record would give."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.adapters.embedded.inbox.looking import matches
from entrepot.ports.inbox import InboxRecord, RecordFilter, RecordStatus, Replay
from entrepot.testing.clock import START
from tests.gateway.inbox.conftest import arrival, bad, good, store, submit


def fill(inbox: SqliteInbox, seed: int = 5) -> list[InboxRecord]:
    """4,000 records of three integrations over two days, the clock once jumping back, in all statuses; all of them, newest first."""
    chance = random.Random(seed)
    for turn in range(40):
        at = START + timedelta(hours=turn if turn < 25 else turn - 20)
        submit(
            inbox,
            *(
                arrival(
                    f"R-{chance.randrange(3_000)}",
                    b"%d" % chance.randrange(3),
                    chance.choice(["till", "web", "crm"]),
                    at + timedelta(seconds=number),
                )
                for number in range(100)
            ),
        )
    for integration in ("till", "web", "crm"):
        inbox.finish(
            [
                good(record, "{}") if chance.randrange(3) else bad(record, chance.choice(["timeout", "contract"]))
                for record in inbox.waiting(integration, 0, 10_000)
                if chance.randrange(4)
            ]
        )
    return page_through(inbox, RecordFilter(), 700)


def page_through(inbox: SqliteInbox, wanted: RecordFilter, limit: int) -> list[InboxRecord]:
    """All pages."""
    found: list[InboxRecord] = []
    before: int | None = None
    while page := inbox.find(wanted, limit=limit, before=before):
        found += page
        before = page[-1].seq
    return found


def filters(records: Sequence[InboxRecord]) -> list[RecordFilter]:
    """Many a combination."""
    chance = random.Random(7)
    times: list[datetime | None] = [
        None,
        START,
        START + timedelta(hours=3, seconds=50),
        START + timedelta(hours=22),
        START + timedelta(days=9),
    ]
    made = []
    for _ in range(150):
        made.append(
            RecordFilter(
                integration=chance.choice([None, None, "till", "crm", "nobody"]),
                status=chance.choice([None, *RecordStatus]),
                code=chance.choice([None, None, "timeout", "conflict", "nothing"]),
                reference=chance.choice([None, None, None, chance.choice(records).reference]),
                since=chance.choice(times),
                until=chance.choice(times),
                ids=chance.choice([(), (), (), tuple(one.id for one in chance.sample(list(records), 30))]),
            )
        )
    return made


@pytest.mark.req("G6")
def test_looking_finds_what_is_there(inbox: SqliteInbox) -> None:
    """For many filters, `find` in pages and `count` give what a scan of all records gives, newest first."""
    records = fill(inbox)
    assert [one.seq for one in records] == sorted((one.seq for one in records), reverse=True)
    found_any = 0
    for wanted in filters(records):
        expected = [one for one in records if matches(one, wanted)]
        assert page_through(inbox, wanted, 37) == expected, wanted
        assert inbox.count(wanted) == len(expected), wanted
        found_any += bool(expected)
    assert found_any > 20


def test_counts_are_what_is_there(inbox: SqliteInbox) -> None:
    """The kept counts equal a scan, after arrivals, conflicts, errors, replays and pruning."""
    records = fill(inbox)
    inbox.replay(Replay(tuple(one.id for one in records[::5]), "ada", "why"))
    inbox.prune([one.seq for one in records[::3]])
    records = page_through(inbox, RecordFilter(), 1_000)
    for integration in ("till", "web", "crm"):
        mine = [one for one in records if one.integration == integration]
        counts = inbox.counts(integration)
        for status in RecordStatus:
            assert counts.by_status.get(status, 0) == sum(one.status is status for one in mine)
        codes = [one.error.code for one in mine if one.error is not None]
        assert dict(counts.by_code) == {code: codes.count(code) for code in set(codes)}
        waiting = [one for one in mine if one.status is RecordStatus.JUST_IN]
        assert counts.oldest_waiting_us == min(waiting, key=lambda one: one.seq).received_us
    assert inbox.counts("nobody").by_status == {}


def test_pages_have_no_bodies(inbox: SqliteInbox) -> None:
    """`find` reads no bodies; one record has its own."""
    store(inbox, 1)
    page = inbox.find(RecordFilter())
    assert page[0].body == b""
    record = inbox.get(page[0].id)
    assert record is not None
    assert record.body == b'{"n": 0}'
    assert inbox.get("no id") is None
    assert inbox.body_as_received("no id") is None
    assert inbox.history("no id") == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_looking_reads_little_of_a_million(inbox: SqliteInbox) -> None:
    """With 300,000 records a page is found without going through them: a thousandth of a scan's steps of SQLite."""
    for start in range(0, 300_000, 3_000):
        at = START + timedelta(minutes=start / 1_000)
        submit(inbox, *(arrival(f"R-{number}", b"%d" % number, at=at) for number in range(start, start + 3_000)))
    inbox.finish([bad(record) for record in inbox.waiting("till", 150_000, 100)])
    connection = inbox._database.connection()
    middle = START + timedelta(minutes=150)
    for wanted in (
        RecordFilter(),
        RecordFilter(integration="till", status=RecordStatus.ERROR),
        RecordFilter(code="handler_failed"),
        RecordFilter(reference="R-777"),
        RecordFilter(until=middle),
        RecordFilter(since=middle, until=middle + timedelta(minutes=5), status=RecordStatus.JUST_IN),
    ):
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        connection.set_progress_handler(count, 100)
        assert inbox.find(wanted, limit=50)
        connection.set_progress_handler(None, 0)
        assert steps < 300, wanted
