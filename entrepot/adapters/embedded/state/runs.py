"""Runs: a log for people; recovery never reads it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from entrepot.adapters.embedded.state.rows import figures_to_json, instant_to_text, row_to_run
from entrepot.kernel.errors import RunError
from entrepot.ports.state import RunRecord


def start(connection: sqlite3.Connection, run: RunRecord) -> None:
    """Insert."""
    ended_at = None if run.ended_at is None else instant_to_text(run.ended_at)
    connection.execute(
        "INSERT INTO runs (id, started_at, ended_at, status, summary, is_micro) VALUES (?, ?, ?, ?, ?, ?)",
        (run.id, instant_to_text(run.started_at), ended_at, run.status, figures_to_json(run.summary), run.is_micro),
    )


def end(connection: sqlite3.Connection, id: str, *, status: str, at: datetime, summary: Mapping[str, Any]) -> None:
    """Close."""
    changed = connection.execute(
        "UPDATE runs SET status = ?, ended_at = ?, summary = ? WHERE id = ?",
        (status, instant_to_text(at), figures_to_json(summary), id),
    ).rowcount
    if changed != 1:
        raise RunError(f"the run {id} was never started.")


def list_runs(connection: sqlite3.Connection, limit: int, before: str | None = None) -> Sequence[RunRecord]:
    """Newest first; with `before` only those before that run, none when there is no such run."""
    where = (
        "" if before is None else "WHERE (started_at, rowid) < (SELECT started_at, rowid FROM runs WHERE id = :before) "
    )
    text = f"SELECT * FROM runs {where}ORDER BY started_at DESC, rowid DESC LIMIT :limit"
    rows = connection.execute(text, {"before": before, "limit": limit}).fetchall()
    return [row_to_run(row) for row in rows]


def find_run(connection: sqlite3.Connection, id: str) -> RunRecord | None:
    """The run of that id."""
    row = connection.execute("SELECT * FROM runs WHERE id = ?", (id,)).fetchone()
    return None if row is None else row_to_run(row)
