"""The store of the outbox: idempotent, leased, ordered by key, with a history."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.adapters.embedded.outbox import SqliteOutbox
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.outbox import (
    Attempt,
    Delivery,
    Draft,
    Enqueueing,
    Finished,
    Message,
    MessageFilter,
    MessageStatus,
)
from entrepot.testing.clock import FakeClock
from tests.outbox.outboxes import draft, open_outbox, take


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def outbox(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteOutbox]:
    store = open_outbox(tmp_path, clock)
    yield store
    store.close()


def done(message: Message, status: MessageStatus = MessageStatus.ACKNOWLEDGED, **more: object) -> Finished:
    delivery = Delivery.DELIVERED if status is MessageStatus.ACKNOWLEDGED else Delivery.ATTEMPTED
    return Finished(message.id, message.attempt, status, delivery, **more)  # type: ignore[arg-type]


@pytest.mark.req("G7")
def test_a_message_handed_in_again_is_the_first_one(outbox: SqliteOutbox) -> None:
    """The same reference with the same content is stored once, also within one call."""
    first, twice = outbox.enqueue([draft(), draft()])
    again = outbox.enqueue([draft()])[0]
    assert (first.outcome, twice.outcome, again.outcome) == ("accepted", "repeated", "repeated")
    assert {first.id, twice.id, again.id} == {first.id}
    assert outbox.count(MessageFilter(integration="shop")) == 1


@pytest.mark.parametrize(
    "other",
    [
        Draft("shop", b"other", reference="o1", type="order.changed"),
        Draft("shop", b'{"order": 1}', reference="o1", type="order.gone"),
        Draft("shop", b'{"order": 1}', reference="o1", type="order.changed", key="k"),
        Draft("shop", b'{"order": 1}', reference="o1", type="order.changed", content_type="text/plain"),
    ],
    ids=["body", "type", "key", "content type"],
)
def test_another_content_under_a_known_reference_is_a_conflict(outbox: SqliteOutbox, other: Draft) -> None:
    """It is kept once as a dead message with the code `conflict`, is never sent, and names the first."""
    first = outbox.enqueue([draft()])[0]
    conflict = outbox.enqueue([other])[0]
    assert (conflict.outcome, conflict.first) == (Enqueueing.CONFLICT, first.id)
    assert outbox.enqueue([other])[0].id == conflict.id
    kept = outbox.get(conflict.id)
    assert kept is not None
    assert (kept.status, kept.code, kept.body) == (MessageStatus.DEAD, "conflict", other.body)
    assert [message.id for message in take(outbox)] == [first.id]


def test_references_are_of_one_integration(outbox: SqliteOutbox) -> None:
    """Two integrations may use the same references."""
    answers = outbox.enqueue([draft(), draft(integration="erp")])
    assert [answer.outcome for answer in answers] == ["accepted", "accepted"]


def test_an_id_of_the_sender_is_kept_and_recognised(outbox: SqliteOutbox) -> None:
    """A message with an id of its own is stored once under it, also when its reference is that id."""
    mine = Draft("shop", b"x", id="0190aaaa-0000-7000-8000-000000000001")
    assert outbox.enqueue([mine])[0].id == mine.id
    assert outbox.enqueue([mine])[0].outcome is Enqueueing.REPEATED
    clash = outbox.enqueue([Draft("shop", b"y", id=mine.id)])[0]
    assert clash.outcome is Enqueueing.CONFLICT


def test_a_taken_message_is_nobody_elses_until_its_lease_ends(outbox: SqliteOutbox, clock: FakeClock) -> None:
    """It comes again with the number of a new attempt, and the result of the old one counts no more."""
    outbox.enqueue([draft()])
    (first,) = take(outbox)
    assert take(outbox, holder="other") == []
    clock.advance(31)
    (second,) = take(outbox, holder="other")
    assert (first.attempt, second.attempt) == (1, 2)
    assert list(outbox.finish([done(first)])) == [False]
    assert list(outbox.finish([done(second), done(second)])) == [True, False]
    kept = outbox.get(first.id)
    assert kept is not None
    assert kept.status is MessageStatus.ACKNOWLEDGED


def test_what_a_dead_process_held_is_due_at_once(outbox: SqliteOutbox) -> None:
    """`release` gives back all leases of a holder."""
    outbox.enqueue([draft(1), draft(2)])
    take(outbox)
    assert list(outbox.holders()) == ["me"]
    assert outbox.release("me") == 2
    assert len(take(outbox, holder="other")) == 2


@pytest.mark.req("G7")
def test_a_later_message_of_a_key_waits_for_the_earlier(outbox: SqliteOutbox, clock: FakeClock) -> None:
    """Of each key only the first open one is given out; those of other keys and without key go on."""
    outbox.enqueue([draft(1, key="a"), draft(2, key="a"), draft(3, key="b"), draft(4), draft(5, key="a")])
    taken = take(outbox, ordered=True)
    assert [message.reference for message in taken] == ["o1", "o3", "o4"]
    later = round(clock.now().timestamp() * 1e6) + 60_000_000
    outbox.finish([done(taken[0], MessageStatus.QUEUED, next_us=later), done(taken[1]), done(taken[2])])
    assert take(outbox, ordered=True) == []
    clock.advance(61)
    (first,) = take(outbox, ordered=True)
    assert first.reference == "o1"
    outbox.finish([done(first)])
    (second,) = take(outbox, ordered=True)
    assert second.reference == "o2"
    outbox.acknowledge([second.id], who="me")
    assert [message.reference for message in take(outbox, ordered=True)] == ["o5"]


@pytest.mark.parametrize("holds", [True, False])
def test_a_dead_message_holds_its_key_where_that_is_stated(outbox: SqliteOutbox, holds: bool) -> None:
    """Later ones wait until a person sends it again or acknowledges it; else they go on."""
    outbox.enqueue([draft(1, key="a"), draft(2, key="a")])
    (first,) = take(outbox, ordered=True)
    outbox.finish([done(first, MessageStatus.DEAD, code="http_400", holds_key=holds)])
    assert [message.reference for message in take(outbox, ordered=True)] == ([] if holds else ["o2"])
    if holds:
        outbox.acknowledge([first.id], who="anna", reason="told by phone")
        assert [message.reference for message in take(outbox, ordered=True)] == ["o2"]


def test_a_message_sent_again_comes_before_later_ones_of_its_key(outbox: SqliteOutbox) -> None:
    """Resending the first of a key puts it before those that wait."""
    outbox.enqueue([draft(1, key="a"), draft(2, key="a")])
    (first,) = take(outbox, ordered=True)
    outbox.finish([done(first, MessageStatus.DEAD, code="http_400")])
    assert list(outbox.resend([first.id], who="anna", why="mended")) == [first.id]
    (again,) = take(outbox, ordered=True)
    assert (again.id, again.attempts, again.attempt) == (first.id, 1, 2)


def test_a_delivered_message_comes_back_when_nobody_acknowledges(outbox: SqliteOutbox, clock: FakeClock) -> None:
    """It holds nothing of its key meanwhile."""
    outbox.enqueue([draft(1, key="a"), draft(2, key="a")])
    (first,) = take(outbox, ordered=True)
    due = round(clock.now().timestamp() * 1e6) + 3_600_000_000
    delivered = Finished(first.id, first.attempt, MessageStatus.QUEUED, Delivery.DELIVERED, next_us=due)
    outbox.finish([delivered])
    assert [message.reference for message in take(outbox, ordered=True)] == ["o2"]
    clock.advance(3_601)
    back = take(outbox, ordered=True)
    assert (first.id, Delivery.DELIVERED) in [(message.id, message.delivery) for message in back]


def test_a_pause_holds_everything_back_and_is_seen(outbox: SqliteOutbox) -> None:
    """Nothing is given out; messages show `paused`; resuming brings all back."""
    outbox.enqueue([draft(1), draft(2)])
    assert outbox.pause("shop", reason="mending", who="anna")
    assert not outbox.pause("shop", reason="again", who="ben")
    assert take(outbox) == []
    assert outbox.next_due_us("shop") is None
    assert outbox.counts("shop").by_delivery == {Delivery.PAUSED: 2}
    assert outbox.count(MessageFilter(delivery=Delivery.PAUSED)) == 2
    assert outbox.count(MessageFilter(delivery=Delivery.WAITING)) == 0
    state = outbox.integration("shop")
    assert (state.paused, state.reason, state.who) == (True, "mending", "anna")
    assert outbox.resume("shop", reason="mended", who="anna")
    assert len(take(outbox)) == 2


def test_bounds_hold_over_all_holders(outbox: SqliteOutbox, clock: FakeClock) -> None:
    """Concurrency and rate are those of the integration, however many processes deliver."""
    outbox.enqueue([draft(number) for number in range(30)])
    assert len(take(outbox, most_leased=3, holder="a")) == 3
    assert take(outbox, most_leased=3, holder="b") == []
    outbox.release("a")
    taken = 0
    for _ in range(100):
        taken += len(take(outbox, per_second=10.0, holder="a")) + len(take(outbox, per_second=10.0, holder="b"))
        clock.advance(0.01)
    assert 10 <= taken <= 13


def test_a_queue_gives_up_after_so_many_deliveries(outbox: SqliteOutbox, clock: FakeClock) -> None:
    """A message that is taken and never acknowledged is dead in the end."""
    (answer,) = outbox.enqueue([draft()])
    for _ in range(3):
        assert len(take(outbox, most_attempts=3)) == 1
        clock.advance(31)
    assert take(outbox, most_attempts=3) == []
    kept = outbox.get(answer.id)
    assert kept is not None
    assert (kept.status, kept.code) == (MessageStatus.DEAD, "undelivered")


@pytest.mark.req("G3")
def test_every_change_and_attempt_is_kept(outbox: SqliteOutbox) -> None:
    """History names who and why; an attempt its digest, status, the beginning of the answer, and how long it took."""
    (answer,) = outbox.enqueue([draft()], who="api")
    (message,) = take(outbox)
    attempt = Attempt(1, 5, 12, "abc", "https://x/hook", 503, "é" * 5_000, "")
    outbox.finish([done(message, MessageStatus.DEAD, code="http_503", reason="no", record=attempt)])
    outbox.resend([answer.id], who="anna", why="they are back")
    outbox.acknowledge([answer.id], who="shop")
    changes = [(c.status, c.delivery, c.code, c.who) for c in outbox.history(answer.id)]
    assert changes == [
        ("queued", "waiting", "", "api"),
        ("queued", "attempted", "", "me"),
        ("dead", "attempted", "http_503", ""),
        ("queued", "waiting", "resend", "anna"),
        ("acknowledged", "delivered", "", "shop"),
    ]
    (kept,) = outbox.attempts(answer.id)
    assert (kept.status, kept.duration_ms, len(kept.excerpt.encode())) == (503, 12, 2_048)


def test_a_clock_that_was_wrong_delays_nothing_for_long(outbox: SqliteOutbox, clock: FakeClock) -> None:
    """A message that was put off while the clock ran years ahead is due once it is right again; ids stay unique."""
    clock.advance(10 * 365 * 86_400)
    outbox.enqueue([draft(1)])
    (message,) = take(outbox, per_second=5.0)
    outbox.finish(
        [done(message, MessageStatus.QUEUED, next_us=message.created_us + 5_000_000, hold_until_us=message.created_us)]
    )
    clock.advance(-10 * 365 * 86_400)
    outbox.enqueue([draft(2)])
    assert [m.reference for m in take(outbox, per_second=5.0)] == ["o1", "o2"]


def test_pruned_messages_are_still_known(outbox: SqliteOutbox, clock: FakeClock) -> None:
    """What was settled long ago goes; handed in again it is not sent again; what is queued stays."""
    first, second = outbox.enqueue([draft(1), draft(2)])
    outbox.acknowledge([first.id], who="me")
    clock.advance(100)
    assert outbox.prune(clock.now() - timedelta(seconds=50), 1_000) == 1
    assert outbox.get(first.id) is None
    assert outbox.history(first.id) == []
    assert outbox.enqueue([draft(1)])[0].outcome is Enqueueing.REPEATED
    assert outbox.get(second.id) is not None


def test_a_page_after_the_other_gives_all(outbox: SqliteOutbox) -> None:
    """`before` goes on where the last page ended, newest first."""
    outbox.enqueue([draft(number) for number in range(7)])
    first = outbox.find(MessageFilter(integration="shop"), limit=4)
    rest = outbox.find(MessageFilter(integration="shop"), limit=4, before=first[-1].seq)
    assert [m.reference for m in [*first, *rest]] == [f"o{n}" for n in reversed(range(7))]
    assert all(message.body == b"" for message in first)


def test_many_takers_never_share_a_message(outbox: SqliteOutbox) -> None:
    """Threads that take at once get each message once."""
    outbox.enqueue([draft(number) for number in range(200)])
    found: list[str] = []

    def work(name: str) -> None:
        while taken := take(outbox, 7, holder=name):
            found.extend(message.id for message in taken)
            outbox.finish([done(message) for message in taken])

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(set(found)) == 200


def test_a_file_that_is_no_outbox_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    """Another file under its name is never written to."""
    (tmp_path / "outbox.db").write_bytes(b"no database at all, but long enough to be looked at" * 20)
    with pytest.raises(EntrepotError, match="outbox"):
        open_outbox(tmp_path, clock)
