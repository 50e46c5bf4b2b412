"""Handing messages in: known ones are recognised by id and by reference."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence

from entrepot.adapters.embedded.outbox.rows import note_change
from entrepot.kernel.ids import new_record_id
from entrepot.ports.outbox import Draft, Enqueued, Enqueueing

_INSERT = """
INSERT INTO messages (id, integration, reference, digest, key, type, body, content_type, created_us,
                      status, delivery, holds, head, next_us, code, reason, settled_us)
VALUES (:id, :integration, :reference, :digest, :key, :type, :body, :content_type, :now,
        :status, 'waiting', :holds, :head, :next, :code, :reason, :settled)"""


def enqueue(connection: sqlite3.Connection, now_us: int, drafts: Sequence[Draft], who: str) -> list[Enqueued]:
    """Store what is new; inside a write transaction."""
    return [_enqueue(connection, now_us, draft, who) for draft in drafts]


def digest_of(draft: Draft) -> bytes:
    """What makes two messages of one reference the same."""
    digest = hashlib.sha256()
    parts = (
        draft.content_type.encode(),
        draft.type.encode(),
        b"-" if draft.key is None else b"+" + draft.key.encode(),
        draft.body,
    )
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _enqueue(connection: sqlite3.Connection, now_us: int, draft: Draft, who: str) -> Enqueued:
    digest = digest_of(draft)
    if draft.id and (found := _find_by_id(connection, draft, digest)) is not None:
        return found
    id = draft.id or new_record_id(now_us)
    reference = draft.reference or id
    known = connection.execute(
        "SELECT id, digest FROM known WHERE integration = ? AND reference = ?", (draft.integration, reference)
    ).fetchone()
    if known is None:
        connection.execute("INSERT INTO known VALUES (?, ?, ?, ?)", (draft.integration, reference, digest, id))
        _insert(connection, now_us, draft, id, reference, digest, who)
        return Enqueued(id, Enqueueing.ACCEPTED)
    if known["digest"] == digest:
        return Enqueued(known["id"], Enqueueing.REPEATED)
    return _keep_conflict(connection, now_us, draft, id, reference, digest, known["id"], who)


def _find_by_id(connection: sqlite3.Connection, draft: Draft, digest: bytes) -> Enqueued | None:
    """The message that has the id already; with other content it is a conflict that has no place of its own."""
    row = connection.execute("SELECT integration, digest FROM known WHERE id = ?", (draft.id,)).fetchone()
    row = row or connection.execute("SELECT integration, digest FROM messages WHERE id = ?", (draft.id,)).fetchone()
    if row is None:
        return None
    same = row["digest"] == digest and row["integration"] == draft.integration
    return Enqueued(draft.id, Enqueueing.REPEATED) if same else Enqueued(draft.id, Enqueueing.CONFLICT, draft.id)


def _insert(
    connection: sqlite3.Connection, now_us: int, draft: Draft, id: str, reference: str, digest: bytes, who: str
) -> None:
    waits = (
        draft.key is not None
        and connection.execute(
            "SELECT 1 FROM messages WHERE integration = ? AND key = ? AND holds = 1 LIMIT 1",
            (draft.integration, draft.key),
        ).fetchone()
    )
    values = _values(now_us, draft, id, reference, digest)
    connection.execute(_INSERT, values | {"status": "queued", "holds": 1, "head": int(not waits), "next": now_us})
    note_change(connection, id, now_us, "queued", "waiting", who=who)


def _keep_conflict(
    connection: sqlite3.Connection,
    now_us: int,
    draft: Draft,
    id: str,
    reference: str,
    digest: bytes,
    first: str,
    who: str,
) -> Enqueued:
    """Keep the other content once, as a dead message; handed in again it is the same conflict."""
    before = connection.execute(
        "SELECT id FROM messages WHERE integration = ? AND reference = ? AND digest = ?",
        (draft.integration, reference, digest),
    ).fetchone()
    if before is not None:
        return Enqueued(before["id"], Enqueueing.CONFLICT, first)
    reason = f"the reference is that of message {first}, which has another content"
    values = _values(now_us, draft, id, reference, digest)
    dead = {"status": "dead", "holds": 0, "head": 0, "next": None, "settled": now_us, "code": "conflict"}
    connection.execute(_INSERT, values | dead | {"reason": reason})
    note_change(connection, id, now_us, "dead", "waiting", code="conflict", reason=reason, who=who)
    return Enqueued(id, Enqueueing.CONFLICT, first)


def _values(now_us: int, draft: Draft, id: str, reference: str, digest: bytes) -> dict[str, object]:
    return {
        "id": id,
        "integration": draft.integration,
        "reference": reference,
        "digest": digest,
        "key": draft.key,
        "type": draft.type,
        "body": draft.body,
        "content_type": draft.content_type,
        "now": now_us,
        "code": "",
        "reason": "",
        "settled": None,
    }
