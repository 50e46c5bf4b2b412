"""Wall-clock times to instants: exact, or refused.

A zone-less time that the clocks skip in spring names no instant, one that they repeat in autumn names two. DuckDB (ICU) would
silently take 02:30 for 03:30 in the first case and for the later instant in the second; here both give null, so that the row is
rejected and the source can write the offset.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from entrepot.adapters.embedded.quoting import literal

CHECKED_BEFORE = 1980
"""Wall-clock times before this year are checked one by one; after it only the hours in which clocks are changed."""

_FIRST = datetime(CHECKED_BEFORE - 1, 12, 1, tzinfo=UTC)
_LAST = datetime(2101, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=7)


@lru_cache(maxsize=64)
def changing_hours(zone: str) -> tuple[int, ...]:
    """Hours of the day in which `zone` skips or repeats a wall-clock time, from `CHECKED_BEFORE` on."""
    place = ZoneInfo(zone)
    hours: set[int] = set()
    left = _FIRST
    while left < _LAST:
        right = left + _STEP
        if left.astimezone(place).utcoffset() != right.astimezone(place).utcoffset():
            hours |= _hours_around(place, left, right)
        left = right
    return tuple(sorted(hours))


def _hours_around(place: ZoneInfo, left: datetime, right: datetime) -> set[int]:
    """Hours of the wall clock that the change of offset between two instants skips or repeats."""
    while right - left > timedelta(seconds=1):
        middle = left + (right - left) / 2
        if middle.astimezone(place).utcoffset() == left.astimezone(place).utcoffset():
            left = middle
        else:
            right = middle
    start, end = sorted(instant.astimezone(place).replace(tzinfo=None) for instant in (left, right))
    start, end = start + timedelta(seconds=1), end - timedelta(seconds=1)
    hours = {end.hour}
    while start < end:
        hours.add(start.hour)
        start += timedelta(minutes=10)
    return hours


def to_instant(local: str, zone: str) -> str:
    """SQL: the instant of a zone-less timestamp in `zone`; null where the clocks skip or repeat it."""
    if zone == "UTC":
        return f"make_timestamptz(epoch_us({local}))"
    instant = f"timezone({literal(zone)}, {local})"
    listed = ", ".join(str(hour) for hour in changing_hours(zone))
    suspicious = f"{local} < TIMESTAMP '{CHECKED_BEFORE}-01-01'" + (
        f" OR hour({local}) IN ({listed})" if listed else ""
    )
    # the offsets a day before and a day after give the two instants that the time may mean
    earlier, later = (_candidate(local, instant, zone, sign) for sign in ("-", "+"))
    back_earlier, back_later = (f"timezone({literal(zone)}, {c})" for c in (earlier, later))
    checked = (
        f"CASE WHEN {earlier} = {later} THEN {earlier} "
        f"WHEN {back_earlier} = {local} AND {back_later} = {local} THEN NULL "
        f"WHEN {back_earlier} = {local} THEN {earlier} WHEN {back_later} = {local} THEN {later} END"
    )
    return f"CASE WHEN {suspicious} THEN {checked} ELSE {instant} END"


def _candidate(local: str, instant: str, zone: str, sign: str) -> str:
    """SQL: the instant of `local` with the offset that holds a day before (-) or after (+) it."""
    there = f"({instant} {sign} INTERVAL 24 HOURS)"
    offset = f"(epoch_us(timezone({literal(zone)}, {there})) - epoch_us({there}))"
    return f"make_timestamptz(epoch_us({local}) - {offset})"
