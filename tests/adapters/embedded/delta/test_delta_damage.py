"""Damaged logs and tables: put right where it is safe, refused where it is not, never a silent loss."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from delta_lake import NAME, SCHEMA, Lake, sale
from deltalake import DeltaTable, write_deltalake

from entrepot.adapters.embedded.delta.layout import LOG
from entrepot.adapters.embedded.delta.reader import load_delta_extension
from entrepot.kernel.errors import DamageError
from entrepot.ports.writer import Replace

FOREIGN = "bronze.parts"
"""A table that goes through delta-rs, which can leave torn commits."""

Harm = Callable[[Path], None]


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _first_line(path: Path) -> None:
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n")


def _without_last_line(path: Path) -> None:
    path.write_bytes(b"".join(line + b"\n" for line in path.read_bytes().splitlines()[:-1]))


def _cut_in_a_line(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def _zeros(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def _no_last_newline(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _garbage(path: Path) -> None:
    path.write_bytes(b"[1]\n")


def _action_without_its_fields(path: Path) -> None:
    path.write_bytes(b'{"add":{}}\n')


TEARS = [_empty, _first_line, _without_last_line, _cut_in_a_line, _zeros, _garbage, _action_without_its_fields]


@pytest.fixture(params=[NAME, FOREIGN])
def name(request: pytest.FixtureRequest, lake: Lake) -> str:
    """A table with two batches at versions 1 and 2, one written by the own committer, one through delta-rs."""
    name: str = request.param
    if name == FOREIGN:
        empty = SCHEMA.empty_table()
        write_deltalake(str(lake.path(name)), empty, partition_by=["shop"])
    lake.commit(1, [sale(1)], name=name)
    lake.commit(2, [sale(2)], name=name)
    assert lake.ids(name=name) == [1, 2]
    return name


@pytest.mark.req("X3")
@pytest.mark.parametrize("harm", TEARS)
def test_a_torn_newest_commit_is_put_aside_and_done_again(lake: Lake, name: str, harm: Harm) -> None:
    """It is refused by readers, put aside by repair with its evidence, and the batch can be done again."""
    harm(lake.log(2, name))
    lake.tables = lake.fresh()
    with pytest.raises(DamageError):
        lake.tables.version(name)
    done = lake.tables.repair(name, 1)
    assert len(done) >= 1
    assert "version 2" in done[0]
    assert len(list((lake.path(name) / LOG).glob("torn-*2-*"))) == 1
    assert lake.tables.last_sequence(name, "shop-in") == 1
    assert lake.commit(2, [sale(2)], name=name).version == 2
    assert lake.ids(name=name) == [1, 2] == _by_others(lake.path(name))
    lake.tables.repair(name, 2)
    assert lake.fresh().repair(name, 2) == []


@pytest.mark.parametrize("harm", TEARS)
def test_a_torn_durable_commit_is_damage(lake: Lake, name: str, harm: Harm) -> None:
    """What was acknowledged is never taken away by a repair."""
    harm(lake.log(2, name))
    before = lake.log(2, name).read_bytes()
    with pytest.raises(DamageError, match="durable"):
        lake.fresh().repair(name, 2)
    assert lake.log(2, name).read_bytes() == before


@pytest.mark.parametrize("harm", TEARS)
def test_a_torn_commit_in_the_middle_is_damage(lake: Lake, name: str, harm: Harm) -> None:
    """A whole commit above a torn one rests on it: nobody may decide alone."""
    harm(lake.log(1, name))
    with pytest.raises(DamageError, match="version 1"):
        lake.fresh().repair(name, 0)
    with pytest.raises(DamageError):
        lake.fresh().version(name)


def test_two_torn_commits_at_the_top_both_go(lake: Lake, name: str) -> None:
    """Newest first, down to the mark."""
    _empty(lake.log(1, name))
    _cut_in_a_line(lake.log(2, name))
    assert len(lake.fresh().repair(name, 0)) >= 2
    assert lake.fresh().last_sequence(name, "shop-in") == 0


def test_a_log_entry_without_its_last_newline_is_torn(lake: Lake) -> None:
    """Ours always end with one."""
    lake.commit(1, [sale(1)])
    _no_last_newline(lake.log(1))
    assert "last line" in lake.fresh().repair(NAME, 0)[0]


def test_a_missing_middle_commit_is_damage(lake: Lake, name: str) -> None:
    """A gap is never skipped."""
    lake.log(1, name).unlink()
    with pytest.raises(DamageError, match="missing"):
        lake.fresh().version(name)
    with pytest.raises(DamageError, match="missing"):
        lake.fresh().repair(name, 0)


def test_a_missing_newest_commit_is_done_again_unless_it_was_durable(lake: Lake, name: str) -> None:
    """Below the mark it means that the lake is older than the state."""
    lake.log(2, name).unlink()
    fresh = lake.fresh()
    with pytest.raises(DamageError, match="older than the state"):
        fresh.repair(name, 2)
    fresh.repair(name, 1)
    assert fresh.last_sequence(name, "shop-in") == 1


def test_a_table_that_is_gone_is_damage(lake: Lake) -> None:
    """A table known to be durable cannot just be made anew."""
    with pytest.raises(DamageError, match="gone"):
        lake.tables.repair("bronze.other", 3)
    assert lake.tables.repair("bronze.other", -1) == []


def test_a_torn_creation_is_put_aside(lake: Lake) -> None:
    """The worst remains of a power loss, an empty version 0, are healed."""
    _empty(lake.log(0))
    tables = lake.fresh()
    assert "version 0" in tables.repair(NAME, -1)[0]
    tables.create(NAME, SCHEMA)
    assert tables.version(NAME) == 0


def _files_of(lake: Lake, version: int, name: str) -> Path:
    from urllib.parse import unquote

    return lake.path(name) / unquote(lake.actions(version, "add", name)[0]["path"])


@pytest.mark.parametrize("harm", [Path.unlink, _empty, _cut_in_a_line, _zeros])
def test_a_damaged_data_file(lake: Lake, name: str, harm: Harm) -> None:
    """Above the mark its commit is put aside; at the mark it is damage; reading is refused meanwhile."""
    harm(_files_of(lake, 2, name))
    with pytest.raises(Exception, match=r"data file|Parquet|parquet|PAR1"):
        lake.read(name)
    with pytest.raises(DamageError, match="data file"):
        lake.fresh().repair(name, 2)
    lake.tables = lake.fresh()
    assert "data file" in lake.tables.repair(name, 1)[0]
    assert lake.ids(name=name) == [1]


def test_a_missing_old_data_file_is_damage(lake: Lake, name: str) -> None:
    """All files of the newest version are looked at, not only the last commit's."""
    _files_of(lake, 1, name).unlink()
    with pytest.raises(DamageError, match="data file"):
        lake.fresh().repair(name, 2)


def test_a_file_that_a_later_commit_removed_may_be_gone(lake: Lake) -> None:
    """Vacuumed files do not make their old commit torn."""
    lake.commit(1, [sale(1)])
    file = _files_of(lake, 1, NAME)
    lake.commit(2, [sale(2)], Replace(None))
    file.unlink()
    assert lake.fresh().repair(NAME, 0) == []
    assert lake.ids() == [2]


# checkpoints


def _by_others(path: Path) -> list[int]:
    with duckdb.connect() as connection:
        load_delta_extension(connection)
        rows = connection.execute(f"SELECT id FROM delta_scan('{path}')").fetchall()
    table = DeltaTable(str(path))
    assert table.count() == len(rows)
    return sorted(row[0] for row in rows)


@pytest.fixture
def checkpointed(lake: Lake) -> Lake:
    """Three batches, checkpoints at 1 and 2."""
    lake.commit(1, [sale(1)])
    lake.tables.checkpoint(NAME)
    lake.commit(2, [sale(2)])
    lake.tables.checkpoint(NAME)
    lake.commit(3, [sale(3)])
    return lake


def _checkpoint(lake: Lake, version: int) -> Path:
    return lake.path() / LOG / f"{version:020d}.checkpoint.parquet"


def test_checkpoints_are_used_and_agree(checkpointed: Lake) -> None:
    """Without the entries before it, a checkpoint carries rows, positions and identity."""
    table_id = checkpointed.tables.table_id(NAME)
    for version in (0, 1):
        checkpointed.log(version).unlink()
    fresh = checkpointed.fresh()
    assert (fresh.table_id(NAME), fresh.last_sequence(NAME, "shop-in")) == (table_id, 3)
    assert checkpointed.ids() == [1, 2, 3] == _by_others(checkpointed.path())
    assert checkpointed.ids(2) == [1, 2]
    checkpointed.tables.checkpoint(NAME)
    checkpointed.tables.checkpoint(NAME)


@pytest.mark.parametrize("harm", [_empty, _cut_in_a_line, _zeros, Path.unlink])
def test_a_damaged_checkpoint_is_healed_from_the_log(checkpointed: Lake, harm: Harm) -> None:
    """We read around it; repair deletes it, so that other readers can read again."""
    harm(_checkpoint(checkpointed, 2))
    checkpointed.tables = checkpointed.fresh()
    assert checkpointed.ids() == [1, 2, 3]
    assert checkpointed.tables.repair(NAME, 3) != []
    assert checkpointed.ids() == [1, 2, 3] == _by_others(checkpointed.path())
    assert checkpointed.tables.repair(NAME, 3) == []


def test_a_damaged_checkpoint_without_the_log_is_damage(checkpointed: Lake) -> None:
    """Nothing is deleted when nothing can replace it."""
    _cut_in_a_line(_checkpoint(checkpointed, 2))
    _cut_in_a_line(_checkpoint(checkpointed, 1))
    checkpointed.log(1).unlink()
    with pytest.raises(DamageError):
        checkpointed.fresh().repair(NAME, 3)
    assert _checkpoint(checkpointed, 2).exists()


@pytest.mark.parametrize("harm", [_empty, _cut_in_a_line, _zeros])
def test_a_damaged_hint_does_no_harm(checkpointed: Lake, harm: Harm) -> None:
    """`_last_checkpoint` is only a hint."""
    harm(checkpointed.path() / LOG / "_last_checkpoint")
    checkpointed.tables = checkpointed.fresh()
    checkpointed.tables.repair(NAME, 3)
    assert checkpointed.ids() == [1, 2, 3] == _by_others(checkpointed.path())


# leftovers


def test_leftovers_of_attempts_go_and_nothing_else(lake: Lake) -> None:
    """Files of committed batches that the log does not know go; those of open batches and of strangers stay."""
    lake.commit(1, [sale(1)])
    lake.commit(2, [sale(2)], Replace(None))
    orphan = lake.path() / f"part-shop-in-2-{'0' * 32}.parquet"
    upcoming = lake.path() / f"part-shop-in-3-{'0' * 32}.parquet"
    stranger = lake.path() / "part-00000-abc.snappy.parquet"
    other = lake.path() / f"part-other-1-{'0' * 32}.parquet"
    for path in (orphan, upcoming, stranger, other):
        path.write_bytes(b"x")
    assert "1 data files" in lake.fresh().repair(NAME, 2)[0]
    assert [path.exists() for path in (orphan, upcoming, stranger, other)] == [False, True, True, True]
    assert (lake.ids(1), lake.ids(2)) == ([1], [2])


def test_log_entries_written_aside_go_when_their_process_is_gone(lake: Lake) -> None:
    """One of a living process may still be linked."""
    log = lake.path() / LOG
    dead, alive, old = (
        log / ".entrepot-999999999-a.tmp",
        log / f".entrepot-{os.getpid()}-a.tmp",
        log / "_commit_x.json.tmp",
    )
    for path in (dead, alive, old):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    lake.tables.repair(NAME, 0)
    assert [path.exists() for path in (dead, alive, old)] == [False, True, False]


def test_a_foreign_commit_is_no_damage(lake: Lake) -> None:
    """Commits of other tools above the mark stay: they need neither plan nor transaction."""
    lake.commit(1, [sale(1)])
    write_deltalake(str(lake.path()), pa.Table.from_pylist([sale(2)], schema=SCHEMA), mode="append")
    DeltaTable(str(lake.path())).optimize.compact()
    DeltaTable(str(lake.path())).vacuum(200, dry_run=False)
    assert lake.fresh().repair(NAME, 1) == []
    assert lake.ids() == [1, 2]
