"""Compaction and vacuum: rows and kept versions stay."""

from __future__ import annotations

import os
import time

import pyarrow as pa
import pytest
from delta_lake import NAME, SCHEMA, Lake, sale
from deltalake import write_deltalake

from entrepot.adapters.embedded.delta import upkeep
from entrepot.adapters.embedded.delta.layout import LOG
from entrepot.kernel.errors import ConflictError
from entrepot.ports.writer import Replace


def _age(lake: Lake, hours: float) -> None:
    for path in lake.path().glob("*.parquet"):
        os.utime(path, (time.time() - hours * 3600,) * 2)


def test_compaction_joins_files_and_changes_no_row(lake: Lake) -> None:
    """Fewer files, equal rows, no plan in the history, and the flow's position stays."""
    for sequence in range(1, 6):
        lake.commit(sequence, [{**sale(sequence, f"é{sequence}"), "_warnings": ["w"]}])
    before = lake.read()
    assert lake.tables.compact(NAME) == 5
    assert lake.read() == before
    assert len(lake.tables.snapshot(NAME).files) == 1
    assert lake.tables.last_sequence(NAME, "shop-in") == 5
    assert next(iter(lake.tables.history(NAME))).plan is None
    assert all(not add["dataChange"] for add in lake.actions(6, "add"))
    assert lake.tables.compact(NAME) == 0
    assert lake.tables.version(NAME) == 6


def test_compaction_after_new_columns(lake: Lake) -> None:
    """Files of old and new columns join into one of the present columns."""
    lake.commit(1, [sale(1)])
    wider = SCHEMA.append(pa.field("note", pa.string()))
    lake.tables.create(NAME, wider)
    lake.commit(2, [{**sale(2), "note": "n"}], schema=wider)
    before = lake.read()
    lake.tables.compact(NAME)
    assert lake.read() == before


def test_an_append_passes_a_compaction_and_a_replacement_does_not(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compaction conflicts only with what removed its files."""
    lake.commit(1, [sale(1)])
    lake.commit(2, [sale(2)])
    other = lake.fresh()
    stale = other.snapshot(NAME)
    lake.commit(3, [sale(3)])
    monkeypatch.setattr(type(other.handle(NAME)), "require_newest", lambda self: stale)
    assert other.compact(NAME) == 2
    monkeypatch.undo()
    assert lake.ids() == [1, 2, 3]
    lake.commit(4, [sale(4)])
    stale = other.snapshot(NAME)
    lake.commit(5, [sale(5)], Replace(None))
    files = set(lake.path().glob("*.parquet"))
    monkeypatch.setattr(type(other.handle(NAME)), "require_newest", lambda self: stale)
    with pytest.raises(ConflictError):
        other.compact(NAME)
    monkeypatch.undo()
    assert lake.ids() == [5]
    assert set(lake.path().glob("*.parquet")) == files


def test_vacuum_keeps_what_kept_versions_need(lake: Lake) -> None:
    """Kept versions and the newest stay readable; files of others go."""
    for sequence in range(1, 6):
        lake.commit(sequence, [sale(sequence)], Replace(None))
    assert lake.tables.vacuum(NAME, [2], 0) == 3
    assert (lake.ids(2), lake.ids(5)) == ([2], [5])
    with pytest.raises(Exception, match=r"data file .* is missing"):
        lake.ids(3)
    assert lake.fresh().repair(NAME, 5) == []


def test_vacuum_leaves_what_went_lately(lake: Lake) -> None:
    """The retention counts from the removal, not from the writing."""
    lake.commit(1, [sale(1)])
    _age(lake, 100)
    lake.commit(2, [sale(2)], Replace(None))
    assert lake.tables.vacuum(NAME, [], 1) == 0
    assert upkeep.vacuum(lake.tables.handle(NAME), [], 1, now=time.time() + 3700) == 1


def test_vacuum_is_careful_with_files_that_the_log_does_not_know(lake: Lake) -> None:
    """Young ones and those of open plans stay even with no retention; other old ones go."""
    lake.commit(1, [sale(1)])
    young = lake.path() / "young.parquet"
    old = lake.path() / "old.parquet"
    upcoming = lake.path() / f"part-shop-in-2-{'0' * 32}.parquet"
    unlisted = lake.path() / "_change_data" / "cdc.parquet"
    unlisted.parent.mkdir()
    for path in (young, old, upcoming, unlisted):
        path.write_bytes(b"x")
    for path in (old, upcoming, unlisted):
        os.utime(path, (time.time() - 30 * 3600,) * 2)
    assert lake.tables.vacuum(NAME, [], 0) == 1
    assert [path.exists() for path in (young, old, upcoming, unlisted)] == [True, False, True, True]


def test_vacuum_refuses_a_version_that_is_not_there(lake: Lake) -> None:
    """A wrong keep set deletes nothing."""
    lake.commit(1, [sale(1)], Replace(None))
    lake.commit(2, [sale(2)], Replace(None))
    with pytest.raises(KeyError):
        lake.tables.vacuum(NAME, [7], 0)
    with pytest.raises(ValueError, match="allowed is 0 or more"):
        lake.tables.vacuum(NAME, [], -1)
    assert lake.ids(1) == [1]


def test_vacuum_prunes_checkpoints_but_those_of_kept_versions(lake: Lake) -> None:
    """Two newest, and for each kept version the nearest before it."""
    for sequence in range(1, 7):
        lake.commit(sequence, [sale(sequence)])
        lake.tables.checkpoint(NAME)
    lake.tables.vacuum(NAME, [3], 24)
    versions = sorted(int(path.name[:20]) for path in (lake.path() / LOG).glob("*.checkpoint.parquet"))
    assert versions == [3, 5, 6]
    assert [lake.ids(version) for version in (2, 3, 6)] == [[1, 2], [1, 2, 3], [1, 2, 3, 4, 5, 6]]


def test_upkeep_of_tables_that_go_through_deltars(lake: Lake) -> None:
    """Partitioned tables are compacted, too; the position stays."""
    name = "bronze.parts"
    write_deltalake(str(lake.path(name)), SCHEMA.empty_table(), partition_by=["shop"])
    for sequence in range(1, 4):
        lake.commit(sequence, [sale(sequence)], name=name)
    assert lake.tables.compact(name) == 3
    assert lake.ids(name=name) == [1, 2, 3]
    assert lake.tables.last_sequence(name, "shop-in") == 3
    lake.tables.checkpoint(name)
    assert lake.tables.vacuum(name, [2], 0) == 1
    assert (lake.ids(2, name=name), lake.ids(name=name)) == ([1, 2], [1, 2, 3])
