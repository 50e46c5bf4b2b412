"""A reject that is taken again is told by the place and number that its origin names, whatever signs the place holds."""

from __future__ import annotations

import pytest

from entrepot.flow.rejects import _place_and_number


@pytest.mark.parametrize(
    ("origin", "place", "number"),
    [
        ("sales.csv#17", "sales.csv", 17),
        ("prices.xlsx#Data!12", "prices.xlsx#Data", 12),
        ("prices.xlsx#Data#12", "prices.xlsx#Data", 12),
        ("prices.xlsx#A!1#2!3", "prices.xlsx#A!1#2", 3),
        ("erp.orders@42", "", 0),
    ],
)
def test_origin_is_taken_apart(origin: str, place: str, number: int) -> None:
    """The last sign parts them; so it was before sheets had a sign of their own."""
    assert _place_and_number(origin) == (place, number)
