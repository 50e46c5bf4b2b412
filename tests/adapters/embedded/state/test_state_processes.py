"""Several processes, one state: no doubled number, no doubled content, and a kill leaves all of a step or nothing."""

from __future__ import annotations

import multiprocessing
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import planning_worker
import pytest
from state_values import draft, lease_of, open_state, plan_and_settle

from entrepot.adapters.embedded.state import SqliteState
from entrepot.app.clock import SystemClock
from entrepot.ports.state import PlanStatus

SPAWN = multiprocessing.get_context("spawn")
ROUNDS = 20


def run_together(target: Callable[..., None], *arguments: tuple[object, ...]) -> None:
    """One process for each tuple of arguments; all end well."""
    processes = [SPAWN.Process(target=target, args=given) for given in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
    assert [process.exitcode for process in processes] == [0] * len(processes)


@pytest.mark.req("X3", "S10")
def test_two_processes_never_plan_one_thing_twice(tmp_path: Path) -> None:
    """Both plan for one flow the same content at the same moment, without a common lease: one wins each round."""
    barrier = SPAWN.Barrier(2)
    common = (ROUNDS, barrier, "same")
    run_together(planning_worker.plan_in_rounds, (tmp_path, "sales", "a", *common), (tmp_path, "sales", "b", *common))
    state = SqliteState(tmp_path / "state.db", SystemClock())
    plans = state.plans(flow="sales")
    assert [plan.sequence for plan in plans] == list(range(1, ROUNDS + 1))
    assert [plan.batch for plan in plans] == list(range(1, ROUNDS + 1))
    assert [plan.draft.contents for plan in plans] == [(f"same{number}",) for number in range(ROUNDS)]
    assert {plan.status for plan in plans} == {PlanStatus.SETTLED}
    state.close()


@pytest.mark.req("X3")
def test_two_flows_into_one_table_never_share_a_batch_number(tmp_path: Path) -> None:
    """Both win every round; the table's numbers have no gap."""
    barrier = SPAWN.Barrier(2)
    run_together(
        planning_worker.plan_in_rounds,
        (tmp_path, "sales", "a", ROUNDS, barrier, "x"),
        (tmp_path, "shop", "b", ROUNDS, barrier, "x"),
    )
    state = SqliteState(tmp_path / "state.db", SystemClock())
    assert [plan.batch for plan in state.plans(target="bronze.sales")] == list(range(1, 2 * ROUNDS + 1))
    for flow in ("sales", "shop"):
        assert [plan.sequence for plan in state.plans(flow=flow)] == list(range(1, ROUNDS + 1))
    state.close()


def test_processes_that_open_a_new_state_together_get_one(tmp_path: Path) -> None:
    """One of them makes the file, all write to that one, one of them migrates it, nothing is left beside it."""
    barrier = SPAWN.Barrier(3)
    run_together(planning_worker.open_many, *[(tmp_path, barrier)] * 3)
    for number in range(10):
        with closing(sqlite3.connect(tmp_path / f"state{number}.db")) as connection:
            assert connection.execute("SELECT count(*) FROM leases").fetchone() == (3,)
            assert connection.execute("SELECT count(*) FROM upgraded").fetchone() == (1,)
    assert not list(tmp_path.glob("*.new*"))


@pytest.mark.req("X3")
@pytest.mark.parametrize("action", ["add_plan", "settle", "void"])
def test_a_kill_at_any_statement_leaves_all_or_nothing(tmp_path: Path, action: str) -> None:
    """Before COMMIT nothing has happened; then the step can be done again; afterwards it is done."""
    statement, died = 0, True
    while died:
        folder = tmp_path / str(statement)
        prepare(folder, action)
        before = summary(folder)
        code = planning_worker.run_forked(partial(planning_worker.act_and_die, folder, action, statement))
        died = code == -signal.SIGKILL
        after = summary(folder)
        if died:
            assert after == before
        else:
            assert code == 0
            assert after == DONE[action]
        statement += 1
    assert statement > 4


DONE = {
    "add_plan": ([(1, "settled"), (2, "open")], {"new": 2}, 1),
    "settle": ([(1, "settled"), (2, "settled")], {"new": 2}, 9),
    "void": ([(1, "settled"), (2, "voided")], {"old": 1}, 9),
}


def prepare(folder: Path, action: str) -> None:
    state = open_state(folder, None)
    state._clock = SystemClock()
    lease = lease_of(state, holder="h")
    plan_and_settle(state, lease, draft(contents=("old",)))
    if action != "add_plan":
        state.add_plan(draft(contents=("new",), supersedes=("old",)), lease, 1)
    state.close()


def summary(folder: Path) -> tuple[list[tuple[int, str]], dict[str, int], int]:
    """Plans, live contents, the durable mark; the file itself is sound."""
    state = SqliteState(folder / "state.db", SystemClock())
    with state._database.read() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    live = {content: state.live_content("sales", content) for content in ("old", "new")}
    plans = [(plan.sequence, str(plan.status)) for plan in state.plans(flow="sales")]
    mark = state.durable_version("bronze.sales")
    state.close()
    return plans, {content: plan.sequence for content, plan in live.items() if plan}, mark
