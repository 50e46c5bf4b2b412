"""What the tests of the state run in processes of their own."""

from __future__ import annotations

import os
import signal
import sqlite3
import warnings
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

from state_values import AT, COUNTS, draft

from entrepot.adapters.embedded.state import SqliteState
from entrepot.adapters.embedded.state.database import Database
from entrepot.adapters.embedded.state.schema import Migration, load_migrations
from entrepot.app.clock import SystemClock
from entrepot.kernel.errors import ConflictError

UPGRADE = "CREATE TABLE upgraded (x);\nINSERT INTO upgraded VALUES (1);\n"


def plan_in_rounds(folder: Path, flow: str, holder: str, rounds: int, barrier: Barrier, contents: str) -> None:
    """Plan and settle one batch a round, at the same moment as the other process; losing a round is fine."""
    state = SqliteState(folder / "state.db", SystemClock())
    for number in range(rounds):
        lease = state.acquire(f"flow:{flow}/{holder}", holder, 60)
        last = state.last_plan(flow)
        barrier.wait(60)
        try:
            made = draft(flow, contents=(f"{contents}{number}",))
            plan = state.add_plan(made, lease, last.sequence if last else 0)
            state.settle(plan, counts=COUNTS, version=plan.batch, superseded_rows=0, at=AT, details={})
        except ConflictError:
            pass
        barrier.wait(60)
    state.close()


def open_many(folder: Path, barrier: Barrier) -> None:
    """Open states that nobody has made yet, then migrate them, at the same moment as the other processes."""
    for number in range(10):
        barrier.wait(60)
        state = SqliteState(folder / f"state{number}.db", SystemClock())
        state.acquire(f"flow:{os.getpid()}", "h", 60)
        state.close()
        barrier.wait(60)
        known = load_migrations()
        Database(folder / f"state{number}.db", (*known, Migration(len(known) + 1, "next", UPGRADE))).close()


def run_forked(work: Callable[[], object]) -> int:
    """Do the work in a forked process; return its exit code, negative for a signal. Faster than a new interpreter."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # Python warns of forks beside threads; the child uses none.
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def act_and_die(folder: Path, action: str, statement: int) -> None:
    """Kill this process just before the given statement of one method (0 is BEGIN IMMEDIATE)."""
    state = SqliteState(folder / "state.db", SystemClock())
    lease = state.acquire("flow:sales", "h", 60)
    seen = -1

    def strike(text: str) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    connection: sqlite3.Connection = state._database.connection()
    opened = state.open_plan("sales")
    connection.set_trace_callback(strike)
    if action == "add_plan":
        last = state.last_plan("sales")
        seen = -1
        state.add_plan(draft(contents=("new",), supersedes=("old",)), lease, last.sequence if last else 0)
    elif opened is not None and action == "settle":
        state.settle(opened, counts=COUNTS, version=9, superseded_rows=0, at=AT, details={})
    elif opened is not None and action == "void":
        state.void(opened, reason="poison", version=9, at=AT)
    connection.set_trace_callback(None)
