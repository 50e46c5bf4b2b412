"""Committing: quarantine first, then the main table, whose transaction is the commit point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from entrepot.contracts.model import table_schema
from entrepot.flow.flow import Flow, Services
from entrepot.flow.modes import mode_from_json
from entrepot.flow.stage import stage
from entrepot.kernel.errors import DamageError, RunError
from entrepot.kernel.points import reached
from entrepot.kernel.positions import position_to_json
from entrepot.ports.engine import REJECT_SCHEMA, Counts, SplitResult, Staged
from entrepot.ports.state import Plan, PlanDraft
from entrepot.ports.writer import Append, Batch, Committed, Replace, ReplaceKeys, WriteMode


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch, whether it was written now or had been written before a crash."""

    counts: Counts
    committed: Committed
    details: Mapping[str, Any]

    @property
    def void(self) -> str | None:
        """Why the batch was given up, when it was: the process died between the table's commit and the state's."""
        return self.committed.metadata.get("void")


def commit(flow: Flow, plan: Plan, services: Services) -> Outcome:
    """Bring the plan's rows into quarantine and main table, exactly once.

    A redo asks each table by itself what it has; quarantine is never behind main.

    Raises: DataError when the range cannot be taken as a whole; ConflictError when a foreign commit came between.
    """
    done = find_outcome(flow, plan)
    if done is not None:
        return done
    reached("stage.before")
    split = stage(flow, plan, services)
    reached("stage.after")
    if not split.counts.closes:
        raise RunError(f"{flow.name}, batch {plan.sequence}: the counts do not close: {split.counts}.")
    details = {
        "notes": list(split.notes),
        "keys": split.keys.rows if split.keys is not None else None,
        "reasons": dict(split.reasons),
        "places": {k: counts_to_json(c) for k, c in split.places.items()},
    }
    metadata = plan_to_json(plan) | {"counts": counts_to_json(split.counts), "details": details}
    _quarantine(flow, plan, split, metadata)
    reached("main.before")
    rows = _fitting(flow, split.accepted)
    committed = flow.writer.commit(Batch(flow.name, plan.sequence, rows, _mode(plan, split), metadata, split.keys))
    reached("main.after")
    return Outcome(split.counts, committed, details)


def find_outcome(flow: Flow, plan: Plan) -> Outcome | None:
    """What the main table says of a plan that it holds already; None when it does not hold it."""
    if flow.writer.last_sequence(flow.name) < plan.sequence:
        return None
    committed = flow.writer.find_commit(flow.name, plan.sequence)
    if committed is None:
        raise DamageError(
            f"{flow.target} holds batch {plan.sequence} of {flow.name}, but its history no longer tells the counts.",
            hint="Restore the table's log, or settle the batch by hand: entrepot doctor.",
        )
    return Outcome(counts_from_json(committed.metadata["counts"]), committed, committed.metadata.get("details", {}))


def _quarantine(flow: Flow, plan: Plan, split: SplitResult, metadata: Mapping[str, Any]) -> None:
    if flow.quarantine is None:
        if split.rejected.rows:
            raise RunError(
                f"{flow.name}: {split.rejected.rows} rows break the contract, and the flow keeps no quarantine."
            )
        return
    held = flow.quarantine.find_commit(flow.name, plan.sequence)
    if held is not None and counts_from_json(held.metadata["counts"]) != split.counts:
        raise DamageError(
            f"{flow.name}: batch {plan.sequence} came out as {split.counts}, but before the crash it was "
            f"{held.metadata['counts']}: the input or the model is not the same any more.",
            hint="Find what changed (files in claimed/, the model's text, a volatile function) and put it back.",
        )
    if not split.rejected.rows:
        return
    reached("quarantine.before")
    flow.quarantine.commit(Batch(flow.name, plan.sequence, split.rejected, Append(), metadata))
    reached("quarantine.after")


def _mode(plan: Plan, split: SplitResult) -> WriteMode:
    """The plan's mode; which periods or keys are replaced is known only now, and the same at every redo."""
    mode = mode_from_json(plan.draft.mode)
    if isinstance(mode, ReplaceKeys) and split.keys is None:
        return Replace(None)  # so much was touched that the engine computed all of it
    return Replace(split.replaced) if split.replaced else mode


def _fitting(flow: Flow, accepted: Staged) -> Staged:
    if flow.contract is None or not flow.system_columns:
        return accepted
    wanted = table_schema(flow.contract)
    if accepted.schema.names != wanted.names:
        raise RunError(f"{flow.name}: staged columns {accepted.schema.names} are not the contract's {wanted.names}.")
    return accepted


def void(flow: Flow, plan: Plan, services: Services, reason: str) -> Plan:
    """Give a batch up: its sequence stays used, no table holds rows of it.

    Raises: RunError when the main table holds it already: then it is final.
    """
    if flow.writer.last_sequence(flow.name) >= plan.sequence:
        raise RunError(f"{flow.target} holds batch {plan.sequence} of {flow.name}: it is final and cannot be voided.")
    metadata = plan_to_json(plan) | {"void": reason, "counts": counts_to_json(Counts(0, 0, 0)), "details": {}}
    if flow.quarantine is not None and flow.quarantine.last_sequence(flow.name) >= plan.sequence:
        where = f"_batch = {plan.batch}"
        nothing = Staged(REJECT_SCHEMA)
        flow.quarantine.commit(Batch(f"{flow.name}#void", plan.sequence, nothing, Replace(where), metadata))
    empty = Staged(table_schema(flow.contract) if flow.contract else pa.schema([]))
    committed = flow.writer.commit(Batch(flow.name, plan.sequence, empty, Append(), metadata))
    reached("void.after")
    return services.state.void(plan, reason=reason, version=committed.version, at=services.clock.now())


def counts_to_json(counts: Counts) -> dict[str, int]:
    """Counts as plain JSON."""
    return {
        "received": counts.received,
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "duplicate": counts.duplicate,
    }


def counts_from_json(value: Mapping[str, Any]) -> Counts:
    """Read what `counts_to_json` wrote."""
    return Counts(value["received"], value["accepted"], value["rejected"], value.get("duplicate", 0))


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The plan as it stands in each commit, whole enough to rebuild the state from the lake."""
    draft: PlanDraft = plan.draft
    return {
        "flow": draft.flow,
        "target": draft.target,
        "sequence": plan.sequence,
        "batch": plan.batch,
        "position": position_to_json(draft.position),
        "contract_hash": draft.contract_hash,
        "transform_hash": draft.transform_hash,
        "received_at": draft.received_at.isoformat(),
        "pins": dict(draft.pins),
        "mode": dict(draft.mode),
        "contents": list(draft.contents),
        "supersedes": list(draft.supersedes),
        "reason": draft.reason,
    }
