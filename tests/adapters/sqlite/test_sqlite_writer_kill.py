"""Whenever the process is killed, doing the batch again gives its rows exactly once."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import entrepot
from entrepot.adapters.sqlite.writer import SqliteTableWriter
from entrepot.testing.faults import Fault, RandomFault
from entrepot.testing.processes import run_killed

ENV = {"PYTHONPATH": str(Path(entrepot.__file__).parent.parent)}
SCHEMA = pa.schema([("id", pa.int64()), ("batch", pa.int64())])
ROWS = 2_000
# Three batches: append, merge over half of the first, replace of what is left of the first. 2 * ROWS rows remain.
PROGRAM = """
import sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from entrepot.adapters.sqlite.writer import SqliteTableWriter
from entrepot.ports.engine import Staged, StagedFile
from entrepot.ports.writer import Append, Batch, Merge, Replace
from entrepot.testing.faults import install_from_environment

folder, rows = Path(sys.argv[1]), int(sys.argv[2])
schema = pq.read_schema(folder / "1.parquet")
writer = SqliteTableWriter(folder / "x.db", "t", schema, key=("id",))
writer.prepare()
install_from_environment()
print("ready", flush=True)
for sequence, mode in ((1, Append()), (2, Merge(("id",))), (3, Replace("batch = 1"))):
    staged = Staged(schema, (StagedFile(folder / f"{sequence}.parquet", rows, 1),))
    writer.commit(Batch("f", sequence, staged, mode, {"n": sequence}))
    print("done", sequence, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three staged batches."""
    for sequence, first in ((1, 0), (2, ROWS // 2), (3, 2 * ROWS)):
        ids = pa.array(range(first, first + ROWS), pa.int64())
        pq.write_table(
            pa.table([ids, pa.array([sequence] * ROWS, pa.int64())], schema=SCHEMA), tmp_path / f"{sequence}.parquet"
        )
    return tmp_path


def command(folder: Path) -> list[str]:
    return [sys.executable, "-c", PROGRAM, str(folder), str(ROWS)]


def check(folder: Path, *, done: bool) -> None:
    """Every position says what its rows are; at the end all three batches are there once."""
    writer = SqliteTableWriter(folder / "x.db", "t", SCHEMA, key=("id",))
    last = writer.last_sequence("f")
    with closing(sqlite3.connect(folder / "x.db")) as connection:
        found = dict(connection.execute("SELECT batch, count(*) FROM t GROUP BY batch").fetchall())
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    expected = [{}, {1: ROWS}, {1: ROWS // 2, 2: ROWS}, {2: ROWS, 3: ROWS}]
    assert found == expected[last]
    assert writer.version() == last
    if done:
        assert last == 3
        commits = [writer.find_commit("f", sequence) for sequence in (1, 2, 3)]
        assert [(c.added, c.removed) for c in commits if c] == [(ROWS, 0), (ROWS, ROWS // 2), (ROWS, ROWS // 2)]


@pytest.mark.req("X3")
@pytest.mark.parametrize(
    ("point", "nth"),
    [
        ("main.files_synced", 2),
        ("main.log_written", 1),
        ("main.log_written", 2),
        ("main.log_written", 3),
        ("main.linked", 1),
    ],
)
def test_killed_at_a_point_the_batch_is_written_once(folder: Path, point: str, nth: int) -> None:
    """Before the commit nothing of the batch is there, after it all; the redo completes it."""
    outcome = run_killed(command(folder), Fault(point, nth), env=ENV)
    assert outcome.killed, outcome.stderr
    check(folder, done=False)
    last = SqliteTableWriter(folder / "x.db", "t", SCHEMA, key=("id",)).last_sequence("f")
    assert last == (nth if point == "main.linked" else nth - 1)
    assert run_killed(command(folder), None, env=ENV).returncode == 0
    check(folder, done=True)


@pytest.mark.slow
@pytest.mark.req("X3")
def test_killed_at_random_instants_until_it_gets_through(folder: Path) -> None:
    """Kill after kill, also inside SQLite's own writing."""
    killed = 0
    for seed in range(12):
        outcome = run_killed(command(folder), RandomFault(seed, 40), env=ENV)
        killed += outcome.killed
        check(folder, done=outcome.returncode == 0)
    assert killed > 0
    assert run_killed(command(folder), None, env=ENV).returncode == 0
    check(folder, done=True)
