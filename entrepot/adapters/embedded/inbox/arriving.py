"""Storing arrivals: who has a reference is decided inside the transaction that stores the record."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from entrepot.adapters.embedded.inbox.bulk import insert_rows
from entrepot.adapters.embedded.inbox.counting import Count, change_counts, last_record, note_span
from entrepot.adapters.embedded.inbox.rows import ERROR, JUST_IN, digest_body, id_to_text
from entrepot.kernel.ids import new_record_ids
from entrepot.ports.inbox import Accepted, Answer, Arrival

_RECORDS = "INSERT OR FAIL INTO records (seq, id, integration, reference, received_us, status, revision, attempts, key, content_type, headers, body)"
# OR FAIL: the transaction is taken back as a whole anyway, so SQLite need not keep a copy of each page to take back a statement.
_OWNERS = "INSERT OR IGNORE INTO owners (integration, reference, seq, id, digest, received_us, window_us)"
CONFLICT = "conflict"


class Arrived(NamedTuple):
    """An arrival with what it is stored under, if it is."""

    arrival: Arrival
    integration: int
    id: bytes
    digest: bytes


How = Callable[[sqlite3.Connection, Sequence[Arrived]], list[Accepted]]


@dataclass(slots=True)
class _Known:
    """Who has a reference."""

    id: bytes
    digest: bytes
    received_us: int


def prepare(arrivals: Sequence[Arrival]) -> tuple[list[bytes], list[bytes]]:
    """Ids and digests, made before the transaction: it must be short."""
    ids = new_record_ids([arrival.received_us for arrival in arrivals])
    return ids, [digest_body(arrival.body) for arrival in arrivals]


class ReferenceKnown(Exception):
    """A reference is not new: the transaction must be taken back, and done again one by one."""


def store_new(connection: sqlite3.Connection, arrived: Sequence[Arrived]) -> list[Accepted]:
    """Store arrivals whose references are all new. Raises: ReferenceKnown."""
    first = last_record(connection) + 1
    before = connection.total_changes
    insert_rows(connection, _OWNERS, [_owner(one, seq) for seq, one in enumerate(arrived, first)])
    if connection.total_changes - before != len(arrived):
        raise ReferenceKnown
    _store(connection, first, arrived, [JUST_IN] * len(arrived))
    return [Accepted(id_to_text(one.id), Answer.ACCEPTED) for one in arrived]


def store_any(connection: sqlite3.Connection, arrived: Sequence[Arrived]) -> list[Accepted]:
    """Store arrivals one by one: references may be known, also from earlier ones of the same group."""
    first = last_record(connection) + 1
    kept: list[Arrived] = []
    statuses: list[int] = []
    answers = []
    for one in arrived:
        answer = _judge(connection, one, first + len(kept))
        answers.append(answer)
        if answer.id == id_to_text(one.id):
            kept.append(one)
            statuses.append(JUST_IN if answer.answer is Answer.ACCEPTED else ERROR)
    if kept:
        _store(connection, first, kept, statuses)
    return answers


def _judge(connection: sqlite3.Connection, one: Arrived, seq: int) -> Accepted:
    owner = _find_owner(connection, one)
    if owner is None or not _within(one.arrival, owner):
        _take(connection, one, seq, following=owner is not None)
        return Accepted(id_to_text(one.id), Answer.ACCEPTED)
    if owner.digest == one.digest:
        return Accepted(id_to_text(owner.id), Answer.REPEATED)
    earlier = _find_conflict(connection, one)
    if earlier is None:
        _note_conflict(connection, one, seq, owner)
    return Accepted(id_to_text(earlier or one.id), Answer.CONFLICT, first=id_to_text(owner.id))


def _within(arrival: Arrival, known: _Known) -> bool:
    return arrival.window_us == 0 or arrival.received_us - known.received_us <= arrival.window_us


def _find_owner(connection: sqlite3.Connection, one: Arrived) -> _Known | None:
    row = connection.execute(
        "SELECT id, digest, received_us FROM owners WHERE integration = ? AND reference = ?",
        (one.integration, one.arrival.reference),
    ).fetchone()
    return None if row is None else _Known(row["id"], row["digest"], row["received_us"])


def _find_conflict(connection: sqlite3.Connection, one: Arrived) -> bytes | None:
    """The same conflicting body came before: its sender asks again, and is given the same answer."""
    rows = connection.execute(
        "SELECT id, digest, received_us FROM others WHERE integration = ? AND reference = ? AND digest = ? AND conflict ORDER BY seq DESC LIMIT 1",
        (one.integration, one.arrival.reference, one.digest),
    ).fetchall()
    found = [_Known(row["id"], row["digest"], row["received_us"]) for row in rows]
    return found[0].id if found and _within(one.arrival, found[0]) else None


def _take(connection: sqlite3.Connection, one: Arrived, seq: int, *, following: bool) -> None:
    if following:
        connection.execute(
            "INSERT INTO others (integration, reference, seq, id, digest, received_us, conflict) "
            "SELECT integration, reference, seq, id, digest, received_us, 0 FROM owners WHERE integration = ? AND reference = ?",
            (one.integration, one.arrival.reference),
        )
        connection.execute(
            "DELETE FROM owners WHERE integration = ? AND reference = ?", (one.integration, one.arrival.reference)
        )
    insert_rows(connection, _OWNERS, [_owner(one, seq)])


def _note_conflict(connection: sqlite3.Connection, one: Arrived, seq: int, owner: _Known) -> None:
    arrival = one.arrival
    connection.execute(
        "INSERT INTO others (integration, reference, seq, id, digest, received_us, conflict) VALUES (?, ?, ?, ?, ?, ?, 1)",
        (one.integration, arrival.reference, seq, one.id, one.digest, arrival.received_us),
    )
    connection.execute(
        "INSERT INTO errors (seq, integration, code, message, details) VALUES (?, ?, ?, ?, '[]')",
        (seq, one.integration, CONFLICT, explain_conflict(id_to_text(owner.id))),
    )
    connection.execute(
        "INSERT INTO history (seq, revision, status, at_us, code, reason, who) VALUES (?, 0, ?, ?, ?, ?, '')",
        (seq, ERROR, arrival.received_us, CONFLICT, explain_conflict(id_to_text(owner.id))),
    )


def explain_conflict(first: str) -> str:
    """The error of a record whose reference another one has."""
    return f"the record {first} came before with the same reference and another body."


def _store(connection: sqlite3.Connection, first: int, kept: Sequence[Arrived], statuses: Sequence[int]) -> None:
    headers = _Headers()
    rows = [
        (
            seq,
            one.id,
            one.integration,
            one.arrival.reference,
            one.arrival.received_us,
            status,
            0,
            0,
            one.arrival.key,
            one.arrival.content_type,
            headers.to_json(one.arrival.headers),
            one.arrival.body,
        )
        for seq, (one, status) in enumerate(zip(kept, statuses, strict=True), first)
    ]
    insert_rows(connection, _RECORDS, rows)
    times = [one.arrival.received_us for one in kept]
    last = first + len(kept) - 1
    note_span(connection, first, last, min(times), max(times))
    change_counts(connection, _count(kept, statuses))


def _count(kept: Sequence[Arrived], statuses: Sequence[int]) -> Counter[Count]:
    return Counter(
        (one.integration, status, CONFLICT if status == ERROR else "")
        for one, status in zip(kept, statuses, strict=True)
    )


def _owner(one: Arrived, seq: int) -> tuple[object, ...]:
    arrival = one.arrival
    return one.integration, arrival.reference, seq, one.id, one.digest, arrival.received_us, arrival.window_us


class _Headers:
    """Headers as JSON; the records of a batch share theirs."""

    __slots__ = ("_last", "_text")

    def __init__(self) -> None:
        self._last: object = None
        self._text = "[]"

    def to_json(self, headers: tuple[tuple[str, str], ...]) -> str:
        if headers is not self._last:
            self._last = headers
            self._text = orjson.dumps(headers).decode()
        return self._text
