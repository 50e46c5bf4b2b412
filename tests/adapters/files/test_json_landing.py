"""From JSON into typed rows: the contract types what stands in the file, and every reject says what stood there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from entrepot.contracts.model import Column
from entrepot.contracts.row_rules import Required
from entrepot.contracts.types import ColumnType, Kind
from tests.adapters.embedded.landing import BOOLEAN, DOUBLE, INTEGER, STRING, TIMESTAMP, contract, make_lab
from tests.adapters.files.opened import open_part


def test_contract_types_what_stands_there(tmp_path: Path) -> None:
    """Decimals keep their digits, large integers are refused where they do not fit, rejects carry record and line."""
    path = tmp_path / "x.ndjson"
    path.write_text(
        '{"id":1,"price":1.10,"big":12345678901234567890,"flag":true,"when":"2026-01-01T10:00:00Z","x":0.1,"tags":["a", 1.50]}\n'
        '{"id":9223372036854775808,"price":1.105,"flag":"maybe"}\n'
        "nonsense\n"
        '{"price":2}\n'
    )
    under = contract(
        Required(id="required:id", column="id"), id=INTEGER, price=ColumnType(Kind.DECIMAL, 18, 2), big=ColumnType(Kind.DECIMAL, 38, 0),
        flag=BOOLEAN, when=TIMESTAMP, x=DOUBLE, tags=STRING,
    )  # fmt: skip
    split = make_lab(tmp_path).split(under, open_part(path, under.columns))
    (row,) = split.accepted
    assert (row["id"], row["price"], row["big"]) == (1, Decimal("1.10"), Decimal("12345678901234567890"))
    assert (row["flag"], row["x"], row["tags"], row["_origin"]) == (True, 0.1, '["a", 1.50]', "x.ndjson#1")
    assert split.reasons == [["type:id", "type:price", "type:flag"], ["bad_json"], ["required:id"]]
    assert split.rejected[1]["reasons"][0]["at"] == "line 3, column 1"
    assert split.rejected[1]["reasons"][0]["value"] == "nonsense"
    assert [row["_origin"] for row in split.rejected] == ["x.ndjson#2", "x.ndjson#3", "x.ndjson#4"]
    assert split.raw[0]["id"] == "9223372036854775808"


def test_a_key_that_nobody_brings_is_null(tmp_path: Path) -> None:
    """A contract's column without key is null in every row, and a required one rejects each row."""
    path = tmp_path / "x.json"
    path.write_text('[{"a":"1"},{"a":"2","note":null}]')
    under = contract(Required(id="required:b", column="b"), a=STRING, b=Column("b", STRING, required=True))
    split = make_lab(tmp_path).split(under, open_part(path, under.columns))
    assert split.reasons == [["required:b"], ["required:b"]]
