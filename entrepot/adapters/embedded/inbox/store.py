"""`SqliteInbox`: the port `Inbox` on one SQLite file; each method is one transaction."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from entrepot.adapters.embedded.inbox import arriving, finishing, looking, outgoing, pruning, replaying
from entrepot.adapters.embedded.inbox.names import Names
from entrepot.adapters.embedded.inbox.rows import (
    BODY,
    FROM_RECORD,
    SELECT_RECORD,
    STATUSES,
    instant_to_us,
    row_to_record,
    text_to_id,
    us_to_instant,
)
from entrepot.adapters.embedded.inbox.upkeep import Upkeep
from entrepot.adapters.embedded.inbox.writer import GroupWriter
from entrepot.adapters.embedded.state.database import Database, translate_errors
from entrepot.adapters.embedded.state.schema import load_migrations
from entrepot.ports.clock import Clock
from entrepot.ports.inbox import (
    Accepted,
    Arrival,
    Change,
    InboxCounts,
    InboxRecord,
    Output,
    Processed,
    RecordFilter,
    RecordStatus,
    Replay,
)

MOST_WAITING = 50_000
MOST_BYTES = 256_000_000
"""Of records that are handed over and not yet stored."""
CLEANED = 1_000
"""Rows that upkeep removes in one transaction."""


class SqliteInbox:
    """Opens or creates the file. Threads for storing and upkeep start when there is something to do.

    Raises: ProjectError when a newer program wrote it, DamageError when it is no inbox, SystemError_ when it is locked or the disk refuses.
    """

    def __init__(
        self, path: Path, clock: Clock, *, most_waiting: int = MOST_WAITING, most_bytes: int = MOST_BYTES
    ) -> None:
        self._database = Database(path, load_migrations(__package__), checkpoints=False)
        self._clock = clock
        self._names = Names()
        # Within a process those who write queue up here: SQLite lets them sleep and try again, and who sleeps longest loses.
        self._turn = threading.Lock()
        self._writer = GroupWriter(self._store, most_records=most_waiting, most_bytes=most_bytes)
        self._upkeep = Upkeep(path, self._connection, self._clean, self._writer.is_idle)

    def close(self) -> None:
        """Store what waits, then stop."""
        self._writer.close()
        self._upkeep.close()
        self._database.close()

    def submit(self, arrivals: Sequence[Arrival], done: Callable[[Sequence[Accepted] | Exception], None]) -> None:
        """Store arrivals together with others that wait; `done` is called from the writer's thread once they are durable.

        Raises: FullError at once when too much waits.
        """
        if not arrivals:
            done(())
            return
        self._writer.submit(arrivals, done)
        self._upkeep.start()

    # processing
    def waiting(self, integration: str, after: int, limit: int) -> Sequence[InboxRecord]:
        """Records that are `just_in`, oldest first, with their bodies."""
        with self._read(integration) as (connection, number):
            if number is None:
                return []
            rows = connection.execute(
                f"{SELECT_RECORD}, {BODY} {FROM_RECORD} "
                "WHERE r.integration = ? AND r.status = 0 AND r.seq > ? ORDER BY r.seq LIMIT ?",
                (number, after, limit),
            ).fetchall()
            return [row_to_record(row, row["body"]) for row in rows]

    def finish(self, results: Sequence[Processed]) -> None:
        """`just_in` → `processed` with outputs, or → `error`; one transaction."""
        with self._write() as connection:
            finishing.finish(connection, results)
        self._upkeep.start()

    # towards bronze
    def last_output(self, integration: str) -> int | None:
        """The greatest seq of an output."""
        with self._read(integration) as (connection, number):
            return None if number is None else outgoing.find_last(connection, number)

    def outputs(self, integration: str, after: int, upto: int) -> Sequence[Output]:
        """Outputs with after < seq <= upto, in order."""
        with self._read(integration) as (connection, number):
            return [] if number is None else outgoing.load(connection, number, after, upto)

    def bound_output(self, integration: str, after: int, limit: int) -> int | None:
        """The seq of the `limit`-th output after `after`, or of the last one of its record."""
        with self._read(integration) as (connection, number):
            return None if number is None else outgoing.find_bound(connection, number, after, limit)

    def taken(self, integration: str) -> int:
        """As the port says."""
        with self._read(integration) as (connection, number):
            return 0 if number is None else outgoing.find_taken(connection, number)

    def note_taken(self, integration: str, upto: int) -> None:
        """Outputs up to this seq stand in bronze."""
        with self._write() as connection:
            number = self._names.find(connection, integration)
            if number is not None:
                outgoing.note_taken(connection, number, upto)

    # towards a topic
    def forwarded(self, integration: str) -> int | None:
        """Up to which output the topic has them; None when outputs are not held for one."""
        with self._read(integration) as (connection, number):
            return None if number is None else outgoing.find_forwarded(connection, number)

    def hold_outputs(self, integration: str, *, wanted: bool) -> None:
        """Begin or end to keep outputs for a topic."""
        with self._read(integration) as (connection, number):
            if number is None or (outgoing.find_forwarded(connection, number) is not None) == wanted:
                return
        with self._write() as connection:
            outgoing.hold(connection, number, wanted=wanted)

    def note_forwarded(self, integration: str, upto: int) -> None:
        """Outputs up to this seq stand on the topic."""
        with self._write() as connection:
            number = self._names.find(connection, integration)
            if number is not None:
                outgoing.note_forwarded(connection, number, upto)

    # for people
    def get(self, id: str) -> InboxRecord | None:
        """One record, with its body."""
        with self._database.read() as connection:
            row = connection.execute(
                f"{SELECT_RECORD}, {BODY} {FROM_RECORD} WHERE r.id = ?", (text_to_id(id),)
            ).fetchone()
            return None if row is None else row_to_record(row, row["body"])

    def body_as_received(self, id: str) -> bytes | None:
        """The first body, whatever edits followed."""
        with self._database.read() as connection:
            row = connection.execute("SELECT body FROM records WHERE id = ?", (text_to_id(id),)).fetchone()
            return None if row is None else row[0]

    def history(self, id: str) -> Sequence[Change]:
        """Every change of its status, oldest first; the first is its receipt."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT received_us AS at_us, 0 AS status, 0 AS revision, '' AS code, '' AS reason, '' AS who "
                "FROM records WHERE id = ?1 UNION ALL "
                "SELECT h.at_us, h.status, h.revision, h.code, h.reason, h.who FROM history h JOIN records r ON r.seq = h.seq "
                "WHERE r.id = ?1 ORDER BY revision, status",
                (text_to_id(id),),
            ).fetchall()
            return [Change(us_to_instant(row[0]), STATUSES[row[1]], *row[2:]) for row in rows]

    def find(self, wanted: RecordFilter, *, limit: int = 50, before: int | None = None) -> Sequence[InboxRecord]:
        """Records without bodies, newest first."""
        with self._database.read() as connection:
            return looking.find(connection, wanted, self._numbers(connection, wanted), limit, before)

    def count(self, wanted: RecordFilter) -> int:
        """How many records `find` would give in all."""
        with self._database.read() as connection:
            return looking.count(connection, wanted, self._numbers(connection, wanted))

    def counts(self, integration: str) -> InboxCounts:
        """Where the records of an integration stand."""
        with self._read(integration) as (connection, number):
            return InboxCounts() if number is None else _count(connection, number)

    def replay(self, asked: Replay) -> int:
        """Back to `just_in` with the next revision; return how many were.

        Raises: UsageError when an edited body is given for several records.
        """
        replaying.check(asked)
        done = 0
        for start in range(0, len(asked.ids), replaying.CHUNK):
            with self._write() as connection:
                ids = asked.ids[start : start + replaying.CHUNK]
                done += replaying.replay(connection, ids, asked, instant_to_us(self._clock.now()))
        return done

    # upkeep
    def archivable(self, before: datetime, limit: int, *, integration: str | None = None) -> Sequence[InboxRecord]:
        """`processed` records received before, whose outputs stand in bronze: with bodies, oldest first."""
        with self._database.read() as connection:
            numbers = self._numbers(connection, RecordFilter(integration=integration))
            return pruning.list_archivable(connection, before, limit, numbers)

    def prune(self, seqs: Sequence[int]) -> int:
        """Forget records that were archived; those that are not processed or not in bronze stay. Return how many went."""
        done = 0
        for start in range(0, len(seqs), pruning.CHUNK):
            with self._write() as connection:
                done += pruning.prune(connection, seqs[start : start + pruning.CHUNK])
        return done

    def _store(self, arrivals: Sequence[Arrival]) -> Sequence[Accepted]:
        ids, digests = arriving.prepare(arrivals)
        try:
            return self._store_with(arriving.store_new, arrivals, ids, digests)
        except arriving.ReferenceKnown:
            return self._store_with(arriving.store_any, arrivals, ids, digests)

    def _store_with(
        self, how: arriving.How, arrivals: Sequence[Arrival], ids: Sequence[bytes], digests: Sequence[bytes]
    ) -> Sequence[Accepted]:
        with self._write() as connection:
            numbers = self._names.ensure(connection, {arrival.integration for arrival in arrivals})
            arrived = [
                arriving.Arrived(arrival, numbers[arrival.integration], id, digest)
                for arrival, id, digest in zip(arrivals, ids, digests, strict=True)
            ]
            answers = how(connection, arrived)
        self._names.remember(numbers)
        return answers

    def _clean(self) -> int:
        now_us = instant_to_us(self._clock.now())
        # Asked first without the lock: mostly there is nothing to do.
        with self._database.read() as connection:
            if not _is_untidy(connection, now_us):
                return 0
        with self._write() as connection:
            return outgoing.remove_taken(connection, CLEANED) + pruning.forget_references(connection, now_us, CLEANED)

    def _connection(self) -> sqlite3.Connection:
        with translate_errors(self._database.path):
            return self._database.connection()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._turn, self._database.write() as connection:
            yield connection

    @contextmanager
    def _read(self, integration: str) -> Iterator[tuple[sqlite3.Connection, int | None]]:
        with self._database.read() as connection:
            yield connection, self._names.find(connection, integration)

    def _numbers(self, connection: sqlite3.Connection, wanted: RecordFilter) -> list[int]:
        if wanted.integration is None:
            return self._names.all(connection)
        number = self._names.find(connection, wanted.integration)
        return [] if number is None else [number]


def _is_untidy(connection: sqlite3.Connection, now_us: int) -> bool:
    found: int = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM integrations i WHERE EXISTS "
        f"(SELECT 1 FROM outputs o WHERE o.integration = i.number AND o.seq <= {outgoing.DONE})) "
        "OR EXISTS (SELECT 1 FROM forgotten WHERE until_us < ?)",
        (now_us,),
    ).fetchone()[0]
    return bool(found)


def _count(connection: sqlite3.Connection, number: int) -> InboxCounts:
    by_status: dict[RecordStatus, int] = {}
    by_code: dict[str, int] = {}
    rows = connection.execute("SELECT status, code, records FROM counts WHERE integration = ?", (number,)).fetchall()
    for row in rows:
        if row["records"]:
            status = STATUSES[row["status"]]
            by_status[status] = by_status.get(status, 0) + row["records"]
            if status is RecordStatus.ERROR:
                by_code[row["code"]] = row["records"]
    oldest = connection.execute(
        "SELECT received_us FROM records WHERE integration = ? AND status = 0 ORDER BY seq LIMIT 1", (number,)
    ).fetchone()
    return InboxCounts(
        by_status, by_code, None if oldest is None else oldest[0], outgoing.count_waiting(connection, number)
    )
