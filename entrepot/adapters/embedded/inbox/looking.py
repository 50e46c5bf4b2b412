"""Looking for records: by id and reference directly, else newest first along the index of each integration and status."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from entrepot.adapters.embedded.inbox.bulk import cut, marks
from entrepot.adapters.embedded.inbox.rows import (
    FROM_RECORD,
    NUMBERS,
    SELECT_RECORD,
    instant_to_us,
    row_to_record,
    text_to_id,
)
from entrepot.ports.inbox import InboxRecord, RecordFilter, RecordStatus

ALL = 1 << 62


@dataclass(frozen=True, slots=True)
class Lane:
    """Records that stand together in one index, by seq."""

    sql: str
    """FROM … WHERE …, on `t`."""
    parameters: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Time:
    """A time of receipt, and between which seqs it can be found."""

    since_us: int = -ALL
    until_us: int = ALL
    whole: tuple[tuple[int, int], ...] = ((0, ALL),)
    """Ranges of seqs all of which were received in that time."""
    part: tuple[tuple[int, int], ...] = field(default=())
    """Ranges of which some were."""

    @property
    def first(self) -> int:
        """The first seq that can be meant."""
        return min((start for start, _ in (*self.whole, *self.part)), default=ALL)

    @property
    def last(self) -> int:
        """The last one."""
        return max((end for _, end in (*self.whole, *self.part)), default=-1)


def find(
    connection: sqlite3.Connection, wanted: RecordFilter, integrations: Sequence[int], limit: int, before: int | None
) -> Sequence[InboxRecord]:
    """Newest first."""
    seqs = _direct(connection, wanted, integrations)
    if seqs is None:
        seqs = _along_lanes(connection, wanted, integrations, limit, before)
    else:
        seqs = [seq for seq in seqs if before is None or seq < before]
    records = [one for one in load(connection, seqs) if matches(one, wanted)]
    return sorted(records, key=lambda one: -one.seq)[:limit]


def count(connection: sqlite3.Connection, wanted: RecordFilter, integrations: Sequence[int]) -> int:
    """How many there are."""
    seqs = _direct(connection, wanted, integrations)
    if seqs is not None:
        return sum(matches(one, wanted) for one in load(connection, seqs))
    if wanted.since is None and wanted.until is None:
        return _count_all(connection, wanted, integrations)
    time = find_time(connection, wanted)
    return sum(_count_lane(connection, lane, time) for lane in lanes(wanted, integrations))


def load(connection: sqlite3.Connection, seqs: Sequence[int]) -> list[InboxRecord]:
    """Records without bodies, in no order."""
    found: list[InboxRecord] = []
    for chunk in cut(seqs):
        rows = connection.execute(f"{SELECT_RECORD}{FROM_RECORD} WHERE r.seq IN ({marks(len(chunk))})", list(chunk))
        found += [row_to_record(row) for row in rows.fetchall()]
    return found


def matches(record: InboxRecord, wanted: RecordFilter) -> bool:
    """True when everything that is stated holds."""
    return (
        wanted.integration in (None, record.integration)
        and wanted.status in (None, record.status)
        and (wanted.code is None or (record.error is not None and record.error.code == wanted.code))
        and wanted.reference in (None, record.reference)
        and (wanted.since is None or record.received_us >= instant_to_us(wanted.since))
        and (wanted.until is None or record.received_us < instant_to_us(wanted.until))
        and (not wanted.ids or record.id in wanted.ids)
    )


def _direct(connection: sqlite3.Connection, wanted: RecordFilter, integrations: Sequence[int]) -> list[int] | None:
    """Seqs by id or reference; None when neither is stated."""
    if wanted.ids:
        return _by_ids(connection, wanted.ids)
    if wanted.reference is None:
        return None
    found: set[int] = set()
    for integration in integrations:
        for table in ("owners", "others"):
            rows = connection.execute(
                f"SELECT seq FROM {table} WHERE integration = ? AND reference = ?", (integration, wanted.reference)
            )
            found.update(row[0] for row in rows.fetchall())
    return sorted(found)


def _by_ids(connection: sqlite3.Connection, ids: Sequence[str]) -> list[int]:
    found: list[int] = []
    for chunk in cut([known for known in map(text_to_id, ids) if known is not None]):
        rows = connection.execute(f"SELECT seq FROM records WHERE id IN ({marks(len(chunk))})", list(chunk))
        found += [row[0] for row in rows.fetchall()]
    return found


def lanes(wanted: RecordFilter, integrations: Sequence[int]) -> list[Lane]:
    """Where records of the filter stand."""
    if wanted.code is not None:
        if wanted.status not in (None, RecordStatus.ERROR):
            return []
        sql = "errors t INDEXED BY errors_by_code WHERE t.integration = ? AND t.code = ?"
        return [Lane(sql, (number, wanted.code)) for number in integrations]
    statuses = list(NUMBERS.values()) if wanted.status is None else [NUMBERS[wanted.status]]
    sql = "records t INDEXED BY by_status WHERE t.integration = ? AND t.status = ?"
    return [Lane(sql, (number, status)) for number in integrations for status in statuses]


def _along_lanes(
    connection: sqlite3.Connection, wanted: RecordFilter, integrations: Sequence[int], limit: int, before: int | None
) -> list[int]:
    time = find_time(connection, wanted)
    last = time.last if before is None else min(time.last, before - 1)
    timed = wanted.since is not None or wanted.until is not None
    found: list[int] = []
    for lane in lanes(wanted, integrations):
        found += [
            row[0]
            for row in connection.execute(
                f"SELECT t.seq FROM {lane.sql} AND t.seq BETWEEN ? AND ? {_received(lane) if timed else ''} "
                "ORDER BY t.seq DESC LIMIT ?",
                (*lane.parameters, time.first, last, *((time.since_us, time.until_us) if timed else ()), limit),
            ).fetchall()
        ]
    return sorted(found, reverse=True)[:limit]


def _received(lane: Lane) -> str:
    if lane.sql.startswith("records"):
        return "AND t.received_us >= ? AND t.received_us < ?"
    return "AND (SELECT r.received_us >= ? AND r.received_us < ? FROM records r WHERE r.seq = t.seq)"


def _count_all(connection: sqlite3.Connection, wanted: RecordFilter, integrations: Sequence[int]) -> int:
    statuses = list(NUMBERS.values()) if wanted.status is None else [NUMBERS[wanted.status]]
    total = 0
    for integration in integrations:
        rows = connection.execute("SELECT status, code, records FROM counts WHERE integration = ?", (integration,))
        total += sum(
            row["records"]
            for row in rows.fetchall()
            if row["status"] in statuses and (wanted.code is None or row["code"] == wanted.code)
        )
    return total


def _count_lane(connection: sqlite3.Connection, lane: Lane, time: Time) -> int:
    total = 0
    for start, end in time.whole:
        sql = f"SELECT count(*) FROM {lane.sql} AND t.seq BETWEEN ? AND ?"
        total += connection.execute(sql, (*lane.parameters, start, end)).fetchone()[0]
    for start, end in time.part:
        sql = f"SELECT count(*) FROM {lane.sql} AND t.seq BETWEEN ? AND ? {_received(lane)}"
        total += connection.execute(sql, (*lane.parameters, start, end, time.since_us, time.until_us)).fetchone()[0]
    return total


def find_time(connection: sqlite3.Connection, wanted: RecordFilter) -> Time:
    """Where records of the filter's time can be; the spans tell without looking at any of them."""
    if wanted.since is None and wanted.until is None:
        return Time()
    since = -ALL if wanted.since is None else instant_to_us(wanted.since)
    until = ALL if wanted.until is None else instant_to_us(wanted.until)
    rows = connection.execute(
        "SELECT first, last, least_us, most_us FROM spans WHERE most_us >= ? AND least_us < ? ORDER BY first",
        (since, until),
    ).fetchall()
    whole: list[tuple[int, int]] = []
    part: list[tuple[int, int]] = []
    for first, last, least, most in rows:
        ranges = whole if least >= since and most < until else part
        if ranges and ranges[-1][1] == first - 1:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))
    return Time(since, until, tuple(whole), tuple(part))
