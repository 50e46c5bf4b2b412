"""Plans after planning: attempts, settle, void, acknowledgement, and questions about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from entrepot.adapters.embedded.state.marks import raise_durable
from entrepot.adapters.embedded.state.rows import (
    counts_to_row,
    figures_to_json,
    instant_to_text,
    row_to_plan,
    text_to_instant,
)
from entrepot.adapters.embedded.state.statements import load_statement
from entrepot.kernel.errors import DamageError, FencedError
from entrepot.ports.engine import Counts
from entrepot.ports.state import Plan, PlanStatus, Totals


def count_attempt(connection: sqlite3.Connection, plan: Plan) -> int:
    """Add one attempt to an open plan; a closed one was finished by somebody else."""
    stored = _load_same(connection, plan)
    if stored.status is not PlanStatus.OPEN:
        raise FencedError(
            f"{_name(plan)} is {stored.status} already: another process finished it.",
            hint="Stop this run and start it again.",
        )
    connection.execute("UPDATE plans SET attempts = attempts + 1 WHERE flow = ? AND sequence = ?", _key(plan))
    return stored.attempts + 1


def settle(
    connection: sqlite3.Connection,
    plan: Plan,
    *,
    counts: Counts,
    version: int,
    superseded_rows: int,
    at: datetime,
    details: Mapping[str, Any],
) -> Plan:
    """open → settled; the second time with equal figures changes nothing (time and details stay as they were)."""
    if not counts.closes:
        raise DamageError(
            f"{_name(plan)} does not close: received {counts.received} is not accepted {counts.accepted} "
            f"+ rejected {counts.rejected} + duplicate {counts.duplicate}.",
            hint="Rows were lost or counted twice; this is a defect of the reader or the engine, please report it.",
        )
    stored = _load_same(connection, plan)
    if stored.status is PlanStatus.OPEN:
        values = counts_to_row(counts) | {"superseded_rows": superseded_rows, "version": version}
        stamp = {"settled_at": instant_to_text(at), "details": figures_to_json(details)}
        connection.execute(load_statement("settle_plan"), values | stamp | _named_key(plan))
        raise_durable(connection, plan.draft.target, version, None)
        return _load_same(connection, plan)
    given = (PlanStatus.SETTLED, counts, version, superseded_rows)
    frozen = (stored.status, stored.counts, stored.version, stored.superseded_rows)
    if given != frozen:
        raise DamageError(
            f"{_name(plan)} is closed with other figures: it is {_figures(*frozen)}, now came {_figures(*given)}.",
            hint="Figures of a closed batch never change; see entrepot doctor.",
        )
    return stored


def void(connection: sqlite3.Connection, plan: Plan, *, reason: str, version: int, at: datetime) -> Plan:
    """open → voided; its contents are free again, and what it superseded is live again."""
    stored = _load_same(connection, plan)
    if stored.status is PlanStatus.OPEN:
        values = {"version": version, "note": reason, "settled_at": instant_to_text(at)}
        connection.execute(load_statement("void_plan"), values | _named_key(plan))
        connection.execute("UPDATE contents SET live = 0 WHERE flow = ? AND sequence = ?", _key(plan))
        connection.execute(load_statement("revive_contents"), _named_key(plan))
        raise_durable(connection, plan.draft.target, version, None)
        return _load_same(connection, plan)
    if stored.status is not PlanStatus.VOIDED or stored.version != version:
        raise DamageError(
            f"{_name(plan)} is {stored.status} at version {stored.version}; it cannot be voided at version {version}.",
            hint="A closed batch never changes; see entrepot doctor.",
        )
    return stored


def note_acknowledged(connection: sqlite3.Connection, plan: Plan) -> None:
    """Remember that the source was told; refused for an open plan, whose rows may not be durable."""
    stored = _load_same(connection, plan)
    if stored.status is PlanStatus.OPEN:
        raise DamageError(
            f"{_name(plan)} is open; the source may be told only once it is settled or voided.",
            hint="Settle first: a source that was told forgets the range.",
        )
    connection.execute("UPDATE plans SET acknowledged = 1 WHERE flow = ? AND sequence = ?", _key(plan))


def find_last(connection: sqlite3.Connection, flow: str) -> Plan | None:
    """The plan with the highest sequence."""
    return _find(connection, "SELECT * FROM plans WHERE flow = ? ORDER BY sequence DESC LIMIT 1", flow)


def find_open(connection: sqlite3.Connection, flow: str) -> Plan | None:
    """The one open plan."""
    return _find(connection, "SELECT * FROM plans WHERE flow = ? AND status = 'open'", flow)


def find_live(connection: sqlite3.Connection, flow: str, content: str) -> Plan | None:
    """The plan under which a content is live."""
    return _find(
        connection,
        "SELECT p.* FROM contents c JOIN plans p ON p.flow = c.flow AND p.sequence = c.sequence "
        "WHERE c.flow = ? AND c.content = ? AND c.live = 1",
        flow,
        content,
    )


def list_unacknowledged(connection: sqlite3.Connection, flow: str) -> Sequence[Plan]:
    """Closed plans of which the source has not been told, oldest first."""
    rows = connection.execute(
        "SELECT * FROM plans WHERE flow = ? AND acknowledged = 0 AND status <> 'open' ORDER BY sequence", (flow,)
    ).fetchall()
    return [row_to_plan(row) for row in rows]


def list_plans(
    connection: sqlite3.Connection, flow: str | None, target: str | None, status: PlanStatus | None, limit: int | None
) -> Sequence[Plan]:
    """The newest plans that fit, oldest first: by sequence of a flow, by batch of a target, else by time."""
    wanted = {"flow": flow, "target": target, "status": None if status is None else str(status)}
    given = {column: value for column, value in wanted.items() if value is not None}
    where = " AND ".join(f"{column} = :{column}" for column in given) or "1"
    order = (
        "sequence DESC" if flow else "batch DESC" if target else "coalesce(planned_at, received_at) DESC, rowid DESC"
    )
    rows = connection.execute(
        f"SELECT * FROM plans WHERE {where} ORDER BY {order} LIMIT :limit",
        given | {"limit": -1 if limit is None else limit},
    ).fetchall()
    return [row_to_plan(row) for row in reversed(rows)]


def add_up(connection: sqlite3.Connection, target: str) -> Totals:
    """The settled plans of a target in sums."""
    row = connection.execute(load_statement("total_of_target"), {"target": target}).fetchone()
    at = row["settled_at"]
    return Totals(
        row["received"],
        row["rejected"],
        row["duplicate"],
        row["superseded"],
        None if at is None else text_to_instant(at),
    )


def count_rejected(connection: sqlite3.Connection, flow: str) -> int:
    """Rejected rows of a flow's settled plans, from its last one that wrote the target as a whole."""
    return int(connection.execute(load_statement("rejected_of_flow"), {"flow": flow}).fetchone()[0])


def _find(connection: sqlite3.Connection, sql: str, *parameters: object) -> Plan | None:
    row = connection.execute(sql, parameters).fetchone()
    return None if row is None else row_to_plan(row)


def _load_same(connection: sqlite3.Connection, plan: Plan) -> Plan:
    stored = _find(connection, "SELECT * FROM plans WHERE flow = ? AND sequence = ?", *_key(plan))
    if stored is None or (stored.draft.target, stored.batch) != (plan.draft.target, plan.batch):
        raise DamageError(
            f"{_name(plan)} is not in the state, or has other numbers there.",
            hint="The state was replaced while a run was on; see entrepot doctor.",
        )
    return stored


def _key(plan: Plan) -> tuple[str, int]:
    return plan.flow, plan.sequence


def _named_key(plan: Plan) -> dict[str, object]:
    return {"flow": plan.flow, "sequence": plan.sequence}


def _name(plan: Plan) -> str:
    return f"plan {plan.sequence} of {plan.flow} (batch {plan.batch} of {plan.draft.target})"


def _figures(status: PlanStatus, counts: Counts | None, version: int | None, superseded_rows: int) -> str:
    if counts is None:
        return f"{status} at version {version}"
    return (
        f"{status} at version {version}, received {counts.received}, accepted {counts.accepted}, "
        f"rejected {counts.rejected}, duplicate {counts.duplicate}, superseded {superseded_rows}"
    )
