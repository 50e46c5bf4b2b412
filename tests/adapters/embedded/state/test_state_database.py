"""The file: created whole, migrated in order, refused when it is newer or not ours, safe in threads and forks."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from planning_worker import run_forked
from state_values import AT, draft, lease_of, open_state, plan_and_settle, settle

from entrepot.adapters.embedded.state import SqliteState
from entrepot.adapters.embedded.state.database import Database
from entrepot.adapters.embedded.state.schema import APPLICATION_ID, Migration, load_migrations, split_statements
from entrepot.kernel.errors import ConflictError, DamageError, ProjectError, SystemError_
from entrepot.kernel.positions import Cursor
from entrepot.ports.state import PlanStatus, RunRecord
from entrepot.testing.clock import FakeClock

FIXTURE = Path(__file__).parent / "state_0001.sql"


def make_old(path: Path) -> None:
    """A state as the first version wrote it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIXTURE.read_text(encoding="utf-8"))


def test_a_state_of_the_first_version_is_opened(tmp_path: Path) -> None:
    """Everything that was in it is read by the present program, and it goes on from there."""
    make_old(tmp_path / "state.db")
    state = open_state(tmp_path)
    plans = state.plans(flow="erp")
    assert [(p.sequence, p.batch, p.status) for p in plans] == [
        (1, 1, PlanStatus.SETTLED),
        (2, 2, PlanStatus.VOIDED),
        (3, 3, PlanStatus.OPEN),
    ]
    assert [p.draft.position for p in plans] == [Cursor(None, 5), Cursor(5, 9), Cursor(5, 12)]
    live = state.live_content("files", "x")
    assert live is not None
    assert live.sequence == 2
    assert state.live_content("files", "w") is None
    assert [p.sequence for p in state.unacknowledged("erp")] == [2]
    assert (state.durable_version("bronze.erp"), state.table_id("bronze.erp")) == (2, "id-1")
    release = state.latest_release()
    assert release is not None
    assert (release.tables, release.views, release.held) == (
        {"bronze.erp": 1},
        {"gold.v": "SELECT 1"},
        {"gold.k": "why"},
    )
    assert [run.status for run in state.runs()] == ["succeeded"]
    assert state.lease_holder("flow:erp") == "a"
    settle(state, plans[2], 3)
    assert state.add_plan(draft("erp", Cursor(12, 20), target="bronze.erp"), lease_of(state, "erp"), 3).batch == 4
    state.close()


def test_the_fixture_is_what_the_first_migration_makes(tmp_path: Path) -> None:
    """It was not edited by hand: its tables are those of migration 1 alone."""
    make_old(tmp_path / "old.db")
    database = Database(tmp_path / "new.db", load_migrations()[:1])
    with closing(sqlite3.connect(tmp_path / "old.db")) as old:
        sql = "SELECT name, sql FROM sqlite_master ORDER BY name"
        assert old.execute(sql).fetchall() == [tuple(row) for row in database.connection().execute(sql)]
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
    database.close()


def test_a_newer_state_is_refused(tmp_path: Path) -> None:
    """With the way out, and untouched."""
    open_state(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ProjectError, match=r"state\.db — the state has schema version 99.* upgrade"):
        open_state(tmp_path)


def test_what_is_no_state_is_refused(tmp_path: Path) -> None:
    """Another program's database, and a file that is none."""
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(DamageError, match="not a state of Entrepôt"):
        open_state(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "state.db").write_bytes(b"these bytes are no database" * 200)
    with pytest.raises(DamageError, match="cannot be read"):
        open_state(tmp_path / "b")


def test_a_migration_happens_whole_or_not(tmp_path: Path) -> None:
    """A statement that fails takes back those before it; the next start tries again."""
    path = tmp_path / "state.db"
    Database(path).close()
    count = len(load_migrations())
    good = Migration(
        count + 1, "next", "CREATE TABLE added (x);\n-- a comment; with a semicolon\nCREATE TABLE more (y);\n"
    )
    bad = Migration(count + 1, "next", "CREATE TABLE added (x);\nCREATE TABLE added (x);\n")
    with pytest.raises(SystemError_, match="already exists"):
        Database(path, (*load_migrations(), bad))
    Database(path).close()
    migrated = Database(path, (*load_migrations(), good))
    assert migrated.connection().execute("PRAGMA user_version").fetchone()[0] == count + 1
    assert migrated.connection().execute("SELECT count(*) FROM more").fetchone()[0] == 0
    migrated.close()
    with pytest.raises(ProjectError):
        Database(path)


def test_a_migration_is_cut_into_whole_statements() -> None:
    """Triggers hold semicolons; a statement without end is an error."""
    for migration in load_migrations():
        assert all(sqlite3.complete_statement(statement) for statement in split_statements(migration.sql))
    with pytest.raises(ValueError, match="no end"):
        list(split_statements("CREATE TABLE a (x);\nCREATE TABLE b (x)"))


def test_the_file_is_durable_and_marked(tmp_path: Path) -> None:
    """Write-ahead log, full synchronisation, a bounded wait, our mark; nothing is left beside it."""
    database = Database(tmp_path / "deep" / "state.db")
    asked = {name: database.connection().execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}
    assert asked == PRAGMAS
    database.close()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["state.db"]


PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "busy_timeout": 5000,
    "foreign_keys": 1,
    "application_id": APPLICATION_ID,
}


def test_every_change_starts_with_the_lock(tmp_path: Path, clock: FakeClock) -> None:
    """No transaction begins deferred, nothing is changed outside of one, and none is left open."""
    state = open_state(tmp_path, clock)
    connection = state._database.connection()
    said: list[str] = []
    connection.set_trace_callback(said.append)
    lease = lease_of(state)
    plan = plan_and_settle(state, lease, draft(contents=("x",)))
    state.note_acknowledged(plan)
    second = state.add_plan(draft(), state.renew(lease, 60), 1)
    state.count_attempt(second)
    state.void(second, reason="poison", version=2, at=AT)
    state.restore_plan(plan)
    state.note_durable("t", 1, "id")
    state.publish(run="r", at=AT, tables={}, views={}, held={}, after=None)
    state.expire_releases(AT + timedelta(days=1), 1)
    state.pin_versions("r", {"t": 1}, 10)
    state.unpin("r")
    state.start_run(RunRecord("r", AT, None, "running"))
    state.end_run("r", status="done", at=AT, summary={})
    state.release_lease(lease)
    state.plans(), state.unacknowledged("sales"), state.releases(), state.runs(), state.pinned()
    connection.set_trace_callback(None)
    inside = False
    for text in said:
        word = text.lstrip().split()[0] if not text.startswith("--") else "--"
        if text.startswith("BEGIN"):
            assert text == "BEGIN IMMEDIATE"
            inside = True
        elif word in ("COMMIT", "ROLLBACK"):
            inside = False
        elif any(verb in text for verb in ("INSERT INTO", "UPDATE ", "DELETE FROM")):
            assert inside, text
    assert not connection.in_transaction
    assert said.count("COMMIT") == said.count("BEGIN IMMEDIATE") == 17
    state.close()


def test_an_error_leaves_no_transaction_open(state: SqliteState) -> None:
    """The lock is free at once for others."""
    lease = lease_of(state)
    for _ in range(2):
        with pytest.raises(ConflictError):
            state.add_plan(draft(), lease, 5)
    assert not state._database.connection().in_transaction
    with pytest.raises(KeyboardInterrupt), state._database.write():
        raise KeyboardInterrupt
    other = Database(state._database.path)
    with other.write() as connection:
        connection.execute("DELETE FROM leases")
    other.close()


def test_a_plan_cannot_be_changed_even_by_hand(state: SqliteState) -> None:
    """The file itself refuses it."""
    plan_and_settle(state, lease_of(state), draft(contents=("x",)))
    for sql in ("UPDATE plans SET position = '{}'", "UPDATE plans SET status = 'open'", "DELETE FROM plans"):
        with pytest.raises(ConflictError), state._database.write() as connection:
            connection.execute(sql)


def test_a_locked_state_says_so(state: SqliteState, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the wait, as an error that may be tried again."""
    monkeypatch.setattr("entrepot.adapters.embedded.state.database.BUSY_TIMEOUT_MS", 50)
    other = Database(state._database.path)
    with (
        state._database.write(),
        pytest.raises(SystemError_, match="locked by another process") as raised,
        other.write(),
    ):
        pass
    assert raised.value.retryable
    other.close()


def test_threads_have_connections_of_their_own(state: SqliteState) -> None:
    """Eight threads write at once; all is there, and their connections go when they end."""

    def work(number: int) -> None:
        for _ in range(20):
            state.acquire(f"flow:{number}", "h", 60)
            state.pin_versions(f"r{number}", {"t": number}, 60)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.pinned() == {"t": set(range(8))}
    assert len(state._database._handles) == 1


def test_a_fork_opens_its_own_connection(state: SqliteState) -> None:
    """SQLite forbids carrying one over."""
    state.acquire("flow:x", "h", 60)
    assert run_forked(lambda: state.acquire("flow:child", "h", 60)) == 0
    assert state.lease_holder("flow:child") == "h"
    assert state.acquire("flow:x", "h", 60).epoch == 1


def test_it_can_be_closed_and_used_again(state: SqliteState) -> None:
    """Closing is not the end."""
    state.acquire("flow:x", "h", 60)
    state.close()
    state.close()
    assert state.lease_holder("flow:x") == "h"
