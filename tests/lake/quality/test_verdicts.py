"""Numbers and reasons as people read them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from entrepot.lake.quality.verdicts import percent, say_number


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (Fraction(12), "12"),
        (Fraction(100, 3), "33.3333"),
        (Fraction(-1, 2), "-0.5"),
        (Fraction(1, 10**7), "1e-07"),
        (Fraction(12345678901, 2), "6172839450.5"),
        (Fraction(1, 20000), "0.0001"),
        (Fraction(2, 3), "0.6667"),
    ],
)
def test_numbers_are_short_and_never_a_wrong_zero(number: Fraction, said: str) -> None:
    """Four places, but what is not 0 is not said to be 0."""
    assert say_number(number) == said


def test_a_share_of_nothing_is_zero() -> None:
    """Of no rows none is bad."""
    assert percent(0, 0) == 0
    assert percent(1, 8) == Fraction(25, 2)
