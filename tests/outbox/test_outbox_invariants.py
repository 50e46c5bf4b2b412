"""Whatever happens in whatever order, the store keeps its promises."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from entrepot.adapters.embedded.outbox import SqliteOutbox
from entrepot.kernel.errors import SystemError_
from entrepot.ports.outbox import Delivery, Finished, Message, MessageFilter, MessageStatus
from entrepot.testing.clock import FakeClock
from tests.outbox.outboxes import draft, open_outbox, take


class Life:
    """Random steps against one store."""

    def __init__(self, outbox: SqliteOutbox, clock: FakeClock, seed: int) -> None:
        self.outbox = outbox
        self.clock = clock
        self.chance = random.Random(seed)
        self.ids: list[str] = []
        self.held: list[Message] = []
        self.number = 0

    def step(self) -> None:
        self.chance.choice(
            [
                self.send,
                self.send,
                self.take,
                self.take,
                self.finish,
                self.finish,
                self.pass_time,
                self.settle,
                self.again,
            ]
        )()

    def send(self) -> None:
        self.number += 1
        key = self.chance.choice([None, "a", "b"])
        self.ids.append(self.outbox.enqueue([draft(self.number, key=key)])[0].id)

    def take(self) -> None:
        found = take(self.outbox, self.chance.randint(1, 4), ordered=True, lease_s=20.0)
        keys = [
            message.key for message in found if message.key is not None and message.delivery is not Delivery.DELIVERED
        ]
        assert len(keys) == len(set(keys)), "two of one key were given out at once"
        self.held += found

    def finish(self) -> None:
        if not self.held:
            return
        message = self.held.pop(self.chance.randrange(len(self.held)))
        now_us = round(self.clock.now().timestamp() * 1e6)
        status, delivery, next_us = self.chance.choice(
            [
                (MessageStatus.ACKNOWLEDGED, Delivery.DELIVERED, None),
                (MessageStatus.QUEUED, Delivery.ATTEMPTED, now_us + 15_000_000),
                (MessageStatus.QUEUED, Delivery.DELIVERED, now_us + 15_000_000),
                (MessageStatus.DEAD, Delivery.ATTEMPTED, None),
            ]
        )
        holds = status is MessageStatus.DEAD and self.chance.random() < 0.5
        self.outbox.finish([Finished(message.id, message.attempt, status, delivery, next_us=next_us, holds_key=holds)])

    def pass_time(self) -> None:
        self.clock.advance(self.chance.choice([1, 10, 25, -5]))

    def settle(self) -> None:
        if self.ids:
            self.outbox.acknowledge([self.chance.choice(self.ids)], who="test")

    def again(self) -> None:
        if self.ids:
            self.outbox.resend([self.chance.choice(self.ids)], who="test", why="random")


def check(folder: Path) -> None:
    """What must hold of the tables at any time."""
    connection = sqlite3.connect(folder / "outbox.db")
    wrong_heads = connection.execute(
        """SELECT count(*) FROM messages m WHERE head <> (holds AND (key IS NULL OR seq =
            (SELECT min(seq) FROM messages o WHERE o.integration = m.integration AND o.key = m.key AND o.holds = 1)))"""
    ).fetchone()[0]
    odd = connection.execute(
        """SELECT count(*) FROM messages WHERE (status = 'queued') <> (next_us IS NOT NULL) OR (status = 'queued') = (settled_us IS NOT NULL)
            OR (holder IS NOT NULL AND status <> 'queued') OR (status = 'acknowledged' AND holds = 1)
            OR (status = 'queued' AND delivery <> 'delivered' AND holds = 0)"""
    ).fetchone()[0]
    connection.close()
    assert (wrong_heads, odd) == (0, 0)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_random_lives_end_well(tmp_path: Path, seed: int) -> None:
    """After any steps the tables are consistent, and a patient deliverer settles every message."""
    clock = FakeClock()
    outbox = open_outbox(tmp_path, clock)
    life = Life(outbox, clock, seed)
    for number in range(250):
        life.step()
        if number % 10 == 0:
            check(tmp_path)
    dead = outbox.find(MessageFilter(status=MessageStatus.DEAD), limit=1_000)
    outbox.acknowledge([message.id for message in dead], who="test")
    for _ in range(300):
        clock.advance(30)
        for message in take(outbox, 100, ordered=True):
            done = Finished(message.id, message.attempt, MessageStatus.ACKNOWLEDGED, Delivery.DELIVERED)
            assert list(outbox.finish([done])) == [True]
    check(tmp_path)
    assert outbox.counts("shop").by_status == {MessageStatus.ACKNOWLEDGED: len(life.ids)}
    outbox.close()


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Handing in fails as a whole; with room again it goes on."""
    outbox = open_outbox(tmp_path, FakeClock())
    (first,) = outbox.enqueue([draft(0)])
    connection = outbox.database.connection()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(SystemError_, match="full"):
        outbox.enqueue([draft(number) for number in range(1, 2_000)])
    assert outbox.count(MessageFilter()) == 1
    connection.execute("PRAGMA max_page_count = 1000000")
    outbox.enqueue([draft(number) for number in range(1, 2_000)])
    assert outbox.count(MessageFilter()) == 2_000
    assert outbox.get(first.id) is not None
    outbox.close()
