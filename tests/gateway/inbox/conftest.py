"""An inbox on a real file, and short ways to fill it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.adapters.embedded.inbox.rows import instant_to_us
from entrepot.ports.inbox import Accepted, Arrival, Inbox, InboxRecord, Processed, RecordError
from entrepot.testing.clock import START, FakeClock

WEEK_US = 7 * 86_400 * 1_000_000


def arrival(
    reference: str, body: bytes = b'{"a": 1}', integration: str = "till", at: datetime = START, window_us: int = WEEK_US
) -> Arrival:
    """One arrival."""
    return Arrival(
        integration, reference, instant_to_us(at), body, "application/json", (("x-till", "7"),), None, window_us
    )


def submit(inbox: Inbox, *arrivals: Arrival) -> Sequence[Accepted]:
    """Submit at once, and wait until it is durable."""
    told: list[Sequence[Accepted] | Exception] = []
    ready = threading.Event()

    def done(answer: Sequence[Accepted] | Exception) -> None:
        told.append(answer)
        ready.set()

    inbox.submit(arrivals, done)
    assert ready.wait(20)
    answer = told[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


def store(inbox: Inbox, count: int, integration: str = "till", start: int = 0) -> list[InboxRecord]:
    """Records with references `R-<number>`, as they wait."""
    submit(
        inbox, *(arrival(f"R-{number}", b'{"n": %d}' % number, integration) for number in range(start, start + count))
    )
    return list(inbox.waiting(integration, 0, 10_000))[-count:]


def good(record: InboxRecord, *rows: str, at: datetime = START) -> Processed:
    """A result with rows."""
    return Processed(record.seq, record.revision, at, tuple(rows))


def bad(record: InboxRecord, code: str = "handler_failed") -> Processed:
    """A result with an error."""
    return Processed(record.seq, record.revision, START, error=RecordError(code, "no such shop", ({"path": "shop"},)))


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def inbox(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteInbox]:
    """An empty inbox."""
    made = SqliteInbox(tmp_path / "inbox.db", clock)
    yield made
    made.close()
