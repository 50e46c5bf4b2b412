"""Values ↔ rows of the schedule."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime

from entrepot.adapters.embedded.state.rows import figures_to_json, instant_to_text, text_to_instant
from entrepot.ports.schedule import (
    Call,
    DeadlineRecord,
    DeadlineState,
    Firing,
    FiringStatus,
    Happening,
    HappeningKind,
    Memory,
    Met,
    Pause,
)


def text(at: datetime | None) -> str | None:
    """An instant as a column holds it."""
    return None if at is None else instant_to_text(at)


def instant(value: str | None) -> datetime | None:
    """What a column holds, as an instant."""
    return None if value is None else text_to_instant(value)


def memory_to_row(memory: Memory) -> tuple[object, ...]:
    """In the order of the columns."""
    met = {place: [instant_to_text(each.at), each.why] for place, each in memory.met.items()}
    return (
        memory.trigger,
        text(memory.horizon),
        memory.definition,
        json.dumps(met, ensure_ascii=False, sort_keys=True),
        text(memory.fired_at),
        memory.count,
    )


def row_to_memory(row: sqlite3.Row) -> Memory:
    """Back."""
    met = {place: Met(text_to_instant(at), why) for place, (at, why) in json.loads(row["met"]).items()}
    return Memory(
        trigger=row["trigger_name"],
        horizon=text_to_instant(row["horizon"]),
        definition=row["definition"],
        met=met,
        fired_at=instant(row["fired_at"]),
        count=row["count"],
    )


def happening_to_row(happening: Happening) -> tuple[object, ...]:
    """Without its number."""
    return (
        happening.kind.value,
        happening.subject,
        text(happening.at),
        happening.source,
        happening.why,
        int(happening.is_healthy),
    )


def row_to_happening(row: sqlite3.Row) -> Happening:
    """Back."""
    return Happening(
        kind=HappeningKind(row["kind"]),
        subject=row["subject"],
        at=text_to_instant(row["at"]),
        id=row["id"],
        source=row["source"],
        why=row["why"],
        is_healthy=bool(row["is_healthy"]),
    )


FIRING_COLUMNS = (
    "id", "trigger_name", "at", "reason", "due", "selection", "status", "attempt", "not_before", "deadline", "holder",
    "started_at", "ended_at", "run", "release", "note", "cancel",
)  # fmt: skip


def firing_to_row(firing: Firing) -> tuple[object, ...]:
    """In the order of `FIRING_COLUMNS`."""
    return (
        firing.id,
        firing.trigger,
        text(firing.at),
        firing.reason,
        text(firing.due),
        json.dumps(firing.selection),
        firing.status.value,
        firing.attempt,
        text(firing.not_before),
        text(firing.deadline),
        firing.holder,
        text(firing.started_at),
        text(firing.ended_at),
        firing.run,
        firing.release,
        firing.note,
        firing.cancel,
    )


def row_to_firing(row: sqlite3.Row) -> Firing:
    """Back."""
    return Firing(
        id=row["id"],
        trigger=row["trigger_name"],
        at=text_to_instant(row["at"]),
        reason=row["reason"],
        due=instant(row["due"]),
        selection=tuple(json.loads(row["selection"])),
        status=FiringStatus(row["status"]),
        attempt=row["attempt"],
        not_before=instant(row["not_before"]),
        deadline=instant(row["deadline"]),
        holder=row["holder"],
        started_at=instant(row["started_at"]),
        ended_at=instant(row["ended_at"]),
        run=row["run"],
        release=row["release"],
        note=row["note"],
        cancel=row["cancel"],
    )


def row_to_pause(row: sqlite3.Row) -> Pause:
    """Back."""
    return Pause(row["trigger_name"], text_to_instant(row["at"]), row["reason"], row["by_whom"], instant(row["until"]))


def row_to_deadline(row: sqlite3.Row) -> DeadlineRecord:
    """Back."""
    return DeadlineRecord(
        trigger=row["trigger_name"],
        deadline=text_to_instant(row["deadline"]),
        state=DeadlineState(row["state"]),
        at=text_to_instant(row["at"]),
        firing=row["firing"],
        why=row["why"],
    )


def call_to_row(call: Call) -> tuple[object, ...]:
    """In the order of the columns, without the number."""
    return (
        call.id,
        call.trigger,
        call.event,
        figures_to_json(call.target),
        figures_to_json(call.body),
        text(call.at),
        call.attempts,
        text(call.next_at or call.at),
        text(call.done_at),
        call.error,
    )


def row_to_call(row: sqlite3.Row) -> Call:
    """Back."""
    return Call(
        id=row["id"],
        trigger=row["trigger_name"],
        event=row["event"],
        target=json.loads(row["target"]),
        body=json.loads(row["body"]),
        at=text_to_instant(row["at"]),
        attempts=row["attempts"],
        next_at=instant(row["next_at"]),
        done_at=instant(row["done_at"]),
        error=row["error"],
    )
