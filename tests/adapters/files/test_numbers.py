"""Numbers as people write them become numbers as engines read them, or faults; never other numbers."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.adapters.files.numbers import NumberStyle, normalize_numbers

GERMAN = NumberStyle(",", ".")


@pytest.mark.parametrize(
    ("style", "text", "wanted"),
    [
        (GERMAN, "1.234,56", "1234.56"),
        (GERMAN, "-1.234.567", "-1234567"),
        (GERMAN, "12", "12"),
        (GERMAN, ",5", ".5"),
        (GERMAN, "1,5E3", "1.5E3"),
        (GERMAN, " 1,50 ", " 1.50 "),
        (NumberStyle(",", " "), "1 234,5", "1234.5"),
        (NumberStyle(",", "\xa0"), "1\xa0234,5", "1234.5"),
        (NumberStyle(".", "'"), "1'234.5", "1234.5"),
        (NumberStyle(".", ","), "1,234.5", "1234.5"),
        (NumberStyle(","), "n/a", "n/a"),
        (NumberStyle(",", "."), "12.34.567", "12.34.567"),
        (GERMAN, "00012", "00012"),
        (GERMAN, "0,123", "0.123"),
        (NumberStyle(".", "-"), "2024-01-05", "2024-01-05"),
    ],
)
def test_styles(style: NumberStyle, text: str, wanted: str) -> None:
    """Each style is rewritten; what is no number stays as it is."""
    assert normalize_numbers(pa.array([text]), style)[0].to_pylist() == [wanted]


@pytest.mark.parametrize("text", ["1.5", "1.50", "1.2345", "12.34", ".5", "1.5e3"])
@pytest.mark.parametrize("style", [GERMAN, NumberStyle(","), NumberStyle(",", " ")])
def test_doubtful_values_are_pointed_at(style: NumberStyle, text: str) -> None:
    """A point that is not the stated one must not be read as a decimal point."""
    texts, places = normalize_numbers(pa.array(["1", text, None]), style)
    assert places == [1]
    assert texts[1].as_py() == text


UNGROUPED = ["0{0}123", "012{0}345", "00{0}500", "-0{0}750", "+0{0}123", "0{0}123{0}456", "000{0}500", "0{0}123{1}5", "12{0}34", "1{0}2345", " 0{0}123 "]  # fmt: skip


@pytest.mark.parametrize("style", [GERMAN, NumberStyle(".", ","), NumberStyle(",", " "), NumberStyle(".", "'")])
@pytest.mark.parametrize("pattern", UNGROUPED)
def test_nobody_groups_such_digits(style: NumberStyle, pattern: str) -> None:
    """`0.123` with the point between thousands is rather 0.123 than 123: doubtful, never a value."""
    text = pattern.format(style.thousands, style.decimal)
    texts, places = normalize_numbers(pa.array(["1", text, None, f"999{style.thousands}000"]), style)
    assert places == [1]
    assert texts.to_pylist() == ["1", text, None, "999000"]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3))
def test_round_trip(value: Decimal) -> None:
    """A number written in the German way comes back as itself."""
    written = f"{value:,.3f}".translate(str.maketrans(",.", ".,"))
    texts, places = normalize_numbers(pa.array([written]), GERMAN)
    assert places == []
    assert Decimal(texts[0].as_py()) == value
