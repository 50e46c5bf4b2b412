"""What is handed over is stored once, and its sender is told only then."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.kernel.errors import FullError, SystemError_
from entrepot.ports.inbox import Accepted, Answer, RecordFilter, RecordStatus
from entrepot.testing.clock import START, FakeClock
from tests.gateway.inbox.conftest import WEEK_US, arrival, submit


@pytest.mark.req("G1")
def test_a_record_is_kept_as_received(inbox: SqliteInbox) -> None:
    """Body, content type, headers, reference and time of receipt come back as they came."""
    body = bytes(range(256)) * 40
    told = submit(inbox, arrival("R-1", body))
    record = inbox.get(told[0].id)
    assert record is not None
    assert (record.body, record.reference, record.integration) == (body, "R-1", "till")
    assert (record.content_type, record.headers) == ("application/json", (("x-till", "7"),))
    assert record.received_us == 1_767_268_800_000_000
    assert record.status is RecordStatus.JUST_IN


def test_durable_before_told(inbox: SqliteInbox, tmp_path: Path) -> None:
    """When `done` is called another connection sees the record."""
    seen: list[int] = []
    ready = threading.Event()

    def done(answer: Sequence[Accepted] | Exception) -> None:
        with sqlite3.connect(tmp_path / "inbox.db") as other:
            seen.append(other.execute("SELECT count(*) FROM records").fetchone()[0])
        other.close()
        ready.set()

    inbox.submit([arrival("R-1"), arrival("R-2")], done)
    assert ready.wait(10)
    assert seen == [2]


@pytest.mark.req("G3")
def test_the_same_again_is_the_same_record(inbox: SqliteInbox) -> None:
    """The same reference with the same body gives the first id and stores nothing."""
    first = submit(inbox, arrival("R-1"))[0]
    again = submit(inbox, arrival("R-1", at=START + timedelta(days=6)))[0]
    assert first.answer is Answer.ACCEPTED
    assert again == Accepted(first.id, Answer.REPEATED)
    assert inbox.count(RecordFilter()) == 1


@pytest.mark.req("G3")
def test_another_body_is_a_conflict_that_is_kept(inbox: SqliteInbox) -> None:
    """The same reference with another body is a record of its own, in error, that names the first; asked again it is the same one."""
    first = submit(inbox, arrival("R-1"))[0]
    second = submit(inbox, arrival("R-1", b"{}"))[0]
    third = submit(inbox, arrival("R-1", b"{}"))[0]
    assert (second.answer, second.first) == (Answer.CONFLICT, first.id)
    assert third == second
    kept = inbox.get(second.id)
    assert kept is not None
    assert kept.error is not None
    assert (kept.status, kept.error.code, kept.body) == (RecordStatus.ERROR, "conflict", b"{}")
    assert first.id in kept.error.message
    assert [change.code for change in inbox.history(second.id)] == ["", "conflict"]
    assert inbox.counts("till").by_code == {"conflict": 1}


@pytest.mark.req("G3")
def test_one_batch_may_hold_a_reference_several_times(inbox: SqliteInbox) -> None:
    """Within one submission the first has the reference; a repeat and a conflict are told as such, in order."""
    told = submit(inbox, arrival("A"), arrival("A"), arrival("A", b"x"), arrival("B"), arrival("A", b"x"))
    assert [one.answer for one in told] == [
        Answer.ACCEPTED,
        Answer.REPEATED,
        Answer.CONFLICT,
        Answer.ACCEPTED,
        Answer.CONFLICT,
    ]
    assert told[1].id == told[0].id
    assert told[4].id == told[2].id
    assert [record.seq for record in inbox.find(RecordFilter())] == [3, 2, 1]


@pytest.mark.req("G3")
def test_after_the_window_a_reference_is_free(inbox: SqliteInbox) -> None:
    """Beyond the window the reference is a new record's; with no window it never is. Both records are found by it."""
    later = START + timedelta(days=8)
    first = submit(inbox, arrival("R-1"), arrival("forever", window_us=0))
    second = submit(inbox, arrival("R-1", at=later), arrival("forever", at=later, window_us=0))
    assert [one.answer for one in second] == [Answer.ACCEPTED, Answer.REPEATED]
    found = [record.id for record in inbox.find(RecordFilter(reference="R-1"))]
    assert found == [second[0].id, first[0].id]
    assert submit(inbox, arrival("R-1", b"other", at=later))[0].first == second[0].id


def test_references_belong_to_an_integration(inbox: SqliteInbox) -> None:
    """The same reference of two integrations is two records."""
    told = submit(inbox, arrival("R-1"), arrival("R-1", b"other", "web"))
    assert [one.answer for one in told] == [Answer.ACCEPTED, Answer.ACCEPTED]
    assert len(inbox.find(RecordFilter(reference="R-1"))) == 2
    assert [record.integration for record in inbox.find(RecordFilter(reference="R-1", integration="web"))] == ["web"]


@pytest.mark.req("G2")
def test_ids_sort_though_the_clock_jumps_back(inbox: SqliteInbox) -> None:
    """An hour back: ids still grow, the time of receipt is what the clock said, and the order is that of storing."""
    told = [submit(inbox, arrival(f"R-{hour}", at=START - timedelta(hours=hour)))[0].id for hour in range(3)]
    assert told == sorted(told)
    assert [record.reference for record in inbox.waiting("till", 0, 10)] == ["R-0", "R-1", "R-2"]
    back = inbox.find(RecordFilter(until=START - timedelta(minutes=90)))
    assert [record.reference for record in back] == ["R-2"]
    assert submit(inbox, arrival("R-0", at=START - timedelta(days=30)))[0].answer is Answer.REPEATED


@pytest.mark.req("G5")
def test_too_much_is_refused_at_once(tmp_path: Path, clock: FakeClock) -> None:
    """What would exceed the bound is refused, not dropped; what was taken is all there, and later there is room again."""
    inbox = SqliteInbox(tmp_path / "inbox.db", clock, most_waiting=10)
    other = sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told: list[Sequence[Accepted] | Exception] = []
    ready = threading.Semaphore(0)

    def done(answer: Sequence[Accepted] | Exception) -> None:
        told.append(answer)
        ready.release()

    inbox.submit([arrival(f"R-{number}") for number in range(10)], done)
    with pytest.raises(FullError) as refused:
        inbox.submit([arrival("one-more")], done)
    assert (refused.value.code, refused.value.http_status) == ("inbox.full", 429)
    other.execute("ROLLBACK")
    other.close()
    assert ready.acquire(timeout=10)
    assert len(told) == 1
    submit(inbox, arrival("one-more"))
    assert inbox.count(RecordFilter()) == 11
    inbox.close()


@pytest.mark.req("G1")
def test_a_full_disk_is_told_and_heals(inbox: SqliteInbox, tmp_path: Path) -> None:
    """While there is no room nothing is acknowledged; when there is room again the same inbox goes on."""
    submit(inbox, arrival("R-1"))
    limits: list[int] = []

    def limit(pages: int) -> None:
        # On the writer's own connection, which is the only one that `done` can reach.
        limits.append(inbox._database.connection().execute(f"PRAGMA max_page_count = {pages}").fetchone()[0])

    _on_writer(inbox, lambda: limit(1), "R-1")
    with pytest.raises(SystemError_, match="full"):
        submit(inbox, arrival("R-2", bytes(3_000_000)))
    assert inbox.count(RecordFilter()) == 1
    _on_writer(inbox, lambda: limit(1_000_000), "R-1")
    assert submit(inbox, arrival("R-2", bytes(3_000_000)))[0].answer is Answer.ACCEPTED
    assert limits[-1] == 1_000_000


def test_one_record_that_cannot_be_stored_harms_no_other(inbox: SqliteInbox, tmp_path: Path) -> None:
    """Of what waits together only the submission that SQLite cannot take is refused."""
    other = sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    told: list[Sequence[Accepted] | Exception] = []
    ready = threading.Semaphore(0)

    def done(answer: Sequence[Accepted] | Exception) -> None:
        told.append(answer)
        ready.release()

    for reference in ("first", "A", "\ud800", "B"):
        inbox.submit([arrival(reference)], done)
    other.execute("ROLLBACK")
    other.close()
    for _ in range(4):
        assert ready.acquire(timeout=10)
    assert [isinstance(answer, Exception) for answer in told].count(True) == 1
    assert sorted(record.reference for record in inbox.find(RecordFilter())) == ["A", "B", "first"]


def test_closing_stores_what_waits(tmp_path: Path, clock: FakeClock) -> None:
    """`close` returns when everything handed over is stored; later submissions are refused."""
    inbox = SqliteInbox(tmp_path / "inbox.db", clock)
    told: list[Sequence[Accepted] | Exception] = []
    for number in range(500):
        inbox.submit([arrival(f"R-{number}")], told.append)
    inbox.close()
    assert len(told) == 500
    with pytest.raises(SystemError_, match="closed"):
        inbox.submit([arrival("late")], told.append)
    again = SqliteInbox(tmp_path / "inbox.db", clock)
    assert again.count(RecordFilter()) == 500
    again.close()


def test_numbers_never_come_again(tmp_path: Path, clock: FakeClock) -> None:
    """The seq goes on growing though the newest records were pruned and the process is another."""
    from tests.gateway.inbox.conftest import good

    inbox = SqliteInbox(tmp_path / "inbox.db", clock)
    submit(inbox, arrival("R-1"), arrival("R-2"))
    inbox.finish([good(record) for record in inbox.waiting("till", 0, 10)])
    assert inbox.prune([1, 2]) == 2
    inbox.close()
    inbox = SqliteInbox(tmp_path / "inbox.db", clock)
    submit(inbox, arrival("R-3", window_us=WEEK_US))
    assert [record.seq for record in inbox.waiting("till", 0, 10)] == [3]
    inbox.close()


def _on_writer(inbox: SqliteInbox, action: object, reference: str) -> None:
    """Run something in the writer's thread, by way of an answer that changes nothing."""
    ready = threading.Event()

    def done(answer: Sequence[Accepted] | Exception) -> None:
        assert callable(action)
        action()
        ready.set()

    inbox.submit([arrival(reference)], done)
    assert ready.wait(10)


@pytest.mark.req("G1")
def test_a_disk_that_may_only_be_read(inbox: SqliteInbox) -> None:
    """Nothing is acknowledged while writing is refused; afterwards the same inbox goes on, and looking works all the time."""
    submit(inbox, arrival("R-1"))

    def refuse(on: int) -> None:
        inbox._database.connection().execute(f"PRAGMA query_only = {on}")

    _on_writer(inbox, lambda: refuse(1), "R-1")
    with pytest.raises(SystemError_, match="readonly"):
        submit(inbox, arrival("R-2"))
    assert [record.reference for record in inbox.find(RecordFilter())] == ["R-1"]


@pytest.mark.slow
@pytest.mark.req("G1")
def test_a_real_disk_that_fills_up(tmp_path: Path, clock: FakeClock) -> None:
    """On a file system of 8 MB: accepted, until nothing is; what was acknowledged is there; with room again it goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a small file system")
    try:
        (disk / "ballast").write_bytes(bytes(2_000_000))
        inbox = SqliteInbox(disk / "inbox.db", clock)
        acknowledged = _fill(inbox)
        assert 1 < acknowledged < 200
        (disk / "ballast").unlink()
        assert submit(inbox, arrival("after"))[0].answer is Answer.ACCEPTED
        assert inbox.count(RecordFilter()) == acknowledged + 1
        with inbox._database.read() as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        inbox.close()
    finally:
        subprocess.run(["umount", disk], check=True)


def _fill(inbox: SqliteInbox) -> int:
    """Submit until it is refused; how many were acknowledged."""
    for number in range(1_000):
        try:
            submit(inbox, arrival(f"R-{number}", bytes(50_000)))
        except SystemError_:
            return number
    raise AssertionError("the disk never was full")
