"""The one loop that moves data: finish what is open, then claim, plan, commit, settle, acknowledge until nothing is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from entrepot.flow.commit import Outcome, commit, void
from entrepot.flow.flow import Flow, Services
from entrepot.flow.lease import held
from entrepot.flow.plan import add_plan, next_plan
from entrepot.flow.poison import check_attempts, give_up
from entrepot.flow.recover import reconcile
from entrepot.flow.settle import acknowledge, settle
from entrepot.kernel.errors import BusyError, ConflictError, DataError, EntrepotError, FencedError
from entrepot.kernel.positions import RejectSet
from entrepot.ports.reader import CheckedReader
from entrepot.ports.state import Lease, Plan, PlanStatus

MAX_CONFLICTS = 5
"""How often a batch is done again because a foreign commit came between."""
TABLE_WAIT_S = 600.0
"""How long a flow waits for another one that writes the same table."""


@dataclass(slots=True)
class Progress:
    """What one turn of a flow did: settled batches, and what could not be taken."""

    flow: str
    settled: list[Plan] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    """`file: reason`, one of each file that was refused."""


def _never() -> bool:
    return False


def advance(
    flow: Flow,
    services: Services,
    *,
    retry: RejectSet | None = None,
    forgive: bool = False,
    stop: Callable[[], bool] = _never,
    one_batch: bool = False,
) -> Progress:
    """Bring one flow up to date, holding its lease.

    Args:
        retry: take these rejects again, as the next batch, instead of asking the source.
        forgive: a person has mended what blocked the flow: its attempts no longer count.
        stop: asked before each further batch; what is not planned yet is left for the next turn.
        one_batch: take one new batch at most: while more keeps coming, what descends from it would never have its turn.

    Raises: BusyError, FencedError, DamageError, BlockedError, ConflictError; whatever the source or the engine says.
    """
    progress = Progress(flow.name)
    with held(f"flow:{flow.name}", services) as lease, held(f"table:{flow.target}", services, wait_s=TABLE_WAIT_S):
        _prepare(flow, services)
        reconcile(flow, services)
        _finish_open(flow, services, progress, forgive)
        acknowledge(flow, services)
        if isinstance(flow.reader, CheckedReader):
            flow.reader.check(services.state.last_position(flow.name))
        while not stop() and (plan := _plan(flow, services, lease, retry)) is not None:
            _carry_out(flow, plan, services, progress, forgive)
            acknowledge(flow, services)
            if retry is not None or one_batch:
                break
    return progress


def _plan(flow: Flow, services: Services, lease: Lease, retry: RejectSet | None) -> Plan | None:
    _refuse_foreign_open_plan(flow, services)
    if retry is not None:
        return add_plan(flow, services, lease, retry)
    return next_plan(flow, services, lease)


def _prepare(flow: Flow, services: Services) -> None:
    """Create and repair the targets. A table made now counts as durable at once, so that models can read it empty."""
    for writer in (flow.writer, flow.quarantine):
        if writer is None:
            continue
        writer.prepare()
        if services.state.durable_version(writer.name) < 0:
            services.state.note_durable(writer.name, writer.version(), writer.identity())


def _refuse_foreign_open_plan(flow: Flow, services: Services) -> None:
    """Another flow's unfinished batch fixed what it saw of the table (uniqueness): it must be done before this one plans."""
    for plan in services.state.plans(target=flow.target, status=PlanStatus.OPEN):
        if plan.flow != flow.name:
            raise BusyError(
                f"{flow.name} cannot plan for {flow.target}: batch {plan.sequence} of {plan.flow} is not finished.",
                hint=f"Finish it first: entrepot run {plan.flow}.",
            )


def _finish_open(flow: Flow, services: Services, progress: Progress, forgive: bool) -> None:
    plan = services.state.open_plan(flow.name)
    if plan is None:
        return
    if _is_redefined(flow, plan) and flow.writer.last_sequence(flow.name) < plan.sequence:
        # done again with another contract or text, the rows would not be those that were planned: plan them anew
        void(flow, plan, services, "redefined: the contract or the definition changed before it was done")
        return
    _carry_out(flow, plan, services, progress, forgive)


def _is_redefined(flow: Flow, plan: Plan) -> bool:
    contract_hash = flow.contract.hash if flow.contract else ""
    return plan.draft.transform_hash != flow.transform_hash or plan.draft.contract_hash != contract_hash


def _carry_out(flow: Flow, plan: Plan, services: Services, progress: Progress, forgive: bool) -> None:
    attempt = services.state.count_attempt(plan)
    if not forgive and not check_attempts(flow, plan, services, attempt):
        return
    try:
        outcome = _commit_through_conflicts(flow, plan, services)
    except (OSError, EntrepotError) as error:
        _refuse_overtaken(flow, plan, services, error)
        if not isinstance(error, DataError):
            raise
        progress.refused += give_up(flow, plan, services, error)
        return
    if outcome.void is not None:
        services.state.void(plan, reason=outcome.void, version=outcome.committed.version, at=services.clock.now())
        return
    progress.settled.append(settle(flow, plan, outcome, services))


def _refuse_overtaken(flow: Flow, plan: Plan, services: Services, error: Exception) -> None:
    """We slept longer than our lease: another process has the plan, and what it moved is gone for us. It decides, not we.

    Raises: FencedError.
    """
    open_plan = services.state.open_plan(flow.name)
    finished = open_plan is None or open_plan.sequence != plan.sequence
    if finished or services.state.lease_holder(f"flow:{flow.name}") != services.holder:
        raise FencedError(
            f"{flow.name}: batch {plan.sequence} was taken over by another process while this one stood still.",
            hint="Nothing is to be done: the other one finishes it, or the next run does.",
        ) from error


def _commit_through_conflicts(flow: Flow, plan: Plan, services: Services) -> Outcome:
    attempt = 1
    while True:
        try:
            return commit(flow, plan, services)
        except ConflictError:
            if attempt == MAX_CONFLICTS:
                raise
        services.clock.sleep(0.05 * attempt)
        attempt += 1
