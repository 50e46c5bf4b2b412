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
        "INSERT INTO runs (id, started_at, ended_at, status, summary) VALUES (?, ?, ?, ?, ?)",
        (run.id, instant_to_text(run.started_at), ended_at, run.status, figures_to_json(run.summary)),
    )


def end(connection: sqlite3.Connection, id: str, *, status: str, at: datetime, summary: Mapping[str, Any]) -> None:
    """Close."""
    changed = connection.execute(
        "UPDATE runs SET status = ?, ended_at = ?, summary = ? WHERE id = ?",
        (status, instant_to_text(at), figures_to_json(summary), id),
    ).rowcount
    if changed != 1:
        raise RunError(f"the run {id} was never started.")


def list_runs(connection: sqlite3.Connection, limit: int) -> Sequence[RunRecord]:
    """Newest first."""
    rows = connection.execute("SELECT * FROM runs ORDER BY started_at DESC, rowid DESC LIMIT ?", (limit,)).fetchall()
    return [row_to_run(row) for row in rows]
