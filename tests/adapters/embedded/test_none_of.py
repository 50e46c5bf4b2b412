"""The row rule "none of": words that stand for no value are rejected, whatever the column's type."""

from __future__ import annotations

import pytest

from entrepot.contracts.row_rules import NotOneOf
from entrepot.contracts.types import ColumnType
from tests.adapters.embedded.landing import DATE, INTEGER, MONEY, STRING, Lab, contract


@pytest.mark.parametrize(
    ("values", "column_type", "kept", "broken"),
    [
        (("N/A", "it's"), STRING, ["n/a", "", "NA", None], ["N/A", "it's"]),
        ((-999,), INTEGER, ["-99", "999", None], ["-999", " -999"]),
        (("0.00",), MONEY, ["0.01", None], ["0", "0.00", "-0"]),
        (("1900-01-01",), DATE, ["1900-01-02", None], ["1900-01-01"]),
    ],
)
def test_a_word_that_stands_for_nothing_is_rejected(
    lab: Lab, values: tuple[str | int, ...], column_type: ColumnType, kept: list[str | None], broken: list[str | None]
) -> None:
    """After typing; null and other words pass; the reason says what is not allowed."""
    done = lab.split(contract(NotOneOf(id="r", column="v", values=values), v=column_type), {"v": kept + broken})
    assert done.result.counts.accepted == len(kept)
    words = f"none of {', '.join(map(str, values))}"
    assert [row["reasons"] for row in done.rejected] == [
        [{"rule": "r", "column": "v", "value": value, "expected": words, "at": None}] for value in broken
    ]
