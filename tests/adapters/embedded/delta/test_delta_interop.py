"""Others read what we write, and we go on after what they wrote."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from delta_lake import NAME, SCHEMA, Lake, figures, sale
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from entrepot.adapters.embedded.delta.protocol import why_not_read, why_not_written
from entrepot.adapters.embedded.delta.reader import load_delta_extension
from entrepot.kernel.errors import ConflictError, ProjectError, RunError
from entrepot.ports.writer import Append, Batch, Merge, Replace, WriteMode


def _by_deltars(path: Path) -> list[int]:
    builder = QueryBuilder().register("t", DeltaTable(str(path)))
    rows = pa.RecordBatchReader.from_stream(builder.execute("SELECT id FROM t")).read_all()
    return sorted(rows.column(0).to_pylist())


def _by_duckdb(path: Path) -> list[int]:
    with duckdb.connect() as connection:
        load_delta_extension(connection)
        return sorted(row[0] for row in connection.execute(f"SELECT id FROM delta_scan('{path}')").fetchall())


def test_deltars_and_duckdb_read_all_our_commits(lake: Lake) -> None:
    """Append, replace, merge, new columns, compaction: three readers agree at every step."""
    wider = SCHEMA.append(pa.field("local", pa.timestamp("us")))
    steps = [
        lambda: lake.commit(1, [sale(1), sale(2)]),
        lambda: lake.commit(2, [sale(2, "x"), sale(3)], Merge(("id",))),
        lambda: lake.commit(3, [sale(4)], Replace("id = 1")),
        lambda: lake.tables.create(NAME, wider),
        lambda: lake.commit(4, [{**sale(5), "local": None}], schema=wider),
        lambda: lake.tables.compact(NAME),
        lambda: lake.commit(5, [sale(6)], Replace(None)),
    ]
    for step in steps:
        step()
        assert lake.ids() == _by_deltars(lake.path()) == _by_duckdb(lake.path())
    table = DeltaTable(str(lake.path()))
    assert table.transaction_version("shop-in") == 5
    assert table.metadata().description == "what the shops sold"
    assert table.history()[0]["entrepot"]["sequence"] == 5


def test_we_go_on_after_deltars(lake: Lake) -> None:
    """Commits of both sides alternate; a kept handle sees the other's."""
    lake.commit(1, [sale(1)])
    write_deltalake(str(lake.path()), pa.Table.from_pylist([sale(2)], schema=SCHEMA), mode="append")
    lake.commit(2, [sale(3)])
    DeltaTable(str(lake.path())).delete("id = 1")
    assert lake.ids() == [2, 3]
    assert lake.commit(3, [sale(2, "new")], Merge(("id",))).removed == 1
    assert lake.ids() == _by_deltars(lake.path()) == [2, 3]
    assert lake.tables.last_sequence(NAME, "shop-in") == 3


def test_deltars_refuses_a_stale_commit_of_our_flow(lake: Lake) -> None:
    """The transaction in our commit fences a delta-rs writer of the same flow."""
    stale = DeltaTable(str(lake.path()))
    lake.commit(1, [sale(1)])
    with pytest.raises(CommitFailedError):
        write_deltalake(
            stale,
            pa.Table.from_pylist([sale(1)], schema=SCHEMA),
            mode="append",
            commit_properties=CommitProperties(app_transactions=[Transaction("shop-in", 1)]),
        )
    assert lake.ids() == [1]


def _make_partitioned(lake: Lake) -> str:
    name = "bronze.parts"
    table = pa.Table.from_pylist([sale(1, "a b"), sale(2, "é/[x]*?"), sale(3, None)], schema=SCHEMA)
    write_deltalake(str(lake.path(name)), table, partition_by=["shop", "sold_on"])
    return name


@pytest.mark.parametrize(
    ("mode", "removed", "ids"),
    [
        (Append(), 0, [1, 2, 3, 4]),
        (Replace(None), 3, [4]),
        (Replace("id >= 2"), 2, [1, 4]),
        (Merge(("id",)), 0, [1, 2, 3, 4]),
    ],
)
def test_tables_with_other_features_are_written_through_deltars(
    lake: Lake, mode: WriteMode, removed: int, ids: list[int]
) -> None:
    """A partitioned table takes every mode, once each, with its plan in the history."""
    name = _make_partitioned(lake)
    assert why_not_written(lake.tables.snapshot(name)) == "partition columns"
    assert why_not_read(lake.tables.snapshot(name)) is None
    done = lake.commit(1, [sale(4, "a b")], mode, name=name)
    assert figures(done) == (1, 1, removed)
    assert lake.ids(name=name) == ids
    assert lake.fresh().commit(name, lake.batch(1, [sale(4)], mode)) == done
    assert next(iter(lake.tables.history(name))).plan == {
        "contract": "c1", "counts": [1, 2], "flow": "shop-in", "sequence": 1, "added": 1, "removed": removed,
    }  # fmt: skip
    assert not (lake.path(name) / "_delta_log" / "_last_checkpoint").exists()


def test_a_merge_through_deltars_updates_all_columns(lake: Lake) -> None:
    """Updated rows are counted as removed."""
    name = _make_partitioned(lake)
    done = lake.commit(1, [sale(2, "new", "9.99"), sale(7)], Merge(("id",)), name=name)
    assert figures(done) == (1, 2, 1)
    assert lake.read(name, columns=["id", "shop"]) == [(1, "a b"), (2, "new"), (3, None), (7, "a")]


def test_special_partition_values_come_back(lake: Lake) -> None:
    """Partition values and file names with glob and URL characters are read literally."""
    name = _make_partitioned(lake)
    assert lake.read(name, columns=["id", "shop"]) == [(1, "a b"), (2, "é/[x]*?"), (3, None)]


def test_a_stale_commit_through_deltars_conflicts(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process committed the batch between our question and delta-rs' handle: refused, not doubled."""
    name = _make_partitioned(lake)
    other = lake.fresh()
    stale = other.snapshot(name)
    lake.commit(1, [sale(4)], name=name)
    monkeypatch.setattr(type(other.handle(name)), "require_newest", lambda self: stale)
    with pytest.raises(ConflictError):
        other.commit(name, lake.batch(1, [sale(4)]))
    monkeypatch.undo()
    assert lake.ids(name=name) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "configuration",
    [{"delta.enableChangeDataFeed": "true"}, {"delta.appendOnly": "true"}, {"delta.enableDeletionVectors": "true"}],
)
def test_our_committer_keeps_off_features(lake: Lake, configuration: dict[str, str]) -> None:
    """Properties that ask more of a writer lead to delta-rs, which keeps them."""
    name = "bronze.feature"
    rows = pa.Table.from_pylist([sale(1)], schema=SCHEMA)
    write_deltalake(str(lake.path(name)), rows, configuration=configuration)
    assert why_not_written(lake.tables.snapshot(name)) is not None
    assert lake.commit(1, [sale(2)], name=name).version == 1
    assert "delta-rs" in lake.actions(1, "commitInfo", name)[0]["engineInfo"]
    with pytest.raises(ProjectError, match="does not change its columns"):
        lake.tables.create(name, SCHEMA.append(pa.field("more", pa.string())))


def test_a_change_feed_stays_whole(lake: Lake) -> None:
    """A merge into a table with a change feed writes the feed."""
    name = "silver.fed"
    rows = pa.Table.from_pylist([sale(1)], schema=SCHEMA)
    write_deltalake(str(lake.path(name)), rows, configuration={"delta.enableChangeDataFeed": "true"})
    lake.commit(1, [sale(1, "new"), sale(2)], Merge(("id",)), name=name)
    feed = pa.RecordBatchReader.from_stream(DeltaTable(str(lake.path(name))).load_cdf(starting_version=1)).read_all()
    assert sorted(feed["_change_type"].to_pylist()) == ["insert", "update_postimage", "update_preimage"]


def test_a_constraint_is_kept(lake: Lake) -> None:
    """Constraints are checked by delta-rs: our committer would not look."""
    table = DeltaTable.create(str(lake.path("bronze.c")), schema=pa.schema([("id", pa.int64())]))
    table.alter.add_constraint({"positive": "id > 0"})
    schema = pa.schema([("id", pa.int64())])
    batch = Batch("f", 1, lake.stage([{"id": -1}], schema), Append())
    with pytest.raises(RunError, match="failed validation") as refused:
        lake.tables.commit("bronze.c", batch)
    assert "-1" not in str(refused.value)
    assert lake.ids(name="bronze.c") == []


def test_old_timestamps_are_instants(lake: Lake) -> None:
    """INT96, as older Spark writes it, is an instant in UTC whatever the session's time zone is."""
    import pyarrow.parquet as pq

    name = "bronze.int96"
    lake.tables.create(name, SCHEMA)
    lake.commit(1, [sale(1)], name=name)
    add = lake.actions(1, "add", name)[0]
    file = lake.path(name) / add["path"]
    table = pq.read_table(file)
    pq.write_table(table, file, use_deprecated_int96_timestamps=True)
    size = file.stat().st_size
    lines = [json.loads(line) for line in lake.log(1, name).read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"].update(size=size, tags=None)
    lake.log(1, name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert lake.read(name) == [tuple(sale(1).values())]
