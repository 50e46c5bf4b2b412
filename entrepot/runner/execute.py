"""Executing: each node's flow brought up to date, independent ones side by side, what descends from a failure held."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum

from entrepot.flow.flow import Services
from entrepot.flow.loop import Progress, advance
from entrepot.kernel.errors import EntrepotError, UnexpectedError
from entrepot.kernel.events import Event
from entrepot.ports.state import Plan
from entrepot.runner.cancel import NEVER, CancelToken
from entrepot.runner.graph import Node, order
from entrepot.runner.limits import OPEN, Gate, leave_nothing

_BUSY_S = 0.2
"""After so long it is asked again whether a busy system has room."""


class Verdict(StrEnum):
    """How a node ended."""

    ADVANCED = "advanced"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    HELD = "held"
    CANCELLED = "cancelled"
    """Somebody asked the run to stop before its turn came."""


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What became of a node."""

    node: Node
    verdict: Verdict
    seconds: float = 0.0
    plans: tuple[Plan, ...] = ()
    refused: tuple[str, ...] = ()
    """Inputs that could not be taken; they lie in `rejected/` with a receipt."""
    error: EntrepotError | None = None
    held_by: str | None = None


def execute(
    nodes: Sequence[Node],
    services: Services,
    *,
    workers: int = 2,
    forgive: frozenset[str] = frozenset(),
    cancel: CancelToken = NEVER,
    gate: Gate = OPEN,
    one_batch: bool = False,
) -> list[NodeResult]:
    """Advance all nodes in dependency order; returns their results in that order.

    An error that is not ours is a bug: it fails its own node as `UnexpectedError`, so that the others go on.
    A node whose outside system is busy waits without keeping others from their turn.

    Args: one_batch: each takes one new batch at most.
    """
    ordered = order(nodes)
    waits = {node.name: _predecessors(node, ordered[:place]) for place, node in enumerate(ordered)}
    results: dict[str, NodeResult] = {}
    running: dict[Future[NodeResult], Node] = {}
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="flow")
    try:
        rest = list(ordered)
        while rest or running:
            is_busy = False
            for node in [n for n in rest if waits[n.name] <= results.keys()]:
                rest.remove(node)
                holder = _held_by(node, results)
                if holder is not None:
                    results[node.name] = NodeResult(node, Verdict.HELD, held_by=holder)
                    continue
                if cancel.is_cancelled():
                    results[node.name] = NodeResult(node, Verdict.CANCELLED, held_by=cancel.reason)
                    continue
                leave = _enter(node, gate, has_room=len(running) < workers)
                if leave is None:
                    rest.append(node)
                    is_busy = True
                    continue
                running[pool.submit(_turn_within, leave, node, services, node.name in forgive, cancel, one_batch)] = (
                    node
                )
            if is_busy and not running:
                services.clock.sleep(_BUSY_S)
            if running:
                done, _ = wait(running, timeout=_BUSY_S if is_busy else None, return_when=FIRST_COMPLETED)
                for future in done:
                    results[running.pop(future).name] = future.result()
    except BaseException:  # an interrupt: nobody waits for queries that may take hours
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return [results[node.name] for node in ordered]


def _enter(node: Node, gate: Gate, *, has_room: bool) -> Callable[[], None] | None:
    """The right to use the node's system; none while it would only wait for a thread with it."""
    if not node.system:
        return leave_nothing
    return gate.try_enter(node.system) if has_room else None


def _turn_within(
    leave: Callable[[], None], node: Node, services: Services, forgive: bool, cancel: CancelToken, one_batch: bool
) -> NodeResult:
    try:
        return _turn(node, services, forgive, cancel, one_batch=one_batch)
    finally:
        leave()


def _predecessors(node: Node, before: Sequence[Node]) -> set[str]:
    """Nodes that must have ended: those this one needs, and others that write the same table."""
    wanted = node.needs | node.prefers | {node.target}
    return {other.name for other in before if other.target in wanted}


def _held_by(node: Node, results: dict[str, NodeResult]) -> str | None:
    for result in results.values():
        if result.node.target in node.needs and result.verdict in (Verdict.FAILED, Verdict.HELD):
            return result.node.target
    return None


def _turn(
    node: Node, services: Services, forgive: bool, cancel: CancelToken = NEVER, *, one_batch: bool = False
) -> NodeResult:
    services.emit(Event("node_started", node.name, {"kind": node.kind.value, "target": node.target}))
    started = time.monotonic()
    try:
        missing = node.waits_for()
        if missing is not None:
            return NodeResult(node, Verdict.HELD, held_by=missing)
        progress: Progress = advance(
            node.build(), services, forgive=forgive, stop=cancel.is_cancelled, one_batch=one_batch
        )
    except EntrepotError as error:
        result = NodeResult(node, Verdict.FAILED, time.monotonic() - started, error=error)
    except Exception as error:
        services.emit(Event("node_crashed", node.name, {"error": type(error).__name__, "traceback": say_trace(error)}))
        result = NodeResult(node, Verdict.FAILED, time.monotonic() - started, error=_unexpected(node, error))
    else:
        verdict = Verdict.ADVANCED if progress.settled else Verdict.UNCHANGED
        result = NodeResult(node, verdict, time.monotonic() - started, tuple(progress.settled), tuple(progress.refused))
    services.emit(Event("node_ended", node.name, {"verdict": result.verdict.value, "seconds": result.seconds}))
    return result


def _unexpected(node: Node, error: Exception) -> UnexpectedError:
    found = UnexpectedError(
        f"{node.name} was ended by an unexpected error, {type(error).__name__}.",
        hint="This is a bug of Entrepôt: please report it with logs/unexpected.log. The other flows went on.",
    )
    found.__cause__ = error
    return found


def say_trace(error: BaseException) -> str:
    """Where an error and its causes were raised, without their texts: these may hold values of records."""
    said = []
    at: BaseException | None = error
    while at is not None:
        said.append("".join(traceback.format_tb(at.__traceback__)) + type(at).__qualname__)
        at = at.__cause__ or at.__context__
    return "\ncaused by:\n".join(said) + "\n"
