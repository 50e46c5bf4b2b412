"""Rows of a stream may bring their own origin: accepted and rejected ones alike."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from entrepot.kernel.rows import ORIGIN, split_record_id
from entrepot.ports.relations import Part, Stream
from tests.adapters.embedded.landing import INTEGER, STRING, TIMESTAMP, contract, make_lab
from tests.gateway.source.inbox_lab import Post


def test_origins_of_accepted_and_rejected(tmp_path: Path) -> None:
    """The origin stands in the table and in quarantine as the stream gave it; record ids are numbered as ever."""
    lab = make_lab(tmp_path)
    batch = pa.record_batch({"n": ["1", "x", "3"], ORIGIN: ["inbox/a", "inbox/b#1", "inbox/b#2"]})
    part = Part("inbox/orders", Stream(batch.schema, lambda: iter([batch]), has_origins=True))
    done = lab.split(contract(n=INTEGER), part)
    assert [(row["n"], row[ORIGIN]) for row in done.accepted] == [(1, "inbox/a"), (3, "inbox/b#2")]
    assert [row[ORIGIN] for row in done.rejected] == ["inbox/b#1"]
    assert [split_record_id(row["_record_id"])[1] for row in done.accepted] == [1, 3]
    assert [split_record_id(row["_record_id"])[1] for row in done.rejected] == [2]


def test_a_source_column_of_that_name_is_none(tmp_path: Path) -> None:
    """Where a stream does not say that it brings origins, a column `_origin` of a file is a column like others."""
    batch = pa.record_batch({"n": ["1"], ORIGIN: ["forged"]})
    done = make_lab(tmp_path).split(contract(n=INTEGER), Part("a.csv", Stream(batch.schema, lambda: iter([batch]))))
    assert [row[ORIGIN] for row in done.accepted] == ["a.csv#1"]


@pytest.mark.req("G1")
def test_inbox_rows_through_the_engine(tmp_path: Path) -> None:
    """Record id and origin of an inbox row reach the staged table."""
    post = Post(tmp_path)
    (id,) = post.post(['{"n": 1}'])
    under = contract(n=INTEGER, record_id=STRING, received_at=TIMESTAMP)
    reader = post.build(under.columns)
    found = reader.find_next(None)
    assert found is not None
    (row,) = make_lab(tmp_path).split(under, *reader.read(found)).accepted
    assert (row["n"], row["record_id"], row[ORIGIN]) == (1, id, f"inbox/{id}")
    assert row["received_at"].isoformat() == "2026-09-21T14:13:20.123457+00:00"
