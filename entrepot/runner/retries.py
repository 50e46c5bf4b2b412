"""What is tried again after a run, and when: only what failed and what that held, each with the range that it had planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entrepot.runner.triggers.trigger import Retries

ERROR_KINDS: Mapping[str, tuple[str, ...]] = {
    "system": ("system.",),
    "conflict": ("table.conflict",),
    "busy": ("lease.busy",),
    "fenced": ("lease.fenced",),
    "data": ("data.",),
    "run": ("run.failed",),
    "unexpected": ("run.unexpected",),
    "any": ("",),
}
"""Word of `retries: on:` → how codes of errors begin."""


@dataclass(frozen=True, slots=True)
class FlowOutcome:
    """How one flow of a run ended: the facts that a retry is decided by."""

    name: str
    target: str
    code: str | None = None
    """Of its error."""
    held_by: str | None = None
    """The dataset (or words) it waited for."""


@dataclass(frozen=True, slots=True)
class Retry:
    """The next attempt."""

    selection: tuple[str, ...]
    wait_s: float


def decide_retry(policy: Retries, attempt: int, outcomes: Sequence[FlowOutcome]) -> Retry | None:
    """What is run again after attempt number `attempt`; None when nothing may be, or no attempt is left."""
    failed = [each for each in outcomes if each.code is not None and is_retried(policy, each.code)]
    if not failed or attempt > policy.times:
        return None
    return Retry((*(each.name for each in failed), *_find_held(failed, outcomes)), wait_before(policy, attempt))


def decide_retry_of_error(policy: Retries, attempt: int, code: str, selection: tuple[str, ...]) -> Retry | None:
    """The same, where the run as a whole could not be made."""
    if attempt > policy.times or not is_retried(policy, code):
        return None
    return Retry(selection, wait_before(policy, attempt))


def is_retried(policy: Retries, code: str) -> bool:
    """True when the policy names the kind of this error."""
    return any(code.startswith(begin) for kind in policy.on for begin in ERROR_KINDS[kind])


def wait_before(policy: Retries, attempt: int) -> float:
    """Seconds before the attempt after number `attempt`."""
    return float(min(policy.wait_s * policy.factor ** (attempt - 1), policy.most_s))


def _find_held(failed: Sequence[FlowOutcome], outcomes: Sequence[FlowOutcome]) -> list[str]:
    """Flows that waited for those, directly or through others."""
    reached = {each.target for each in failed}
    found: list[str] = []
    grew = True
    while grew:
        new = [each for each in outcomes if each.held_by in reached and each.name not in found]
        found += [each.name for each in new]
        reached |= {each.target for each in new}
        grew = bool(new)
    return found
