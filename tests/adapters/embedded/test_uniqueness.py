"""No two rows share a key: within the batch, and against the table."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from entrepot.contracts.row_rules import Severity, Unique
from entrepot.ports.engine import Counts, SplitTask
from entrepot.ports.relations import Part, Stream
from tests.adapters.embedded.landing import INTEGER, MONEY, STAMP, STRING, TIMESTAMP, Lab, contract, make_lab

KEY = Unique(id="key", columns=("id",), is_key=True)
UNDER = contract(KEY, id=INTEGER, amount=MONEY)


def test_the_first_record_wins(lab: Lab) -> None:
    """Later records of a key are rejected, over all parts; rows without a key are left out."""
    done = lab.split(
        UNDER,
        {"id": ["1", "2", "1", None], "amount": ["1", "2", "3", "4"]},
        {"id": ["2", "3", None], "amount": ["5", "6", "7"]},
    )
    assert done.column("amount") == [1, 2, 4, 6, 7]
    assert done.reasons == [["key"], ["key"]]
    assert done.rejected[0]["reasons"][0] == {
        "rule": "key", "column": "id", "value": "1", "expected": "unique in bronze.sales", "at": None
    }  # fmt: skip
    assert [row["_origin"] for row in done.rejected] == ["a.csv#3", "b.csv#1"]
    assert done.raw[0] == {"id": "1", "amount": "3.00"}
    assert done.result.places == {"a.csv": Counts(4, 3, 1), "b.csv": Counts(3, 2, 1)}


def test_rejected_rows_do_not_claim_a_key(lab: Lab) -> None:
    """A row that another rule rejected leaves its key to the next one."""
    done = lab.split(UNDER, {"id": ["1", "1"], "amount": ["x", "2"]})
    assert (done.column("amount"), done.reasons) == ([2], [["type:amount"]])


@pytest.mark.req("X3")
def test_a_merge_keeps_the_last_of_a_key(lab: Lab) -> None:
    """With keep_last_of_key the last record of a key is kept, and the others count as duplicates, not as rejected."""
    existing = lab.table("sales", pa.table({"id": [1], "amount": pa.array([Decimal(9)], pa.decimal128(12, 2))}))
    done = lab.split(
        UNDER,
        {"id": ["1", "2", "1"], "amount": ["1", "2", "3"]},
        {"id": ["1"], "amount": ["4"]},
        keep_last_of_key=True,
        existing=existing,
    )
    assert done.column("amount") == [2, 4]
    assert done.result.counts == Counts(4, 2, 0, 2)
    assert done.result.places == {"a.csv": Counts(3, 1, 0, 2), "b.csv": Counts(1, 1, 0, 0)}
    assert done.result.reasons == {}


def test_an_append_rejects_what_is_in_the_table(lab: Lab) -> None:
    """A key that the table has is rejected; rows that the batch is about to replace are no conflict."""
    existing = lab.table("sales", pa.table({"id": [1, 2], "_origin": ["old.csv#1", "kept.csv#1"]}))
    rows = {"id": ["1", "2", "3"], "amount": [None, None, None]}
    assert lab.split(UNDER, rows, existing=existing).column("id") == [3]
    replacing = lab.split(UNDER, rows, existing=existing, ignore_key_conflicts_where="starts_with(_origin, 'old.csv#')")
    assert replacing.column("id") == [1, 3]
    assert lab.split(UNDER, rows).column("id") == [1, 2, 3]


def test_rules_are_taken_in_order(lab: Lab) -> None:
    """A row that the key removed does not count for the next rule."""
    under = contract(Unique(id="mail", columns=("mail",)), KEY, id=INTEGER, mail=STRING)
    done = lab.split(under, {"id": ["1", "1", "2", "3"], "mail": ["a", "b", "b", "a"]})
    assert done.column("id") == [1, 2]
    assert done.reasons == [["key"], ["mail"]]


def test_a_merge_may_take_over_a_value_of_the_row_it_replaces(lab: Lab) -> None:
    """Against the table, a merge's other unique rules do not look at rows whose key it replaces."""
    under = contract(KEY, Unique(id="mail", columns=("mail",)), id=INTEGER, mail=STRING)
    existing = lab.table("sales", pa.table({"id": [1, 2], "mail": ["a", "b"]}))
    done = lab.split(under, {"id": ["1", "3"], "mail": ["a", "b"]}, existing=existing, keep_last_of_key=True)
    assert (done.column("id"), done.reasons) == ([1], [["mail"]])


def test_a_warning_marks_the_later_rows(lab: Lab) -> None:
    """A unique rule of warning severity keeps the rows and adds its id to their warnings."""
    under = contract(Unique(id="mail", columns=("mail",), severity=Severity.WARNING), KEY, id=INTEGER, mail=STRING)
    done = lab.split(under, {"id": ["1", "2", "2"], "mail": ["a", "a", "a"]})
    assert done.column("_warnings") == [None, ["mail"]]
    assert done.result.reasons == {"mail": 1, "key": 1}


def test_approval_does_not_break_a_key(lab: Lab) -> None:
    """Approved rows pass other unique rules with a warning, but never the key."""
    under = contract(Unique(id="mail", columns=("mail",)), KEY, id=INTEGER, mail=STRING)
    done = lab.split(under, {"id": ["1", "2", "2"], "mail": ["a", "a", "b"]}, approved_rules=True)
    assert done.column("_warnings") == [None, ["mail"]]
    assert done.reasons == [["key"]]


def test_keys_are_compared_as_typed(lab: Lab) -> None:
    """Two spellings of one value are one key; several columns make one key; instants are equal in any writing."""
    under = contract(Unique(id="key", columns=("id", "at"), is_key=True), id=INTEGER, at=TIMESTAMP)
    done = lab.split(
        under, {"id": ["1", "1.0", "01"], "at": ["2021-01-01T10:00:00Z", "2021-01-01 11:00:00+01:00", "2021-01-01"]}
    )
    assert done.column("at") == [datetime(2021, 1, 1, 10, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)]


def test_a_file_that_loses_all_rows_goes(lab: Lab) -> None:
    """A staged file without rows is neither listed nor left behind."""
    existing = lab.table("sales", pa.table({"id": [1]}))
    done = lab.split(UNDER, {"id": ["1"], "amount": [None]}, existing=existing)
    assert done.result.accepted.files == ()
    assert sorted(path.name for path in (lab.folder / "staged").iterdir()) == ["rejected-0.parquet"]


def test_uniqueness_spills_to_disk(tmp_path: Path) -> None:
    """Two million keys are judged by an instance with 100 MB."""
    tight = make_lab(tmp_path, memory_mb=100)
    ids = pa.chunked_array([pa.arange(0, 1_000_000, 1), pa.arange(999_999, 1_999_999, 1)])
    table = pa.table({"id": ids})
    part = Part("ids", Stream(table.schema, lambda: iter(table.to_batches())))
    task = SplitTask(parts=[part], contract=contract(KEY, id=INTEGER), stamp=STAMP)
    assert tight.engine.split(task, tmp_path / "staged").counts == Counts(2_000_000, 1_999_999, 1)
