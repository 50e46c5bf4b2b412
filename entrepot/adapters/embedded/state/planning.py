"""Planning: the compare-and-swap that gives a batch its numbers, and the account of which content is live.

**What a plan must follow.** A range continues the last plan that *moved* the flow: the newest that is neither voided nor
a retry (`RejectSet`). A voided plan left no rows, so its range is still to be taken: counting it as done would lose the
range silently. A retry takes rejects again and leaves the source where it is.

**Which content is live.** A content is live while its plan is not voided and no later, unvoided plan supersedes it. It
stops being live when the superseding plan is *made*, not when that settles: so a plan may take the very content again that
it supersedes (`run --again`), under the same unique index that refuses doubles. Nothing can slip in between, as a flow
plans nothing while a plan is open; and voiding the plan makes the old content live again, because its rows still stand
in the target.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from entrepot.adapters.embedded.state.rows import instant_to_text, plan_to_row, row_to_plan
from entrepot.adapters.embedded.state.statements import load_statement
from entrepot.kernel.errors import ConflictError, DamageError
from entrepot.kernel.positions import Position, position_from_json
from entrepot.ports.state import Plan, PlanDraft, PlanStatus

_OUTCOME_OF_DRAFT: dict[str, object] = {
    "status": str(PlanStatus.OPEN),
    "attempts": 0,
    "received": None,
    "accepted": None,
    "rejected": None,
    "duplicate": None,
    "superseded_rows": 0,
    "version": None,
    "note": None,
    "settled_at": None,
    "details": "{}",
}


def add_plan(
    connection: sqlite3.Connection, now: datetime, draft: PlanDraft, row: dict[str, object], follows: int
) -> Plan:
    """Insert the next plan when the flow stands where the caller believes; the lease is checked already."""
    _require_last(connection, draft.flow, follows)
    _require_continued(connection, draft)
    sequence = follows + 1
    for content in draft.supersedes:
        _retire(connection, draft.flow, content, sequence)
    _require_new(connection, draft)
    numbers = {"sequence": sequence, "batch": _next_batch(connection, draft.target)}
    _insert(connection, row | _OUTCOME_OF_DRAFT | numbers | {"planned_at": instant_to_text(now)}, draft, sequence)
    return _load(connection, draft.flow, sequence)


def restore_plan(connection: sqlite3.Connection, plan: Plan) -> None:
    """Put a plan back with its numbers, in any order; one that is there already must be the same."""
    row = plan_to_row(plan)
    stored = connection.execute(
        "SELECT * FROM plans WHERE flow = ? AND sequence = ?", (plan.flow, plan.sequence)
    ).fetchone()
    if stored is not None:
        _require_equal(row, stored, plan)
        return
    voided = plan.status is PlanStatus.VOIDED
    try:
        if not voided:
            # A content that a later plan holds as well must have been superseded between: by a plan yet to be restored.
            for content in plan.draft.supersedes + plan.draft.contents:
                _retire(connection, plan.flow, content, plan.sequence)
        _insert(connection, row, plan.draft, plan.sequence, voided=voided)
    except sqlite3.IntegrityError as error:
        raise DamageError(
            f"plan {plan.sequence} of {plan.flow} (batch {plan.batch} of {plan.draft.target}) cannot be put back: {error}.",
            hint="State and lake contradict each other; see entrepot doctor.",
        ) from error


def last_position(connection: sqlite3.Connection, flow: str) -> Position | None:
    """The range of the last plan that moved the flow; None when none did."""
    row = connection.execute(
        "SELECT position FROM plans WHERE flow = ? AND status <> 'voided' AND position_kind <> 'rejects' "
        "ORDER BY sequence DESC LIMIT 1",
        (flow,),
    ).fetchone()
    return None if row is None else position_from_json(json.loads(row["position"]))


def _require_last(connection: sqlite3.Connection, flow: str, follows: int) -> None:
    row = connection.execute(
        "SELECT sequence, status FROM plans WHERE flow = ? ORDER BY sequence DESC LIMIT 1", (flow,)
    ).fetchone()
    last = 0 if row is None else row["sequence"]
    if last != follows:
        raise ConflictError(
            f"{flow}: the last plan is {last}, the new one was to follow {follows}: another plan came first.",
            hint="Read the flow's plans again.",
        )
    # Any open plan is the last one, but after a restore it may stand anywhere.
    opened = connection.execute("SELECT sequence FROM plans WHERE flow = ? AND status = 'open'", (flow,)).fetchone()
    if opened is not None:
        raise ConflictError(
            f"{flow}: plan {opened['sequence']} is open.", hint="It must be settled or voided before the next is made."
        )


def _require_continued(connection: sqlite3.Connection, draft: PlanDraft) -> None:
    previous = last_position(connection, draft.flow)
    if draft.position.follows(previous):
        return
    before = "the beginning" if previous is None else f"the last planned range ({previous.kind})"
    raise ConflictError(
        f"{draft.flow}: the range ({draft.position.kind}) does not continue {before}.",
        hint="Read the flow's plans again; if the kind of source has changed, give the source a new name.",
    )


def _require_new(connection: sqlite3.Connection, draft: PlanDraft) -> None:
    if len(set(draft.contents)) < len(draft.contents):
        raise ConflictError(f"{draft.flow}: the plan names the same content twice.", hint="Take it once.")
    for content in draft.contents:
        row = connection.execute(
            "SELECT sequence FROM contents WHERE flow = ? AND content = ? AND live = 1", (draft.flow, content)
        ).fetchone()
        if row is not None:
            raise ConflictError(
                f"{draft.flow}: content {content[:12]} was taken already, by plan {row['sequence']}.",
                hint="To take it again: entrepot run --again FILE.",
            )


def _next_batch(connection: sqlite3.Connection, target: str) -> int:
    row = connection.execute(
        "SELECT coalesce(max(batch), 0) + 1 AS next FROM plans WHERE target = ?", (target,)
    ).fetchone()
    return int(row["next"])


def _retire(connection: sqlite3.Connection, flow: str, content: str, sequence: int) -> None:
    connection.execute(load_statement("retire_content"), {"flow": flow, "content": content, "sequence": sequence})


def _insert(
    connection: sqlite3.Connection, row: dict[str, object], draft: PlanDraft, sequence: int, *, voided: bool = False
) -> None:
    connection.execute(load_statement("insert_plan"), row)
    _insert_supersessions(connection, draft.flow, sequence, draft.supersedes)
    for content in draft.contents:
        connection.execute(
            load_statement("insert_content"),
            {"flow": draft.flow, "content": content, "sequence": sequence, "voided": int(voided)},
        )


def _insert_supersessions(connection: sqlite3.Connection, flow: str, sequence: int, contents: Sequence[str]) -> None:
    connection.executemany(
        "INSERT INTO supersessions (flow, content, sequence) VALUES (?, ?, ?)",
        [(flow, content, sequence) for content in dict.fromkeys(contents)],
    )


def _load(connection: sqlite3.Connection, flow: str, sequence: int) -> Plan:
    row = connection.execute("SELECT * FROM plans WHERE flow = ? AND sequence = ?", (flow, sequence)).fetchone()
    return row_to_plan(row)


_MEANT = ("target", "batch", "position", "contract_hash", "transform_hash", "received_at", "contents", "supersedes")


def _require_equal(row: dict[str, object], stored: sqlite3.Row, plan: Plan) -> None:
    different = [column for column in _MEANT if row[column] != stored[column]]
    if row["status"] != stored["status"] and stored["status"] != PlanStatus.OPEN:
        different.append("status")
    if different:
        raise DamageError(
            f"plan {plan.sequence} of {plan.flow} is there already and differs in {', '.join(different)}.",
            hint="State and lake contradict each other; see entrepot doctor.",
        )
