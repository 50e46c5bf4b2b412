"""What came to a table and what went between two versions; replacing rows by keys; other columns with a replacement."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.adapters.embedded.delta.changes import change_relation
from entrepot.kernel.errors import RunError
from entrepot.ports.engine import Staged
from entrepot.ports.relations import TableChange
from entrepot.ports.writer import Append, Merge, Replace, ReplaceKeys
from tests.adapters.embedded.delta.delta_lake import NAME, SCHEMA, Lake, sale


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    found = Lake(tmp_path)
    found.tables.create(NAME, SCHEMA)
    return found


def _changes(
    lake: Lake, after: int, upto: int, *, removed: bool = False, without: tuple[str, ...] = ()
) -> Counter[str]:
    with duckdb.connect() as connection:
        change = TableChange(NAME, after, upto, removed, without)
        relation = change_relation(connection, lake.tables.handle(NAME), change)
        found = connection.execute(f"SELECT * FROM {relation}").to_arrow_table()
    return Counter(repr(tuple(row.values())) for row in found.to_pylist())


def _content(lake: Lake, version: int) -> Counter[str]:
    return Counter(map(repr, lake.read(version=version)))


def _keys(lake: Lake, **columns: list[Any]) -> Staged:
    table = pa.table({name: pa.array(values, SCHEMA.field(name).type) for name, values in columns.items()})
    staged = lake.stage([], files=1)
    path = lake.tmp / "keys.parquet"
    pq.write_table(table, path)
    from entrepot.ports.engine import StagedFile

    return replace(staged, schema=table.schema, files=(StagedFile(path, table.num_rows, path.stat().st_size),))


def _random_step(lake: Lake, dice: random.Random, sequence: int) -> None:
    rows = [
        sale(dice.randint(1, 30), shop=dice.choice(["a", "b", None]), batch=sequence) for _ in range(dice.randint(0, 6))
    ]
    happening = dice.random()
    if happening < 0.4:
        lake.commit(sequence, rows, Append())
    elif happening < 0.6:
        lake.commit(sequence, rows, Replace(f"id > {dice.randint(1, 30)}"))
    elif happening < 0.75:
        lake.commit(sequence, [dict(row) for row in {row["id"]: row for row in rows}.values()], Merge(("id",)))
    elif happening < 0.85:
        keys = _keys(lake, shop=[dice.choice(["a", "b", None])])
        lake.tables.commit(NAME, replace(lake.batch(sequence, rows, ReplaceKeys(("shop",))), keys=keys))
    else:
        lake.commit(sequence, rows, Replace(None))
    if dice.random() < 0.3:
        lake.tables.compact(NAME)


@pytest.mark.parametrize("seed", range(12))
def test_changes_are_the_difference_of_both_versions(lake: Lake, seed: int) -> None:
    """Between any two versions: earlier rows, plus those that came, minus those that went, are the later rows; nothing is in both."""
    dice = random.Random(seed)
    for sequence in range(1, 9):
        _random_step(lake, dice, sequence)
    newest = lake.tables.version(NAME)
    for after, upto in [(0, newest), *(sorted(dice.sample(range(newest + 1), 2)) for _ in range(6))]:
        added, removed = _changes(lake, after, upto), _changes(lake, after, upto, removed=True)
        assert added == _content(lake, upto) - _content(lake, after)
        assert removed == _content(lake, after) - _content(lake, upto)
        difference = lake.tables.difference(NAME, after, upto)
        assert difference is not None
        assert difference.rows_added >= added.total() and difference.rows_removed >= removed.total()
        assert difference.rows_added - difference.rows_removed == added.total() - removed.total()


def test_joined_files_are_no_change(lake: Lake) -> None:
    """Compaction changes no row, and the log alone tells."""
    for sequence in range(1, 6):
        lake.commit(sequence, [sale(sequence)])
    before = lake.tables.version(NAME)
    assert lake.tables.compact(NAME) > 1
    after = lake.tables.version(NAME)
    difference = lake.tables.difference(NAME, before, after)
    assert difference is not None and difference.is_empty
    assert not _changes(lake, before, after) and not _changes(lake, before, after, removed=True)


def test_files_in_between_may_be_gone(lake: Lake) -> None:
    """What came and was written anew since is told by the files of both ends when those in between were vacuumed."""
    lake.commit(1, [sale(1), sale(2)])
    start = lake.tables.version(NAME)
    lake.commit(2, [sale(3)])
    lake.commit(3, [], Replace("id = 2"))
    lake.tables.compact(NAME)
    lake.commit(4, [sale(4)])
    newest = lake.tables.version(NAME)
    kept = {add.path for version in (start, newest) for add in lake.tables.snapshot(NAME, version).files.values()}
    gone = [path for path in lake.path().glob("*.parquet") if path.name not in kept]
    assert gone
    for path in gone:
        path.unlink()
    assert _changes(lake, start, newest) == _content(lake, newest) - _content(lake, start)
    assert _changes(lake, start, newest, removed=True) == _content(lake, start) - _content(lake, newest)


def test_rows_that_differ_in_nothing_that_counts_are_no_change(lake: Lake) -> None:
    """A row written anew with another batch is the same row when the batch does not count."""
    lake.commit(1, [sale(1, batch=1), sale(2, batch=1)])
    lake.commit(2, [sale(1, batch=2), sale(2, amount="5.00", batch=2)], Replace(None))
    assert _changes(lake, 1, 2).total() == 2
    assert _changes(lake, 1, 2, without=("_batch",)).total() == 1


def test_a_missing_version_cannot_be_compared(lake: Lake) -> None:
    """Where a data file of the earlier version is gone, it is said, not guessed."""
    lake.commit(1, [sale(1)])
    lake.commit(2, [sale(2)], Replace(None))
    (name,) = [add.path for add in lake.tables.snapshot(NAME, 1).files.values()]
    (lake.path() / name).unlink()
    assert lake.tables.difference(NAME, 1, 2) is None
    assert lake.tables.difference(NAME, 7, 9) is None


def test_replaced_keys(lake: Lake) -> None:
    """Rows of the given keys go, null equal to null, others stay; keys without new rows vanish."""
    lake.commit(1, [sale(1, "a"), sale(2, "b"), sale(3, None), sale(4, "c")])
    done = lake.tables.commit(
        NAME, replace(lake.batch(2, [sale(9, "b")], ReplaceKeys(("shop",))), keys=_keys(lake, shop=["b", None]))
    )
    assert (done.added, done.removed) == (1, 2)
    assert lake.ids() == [1, 4, 9]
    again = lake.tables.commit(
        NAME, replace(lake.batch(2, [sale(9, "b")], ReplaceKeys(("shop",))), keys=_keys(lake, shop=["b", None]))
    )
    assert again == done
    with pytest.raises(RunError, match="brings none"):
        lake.commit(3, [], ReplaceKeys(("shop",)))


def test_other_columns_come_with_a_replacement(lake: Lake) -> None:
    """Columns go and change their type in the commit that replaces the rows; earlier versions keep theirs."""
    lake.commit(1, [sale(1), sale(2)])
    schema = pa.schema([("id", pa.string()), ("shop", pa.string())])
    staged = lake.stage([{"id": "x", "shop": "a"}], schema=schema)
    before = lake.tables.table_id(NAME)
    lake.tables.commit(NAME, replace(lake.batch(2, []), rows=staged, mode=Replace(None, True)), schema=schema)
    assert lake.tables.schema(NAME).names == ["id", "shop"]
    assert lake.read() == [("x", "a")]
    assert lake.fresh().schema(NAME) == lake.tables.schema(NAME)
    assert lake.tables.schema(NAME, 1).names == SCHEMA.names and lake.ids(1) == [1, 2]
    assert lake.tables.table_id(NAME) == before
    difference = lake.tables.difference(NAME, 1, 2)
    assert difference is not None and not difference.same_columns
