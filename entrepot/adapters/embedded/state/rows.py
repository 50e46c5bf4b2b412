"""Values ↔ columns: instants as ISO text in UTC, mappings as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from entrepot.kernel.positions import position_from_json, position_to_json
from entrepot.ports.engine import Counts
from entrepot.ports.state import Lease, Plan, PlanDraft, PlanStatus, Release, RunRecord


def instant_to_text(at: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds, so that text order is time order.

    Raises: ValueError for an instant without zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"an instant needs a zone; {at.isoformat()} has none.")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def text_to_instant(text: str) -> datetime:
    """Read what `instant_to_text` wrote."""
    return datetime.fromisoformat(text)


def to_json(value: object) -> str:
    """Exact JSON: what is not JSON is refused, not guessed, because recovery reads it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))


def figures_to_json(value: Mapping[str, Any]) -> str:
    """JSON of figures for people: dates and decimals become text."""
    return json.dumps(dict(value), ensure_ascii=False, sort_keys=True, default=str, separators=(",", ":"))


def draft_to_row(draft: PlanDraft) -> dict[str, object]:
    """The columns that a draft fills."""
    position = position_to_json(draft.position)
    return {
        "flow": draft.flow,
        "target": draft.target,
        "position": to_json(position),
        "position_kind": position["kind"],
        "contract_hash": draft.contract_hash,
        "transform_hash": draft.transform_hash,
        "received_at": instant_to_text(draft.received_at),
        "pins": to_json(dict(draft.pins)),
        "mode": to_json(dict(draft.mode)),
        "contents": to_json(draft.contents),
        "supersedes": to_json(draft.supersedes),
        "reason": draft.reason,
    }


def plan_to_row(plan: Plan) -> dict[str, object]:
    """All columns of a plan."""
    return draft_to_row(plan.draft) | {
        "sequence": plan.sequence,
        "batch": plan.batch,
        "status": str(plan.status),
        "attempts": plan.attempts,
        **counts_to_row(plan.counts),
        "superseded_rows": plan.superseded_rows,
        "version": plan.version,
        "note": plan.note,
        "planned_at": None if plan.planned_at is None else instant_to_text(plan.planned_at),
        "settled_at": None if plan.settled_at is None else instant_to_text(plan.settled_at),
        "details": figures_to_json(plan.details),
    }


def counts_to_row(counts: Counts | None) -> dict[str, int | None]:
    """The four columns of counts."""
    if counts is None:
        return dict.fromkeys(("received", "accepted", "rejected", "duplicate"))
    return {
        "received": counts.received,
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "duplicate": counts.duplicate,
    }


def row_to_draft(row: sqlite3.Row) -> PlanDraft:
    """The draft of a stored plan."""
    return PlanDraft(
        flow=row["flow"],
        target=row["target"],
        position=position_from_json(json.loads(row["position"])),
        contract_hash=row["contract_hash"],
        transform_hash=row["transform_hash"],
        received_at=text_to_instant(row["received_at"]),
        pins=json.loads(row["pins"]),
        mode=json.loads(row["mode"]),
        contents=tuple(json.loads(row["contents"])),
        supersedes=tuple(json.loads(row["supersedes"])),
        reason=row["reason"],
    )


def row_to_plan(row: sqlite3.Row) -> Plan:
    """A stored plan."""
    counted = row["received"] is not None
    return Plan(
        draft=row_to_draft(row),
        sequence=row["sequence"],
        batch=row["batch"],
        status=PlanStatus(row["status"]),
        attempts=row["attempts"],
        counts=Counts(row["received"], row["accepted"], row["rejected"], row["duplicate"]) if counted else None,
        superseded_rows=row["superseded_rows"],
        version=row["version"],
        note=row["note"],
        planned_at=_optional_instant(row["planned_at"]),
        settled_at=_optional_instant(row["settled_at"]),
        details=json.loads(row["details"]),
    )


def row_to_lease(row: sqlite3.Row) -> Lease:
    """A stored lease."""
    return Lease(row["name"], row["holder"], row["epoch"], text_to_instant(row["until"]))


def row_to_release(row: sqlite3.Row) -> Release:
    """A stored release."""
    return Release(
        id=row["id"],
        at=text_to_instant(row["at"]),
        run=row["run"],
        tables=json.loads(row["tables"]),
        views=json.loads(row["views"]),
        held=json.loads(row["held"]),
    )


def row_to_run(row: sqlite3.Row) -> RunRecord:
    """A stored run."""
    return RunRecord(
        id=row["id"],
        started_at=text_to_instant(row["started_at"]),
        ended_at=_optional_instant(row["ended_at"]),
        status=row["status"],
        summary=json.loads(row["summary"]),
        is_micro=bool(row["is_micro"]),
    )


def _optional_instant(text: str | None) -> datetime | None:
    return None if text is None else text_to_instant(text)
