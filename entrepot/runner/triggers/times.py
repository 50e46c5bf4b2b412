"""When times are due. Clocks that are put forward or back: see `cron_after`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from entrepot.runner.triggers.trigger import Cron, Time

MOST = 100
"""Times that one turn looks at, for each condition; of more only the newest count."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def times_after(time: Time, after: datetime) -> Iterator[datetime]:
    """All times later than `after`, in order, in UTC."""
    if isinstance(time, Cron):
        return cron_after(time, after)
    return _multiples_after(time.seconds, after)


def times_between(time: Time, after: datetime, upto: datetime) -> list[datetime]:
    """The times in (after, upto], at most the newest hundred."""
    if isinstance(time, Cron):
        # a long way back would be walked minute by minute: begin near the end, where that gives enough
        for back in (timedelta(hours=2), timedelta(days=8), timedelta(days=400)):
            start = max(after, upto - back)
            found = _until(time, start, upto)
            if start == after or len(found) >= MOST:
                return found[-MOST:]
        return found[-MOST:]
    last = _EPOCH + timedelta(seconds=int((upto - _EPOCH).total_seconds()) // time.seconds * time.seconds)
    counted = (last - timedelta(seconds=time.seconds * place) for place in range(MOST))
    return sorted(at for at in counted if after < at <= upto)


def next_time(time: Time, after: datetime) -> datetime | None:
    """The first time later than `after`; None when there is none for fifty years."""
    return next(times_after(time, after), None)


def time_before(time: Time, before: datetime) -> datetime | None:
    """The last time earlier than `before`, within the year behind it."""
    for back in (timedelta(days=2), timedelta(days=8), timedelta(days=400)):
        found = [at for at in _until(time, before - back, before) if at < before]
        if found:
            return found[-1]
    return None


def cron_after(cron: Cron, after: datetime) -> Iterator[datetime]:
    """Times of a cron expression.

    A stated hour and minute: a time that the clocks skip comes at the next one that there is, a time that they show twice comes once,
    the first. Where minute or hour begin with a star, it goes on as real time does: skipped minutes do not come, repeated ones come twice.

    Source: cronsim, which follows Debian's cron.
    """
    from cronsim import CronSim

    last = after
    for local in CronSim(cron.expression, after.astimezone(ZoneInfo(cron.zone))):
        at = local.astimezone(UTC)
        if at > last:  # in the repeated hour the wall's clock says less than what has passed
            last = at
            yield at


def find_cron_fault(expression: str) -> str | None:
    """Why an expression is none; None when it is one."""
    from cronsim import CronSim, CronSimError

    if len(expression.split()) != 5:
        return "a cron expression has five fields: minute, hour, day of month, month, day of week"
    try:
        first = next(iter(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC))), None)
    except (CronSimError, ValueError) as error:
        return f"{str(error)[:1].lower()}{str(error)[1:]}"
    return "no such time will ever come" if first is None else None


def _until(time: Time, after: datetime, upto: datetime) -> list[datetime]:
    found: list[datetime] = []
    for at in islice(times_after(time, after), 1_000_000):
        if at > upto:
            break
        found.append(at)
    return found


def _multiples_after(seconds: int, after: datetime) -> Iterator[datetime]:
    number = int((after - _EPOCH).total_seconds() // seconds) + 1
    while True:
        at = _EPOCH + timedelta(seconds=number * seconds)
        if at > after:
            yield at
        number += 1
