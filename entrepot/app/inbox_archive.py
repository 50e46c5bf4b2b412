"""Processed records leave the inbox for the lake, where they stay as received; then the inbox forgets them.

Exactly once: a commit of the table carries which records it holds, and before anything else is archived those of the last commit are
removed from the inbox. So whenever the process dies, the next run either finds the commit and removes, or finds none and writes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.app.upkeep import tend
from entrepot.app.wiring import Platform
from entrepot.flow.lease import held
from entrepot.kernel.events import Event
from entrepot.kernel.ids import new_token
from entrepot.kernel.points import reached
from entrepot.ports.engine import Staged, StagedFile
from entrepot.ports.inbox import Inbox, InboxRecord, RecordFilter
from entrepot.ports.writer import Append, Batch

ARCHIVE = "archive.inbox"
ARCHIVE_SCHEMA = pa.schema(
    [
        ("integration", pa.string()),
        ("record_id", pa.string()),
        ("reference", pa.string()),
        ("key", pa.string()),
        ("received_at", pa.timestamp("us", tz="UTC")),
        ("status", pa.string()),
        ("revision", pa.int64()),
        ("content_type", pa.string()),
        ("headers", pa.string()),
        ("body", pa.string()),
        ("body_encoding", pa.string()),
        ("sha256", pa.string()),
        ("edited_body", pa.string()),
        ("edited_body_encoding", pa.string()),
        ("changes", pa.string()),
        ("archived_at", pa.timestamp("us", tz="UTC")),
    ]
)
"""`headers` is a JSON list of pairs; `body` is as received: text where `body_encoding` is utf-8, else base64; `sha256` is of its bytes.
`edited_body` and `changes` (JSON: each change of status with time, reason and person) are there for records that were replayed."""
_FLOW = "archive.inbox"
_WAIT_S = 30.0
_MOST_RECORDS = 2_000
_MOST_BYTES = 32 << 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def archive_inbox(platform: Platform, after: Mapping[str, timedelta | None], now: datetime) -> int:
    """Move what is old enough; return how many records were written to the lake.

    Args: after: integration → how long after receipt its processed records go; None: never.
    Raises: BusyError while another process does it.
    """
    due = {name: now - age for name, age in after.items() if age is not None}
    if not due:
        return 0
    with held(f"flow:{_FLOW}", platform.services), held(f"table:{ARCHIVE}", platform.services, wait_s=_WAIT_S):
        desk = _Archive(platform, platform.stores.inbox(), now)
        desk.prepare()
        done = sum(desk.archive(name, before) for name, before in sorted(due.items()))
    if done:
        platform.emit(Event("records_archived", ARCHIVE, {"records": done}))
        tend(platform, [ARCHIVE])
    return done


@dataclass(frozen=True, slots=True)
class _Archive:
    platform: Platform
    inbox: Inbox
    now: datetime

    def prepare(self) -> None:
        """Create or repair the table; finish what a killed run began."""
        tables, state = self.platform.tables, self.platform.state
        tables.repair(ARCHIVE, state.durable_version(ARCHIVE))
        tables.create(ARCHIVE, ARCHIVE_SCHEMA, description="Inbound records as they were received")
        last = tables.find_commit(ARCHIVE, _FLOW, tables.last_sequence(ARCHIVE, _FLOW))
        if last is not None:
            self._note_durable(last.version)
            self._prune({str(id): int(revision) for id, revision in last.metadata["records"]})

    def archive(self, integration: str, before: datetime) -> int:
        """All that is due of one integration."""
        done = 0
        for records in self._portions(integration, before):
            reached("archive.before")
            self._commit(records)
            reached("archive.committed")
            self._prune({record.id: record.revision for record in records})
            reached("archive.after")
            done += len(records)
        return done

    def _portions(self, integration: str, before: datetime) -> Iterator[Sequence[InboxRecord]]:
        """As many at once as fit into memory, whatever their size."""
        limit = 16
        while records := self.inbox.archivable(before, limit, integration=integration):
            yield records
            size = sum(len(record.body) for record in records)
            limit = max(1, limit // 2) if size > _MOST_BYTES else min(2 * limit, _MOST_RECORDS)

    def _commit(self, records: Sequence[InboxRecord]) -> None:
        tables = self.platform.tables
        sequence = tables.last_sequence(ARCHIVE, _FLOW) + 1
        path = self.platform.services.staging / f"archive-{new_token()}.parquet"
        pq.write_table(self._rows(records), path, compression="zstd")
        staged = Staged(ARCHIVE_SCHEMA, (StagedFile(path, len(records), path.stat().st_size),))
        told = {"records": [[record.id, record.revision] for record in records]}
        committed = tables.commit(ARCHIVE, Batch(_FLOW, sequence, staged, Append(), told))
        self._note_durable(committed.version)

    def _note_durable(self, version: int) -> None:
        self.platform.state.note_durable(ARCHIVE, version, self.platform.tables.table_id(ARCHIVE))

    def _prune(self, archived: Mapping[str, int]) -> None:
        """Remove what was archived from the inbox, unless it was replayed meanwhile: then it is archived again, as another revision."""
        ids = tuple(archived)
        found = self.inbox.find(RecordFilter(ids=ids), limit=len(ids))
        self.inbox.prune([record.seq for record in found if record.revision == archived[record.id]])

    def _rows(self, records: Sequence[InboxRecord]) -> pa.Table:
        return pa.Table.from_pylist([self._row(record) for record in records], ARCHIVE_SCHEMA)

    def _row(self, record: InboxRecord) -> dict[str, object]:
        came, edited = record.body, None
        if record.revision:
            received = self.inbox.body_as_received(record.id)
            if received is not None and received != record.body:
                came, edited = received, record.body
        body, encoding = _as_text(came)
        edited_body, edited_encoding = _as_text(edited) if edited is not None else (None, None)
        return {
            "integration": record.integration,
            "record_id": record.id,
            "reference": record.reference,
            "key": record.key,
            "received_at": _EPOCH + timedelta(microseconds=record.received_us),
            "status": record.status.value,
            "revision": record.revision,
            "content_type": record.content_type,
            "headers": json.dumps([list(pair) for pair in record.headers], ensure_ascii=False),
            "body": body,
            "body_encoding": encoding,
            "sha256": hashlib.sha256(came).hexdigest(),
            "edited_body": edited_body,
            "edited_body_encoding": edited_encoding,
            "changes": self._changes(record) if record.revision else None,
            "archived_at": self.now,
        }

    def _changes(self, record: InboxRecord) -> str:
        told = [
            {
                "at": change.at.isoformat(),
                "status": change.status.value,
                "revision": change.revision,
                "code": change.code,
                "reason": change.reason,
                "who": change.who,
            }
            for change in self.inbox.history(record.id)
        ]
        return json.dumps(told, ensure_ascii=False)


def _as_text(body: bytes) -> tuple[str, str]:
    """A body as text that gives the same bytes again, and how it is written."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"
    return (text, "utf-8") if "\0" not in text else (base64.b64encode(body).decode(), "base64")
