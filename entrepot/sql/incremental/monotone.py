"""Functions of a column that never decrease, and which values of the column a range of theirs allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlglot import exp

_SPANS: Mapping[str, int] = {"hour": 1, "day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""The most days that a value of this grain stands for."""

_FORMATS = frozenset({"%Y", "%Y-%m", "%Y-%m-%d", "%Y%m", "%Y%m%d", "%Y/%m", "%Y/%m/%d"})
"""Formats whose texts sort as the moments do."""


@dataclass(frozen=True, slots=True)
class Monotone:
    """How a key is made of a column."""

    column: exp.Column
    grain: str | None = None
    """hour, day, week, month, quarter or year; None: the key is the column itself."""
    days: int = 0
    """The most days that the column's value may lie after the key's."""
    text_format: str | None = None
    """With a grain: the format of the key, `%Y` for a number of the year too; None: the key is a date or an instant."""


def find_monotone(tree: exp.Expr) -> Monotone | None:
    """Read an expression as a function that never decreases; None when it is not seen to be one."""
    tree = tree.unalias().unnest()
    if isinstance(tree, exp.Column):
        return Monotone(tree)
    inner, grain, text_format = _step(tree)
    below = find_monotone(inner) if inner is not None else None
    if below is None or grain is None:
        return None
    return compose(Monotone(below.column, grain, _SPANS[grain], text_format), below)


def compose(outer: Monotone, inner: Monotone) -> Monotone | None:
    """A function of a function's value; None when that is no moment."""
    if outer.grain is None:
        return inner
    if inner.text_format is not None:
        return None
    coarser = max(outer.grain, inner.grain or outer.grain, key=lambda name: _SPANS[name])
    # Added, since a week may begin in one month and end in the next.
    return Monotone(inner.column, coarser, outer.days + inner.days, outer.text_format)


def find_range(found: Monotone, low: object, high: object) -> tuple[object, object] | None:
    """First and last value of the column for keys from low to high; None when the keys are not understood.

    Dates are a day wider on both sides: the day of an instant depends on the session's time zone.
    """
    if found.grain is None:
        return low, high
    first, last = _read_day(low, found.text_format), _read_day(high, found.text_format)
    if first is None or last is None:
        return None
    try:
        return first - timedelta(days=1), last + timedelta(days=found.days + 1)
    except OverflowError:
        return None


def _step(tree: exp.Expr) -> tuple[exp.Expr | None, str | None, str | None]:
    """What a function is applied to, its grain, and the format of its value."""
    if isinstance(tree, exp.DateTrunc | exp.TimestampTrunc):
        grain = tree.text("unit").lower()
        return (tree.this, grain, None) if grain in _SPANS and not tree.args.get("zone") else (None, None, None)
    if isinstance(tree, exp.Cast | exp.TsOrDsToDate) and not isinstance(tree, exp.TryCast):
        is_date = isinstance(tree, exp.TsOrDsToDate) or tree.to.is_type("date")
        return (tree.this, "day", None) if is_date else (None, None, None)
    if isinstance(tree, exp.Year):
        return tree.this, "year", "%Y"
    if isinstance(tree, exp.Extract) and tree.name.lower() == "year":
        return tree.expression, "year", "%Y"
    if isinstance(tree, exp.TimeToStr):
        text = tree.text("format")
        fine = "day" if "%d" in text else "month" if "%m" in text else "year"
        return (tree.this, fine, text) if text in _FORMATS else (None, None, None)
    return None, None, None


def _read_day(value: object, text_format: str | None) -> date | None:
    if text_format is not None:
        try:
            return datetime.strptime(str(value), text_format).date()  # only its day is read
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None
