"""Replace and merge: what goes, what stays, what is counted."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest
from delta_lake import NAME, SCHEMA, Lake, figures, sale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.adapters.embedded.delta import rewrite
from entrepot.kernel.errors import RunError
from entrepot.ports.writer import Merge, Replace

_KEYS = st.lists(st.integers(0, 12) | st.none(), max_size=12)


def test_replace_all_leaves_only_the_new_rows(lake: Lake) -> None:
    """All old files are removed in the commit that adds the new ones."""
    lake.commit(1, [sale(1), sale(2)])
    lake.commit(2, [sale(3)])
    assert figures(lake.commit(3, [sale(4)], Replace(None))) == (3, 1, 3)
    assert lake.ids() == [4]
    assert len(lake.actions(3, "remove")) == 2


def test_replace_where_takes_only_rows_for_which_it_is_true(lake: Lake) -> None:
    """Rows whose predicate is null stay; untouched files are not rewritten."""
    lake.commit(1, [sale(1, "a"), sale(2, "b"), sale(3, None)])
    lake.commit(2, [sale(4, "b")])
    assert figures(lake.commit(3, [sale(5, "a")], Replace("shop = 'a' -- the first shop"))) == (3, 1, 1)
    assert lake.ids() == [2, 3, 4, 5]
    assert len(lake.actions(3, "remove")) == 1
    assert figures(lake.commit(4, [], Replace("shop = 'b'"))) == (4, 0, 2)
    assert lake.ids() == [3, 5]


def test_replace_where_may_match_nothing(lake: Lake) -> None:
    """Then it is an append."""
    lake.commit(1, [sale(1)])
    assert figures(lake.commit(2, [sale(2)], Replace("id > 100"))) == (2, 1, 0)
    assert lake.actions(2, "remove") == []


def test_a_predicate_that_is_no_sql_changes_nothing(lake: Lake) -> None:
    """A wrong predicate is an error before anything is written."""
    lake.commit(1, [sale(1)])
    with pytest.raises(RunError, match="predicate"):
        lake.commit(2, [sale(2)], Replace("no_such_column = 1"))
    assert lake.tables.version(NAME) == 1
    assert list((lake.root / "_scratch").iterdir()) == []


def test_merge_updates_by_key_and_adds_the_rest(lake: Lake) -> None:
    """All columns of a known key are new; other rows of the same file stay as they were."""
    lake.commit(1, [sale(1), sale(2), sale(3)])
    lake.commit(2, [sale(4)])
    done = lake.commit(3, [sale(2, "new", None, batch=3), sale(9, batch=3)], Merge(("id",)))
    assert figures(done) == (3, 2, 1)
    assert lake.ids() == [1, 2, 3, 4, 9]
    assert lake.read(columns=["id", "shop", "amount"])[1] == (2, "new", None)
    assert len(lake.actions(3, "remove")) == 1


def test_merge_refuses_a_key_that_stands_twice(lake: Lake) -> None:
    """Which of two rows would win is not guessed."""
    lake.commit(1, [sale(1)])
    with pytest.raises(RunError, match="more than once"):
        lake.commit(2, [sale(2), sale(2, "b")], Merge(("id",)))
    assert lake.ids() == [1]


def test_merge_into_an_evolved_table(lake: Lake) -> None:
    """Old files without the new column are rewritten with null there."""
    lake.commit(1, [sale(1), sale(2)])
    wider = SCHEMA.append(pa.field("note", pa.string()))
    lake.tables.create(NAME, wider)
    lake.commit(2, [{**sale(2), "note": "n"}], Merge(("id",)), schema=wider)
    assert lake.read(columns=["id", "note"]) == [(1, None), (2, "n")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    old=_KEYS,
    new=st.lists(st.integers(0, 12), max_size=8, unique=True),
    nulls=st.integers(0, 2),
    files=st.integers(1, 3),
)
def test_merge_equals_removing_and_adding_by_key(
    tmp_path_factory: pytest.TempPathFactory, old: list[int | None], new: list[int], nulls: int, files: int
) -> None:
    """Merge gives what a plain program gives, with null keys that equal nothing."""
    lake = Lake(tmp_path_factory.mktemp("merge"))
    schema = pa.schema([("k", pa.int64()), ("v", pa.string())])
    lake.tables.create(NAME, schema)
    before = [{"k": key, "v": f"old{index}"} for index, key in enumerate(old)]
    keys = [*new, *[None] * nulls]
    after = [{"k": key, "v": f"new{index}"} for index, key in enumerate(keys)]
    lake.commit(1, before, schema=schema, files=files)
    done = lake.commit(2, after, Merge(("k",)), schema=schema, files=files)
    gone = [row for row in before if row["k"] is not None and row["k"] in new]
    stay = [row for row in before if row not in gone]
    assert (done.added, done.removed) == (len(after), len(gone))
    assert lake.read() == sorted((tuple(row.values()) for row in stay + after), key=repr)


def test_a_rewritten_file_keeps_every_value(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewriting goes through several pieces and leaves lists, decimals and instants as they are."""
    monkeypatch.setattr(rewrite, "TARGET_BYTES", 1)
    rows = [{**sale(n, f"é{n}", f"{n}.01"), "_warnings": [f"w{n}", None]} for n in range(1, 40)]
    lake.commit(1, rows, files=5)
    lake.commit(2, [], Replace("id % 2 = 0"))
    assert lake.read() == sorted((tuple(row.values()) for row in rows if row["id"] % 2), key=repr)
    with duckdb.connect() as plain:
        total = plain.execute(
            "SELECT sum(a) FROM (SELECT unnest(?) AS a)", [[row[2] for row in lake.read()]]
        ).fetchone()
    assert total == (sum((Decimal(f"{n}.01") for n in range(1, 40, 2)), Decimal(0)),)


def test_nothing_is_left_in_the_scratch_folder(lake: Lake) -> None:
    """Rewrites clean up after themselves, and the folder is no table."""
    lake.commit(1, [sale(1), sale(2)])
    lake.commit(2, [sale(2)], Merge(("id",)))
    assert list((lake.root / "_scratch").iterdir()) == []
    assert lake.tables.list_tables() == [NAME]
