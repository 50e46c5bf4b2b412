"""What happens to a batch that cannot be taken: attempts are counted, the batch is taken apart, or the flow stops."""

from __future__ import annotations

from dataclasses import replace

from entrepot.flow.commit import void
from entrepot.flow.flow import MAX_ATTEMPTS, Flow, Services
from entrepot.flow.plan import ISOLATE
from entrepot.kernel.errors import BlockedError, DataError, RunError
from entrepot.kernel.events import Event
from entrepot.kernel.positions import FileItem, FileSet, RejectSet
from entrepot.ports.state import Plan


def give_up(flow: Flow, plan: Plan, services: Services, error: DataError) -> tuple[str, ...]:
    """Void a batch that can never be taken as it is, and keep what is good in it; return `file: reason` of each file refused.

    Files: those that cannot be read are refused with a receipt, the others are planned again; where the bad one does not show when
    opened, the files are planned one by one. Everything else blocks the flow: nothing is skipped silently.

    Raises: BlockedError.
    """
    position = plan.draft.position
    if isinstance(position, RejectSet):
        void(flow, plan, services, f"retry: {error.message}")
        raise RunError(
            f"{flow.name}: the rejects cannot be taken again — {error.message}",
            hint=error.hint or "They are open as before.",
        ) from error
    if not isinstance(position, FileSet):
        raise BlockedError(
            f"{flow.name}: batch {plan.sequence} cannot be taken — {error.message}",
            hint=error.hint or "Mend the cause, then: entrepot run.",
        ) from error
    faulty = _find_faulty(flow, position)
    if len(position.files) == 1:
        faulty = ((position.files[0], error.message if error.hint is None else f"{error.message} {error.hint}"),)
    if faulty:
        void(flow, plan, services, "unreadable: " + "; ".join(item.name for item, _ in faulty))
        for item, reason in faulty:
            flow.reader.refuse(replace(position, files=(item,)), reason)
            services.emit(Event("file_refused", flow.name, {"file": item.name, "reason": reason}))
    else:
        void(flow, plan, services, ISOLATE + error.message)
    return tuple(f"{item.name}: {reason.removeprefix(f'{item.name}: ')}" for item, reason in faulty)


def check_attempts(flow: Flow, plan: Plan, services: Services, attempt: int) -> bool:
    """Judge a batch that has been tried before; True when it may be tried (again).

    Raises: BlockedError when the limit is reached and it cannot be taken apart.
    """
    if attempt <= MAX_ATTEMPTS or flow.writer.last_sequence(flow.name) >= plan.sequence:
        return True
    position = plan.draft.position
    if isinstance(position, FileSet) and len(position.files) > 1:
        void(flow, plan, services, f"{ISOLATE}{attempt - 1} attempts did not end")
        return False
    raise BlockedError(
        f"{flow.name}: batch {plan.sequence} was tried {attempt - 1} times and did not end.",
        hint=f"See why with `entrepot status {flow.name}`, mend it, then: entrepot run --retry {flow.name}.",
    )


def _find_faulty(flow: Flow, position: FileSet) -> tuple[tuple[FileItem, str], ...]:
    """Files that cannot even be opened, each with the reason."""
    faulty = []
    for item in position.files:
        try:
            flow.reader.read(replace(position, files=(item,)))
        except DataError as error:
            faulty.append((item, str(error)))
    return tuple(faulty)
