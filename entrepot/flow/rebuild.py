"""Rebuilding the state from what each commit in the lake says about its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from entrepot.flow.commit import counts_from_json
from entrepot.flow.rejects import DECISIONS
from entrepot.kernel.errors import DamageError
from entrepot.kernel.positions import position_from_json
from entrepot.ports.state import Plan, PlanDraft, PlanStatus, State
from entrepot.ports.tables import TableCommit, Tables


def rebuild_state(tables: Tables, state: State) -> list[Plan]:
    """Put back every plan that the lake holds and the state does not know; return them.

    A batch that reached quarantine but not its main table comes back as an open plan: the next run finishes it, with the
    same record ids, as nothing else may take its number.
    """
    names = [name for name in tables.list_tables() if name != DECISIONS]
    main = [name for name in names if not name.startswith("quarantine.")]
    restored = [plan for name in main for plan in _restore(tables, state, name, name)]
    for name in main:
        state.note_durable(name, tables.version(name), tables.table_id(name))
    for name in names:
        if name.startswith("quarantine."):
            restored += _restore(tables, state, name, name.removeprefix("quarantine."))
            state.note_durable(name, tables.version(name), tables.table_id(name))
    return restored


def _restore(tables: Tables, state: State, name: str, target: str) -> list[Plan]:
    known = {plan.flow: plan.sequence for plan in state.plans(target=target)}
    restored: list[Plan] = []
    for commit in sorted(tables.history(name), key=lambda entry: entry.version):
        if commit.plan is None or commit.plan.get("target") != target or "position" not in commit.plan:
            continue
        if commit.plan["sequence"] <= known.get(commit.plan["flow"].partition("#")[0], 0):
            continue
        plan = plan_from_commit(commit)
        if name != target:
            if commit.plan["sequence"] > known.get(plan.flow, 0) + 1 or any(
                other.flow == plan.flow for other in restored
            ):
                raise DamageError(
                    f"{name} holds rejects of batch {plan.sequence} of {plan.flow}, but {target} has lost several batches.",
                    hint="Restore the lake as a whole: a table and its quarantine belong together.",
                )
            plan = replace(plan, status=PlanStatus.OPEN, counts=None, version=None, settled_at=None, details={})
        state.restore_plan(plan)
        known[plan.flow] = plan.sequence
        restored.append(plan)
    return restored


def plan_from_commit(commit: TableCommit) -> Plan:
    """The settled (or void) plan that a commit tells of."""
    meta: Mapping[str, Any] = commit.plan or {}
    draft = PlanDraft(
        flow=meta["flow"],
        target=meta["target"],
        position=position_from_json(meta["position"]),
        contract_hash=meta["contract_hash"],
        transform_hash=meta["transform_hash"],
        received_at=datetime.fromisoformat(meta["received_at"]),
        pins=meta["pins"],
        mode=meta["mode"],
        contents=tuple(meta["contents"]),
        supersedes=tuple(meta["supersedes"]),
        reason=meta["reason"],
    )
    void = meta.get("void")
    return Plan(
        draft=draft,
        sequence=meta["sequence"],
        batch=meta["batch"],
        status=PlanStatus.VOIDED if void else PlanStatus.SETTLED,
        counts=counts_from_json(meta["counts"]),
        superseded_rows=meta.get("removed", 0),
        version=commit.version,
        note=void,
        planned_at=datetime.fromisoformat(meta["received_at"]),
        settled_at=commit.at,
        details=meta.get("details", {}),
    )
