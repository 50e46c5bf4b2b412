"""Values ↔ columns."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from entrepot.ports.inbox import InboxRecord, RecordError, RecordStatus

JUST_IN, PROCESSED, ERROR = 0, 1, 2
STATUSES = (RecordStatus.JUST_IN, RecordStatus.PROCESSED, RecordStatus.ERROR)
NUMBERS = {status: number for number, status in enumerate(STATUSES)}

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def instant_to_us(at: datetime) -> int:
    """Microseconds since 1970, exactly.

    Raises: ValueError for an instant without zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"an instant needs a zone; {at.isoformat()} has none.")
    return (at - _START) // _MICROSECOND


def us_to_instant(value: int) -> datetime:
    """The instant, in UTC."""
    return _START + timedelta(microseconds=value)


def id_to_text(value: bytes) -> str:
    """16 bytes as the usual text of a UUID."""
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def text_to_id(text: str) -> bytes | None:
    """The 16 bytes; None when the text is no id."""
    try:
        return UUID(text).bytes
    except ValueError:
        return None


def digest_body(body: bytes) -> bytes:
    """What tells bodies apart: half a SHA-256 is enough, nobody gains by a pair of bodies of their own that collide."""
    return hashlib.sha256(body).digest()[:16]


def digest_rows(rows: Sequence[str]) -> bytes:
    """What tells the rows of a record from those it gave before; empty for none."""
    if not rows:
        return b""
    digest = hashlib.sha256()
    for row in rows:
        encoded = row.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.digest()[:16]


def details_to_json(error: RecordError) -> str:
    """The faults as JSON."""
    return orjson.dumps([dict(detail) for detail in error.details]).decode()


def row_to_record(row: sqlite3.Row, body: bytes = b"") -> InboxRecord:
    """A record of `SELECT_RECORD`."""
    return InboxRecord(
        seq=row["seq"],
        id=id_to_text(row["id"]),
        integration=row["name"],
        reference=row["reference"],
        received_us=row["received_us"],
        status=STATUSES[row["status"]],
        revision=row["revision"],
        content_type=row["content_type"],
        headers=tuple((name, value) for name, value in orjson.loads(row["headers"])),
        body=body,
        key=row["key"],
        error=_error(row),
        attempts=row["attempts"],
    )


def _error(row: sqlite3.Row) -> RecordError | None:
    if row["code"] is None:
        return None
    return RecordError(row["code"], row["message"], tuple(orjson.loads(row["details"])))


SELECT_RECORD = (
    "SELECT r.seq, r.id, i.name, r.reference, r.received_us, r.status, r.revision, r.content_type, r.headers, r.key, "
    "r.attempts, e.code, e.message, e.details "
)
FROM_RECORD = " FROM records r JOIN integrations i ON i.number = r.integration LEFT JOIN errors e ON e.seq = r.seq "
BODY = "coalesce((SELECT d.body FROM edits d WHERE d.seq = r.seq ORDER BY d.revision DESC LIMIT 1), r.body) AS body "
"""As last edited, else as received."""
