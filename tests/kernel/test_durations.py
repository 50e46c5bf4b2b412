"""Lengths of time are read as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from entrepot.kernel.durations import duration_us, parse_duration


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("250ms", timedelta(milliseconds=250)), (" 5m ", timedelta(minutes=5)), ("7d", timedelta(days=7)), ("2 w", timedelta(weeks=2))],
)  # fmt: skip
def test_written_lengths(text: str, wanted: timedelta) -> None:
    """A number and a unit."""
    assert parse_duration(text) == wanted
    assert duration_us(text) == wanted // timedelta(microseconds=1)


@pytest.mark.parametrize("text", ["", "5", "d", "-1d", "1.5h", "1d2h", "999999999w", "5 minutes"])
def test_anything_else_is_refused(text: str) -> None:
    """What is no length of time is an error that says what is allowed, or that it is too long."""
    with pytest.raises(ValueError, match="length of time"):
        parse_duration(text)
