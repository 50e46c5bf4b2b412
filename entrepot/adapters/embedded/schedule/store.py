"""`SqliteSchedule`: the port `ScheduleStore` on one SQLite file; each method is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from entrepot.adapters.embedded.schedule import calls as calls_
from entrepot.adapters.embedded.schedule import firings as firings_
from entrepot.adapters.embedded.schedule import slots as slots_
from entrepot.adapters.embedded.schedule.rows import instant, row_to_deadline, text
from entrepot.adapters.embedded.schedule.turns import read_pauses, read_snapshot, write_decision, write_happenings
from entrepot.adapters.embedded.state.database import Database
from entrepot.adapters.embedded.state.schema import load_migrations
from entrepot.ports.schedule import (
    Call,
    DeadlineRecord,
    Decision,
    Firing,
    FiringStatus,
    Happening,
    Pause,
    Slot,
    Snapshot,
)


class SqliteSchedule:
    """Opens or creates the file.

    Raises: ProjectError when a newer program wrote it, DamageError when it is not ours, SystemError_ when it is locked or the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, load_migrations(__package__))

    def close(self) -> None:
        """Close the connections of all threads."""
        self._database.close()

    # deciding
    def turn(self, now: datetime, decide: Callable[[Snapshot], Decision]) -> Decision:
        """Look without the lock first: most turns find nothing, and write nothing."""
        with self._database.read() as connection:
            if (decision := decide(read_snapshot(connection, now))).is_empty:
                return decision
        with self._database.write() as connection:
            decision = decide(read_snapshot(connection, now))
            write_decision(connection, decision)
        return decision

    def tell(self, happenings: Sequence[Happening]) -> None:
        """Keep happenings for the next turn."""
        with self._database.write() as connection:
            write_happenings(connection, happenings)

    def tell_watched(self, happenings: Sequence[Happening], name: str, was: str | None, mark: str) -> bool:
        """Keep happenings and move a mark, where it still stands as it was."""
        with self._database.write() as connection:
            row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
            if (None if row is None else row["value"]) != was:
                return False
            write_happenings(connection, happenings)
            connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, mark))
        return True

    def mark(self, name: str) -> str | None:
        """How far something was watched."""
        with self._database.read() as connection:
            row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    # firings
    def start(self, now: datetime, holder: str) -> Firing | None:
        """Take the oldest firing whose time has come."""
        with self._database.read() as connection:
            if connection.execute("SELECT 1 FROM firings WHERE status = 'waiting' LIMIT 1").fetchone() is None:
                return None
        with self._database.write() as connection:
            return firings_.start(connection, now, holder)

    def end(self, firing: Firing, calls: Sequence[Call] = (), deadline: DeadlineRecord | None = None) -> None:
        """Write down how a running firing ended, with what follows from it."""
        with self._database.write() as connection:
            if not firings_.end(connection, firing):
                return
            calls_.add(connection, calls)
            if deadline is not None:
                _add_deadline(connection, deadline)

    def revive(self, is_alive: Callable[[str], bool]) -> Sequence[Firing]:
        """Let firings whose process died wait again."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT holder FROM firings WHERE status = 'running'").fetchall()
        if all(is_alive(row["holder"] or "") for row in rows):
            return []
        with self._database.write() as connection:
            return firings_.revive(connection, is_alive)

    def ask_cancel(self, id: str, reason: str, now: datetime) -> Firing | None:
        """Cancel a waiting firing, ask a running one to stop."""
        with self._database.write() as connection:
            return firings_.ask_cancel(connection, id, reason, now)

    def cancels(self, holder: str) -> Mapping[str, str]:
        """firing → why."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id, cancel FROM firings WHERE status = 'running' AND cancel IS NOT NULL AND holder = ?",
                (holder,),
            ).fetchall()
        return {row["id"]: row["cancel"] for row in rows}

    def firings(
        self, *, trigger: str | None = None, status: FiringStatus | None = None, limit: int = 50
    ) -> Sequence[Firing]:
        """Newest first."""
        with self._database.read() as connection:
            return firings_.list_firings(connection, trigger, status, limit)

    def firing(self, id: str) -> Firing | None:
        """One firing."""
        with self._database.read() as connection:
            return firings_.find(connection, id)

    def next_waiting(self) -> datetime | None:
        """The earliest `not_before`."""
        with self._database.read() as connection:
            row = connection.execute("SELECT min(not_before) AS at FROM firings WHERE status = 'waiting'").fetchone()
        return instant(row["at"])

    # pauses
    def pause(self, pause: Pause) -> None:
        """Set or replace a trigger's pause."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO pauses VALUES (?, ?, ?, ?, ?)",
                (pause.trigger, text(pause.at), pause.reason, pause.by, text(pause.until)),
            )

    def resume(self, trigger: str) -> bool:
        """End a pause."""
        with self._database.write() as connection:
            return connection.execute("DELETE FROM pauses WHERE trigger_name = ?", (trigger,)).rowcount == 1

    def pauses(self, now: datetime) -> Mapping[str, Pause]:
        """Those that have not run out."""
        with self._database.read() as connection:
            return read_pauses(connection, now)

    # deadlines
    def note_deadline(self, record: DeadlineRecord, calls: Sequence[Call] = ()) -> bool:
        """Write down what became of a deadline, once."""
        with self._database.write() as connection:
            is_new = _add_deadline(connection, record)
            if is_new:
                calls_.add(connection, calls)
            return is_new

    def deadlines(self, trigger: str | None = None, limit: int = 50) -> Sequence[DeadlineRecord]:
        """Newest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM deadlines WHERE ?1 IS NULL OR trigger_name = ?1 ORDER BY deadline DESC, at DESC LIMIT ?2",
                (trigger, limit),
            ).fetchall()
        return [row_to_deadline(row) for row in rows]

    # calls
    def add_calls(self, calls: Sequence[Call]) -> None:
        """Keep calls to be made."""
        with self._database.write() as connection:
            calls_.add(connection, calls)

    def next_call(self) -> datetime | None:
        """When the next call is due."""
        with self._database.read() as connection:
            row = connection.execute("SELECT min(next_at) AS at FROM calls WHERE done_at IS NULL").fetchone()
        return instant(row["at"])

    def take_calls(self, now: datetime, limit: int, hold_s: float) -> Sequence[Call]:
        """Calls whose time has come."""
        with self._database.read() as connection:
            if (
                connection.execute(
                    "SELECT 1 FROM calls WHERE done_at IS NULL AND next_at <= ?", (text(now),)
                ).fetchone()
                is None
            ):
                return []
        with self._database.write() as connection:
            return calls_.take(connection, now, limit, hold_s)

    def note_call(self, call: Call) -> None:
        """Write down what an attempt came to."""
        with self._database.write() as connection:
            calls_.note(connection, call)

    def calls(self, limit: int = 50) -> Sequence[Call]:
        """Newest first."""
        with self._database.read() as connection:
            return calls_.list_calls(connection, limit)

    # slots
    def enter(self, system: str, most: int, holder: str, is_alive: Callable[[str], bool]) -> Slot | None:
        """A free slot of a system."""
        with self._database.write() as connection:
            return slots_.enter(connection, system, most, holder, is_alive)

    def leave(self, slot: Slot) -> None:
        """Give it back."""
        with self._database.write() as connection:
            slots_.leave(connection, slot)

    def slots(self) -> Sequence[Slot]:
        """Those that are taken."""
        with self._database.read() as connection:
            return slots_.list_slots(connection)

    def prune(self, before: datetime) -> int:
        """Forget what ended before an instant. What a clock that was set back could show again is younger."""
        with self._database.write() as connection:
            at = text(before)
            gone = connection.execute("DELETE FROM firings WHERE ended_at < ?", (at,)).rowcount
            gone += connection.execute("DELETE FROM deadlines WHERE deadline < ?", (at,)).rowcount
            return gone + connection.execute("DELETE FROM calls WHERE done_at < ?", (at,)).rowcount


def _add_deadline(connection: sqlite3.Connection, record: DeadlineRecord) -> bool:
    """False when that was known, or that it was met or missed: both are final."""
    at, state = text(record.deadline), record.state.value
    known = connection.execute(
        "SELECT 1 FROM deadlines WHERE trigger_name = ? AND deadline = ? AND state IN (?, 'met', 'missed')",
        (record.trigger, at, state),
    ).fetchone()
    if known is not None:
        return False
    connection.execute(
        "INSERT INTO deadlines VALUES (?, ?, ?, ?, ?, ?)",
        (record.trigger, at, state, text(record.at), record.firing, record.why),
    )
    return True
