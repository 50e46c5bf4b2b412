"""Which earlier rows a batch replaces: those of a file of the same name, or of whole periods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from entrepot.contracts.model import Contract
from entrepot.contracts.types import Kind
from entrepot.flow.flow import Flow, Services
from entrepot.kernel.errors import DataError
from entrepot.kernel.positions import FileSet, Position, RejectSet
from entrepot.kernel.rows import ORIGIN, SOURCE
from entrepot.ports.engine import Staged
from entrepot.ports.reader import ReplayingReader
from entrepot.ports.state import Plan, PlanStatus

GRAINS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True, slots=True)
class Superseded:
    """Rows of the target (`where`) and contents of earlier plans that go when the new batch comes."""

    where: str | None = None
    contents: tuple[str, ...] = ()


def find_superseded(flow: Flow, services: Services, position: Position) -> Superseded:
    """By name: the live files of the same name. By record: rows of records that were replayed. Both are known when the batch is planned."""
    if flow.supersedes.by == "record" and not isinstance(position, RejectSet):
        return Superseded(_replayed(flow, position))
    if flow.supersedes.by != "name" or not isinstance(position, FileSet):
        return Superseded()
    names = {item.name for item in position.files}
    conditions, contents = [], []
    for name, sha256 in _live_files(services.state.plans(flow=flow.name)):
        if name in names:
            # of every batch: a corrected reject of the file came with a later one
            conditions.append(f"({SOURCE} = {_quote(flow.name)} AND starts_with({ORIGIN}, {_quote(name + '#')}))")
            contents.append(sha256)
    return Superseded(" OR ".join(conditions) or None, tuple(contents))


def _replayed(flow: Flow, position: Position) -> str | None:
    assert isinstance(flow.reader, ReplayingReader)
    origins = flow.reader.replaced(position)
    listed = ", ".join(_quote(origin) for origin in origins)
    return f"{SOURCE} = {_quote(flow.name)} AND split_part({ORIGIN}, '#', 1) IN ({listed})" if origins else None


def _live_files(plans: Iterable[Plan]) -> list[tuple[str, str]]:
    """Name and content of files that no later one has taken the place of."""
    live: dict[str, tuple[str, str]] = {}
    for plan in plans:
        if plan.status is PlanStatus.VOIDED:
            continue
        for old in plan.draft.supersedes:
            live.pop(old, None)
        if isinstance(plan.draft.position, FileSet):
            for item in plan.draft.position.files:
                live[item.sha256] = (item.name, item.sha256)
    return list(live.values())


def period_predicate(contract: Contract, column: str, grain: str, staged: Staged) -> str | None:
    """By period: a predicate over whole periods that the accepted rows touch; None when there are none.

    Periods are cut in the column's time zone, else the contract's. A batch that touches a period replaces all of it.

    Raises: DataError when a row has no value in the column.
    """
    column_type = contract.column(column).type
    kind, zone = column_type.kind, column_type.zone or contract.time_zone
    starts: set[date] = set()
    for file in staged.files:
        for batch in pq.ParquetFile(file.path).iter_batches(columns=[column], batch_size=65_536):
            values = pc.unique(_to_dates(batch.column(0), kind, zone))
            if values.null_count:
                raise DataError(
                    f"{contract.dataset}: a row has no {column}, but whole periods are replaced by it — it must be there.",
                    hint=f"Mark {column} as required in the contract: such rows are then rejected.",
                )
            starts.update(_start(value, grain) for value in values.to_pylist())
    ranges = _join_ranges(sorted(starts), grain)
    return " OR ".join(_range_predicate(column, kind, zone, a, b) for a, b in ranges) or None


def _to_dates(values: pa.Array, kind: Kind, zone: str) -> pa.Array:
    if kind is Kind.DATE:
        return values
    if kind is Kind.TIMESTAMP:
        return (
            pc.local_timestamp(values.cast(pa.timestamp("us", tz=zone)))
            .cast(pa.timestamp("us"))
            .cast(pa.date32(), safe=False)
        )
    if kind is Kind.TIMESTAMP_LOCAL:
        return values.cast(pa.date32(), safe=False)
    raise DataError("periods need a date or timestamp column", hint="Name one in `supersedes: column:`.")


def _start(day: date, grain: str) -> date:
    match grain:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "year":
            return day.replace(month=1, day=1)
    return day


def _next(day: date, grain: str) -> date:
    """The start of the period after the one that starts at `day`."""
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[grain]
    try:
        return _start(day + timedelta(days=longest), grain)
    except OverflowError:  # "until further notice", 9999-12-31: the period has no end
        return date.max


def _join_ranges(starts: list[date], grain: str) -> list[tuple[date, date]]:
    ranges: list[tuple[date, date]] = []
    for start in starts:
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], _next(start, grain))
        else:
            ranges.append((start, _next(start, grain)))
    return ranges


def _range_predicate(column: str, kind: Kind, zone: str, start: date, end: date) -> str:
    name = '"' + column.replace('"', '""') + '"'
    if end == date.max:
        since = _instant(start, zone) if kind is Kind.TIMESTAMP else f"DATE '{start}'"
        return f"({name} >= {since})"
    if kind is Kind.DATE:
        return f"({name} >= DATE '{start}' AND {name} < DATE '{end}')"
    if kind is Kind.TIMESTAMP_LOCAL:
        return f"({name} >= TIMESTAMP '{start} 00:00:00' AND {name} < TIMESTAMP '{end} 00:00:00')"
    return f"({name} >= {_instant(start, zone)} AND {name} < {_instant(end, zone)})"


def _instant(day: date, zone: str) -> str:
    local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return f"TIMESTAMPTZ '{local.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00'"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
