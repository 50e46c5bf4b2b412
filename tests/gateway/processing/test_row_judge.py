"""The kept judge says of each row what a landing would say, and nothing of what concerns other rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.adapters.embedded.connections import Settings
from entrepot.adapters.embedded.engine import DuckEngine
from entrepot.adapters.embedded.row_judge import DuckRowJudge
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.row_rules import (
    ForeignKey,
    Length,
    Matches,
    OneOf,
    Range,
    Required,
    Severity,
    Unique,
)
from entrepot.contracts.types import ColumnType, Kind, Property
from entrepot.kernel.names import parse_dataset
from entrepot.kernel.rows import Stamp
from entrepot.ports.engine import SplitTask
from entrepot.ports.relations import FAULT_TYPE, FAULTS, Part, Stream
from entrepot.testing.clock import START

LINES = ColumnType(
    Kind.ARRAY,
    items=Property(
        "", ColumnType(Kind.OBJECT, properties=(Property("n", ColumnType(Kind.INTEGER)), Property("sku", ColumnType(Kind.STRING))))
    ),
)  # fmt: skip
COLUMNS = (
    Column("id", ColumnType(Kind.STRING), required=True),
    Column("quantity", ColumnType(Kind.INTEGER)),
    Column("price", ColumnType(Kind.DECIMAL, precision=10, scale=2)),
    Column("at", ColumnType(Kind.TIMESTAMP)),
    Column("day", ColumnType(Kind.DATE)),
    Column("paid", ColumnType(Kind.BOOLEAN)),
    Column("currency", ColumnType(Kind.STRING)),
    Column("mail", ColumnType(Kind.STRING)),
    Column("lines", LINES),
)
ROW_RULES = (
    Required(id="id_required", column="id"),
    Length(id="id_length", column="id", at_most=6),
    Range(id="quantity_range", column="quantity", at_least=0),
    Range(id="price_range", column="price", at_least=Decimal("0.01")),
    OneOf(id="currency_known", column="currency", values=("EUR", "USD")),
    Matches(id="mail_form", column="mail", pattern=r"[^@]+@[^@]+"),
    Length(id="mail_long", column="mail", at_most=12, severity=Severity.WARNING),
)
CONTRACT = Contract(parse_dataset("bronze.orders"), COLUMNS, ROW_RULES, time_zone="Europe/Berlin")
VALUES: dict[str, list[str | None]] = {
    "id": ["a", "abc", "too long an id", None, ""],
    "quantity": ["1", "0", "-1", "1.0", "x", None, "99999999999999999999"],
    "price": ["1.10", "0", "-3", "1e3", "1.005", None, "abc"],
    "at": ["2026-01-01T10:00:00Z", "2026-01-01 10:00:00", "yesterday", None, "2026-03-29T02:30:00"],
    "day": ["2026-01-01", "2026-02-30", None],
    "paid": ["true", "false", "perhaps", None],
    "currency": ["EUR", "USD", "GBP", None],
    "mail": ["a@b.de", "nobody", None, "averylongname@example.com"],
    "lines": ['[{"n":1,"sku":"a"}]', '[{"n":"x"}]', "{}", "[", None, "[]"],
}


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[DuckRowJudge]:
    made = DuckRowJudge(CONTRACT, Settings(1, 200, tmp_path))
    yield made
    made.close()


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Texts under the contract's names."""
    arrays = [pa.array([row.get(column.name) for row in rows], pa.string()) for column in COLUMNS]
    return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in COLUMNS])


def some_rows(count: int, seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [{name: chance.choice(values) for name, values in VALUES.items()} for _ in range(count)]


def test_it_says_what_a_landing_says(judge: DuckRowJudge, tmp_path: Path) -> None:
    """Row by row the same rules are broken, in the same words, again and again with other rows."""
    engine = DuckEngine(lambda *_: "", threads=1, temp=tmp_path, zone="UTC")
    for seed, count in enumerate((1, 7, 400, 2_000)):
        rows = batch(some_rows(count, seed))
        stream = Stream(rows.schema, lambda rows=rows: iter((rows,)))
        task = SplitTask([Part("inbox", stream)], CONTRACT, Stamp(0, "orders", START))
        split = engine.split(task, tmp_path / "split")
        landed = {
            row["_record_id"]: row["reasons"]
            for file in split.rejected.files
            for row in pq.read_table(file.path).to_pylist()
        }
        found = {
            place + 1: [
                {"rule": r.rule, "column": r.column, "value": r.value, "expected": r.expected, "at": r.at}
                for r in reasons
            ]
            for place, reasons in judge.judge(rows).items()
        }
        assert found == landed
        assert count < 100 or len(found) > count / 2


def test_rows_that_keep_the_contract_are_absent(judge: DuckRowJudge) -> None:
    """Warnings are no reason; no rows are no fault."""
    good = {"id": "a", "quantity": "1", "price": "1.10", "mail": "averylongname@example.com", "lines": "[]"}
    assert judge.judge(batch([good] * 3)) == {}
    assert judge.judge(batch([])) == {}


def test_what_concerns_other_rows_is_left_to_bronze(tmp_path: Path) -> None:
    """Neither a key that stands twice nor one that points nowhere is a fault of a single row."""
    other = parse_dataset("bronze.customers")
    rules = (
        *ROW_RULES,
        Unique(id="key", columns=("id",), is_key=True),
        ForeignKey(id="customer", columns=("mail",), dataset=other, to_columns=("mail",)),
    )
    judge = DuckRowJudge(replace(CONTRACT, rules=rules), Settings(1, 200, tmp_path))
    assert judge.judge(batch([{"id": "a", "mail": "a@b.de"}] * 2)) == {}
    judge.close()


def test_faults_of_the_reader_count(judge: DuckRowJudge) -> None:
    """What the reader of rows found wrong rejects the row, under the contract's column."""
    rows = batch([{"id": "a"}, {"id": "b"}])
    faults = pa.array(
        [None, [{"column": "quantity", "at": "row 2", "reason": "ambiguous_key", "text": None}]], FAULT_TYPE
    )
    found = judge.judge(rows.append_column(FAULTS, faults))
    assert {place: [reason.rule for reason in reasons] for place, reasons in found.items()} == {1: ["ambiguous_key"]}


def test_a_missing_column_is_null_in_every_row(judge: DuckRowJudge) -> None:
    """And so breaks what requires it."""
    rows = pa.RecordBatch.from_pydict({"quantity": pa.array(["1"], pa.string())})
    assert [reason.rule for reason in judge.judge(rows)[0]] == ["id_required"]
