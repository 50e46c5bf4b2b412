"""The desk for records of the gateway: find one, see what became of it, replay it after a fix; the same for both directions."""

from __future__ import annotations

import getpass
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from entrepot.app.wiring import Platform
from entrepot.intake.gateway.processing.runner import Handled
from entrepot.intake.gateway.reader import origin_of
from entrepot.kernel.errors import UsageError
from entrepot.ports.inbox import Change, InboxRecord, RecordFilter, RecordStatus, Replay
from entrepot.ports.relations import QueryScan, TableVersion

MOST_TRIED = 200
"""Records of which a dry run tells what they would give."""
_PAGE = 500
_GROUP = 500
_TRY_S = 60.0

TryOut = Callable[[Platform, str, Sequence[InboxRecord], float], Sequence[Handled]]
"""Platform, integration, records, seconds → what processing them would give now; nothing is kept."""


@dataclass(frozen=True, slots=True)
class RecordFile:
    """All that is known of one inbound record."""

    record: InboxRecord
    received_body: bytes
    history: Sequence[Change]
    rows: Sequence[Mapping[str, object]]
    """Rows of the dataset that came of it, in the newest release."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a replay would do to one record."""

    record: InboxRecord
    verdict: str
    """`unchanged`, `changed`, `new`, `gone`, `error`; `not tried` beyond the first so many."""
    said: str = ""
    before: Sequence[Mapping[str, object]] = ()
    after: Sequence[Mapping[str, object]] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would do."""

    records: int
    by_status: Mapping[str, int]
    tables: Sequence[str]
    """Datasets that would be brought up to date, in order."""
    effects: Sequence[Effect] = field(default=())


class RecordsDesk:
    """Args: who: whose replays they are; try_out: processes records without keeping anything."""

    def __init__(self, platform: Platform, try_out: TryOut, who: str | None = None) -> None:
        self._platform = platform
        self._inbox = platform.stores.inbox()
        self._try_out = try_out
        self._who = who or getpass.getuser()

    def find(self, wanted: RecordFilter, limit: int) -> Sequence[InboxRecord]:
        """Newest first, without bodies."""
        return self._inbox.find(wanted, limit=limit)

    def count(self, wanted: RecordFilter) -> int:
        """How many `find` would give in all."""
        return self._inbox.count(wanted)

    def show(self, id: str) -> RecordFile:
        """One record, by its id or by its sender's reference. Raises: UsageError when there is none, or several."""
        record = self._get(id)
        body = self._inbox.body_as_received(record.id)
        rows = self._rows_in_bronze([record]).get(record.id, [])
        return RecordFile(record, record.body if body is None else body, self._inbox.history(record.id), rows)

    def resolve(self, name: str) -> str:
        """The id of a record that is named by its id or by its sender's reference. Raises: as `show`."""
        return self._get(name).id

    def preview(self, wanted: RecordFilter, *, body: bytes | None = None) -> Preview:
        """Say what a replay would change: handlers run, nothing is kept.

        Raises: UsageError when nothing matches, or for a body and several records.
        """
        records = self._all(wanted)
        _check_body(body, records)
        by_status = Counter(record.status.value for record in records)
        replayed = [record for record in records if record.status is not RecordStatus.JUST_IN]
        names = list(dict.fromkeys(record.integration for record in replayed))
        effects = [effect for name in names for effect in self._effects(name, replayed, body)]
        return Preview(len(replayed), by_status, self._tables(names), effects)

    def replay(self, wanted: RecordFilter, why: str, *, body: bytes | None = None) -> int:
        """Process again what matches; return how many records will be. One that waits to be processed is left alone.

        Raises: UsageError when nothing matches, without a reason, or for a body and several records.
        """
        if not why.strip():
            raise UsageError(
                "a reason is needed to replay records.", hint="Say --reason '…': it stands in the history of each."
            )
        records = self._all(wanted)
        _check_body(body, records)
        ids = [record.id for record in records]
        groups = (tuple(ids[start : start + _GROUP]) for start in range(0, len(ids), _GROUP))
        return sum(self._inbox.replay(Replay(group, self._who, why, body)) for group in groups)

    def _get(self, id: str) -> InboxRecord:
        found = self._inbox.get(id)
        if found is not None:
            return found
        named = self._inbox.find(RecordFilter(reference=id), limit=2)
        if len(named) == 1 and (one := self._inbox.get(named[0].id)) is not None:
            return one
        if named:
            listed = ", ".join(record.id for record in self._inbox.find(RecordFilter(reference=id), limit=5))
            raise UsageError(f"several records have the reference {id!r}: {listed}.", hint="Name one by its id.")
        raise UsageError(f"there is no record {id!r}.", hint="List them with: entrepot records list")

    def _all(self, wanted: RecordFilter) -> list[InboxRecord]:
        found: list[InboxRecord] = []
        before: int | None = None
        while page := self._inbox.find(wanted, limit=_PAGE, before=before):
            found += page
            before = page[-1].seq
        if not found:
            raise UsageError("no record matches.", hint="See what is there with: entrepot records list")
        return found

    def _effects(self, integration: str, replayed: Sequence[InboxRecord], body: bytes | None) -> Iterator[Effect]:
        mine = [record for record in replayed if record.integration == integration]
        whole = [self._inbox.get(record.id) for record in mine[:MOST_TRIED]]
        tried = [record if body is None else replace(record, body=body) for record in whole if record is not None]
        given = {each.seq: each for each in self._try_out(self._platform, integration, tried, _TRY_S)}
        there = self._rows_in_bronze(tried)
        for record in tried:
            yield _compare(record, given.get(record.seq), there.get(record.id, []))
        for record in mine[MOST_TRIED:]:
            yield Effect(record, "not tried")

    def _tables(self, integrations: Sequence[str]) -> list[str]:
        from entrepot.runner.selection import select

        known = {source.name for source in self._platform.project.sources}
        patterns = [f"{name}+" for name in integrations if name in known]
        return list(dict.fromkeys(node.target for node in select(self._platform.nodes, patterns))) if patterns else []

    def _rows_in_bronze(self, records: Sequence[InboxRecord]) -> dict[str, list[Mapping[str, object]]]:
        """Record id → its rows, as they stand in the newest version of the dataset."""
        datasets = {source.name: source.dataset for source in self._platform.project.sources}
        found: dict[str, list[Mapping[str, object]]] = {}
        for integration in dict.fromkeys(record.integration for record in records):
            dataset = datasets.get(integration, "")
            version = self._platform.state.durable_version(dataset) if dataset else -1
            if version < 0:
                continue
            ids = {origin_of(record.id): record.id for record in records if record.integration == integration}
            listed = ", ".join(f"'{origin}'" for origin in ids)
            sql = f"SELECT * FROM q.t WHERE split_part(_origin, '#', 1) IN ({listed}) ORDER BY _record_id"
            rows = self._platform.engine.query(QueryScan(sql, {"q.t": TableVersion(dataset, version)})).batches()
            for row in rows.read_all().to_pylist():
                found.setdefault(ids[str(row["_origin"]).partition("#")[0]], []).append(row)
        return found


def _check_body(body: bytes | None, records: Sequence[InboxRecord]) -> None:
    if body is not None and len(records) != 1:
        raise UsageError(f"an edited body is for one record; {len(records):,} match.")


def _compare(record: InboxRecord, given: Handled | None, there: Sequence[Mapping[str, object]]) -> Effect:
    before = [{name: value for name, value in row.items() if not name.startswith("_")} for row in there]
    if given is None:
        return Effect(record, "error", "no outcome within the time", before)
    if given.error is not None:
        return Effect(record, "error", f"{given.error.code}: {given.error.message}", before)
    after = [json.loads(row) for row in given.rows]
    if not before:
        return Effect(record, "new" if after else "unchanged", "", (), after)
    if not after:
        return Effect(record, "gone", "", before)
    same = len(before) == len(after) and all(_agrees(old, new) for old, new in zip(before, after, strict=True))
    return Effect(record, "unchanged" if same else "changed", "", before, after)


def _agrees(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """True when every value that the handler gives stands in the row, as text: types are the contract's."""
    return all(_text(old.get(name)) == _text(value) for name, value in new.items() if name in old)


def _text(value: object) -> str:
    from datetime import date, datetime
    from decimal import Decimal

    if isinstance(value, datetime):
        return value.timestamp().__repr__()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return format(Decimal(str(value)).normalize(), "f")
    text = str(value)
    try:
        return format(Decimal(text).normalize(), "f")
    except ArithmeticError:
        pass
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return text
    return parsed.timestamp().__repr__() if parsed.tzinfo is not None else text
