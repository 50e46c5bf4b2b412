"""Create, append, idempotence, conflicts."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from delta_lake import NAME, SCHEMA, Lake, figures, sale

from entrepot.adapters.embedded.delta.layout import data_file_name, encode_flow, split_data_file_name
from entrepot.adapters.embedded.delta.tables import DeltaTables
from entrepot.adapters.embedded.delta.writer import DeltaWriter
from entrepot.kernel.errors import ConflictError, DamageError, ProjectError, RunError, UsageError
from entrepot.ports.engine import REJECT_SCHEMA, Staged, StagedFile
from entrepot.ports.writer import Append, Batch, Merge, Replace


def test_an_append_adds_rows_and_sequence_in_one_version(lake: Lake) -> None:
    """Rows and position stand in one log entry."""
    done = lake.commit(1, [sale(1), sale(2)])
    assert figures(done) == (1, 2, 0)
    assert lake.ids() == [1, 2]
    assert lake.tables.last_sequence(NAME, "shop-in") == 1
    assert [txn["version"] for txn in lake.actions(1, "txn")] == [1]
    assert len(lake.actions(1, "add")) == 1


def test_every_value_comes_back_as_it_went_in(lake: Lake) -> None:
    """Types, nulls and wide Unicode survive."""
    rows = [sale(1, "Zürich 🛒 'q\"", "-12.34"), sale(2, None, None), {**sale(3), "_warnings": ["w1", "w2"]}]
    lake.commit(1, rows)
    assert lake.read() == sorted((tuple(row.values()) for row in rows), key=repr)


@pytest.mark.req("X3")
def test_the_same_batch_again_changes_nothing_and_deletes_its_files(lake: Lake) -> None:
    """Doing a batch twice, also from another process, gives the first commit."""
    first = lake.commit(1, [sale(1)])
    again = lake.batch(1, [sale(1)])
    assert lake.fresh().commit(NAME, again) == first
    assert lake.tables.version(NAME) == 1
    assert not [file.path for file in again.rows.files if file.path.exists()]
    assert list(lake.tmp.iterdir()) == []


def test_a_lower_sequence_is_done_already(lake: Lake) -> None:
    """A late zombie with an earlier batch writes nothing."""
    lake.commit(1, [sale(1)])
    lake.commit(2, [sale(2)])
    assert figures(lake.fresh().commit(NAME, lake.batch(1, [sale(1)]))) == (1, 1, 0)
    assert lake.ids() == [1, 2]


def test_a_sequence_that_the_history_does_not_know_is_damage(lake: Lake) -> None:
    """A table that says "done" for a batch that nobody finds is refused."""
    lake.commit(5, [sale(1)])
    with pytest.raises(DamageError, match="no commit of it"):
        lake.tables.commit(NAME, lake.batch(4, [sale(4)]))


def test_a_batch_without_rows_still_moves_the_position(lake: Lake) -> None:
    """Void batches are commits too."""
    assert figures(lake.commit(1, [])) == (1, 0, 0)
    assert lake.tables.last_sequence(NAME, "shop-in") == 1


@pytest.mark.req("X3")
def test_two_handles_with_the_same_flow_conflict(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two processes with one flow is refused, and its files are gone again."""
    zombie = lake.fresh()
    stale = zombie.snapshot(NAME)
    lake.commit(1, [sale(1)])
    files = set(lake.path().glob("*.parquet"))
    monkeypatch.setattr(type(zombie.handle(NAME)), "require_newest", lambda self: stale)
    with pytest.raises(ConflictError, match="same flow"):
        zombie.commit(NAME, lake.batch(1, [sale(1)]))
    monkeypatch.undo()
    assert set(lake.path().glob("*.parquet")) == files
    assert lake.ids() == [1]


def test_a_stale_handle_of_another_flow_appends_after_it(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blind appends of two flows pass each other."""
    other = lake.fresh()
    stale = other.snapshot(NAME)
    lake.commit(1, [sale(1)])
    monkeypatch.setattr(type(other.handle(NAME)), "require_newest", lambda self: stale)
    assert other.commit(NAME, lake.batch(1, [sale(2)], flow="other")).version == 2
    monkeypatch.undo()
    assert lake.ids() == [1, 2]


@pytest.mark.parametrize("mode", [Replace(None), Replace("id = 1"), Merge(("id",))])
def test_a_stale_handle_may_not_replace(lake: Lake, monkeypatch: pytest.MonkeyPatch, mode: Replace | Merge) -> None:
    """What rests on the rows of a version is refused when rows came meanwhile."""
    other = lake.fresh()
    stale = other.snapshot(NAME)
    lake.commit(1, [sale(1)])
    monkeypatch.setattr(type(other.handle(NAME)), "require_newest", lambda self: stale)
    with pytest.raises(ConflictError, match="added or removed rows"):
        other.commit(NAME, lake.batch(1, [sale(2)], mode, flow="other"))
    monkeypatch.undo()
    assert lake.ids() == [1]


def test_a_stale_handle_may_not_append_over_a_new_schema(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that changed the columns makes an append begin again."""
    other = lake.fresh()
    stale = other.snapshot(NAME)
    lake.tables.create(NAME, SCHEMA.append(pa.field("more", pa.string())))
    monkeypatch.setattr(type(other.handle(NAME)), "require_newest", lambda self: stale)
    with pytest.raises(ConflictError, match="schema"):
        other.commit(NAME, lake.batch(1, [sale(2)]))


@pytest.mark.req("X3")
def test_many_threads_and_handles_lose_nothing(lake: Lake) -> None:
    """Flows that append at once from two handles all get their rows in, once each."""
    handles = [lake.tables, lake.fresh()]
    failures: list[BaseException] = []

    def append(flow: int) -> None:
        tables = handles[flow % 2]
        try:
            for sequence in range(1, 6):
                row = sale(flow * 100 + sequence)
                tables.commit(NAME, lake.batch(sequence, [row], flow=f"flow{flow}"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=append, args=(flow,)) for flow in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert lake.ids() == sorted(flow * 100 + sequence for flow in range(6) for sequence in range(1, 6))
    assert lake.fresh().version(NAME) == 30


def test_the_plan_comes_back_from_the_history(lake: Lake) -> None:
    """The state can be rebuilt from the commits' metadata."""
    lake.commit(1, [sale(1)])
    lake.commit(2, [sale(2)], Replace(None))
    newest, first, created = lake.fresh().history(NAME)
    assert newest.plan == {
        "contract": "c1", "counts": [1, 2], "flow": "shop-in", "sequence": 2, "added": 1, "removed": 1,
    }  # fmt: skip
    assert (first.version, created.version, created.plan) == (1, 0, None)
    assert [commit.version for commit in lake.tables.history(NAME, since=1)] == [2, 1]


def test_find_commit_answers_from_the_history(lake: Lake) -> None:
    """Counts of a batch can be asked for afterwards; of a batch that was not, there are none."""
    lake.commit(1, [sale(1), sale(2)])
    lake.commit(2, [sale(3)], Replace("id = 1"))
    writer = DeltaWriter(lake.fresh(), NAME, SCHEMA)
    assert figures(writer.find_commit("shop-in", 2)) == (2, 1, 1)
    assert figures(writer.find_commit("shop-in", 1)) == (1, 2, 0)
    assert writer.find_commit("shop-in", 3) is None
    found = writer.find_commit("shop-in", 1)
    assert found is not None
    assert found.metadata["counts"] == [1, 2]
    assert writer.find_commit("other", 1) is None


def test_prepare_creates_once_and_adds_columns(lake: Lake) -> None:
    """Creating again does nothing; new columns come at the end; old rows have null there."""
    lake.commit(1, [sale(1)])
    writer = DeltaWriter(lake.tables, NAME, SCHEMA, "what the shops sold")
    writer.prepare()
    assert writer.version() == 1
    wider = SCHEMA.append(pa.field("note", pa.string())).append(pa.field("local", pa.timestamp("us")))
    DeltaWriter(lake.tables, NAME, wider).prepare()
    assert lake.tables.schema(NAME) == wider
    assert lake.tables.schema(NAME, 1) == SCHEMA
    lake.commit(2, [{**sale(2), "note": "n", "local": None}], schema=wider)
    assert [row[-2:] for row in lake.read()] == [(None, None), ("n", None)]
    assert lake.tables.snapshot(NAME).protocol.reader == 3


def test_a_changed_type_needs_a_decision(lake: Lake) -> None:
    """A column is never reinterpreted."""
    changed = SCHEMA.set(0, pa.field("id", pa.string()))
    with pytest.raises(ProjectError, match="'id' is long in the table, but string"):
        lake.tables.create(NAME, changed)


def test_a_type_that_delta_lacks_is_named(lake: Lake) -> None:
    """A time of day cannot be stored; the error names the column."""
    with pytest.raises(ProjectError, match="'clock'"):
        lake.tables.create("bronze.other", pa.schema([("clock", pa.time64("us"))]))
    assert not lake.tables.exists("bronze.other")


def test_quarantine_tables_lie_in_their_own_folder(lake: Lake) -> None:
    """Names map to folders and back; the rejects' schema survives."""
    lake.tables.create("quarantine.bronze.sales", REJECT_SCHEMA)
    assert (lake.root / "quarantine" / "bronze.sales" / "_delta_log").is_dir()
    assert lake.tables.list_tables() == ["bronze.sales", "quarantine.bronze.sales"]
    assert lake.tables.schema("quarantine.bronze.sales") == REJECT_SCHEMA


@pytest.mark.parametrize("name", ["sales", "../x.y", "bronze/a.b", "bronze.", ".b", "bronze.a/../../b", "a..b"])
def test_names_cannot_leave_the_lake(lake: Lake, name: str) -> None:
    """A name is checked before it becomes a path."""
    with pytest.raises(UsageError):
        lake.tables.exists(name)


def test_what_is_not_there_says_so(lake: Lake) -> None:
    """Missing tables and versions are told apart from empty ones."""
    assert lake.tables.version("bronze.none") == -1
    assert not lake.tables.exists("bronze.none")
    assert lake.tables.last_sequence("bronze.none", "f") == 0
    with pytest.raises(KeyError):
        lake.tables.schema("bronze.none")
    with pytest.raises(KeyError):
        lake.tables.pin(NAME, 7)
    with pytest.raises(KeyError):
        lake.tables.commit("bronze.none", lake.batch(1, []))


def test_a_table_made_anew_has_another_identity(lake: Lake) -> None:
    """A kept handle notices that somebody deleted the table and made it again."""
    import shutil

    before = lake.tables.table_id(NAME)
    lake.commit(1, [sale(1)])
    shutil.rmtree(lake.path())
    other = lake.fresh()
    other.create(NAME, SCHEMA)
    other.commit(NAME, lake.batch(1, [sale(9)]))
    assert lake.tables.table_id(NAME) != before
    assert lake.ids() == [9]


def test_files_of_the_wrong_type_are_refused(lake: Lake) -> None:
    """A staged file whose column has another type than the table is never committed."""
    wrong = SCHEMA.set(0, pa.field("id", pa.int32()))
    with pytest.raises(RunError, match="'id' is int32"):
        lake.commit(1, [sale(1)], schema=wrong)
    assert lake.tables.version(NAME) == 0


def test_unknown_columns_may_only_hold_nulls(lake: Lake) -> None:
    """Further columns do not show when they are null, and are refused when values would vanish."""
    wider = SCHEMA.append(pa.field("reasons", pa.string()))
    lake.commit(1, [{**sale(1), "reasons": None}], schema=wider)
    assert lake.read() == [tuple(sale(1).values())]
    with pytest.raises(RunError, match="'reasons' holds values"):
        lake.commit(2, [{**sale(2), "reasons": "x"}], schema=wider)


def test_a_staged_file_must_be_what_was_announced(lake: Lake) -> None:
    """A cut file, or one with other rows than counted, is refused."""
    batch = lake.batch(1, [sale(1), sale(2)])
    miscounted = replace(batch.rows.files[0], rows=3)
    with pytest.raises(RunError, match="3 rows"):
        lake.tables.commit(NAME, replace(batch, rows=Staged(SCHEMA, (miscounted,))))
    path: Path = batch.rows.files[0].path
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RunError, match="not whole"):
        lake.tables.commit(NAME, batch)
    assert lake.tables.version(NAME) == 0


def test_flow_names_survive_in_file_names() -> None:
    """Any flow name gives a safe file name from which it is known again."""
    for flow in ["sales", "retry:bronze.sales", "a/b c-é", "x" * 300]:
        name = data_file_name(flow, 12)
        assert split_data_file_name(name) == (encode_flow(flow), 12)
        assert "/" not in name
        assert len(name.encode()) < 255
    assert encode_flow("a/b") != encode_flow("a@2fb")


def test_a_table_written_by_ours_is_read_at_any_version(lake: Lake) -> None:
    """Time travel: each version keeps its rows."""
    for sequence in range(1, 5):
        lake.commit(sequence, [sale(sequence, batch=sequence)])
    lake.commit(5, [sale(99, batch=5)], Replace(None))
    assert [lake.ids(version) for version in range(6)] == [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [99]]


def test_the_port_is_implemented() -> None:
    """Signatures fit the protocols (checked by mypy as well)."""
    from entrepot.ports.tables import Tables
    from entrepot.ports.writer import Writer

    tables: Tables = DeltaTables(Path("x"))
    writer: Writer = DeltaWriter(DeltaTables(Path("x")), NAME, SCHEMA)
    assert writer.name == NAME
    assert tables is not None


def test_pyarrow_written_files_are_staged_as_well(lake: Lake) -> None:
    """Large strings and dictionaries of other writers do not slip in under another type."""
    path = lake.tmp / "x.parquet"
    table = pa.Table.from_pylist([sale(1)], schema=SCHEMA)
    pq.write_table(table.set_column(1, "shop", table["shop"].cast(pa.large_string())), path)
    staged = Staged(SCHEMA, (StagedFile(path, 1, path.stat().st_size),))
    lake.tables.commit(NAME, Batch("shop-in", 1, staged, Append()))
    assert lake.read() == [tuple(sale(1).values())]
