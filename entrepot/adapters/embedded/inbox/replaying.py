"""Records that are to be processed again."""

from __future__ import annotations

import sqlite3

from entrepot.adapters.embedded.inbox.counting import change_counts, new_changes
from entrepot.adapters.embedded.inbox.rows import JUST_IN, text_to_id
from entrepot.kernel.errors import UsageError
from entrepot.ports.inbox import Replay

CHUNK = 500
"""Records in one transaction: others want to write too."""


def check(asked: Replay) -> None:
    """Refuse what has no meaning. Raises: UsageError."""
    if asked.body is not None and len(asked.ids) != 1:
        raise UsageError(
            f"an edited body is for one record; {len(asked.ids)} were named.",
            hint="Replay each edited record on its own.",
        )


def replay(connection: sqlite3.Connection, ids: tuple[str, ...], asked: Replay, at_us: int) -> int:
    """Back to `just_in` with the next revision; those that are `just_in` stay as they are."""
    changes = new_changes()
    done = 0
    for text in ids:
        row = _find(connection, text)
        if row is None or row["status"] == JUST_IN:
            continue
        seq, revision = row["seq"], row["revision"] + 1
        connection.execute("UPDATE records SET status = 0, revision = ? WHERE seq = ?", (revision, seq))
        connection.execute("DELETE FROM errors WHERE seq = ?", (seq,))
        connection.execute(
            "INSERT INTO history (seq, revision, status, at_us, code, reason, who) VALUES (?, ?, 0, ?, '', ?, ?)",
            (seq, revision, at_us, asked.why, asked.who),
        )
        if asked.body is not None:
            connection.execute("INSERT INTO edits (seq, revision, body) VALUES (?, ?, ?)", (seq, revision, asked.body))
        changes[row["integration"], row["status"], row["code"] or ""] -= 1
        changes[row["integration"], JUST_IN, ""] += 1
        done += 1
    change_counts(connection, changes)
    return done


def _find(connection: sqlite3.Connection, text: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT r.seq, r.integration, r.status, r.revision, e.code FROM records r LEFT JOIN errors e ON e.seq = r.seq WHERE r.id = ?",
        (text_to_id(text),),
    ).fetchone()
    return row
