"""Looking up records that have left the inbox for the lake."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from entrepot.app.inbox_archive import ARCHIVE
from entrepot.app.wiring import Platform
from entrepot.ports.relations import QueryScan, TableVersion


@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """One revision of an inbound record, as it was when it left."""

    id: str
    integration: str
    reference: str
    key: str | None
    received_at: datetime
    status: str
    revision: int
    content_type: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """As received."""
    edited_body: bytes | None
    """What was processed in its place, where a person corrected it."""
    changes: Sequence[dict[str, Any]]
    """Of a record that was replayed: each change of its status, oldest first."""
    archived_at: datetime


def find_archived(
    platform: Platform,
    *,
    ids: Sequence[str] = (),
    integration: str | None = None,
    reference: str | None = None,
    limit: int = 50,
) -> list[ArchivedRecord]:
    """Archived records, newest first; everything that is stated must hold."""
    if not platform.tables.exists(ARCHIVE):
        return []
    wanted = [f"record_id IN ({', '.join(map(_quote, ids))})"] if ids else []
    wanted += [f"{name} = {_quote(value)}" for name, value in _stated(integration, reference)]
    where = f"WHERE {' AND '.join(wanted)} " if wanted else ""
    sql = f"SELECT * FROM {ARCHIVE} {where}ORDER BY record_id DESC, revision DESC LIMIT {int(limit)}"
    version = TableVersion(ARCHIVE, platform.tables.version(ARCHIVE))
    rows = platform.engine.query(QueryScan(sql, {ARCHIVE: version})).batches().read_all().to_pylist()
    return [_record(row) for row in rows]


def _stated(integration: str | None, reference: str | None) -> list[tuple[str, str]]:
    return [(n, v) for n, v in (("integration", integration), ("reference", reference)) if v is not None]


def _record(row: dict[str, Any]) -> ArchivedRecord:
    body = _bytes(row["body"], row["body_encoding"])
    edited = row["edited_body"]
    return ArchivedRecord(
        id=row["record_id"],
        integration=row["integration"],
        reference=row["reference"],
        key=row["key"],
        received_at=row["received_at"],
        status=row["status"],
        revision=row["revision"],
        content_type=row["content_type"],
        headers=tuple((name, value) for name, value in json.loads(row["headers"])),
        body=body,
        edited_body=None if edited is None else _bytes(edited, row["edited_body_encoding"]),
        changes=json.loads(row["changes"]) if row["changes"] else (),
        archived_at=row["archived_at"],
    )


def _bytes(text: str, encoding: str) -> bytes:
    return base64.b64decode(text) if encoding == "base64" else text.encode()


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
