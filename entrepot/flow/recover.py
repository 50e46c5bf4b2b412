"""The check of state against lake before anything new is planned: right, or refused, never silent."""

from __future__ import annotations

from entrepot.flow.flow import Flow, Services
from entrepot.kernel.errors import DamageError
from entrepot.kernel.positions import Versions
from entrepot.ports.state import PlanStatus
from entrepot.ports.writer import Writer

REBUILD_HINT = "If the lake is right, rebuild the state from it: entrepot doctor --rebuild-state."
LOST_HINT = "Restore the newer lake, or accept the loss and take the files again: entrepot doctor --accept-loss."


def reconcile(flow: Flow, services: Services) -> None:
    """Hold state and lake against each other: settled ≤ lake ≤ planned, one open plan at most.

    Raises: DamageError when one of them was restored from an older copy, or the table was made anew.
    """
    last = services.state.last_plan(flow.name)
    planned = last.sequence if last else 0
    closed = planned - (1 if last is not None and last.status is PlanStatus.OPEN else 0)
    held = flow.writer.last_sequence(flow.name)
    if held > planned:
        raise DamageError(
            f"{flow.target} holds batch {held} of {flow.name}, but the state knows only {planned}: "
            "the state is older than the lake.",
            hint=REBUILD_HINT,
        )
    if held < closed:
        raise DamageError(
            f"{flow.target} ends at batch {held} of {flow.name}, but batch {closed} was settled: "
            "the lake is older than the state.",
            hint=LOST_HINT,
        )
    if flow.quarantine is not None and flow.quarantine.last_sequence(flow.name) > planned:
        raise DamageError(
            f"{flow.quarantine.name} holds rejects of a batch of {flow.name} after {planned}: the state is older than the lake.",
            hint=REBUILD_HINT,
        )
    _check_identity(flow.writer, services)
    if flow.quarantine is not None:
        _check_identity(flow.quarantine, services)
    _check_inputs(flow, services)


def _check_identity(writer: Writer, services: Services) -> None:
    known = services.state.table_id(writer.name)
    durable = services.state.durable_version(writer.name)
    version = writer.version()
    if known is not None and version >= 0 and known != writer.identity():
        raise DamageError(
            f"{writer.name} is not the table that the state knows (id {writer.identity()}, known {known}).",
            hint="Somebody deleted it and made it anew. " + REBUILD_HINT,
        )
    if version < durable:
        raise DamageError(
            f"{writer.name} ends at version {version}, but version {durable} was durable: the lake is older than the state.",
            hint=LOST_HINT,
        )


def _check_inputs(flow: Flow, services: Services) -> None:
    """A model may not have read versions that its inputs no longer have."""
    last = services.state.last_plan(flow.name)
    if last is None or not isinstance(last.draft.position, Versions):
        return
    for name, version in flow.pin().items():
        seen = last.draft.position.upto.get(name)
        if seen is not None and version < seen:
            raise DamageError(
                f"{flow.name} has read version {seen} of {name}, which now ends at {version}: it was restored from an older copy.",
                hint=LOST_HINT,
            )
