"""From `just_in` to `processed` or `error`, to outputs, to bronze, and back by a replay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.kernel.errors import UsageError
from entrepot.ports.inbox import InboxRecord, Output, RecordFilter, RecordStatus, Replay
from entrepot.testing.clock import START, FakeClock
from tests.gateway.inbox.conftest import arrival, bad, good, store, submit


def again(inbox: SqliteInbox, *records: InboxRecord, body: bytes | None = None) -> list[InboxRecord]:
    """Replay, and what then waits."""
    inbox.replay(Replay(tuple(record.id for record in records), "ada", "handler fixed", body))
    return list(inbox.waiting("till", 0, 100))


def all_outputs(inbox: SqliteInbox) -> list[Output]:
    return list(inbox.outputs("till", 0, 1_000_000))


@pytest.mark.req("G4")
def test_rows_become_outputs_in_order(inbox: SqliteInbox) -> None:
    """Rows are numbered within their record, and carry its id, reference and time of receipt; none give none."""
    first, second, third = store(inbox, 3)
    inbox.finish([good(second, '{"b":1}', '{"b":2}'), good(first, '{"a":1}'), good(third)])
    outputs = all_outputs(inbox)
    assert [(one.seq, one.reference, one.number, one.row) for one in outputs] == [
        (1, "R-1", 1, '{"b":1}'),
        (2, "R-1", 2, '{"b":2}'),
        (3, "R-0", 1, '{"a":1}'),
    ]
    assert outputs[2].record == first.id
    assert outputs[2].received_us == first.received_us
    assert inbox.waiting("till", 0, 10) == []
    assert inbox.counts("till").by_status == {RecordStatus.PROCESSED: 3}
    assert inbox.counts("till").outputs_waiting == 3


@pytest.mark.req("G4")
def test_errors_are_kept_for_the_sender(inbox: SqliteInbox) -> None:
    """A failed record says why, in words, code and paths; every change has its time."""
    record = store(inbox, 1)[0]
    inbox.finish([bad(record)])
    found = inbox.get(record.id)
    assert found is not None
    assert found.error is not None
    assert (found.error.code, found.error.message, found.error.details) == (
        "handler_failed",
        "no such shop",
        ({"path": "shop"},),
    )
    assert found.attempts == 1
    assert [(change.status, change.code, change.reason) for change in inbox.history(record.id)] == [
        (RecordStatus.JUST_IN, "", ""),
        (RecordStatus.ERROR, "handler_failed", "no such shop"),
    ]
    assert all_outputs(inbox) == []


def test_finishing_twice_is_finishing_once(inbox: SqliteInbox) -> None:
    """The same results again, also twice in one call, change nothing."""
    first, second = store(inbox, 2)
    results = [good(first, "{}"), bad(second), good(first, "{}")]
    inbox.finish(results)
    before = (all_outputs(inbox), inbox.counts("till"), inbox.history(first.id), inbox.get(second.id))
    inbox.finish(results)
    assert (all_outputs(inbox), inbox.counts("till"), inbox.history(first.id), inbox.get(second.id)) == before


def test_results_of_an_older_revision_are_ignored(inbox: SqliteInbox) -> None:
    """A record that was replayed while it was processed waits for the result of its new revision."""
    record = store(inbox, 1)[0]
    inbox.finish([bad(record)])
    replayed = again(inbox, record)[0]
    inbox.finish([good(record, '{"old":1}')])
    assert inbox.waiting("till", 0, 10) == [replayed]
    inbox.finish([good(replayed, '{"new":1}')])
    assert [(one.revision, one.row) for one in all_outputs(inbox)] == [(1, '{"new":1}')]


@pytest.mark.req("G6")
def test_replay_with_the_same_rows_gives_nothing_new(inbox: SqliteInbox) -> None:
    """Replaying is idempotent: the same rows are in bronze already, also after they were taken and removed."""
    record = store(inbox, 1)[0]
    inbox.finish([good(record, '{"a":1}')])
    inbox.note_taken("till", 1)
    inbox._upkeep.turn()
    assert all_outputs(inbox) == []
    replayed = again(inbox, record)[0]
    assert replayed.revision == 1
    inbox.finish([good(replayed, '{"a":1}')])
    assert all_outputs(inbox) == []
    assert inbox.last_output("till") == 1
    replayed = again(inbox, record)[0]
    inbox.finish([good(replayed, '{"a":1}')])
    assert all_outputs(inbox) == []


@pytest.mark.req("G6")
def test_replay_with_other_rows_gives_all_anew(inbox: SqliteInbox) -> None:
    """Other rows: all of them, with the new revision; none any more: number 0, once."""
    record = store(inbox, 1)[0]
    inbox.finish([good(record, '{"a":1}', '{"a":2}')])
    inbox.finish([good(again(inbox, record)[0], '{"a":1}', '{"a":3}')])
    assert [(one.revision, one.number, one.row) for one in all_outputs(inbox)[2:]] == [
        (1, 1, '{"a":1}'),
        (1, 2, '{"a":3}'),
    ]
    inbox.finish([good(again(inbox, record)[0])])
    inbox.finish([good(again(inbox, record)[0])])
    assert [(one.revision, one.number, one.row) for one in all_outputs(inbox)[4:]] == [(2, 0, "")]
    inbox.finish([good(again(inbox, record)[0], '{"a":1}')])
    assert [(one.revision, one.number) for one in all_outputs(inbox)[5:]] == [(4, 1)]


@pytest.mark.req("G6")
def test_an_error_in_between_is_remembered_across(inbox: SqliteInbox) -> None:
    """Rows, then an error, then the same rows: bronze has them still, so nothing is given."""
    record = store(inbox, 1)[0]
    inbox.finish([good(record, '{"a":1}')])
    inbox.finish([bad(again(inbox, record)[0])])
    inbox.finish([good(again(inbox, record)[0], '{"a":1}')])
    assert len(all_outputs(inbox)) == 1
    assert [str(change.status) for change in inbox.history(record.id)] == [
        "just_in",
        "processed",
        "just_in",
        "error",
        "just_in",
        "processed",
    ]


@pytest.mark.req("G6")
def test_an_edited_body_is_processed_and_the_first_is_kept(inbox: SqliteInbox, clock: FakeClock) -> None:
    """An edit says who and why; the record as received stays."""
    record = store(inbox, 1)[0]
    inbox.finish([bad(record)])
    clock.advance(60)
    replayed = again(inbox, record, body=b'{"n": 99}')[0]
    assert (replayed.body, replayed.error) == (b'{"n": 99}', None)
    assert inbox.body_as_received(record.id) == b'{"n": 0}'
    change = inbox.history(record.id)[-1]
    assert (change.who, change.reason, change.revision) == ("ada", "handler fixed", 1)
    assert change.at == START + timedelta(minutes=1)
    assert again(inbox, record)[0].revision == 1
    with pytest.raises(UsageError, match="one record"):
        again(inbox, record, record, body=b"{}")


def test_a_record_that_waits_is_not_replayed(inbox: SqliteInbox) -> None:
    """`just_in` is left alone, unknown ids are ignored, and the count says how many were replayed."""
    first, second = store(inbox, 2)
    inbox.finish([bad(second)])
    ids = (first.id, second.id, "not an id", "00000000-0000-7000-8000-000000000000")
    assert inbox.replay(Replay(ids, "ada", "why")) == 1
    assert [record.revision for record in inbox.waiting("till", 0, 10)] == [0, 1]
    assert inbox.counts("till").by_status == {RecordStatus.JUST_IN: 2}


def test_a_bound_never_parts_a_record(inbox: SqliteInbox) -> None:
    """The bound is the last output of the record in which the limit falls; integrations do not mix."""
    first, second, third = store(inbox, 3)
    other = store(inbox, 1, "web")[0]
    inbox.finish([good(first, "1", "2"), good(other, "x"), good(second, "3", "4", "5"), good(third, "6")])
    assert inbox.bound_output("till", 0, 1) == 2
    assert inbox.bound_output("till", 0, 2) == 2
    assert inbox.bound_output("till", 0, 3) == 6
    assert inbox.bound_output("till", 2, 1) == 6
    assert inbox.bound_output("till", 0, 100) == 7
    assert inbox.bound_output("till", 7, 100) is None
    assert inbox.bound_output("nobody", 0, 1) is None
    assert [one.row for one in inbox.outputs("till", 2, 6)] == ["3", "4", "5"]
    assert [one.seq for one in inbox.outputs("web", 0, 100)] == [3]
    assert (inbox.last_output("till"), inbox.last_output("web"), inbox.last_output("nobody")) == (7, 3, None)


def test_a_bound_never_parts_a_record_of_two_revisions(inbox: SqliteInbox) -> None:
    """Two results of one record that stand side by side are two."""
    record = store(inbox, 1)[0]
    inbox.finish([good(record, "1", "2")])
    inbox.finish([good(again(inbox, record)[0], "3")])
    assert inbox.bound_output("till", 0, 1) == 2


def test_what_is_taken_may_go_and_is_counted_no_more(inbox: SqliteInbox) -> None:
    """Outputs are the same at every call until they are taken; then they go, and the greatest seq is still known."""
    records = store(inbox, 4)
    inbox.finish([good(record, "{}") for record in records])
    assert all_outputs(inbox) == all_outputs(inbox)
    inbox.note_taken("till", 3)
    inbox.note_taken("till", 1)
    assert inbox.counts("till").outputs_waiting == 1
    inbox._upkeep.turn()
    assert [one.seq for one in all_outputs(inbox)] == [4]
    inbox.note_taken("till", 4)
    inbox._upkeep.turn()
    assert all_outputs(inbox) == []
    assert inbox.last_output("till") == 4


@pytest.mark.req("G9")
def test_only_what_stands_in_bronze_is_archived_and_pruned(inbox: SqliteInbox) -> None:
    """Records that wait, failed, or gave rows that bronze has not, stay; a pruned one is known by its reference for the window."""
    waiting, failed, given, taken, empty = store(inbox, 5)
    inbox.finish([bad(failed), good(taken, "{}"), good(given, "{}"), good(empty)])
    inbox.note_taken("till", 1)
    late = START + timedelta(seconds=1)
    assert [record.id for record in inbox.archivable(late, 10)] == [taken.id, empty.id]
    assert [record.body for record in inbox.archivable(late, 1)] == [taken.body]
    assert inbox.archivable(START, 10) == []
    assert inbox.prune([record.seq for record in (waiting, failed, given, taken, empty)]) == 2
    assert inbox.get(taken.id) is None
    assert inbox.history(taken.id) == []
    assert inbox.counts("till").by_status == {
        RecordStatus.JUST_IN: 1,
        RecordStatus.ERROR: 1,
        RecordStatus.PROCESSED: 1,
    }
    assert submit(inbox, arrival(taken.reference, taken.body))[0].id == taken.id
    assert submit(inbox, arrival(taken.reference, b"other"))[0].first == taken.id


@pytest.mark.req("G9")
def test_references_of_pruned_records_are_forgotten_after_the_window(inbox: SqliteInbox, clock: FakeClock) -> None:
    """Upkeep forgets them then, and only then."""
    record = store(inbox, 1)[0]
    inbox.finish([good(record)])
    inbox.prune([record.seq])
    for days, left in ((6, 1), (2, 0)):
        clock.advance(days * 86_400)
        inbox._upkeep.turn()
        with inbox._database.read() as connection:
            assert connection.execute("SELECT count(*) FROM owners").fetchone()[0] == left
    assert inbox.find(RecordFilter(reference=record.reference)) == []


Given = list[tuple[str, ...] | None]


@given(st.lists(st.one_of(st.none(), st.lists(st.sampled_from("abc"), max_size=3).map(tuple)), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bronze_ends_with_the_last_good_rows(inbox: SqliteInbox, lives: Given) -> None:
    """However a record was replayed: who replaces a record's rows by those of its newest revision ends with the last good ones."""
    base = inbox.last_output("till") or 0
    record = store(inbox, 1, start=base * 1_000 + inbox.count(RecordFilter()))[0]
    for number, rows in enumerate(lives):
        if number:
            inbox.replay(Replay((record.id,), "ada", "again"))
        current = inbox.get(record.id)
        assert current is not None
        inbox.finish([bad(current) if rows is None else good(current, *rows)])
    revisions: dict[int, list[str]] = {}
    for one in inbox.outputs("till", base, 1 << 40):
        revisions.setdefault(one.revision, []).extend([one.row] if one.number else [])
    last = revisions[max(revisions)] if revisions else []
    assert tuple(last) == next((rows for rows in reversed(lives) if rows is not None), ())
