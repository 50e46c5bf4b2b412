"""`SqliteOutbox`: the port `Outbox` on one SQLite file; each method is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from entrepot.adapters.embedded.outbox import enqueueing, finishing, reading, taking
from entrepot.adapters.embedded.outbox.rows import (
    COLUMNS,
    attempt_of,
    change_of,
    integration_of,
    message_of,
    to_us,
)
from entrepot.adapters.embedded.state.database import Database
from entrepot.adapters.embedded.state.schema import load_migrations
from entrepot.kernel.points import reached
from entrepot.ports.clock import Clock
from entrepot.ports.outbox import (
    Attempt,
    Draft,
    Enqueued,
    Finished,
    IntegrationState,
    Message,
    MessageChange,
    MessageFilter,
    OutboxCounts,
    Take,
)


class SqliteOutbox:
    """Opens or creates the file.

    Raises: ProjectError when a newer program wrote it, DamageError when it is no outbox, SystemError_ when it is locked or the disk refuses.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.database = Database(path, load_migrations(__package__))
        self._clock = clock

    def close(self) -> None:
        """Close the connections of all threads."""
        self.database.close()

    def _now(self) -> int:
        # asked under the lock: waiting for it takes time, and what was stored before must not be later
        return to_us(self._clock.now())

    def enqueue(self, drafts: Sequence[Draft], *, who: str = "") -> Sequence[Enqueued]:
        """As the port says, in one transaction."""
        if not drafts:
            return ()
        with self.database.write() as connection:
            return enqueueing.enqueue(connection, self._now(), drafts, who)

    # on the way
    def take(self, wanted: Take) -> Sequence[Message]:
        """As the port says. Not synced: a lease that is lost with the power is one of processes that are gone too."""
        with self._write_unsynced() as connection:
            found = taking.take(connection, self._now(), wanted)
        if found:
            reached("outbox.taken")
        return found

    @contextmanager
    def _write_unsynced(self) -> Iterator[sqlite3.Connection]:
        own = self.database.connection()
        own.execute("PRAGMA synchronous = NORMAL")
        try:
            with self.database.write() as connection:
                yield connection
        finally:
            own.execute("PRAGMA synchronous = FULL")

    def finish(self, results: Sequence[Finished]) -> Sequence[bool]:
        """As the port says."""
        with self.database.write() as connection:
            now_us = self._now()
            return [finishing.finish(connection, now_us, done) for done in results]

    def prolong(self, id: str, attempt: int, lease_s: float) -> bool:
        """As the port says."""
        with self.database.write() as connection:
            return taking.prolong(connection, self._now(), id, attempt, lease_s)

    def holders(self) -> Sequence[str]:
        """As the port says."""
        with self.database.read() as connection:
            sql = "SELECT DISTINCT holder FROM messages WHERE holder IS NOT NULL AND status = 'queued'"
            return [row[0] for row in connection.execute(sql).fetchall()]

    def release(self, holder: str) -> int:
        """As the port says."""
        with self.database.write() as connection:
            return taking.release(connection, self._now(), holder)

    def next_due_us(self, integration: str) -> int | None:
        """As the port says."""
        state = self.integration(integration)
        if state.paused:
            return None
        with self.database.read() as connection:
            sql = "SELECT min(next_us) FROM messages WHERE integration = ? AND status = 'queued' AND (head = 1 OR holds = 0)"
            due: int | None = connection.execute(sql, (integration,)).fetchone()[0]
        held = to_us(state.hold_until) if state.hold_until is not None else 0
        return None if due is None else max(due, held)

    def acknowledge(
        self, ids: Sequence[str], *, who: str, reason: str = "", integration: str | None = None
    ) -> Sequence[str]:
        """As the port says."""
        with self.database.write() as connection:
            return finishing.acknowledge(connection, self._now(), ids, who, reason, integration)

    # integrations
    def pause(self, integration: str, *, reason: str, who: str) -> bool:
        """As the port says."""
        sql = """INSERT INTO integrations (integration, paused, reason, who, since_us) VALUES (:i, 1, :reason, :who, :now)
            ON CONFLICT (integration) DO UPDATE SET paused = 1, reason = :reason, who = :who, since_us = :now WHERE paused = 0"""
        with self.database.write() as connection:
            values = {"i": integration, "reason": reason, "who": who, "now": self._now()}
            return connection.execute(sql, values).rowcount == 1

    def resume(self, integration: str, *, reason: str, who: str) -> bool:
        """As the port says."""
        sql = """UPDATE integrations SET paused = 0, reason = :reason, who = :who, since_us = NULL, failures = 0,
            failing_since_us = NULL, hold_until_us = NULL WHERE integration = :i AND paused = 1"""
        with self.database.write() as connection:
            return connection.execute(sql, {"i": integration, "reason": reason, "who": who}).rowcount == 1

    def integration(self, integration: str) -> IntegrationState:
        """As the port says."""
        with self.database.read() as connection:
            sql = "SELECT * FROM integrations WHERE integration = ?"
            return integration_of(integration, connection.execute(sql, (integration,)).fetchone())

    # for people
    def get(self, id: str) -> Message | None:
        """As the port says."""
        with self.database.read() as connection:
            row = connection.execute(f"SELECT {COLUMNS}, m.body FROM messages m WHERE m.id = ?", (id,)).fetchone()
            return None if row is None else message_of(row, row["body"])

    def history(self, id: str) -> Sequence[MessageChange]:
        """As the port says."""
        with self.database.read() as connection:
            rows = connection.execute("SELECT * FROM changes WHERE id = ? ORDER BY number", (id,)).fetchall()
            return [change_of(row) for row in rows]

    def attempts(self, id: str) -> Sequence[Attempt]:
        """As the port says."""
        with self.database.read() as connection:
            rows = connection.execute("SELECT * FROM attempts WHERE id = ? ORDER BY number", (id,)).fetchall()
            return [attempt_of(row) for row in rows]

    def find(self, wanted: MessageFilter, *, limit: int = 50, before: int | None = None) -> Sequence[Message]:
        """As the port says."""
        with self.database.read() as connection:
            return reading.find(connection, wanted, limit, before)

    def count(self, wanted: MessageFilter) -> int:
        """As the port says."""
        with self.database.read() as connection:
            return reading.count(connection, wanted)

    def counts(self, integration: str) -> OutboxCounts:
        """As the port says."""
        with self.database.read() as connection:
            return reading.counts(connection, integration)

    def resend(self, ids: Sequence[str], *, who: str, why: str) -> Sequence[str]:
        """As the port says."""
        with self.database.write() as connection:
            return finishing.resend(connection, self._now(), ids, who, why)

    # upkeep
    def prune(self, before: datetime, limit: int) -> int:
        """As the port says; in slices, so that nobody waits long for the lock."""
        pruned = 0
        while pruned < limit:
            found = self._prune_some(to_us(before), min(500, limit - pruned))
            pruned += found
            if not found:
                break
        return pruned

    def _prune_some(self, before_us: int, limit: int) -> int:
        with self.database.write() as connection:
            sql = "SELECT id FROM messages WHERE settled_us < ? AND holds = 0 ORDER BY settled_us LIMIT ?"
            ids = [(row[0],) for row in connection.execute(sql, (before_us, limit)).fetchall()]
            for table in ("messages", "attempts", "changes"):
                connection.executemany(f"DELETE FROM {table} WHERE id = ?", ids)
            return len(ids)
