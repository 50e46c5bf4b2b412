"""From readings to arrivals, and from what became of them to what their sender is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from entrepot.intake.gateway.integration import Integration, Reading, Refusal
from entrepot.intake.gateway.limits import TokenBucket, Waiting
from entrepot.intake.gateway.problems import Problem
from entrepot.kernel.errors import EntrepotError, FullError
from entrepot.ports.inbox import Accepted, Answer, Arrival

RECEIPTS = "/api/v1/records/"
Result = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Gate:
    """An integration and how much of it came lately."""

    integration: Integration
    bucket: TokenBucket
    waiting: Waiting


def arrival_of(integration: Integration, reading: Reading, received_us: int) -> Arrival:
    """A reading without fault as the inbox takes it."""
    return Arrival(
        integration.name,
        reading.reference,
        received_us,
        reading.body,
        reading.content_type,
        reading.headers,
        reading.key,
        integration.window_us,
    )


def result_of(accepted: Accepted, reference: str) -> Result:
    """What is told of one record that is stored, or was before."""
    result: Result = {
        "id": accepted.id,
        "status": "just_in",
        "reference": reference,
        "receipt": RECEIPTS + accepted.id,
    }
    if accepted.answer is Answer.CONFLICT:
        result |= {"status": "error", "code": "conflict", "first": accepted.first}
    return result


def faulty(code: str, message: str, reference: str = "") -> Result:
    """What is told of one record of a batch that is not taken."""
    return {"status": "refused", "reference": reference or None, "code": code, "detail": message}


def results_of(readings: Sequence[Reading], told: Sequence[Accepted]) -> list[Result]:
    """One result for each reading, faulty ones among them."""
    accepted = iter(told)
    return [
        result_of(next(accepted), reading.reference)
        if reading.fault is None
        else faulty(reading.fault.code, reading.fault.message, reading.reference)
        for reading in readings
    ]


def check_gate(gate: Gate) -> Problem | None:
    """Why no record may come now; None when one may."""
    wait_s = gate.bucket.wait_s()
    if wait_s:
        return Problem(
            429,
            "rate.exceeded",
            "Too many records a second.",
            f"{gate.integration.limits.per_second:g} records a second are allowed.",
            f"Send the record again in {wait_s} s.",
            headers=((b"retry-after", str(wait_s).encode()),),
        )
    if gate.waiting.is_full():
        return full(f"{gate.integration.limits.waiting:,} records wait to be processed; more may not.", 5)
    return None


def full(detail: str, seconds: int) -> Problem:
    """The inbox takes no more now."""
    return Problem(
        429,
        "inbox.full",
        "The inbox is full.",
        detail,
        f"Send the record again in {seconds} s.",
        headers=((b"retry-after", str(seconds).encode()),),
    )


def paused() -> Problem:
    """The integration takes nothing now."""
    return Problem(
        503,
        "integration.paused",
        "The integration is paused.",
        hint="Send the record again later; nothing was taken.",
        headers=((b"retry-after", b"60"),),
    )


def problem_of_refusal(refusal: Refusal) -> Problem:
    """A refusal as a problem."""
    return Problem(refusal.status, refusal.code, refusal.title, refusal.detail, refusal.hint, headers=refusal.headers)


def problem_of_failure(error: Exception) -> Problem:
    """Why the inbox could not store: the sender learns that it must send again, not what is wrong with our disk."""
    if isinstance(error, FullError):
        return full(error.message, 1)
    retryable = isinstance(error, EntrepotError) and error.retryable
    return Problem(
        503,
        error.code if isinstance(error, EntrepotError) and retryable else "inbox.failed",
        "The record could not be stored.",
        "Nothing was taken.",
        "Send the record again.",
        headers=((b"retry-after", b"5"),),
    )


def problem_of_conflict(accepted: Accepted, reference: str) -> Problem:
    """The reference is another record's."""
    return Problem(
        409,
        "conflict",
        "The reference was used for another body.",
        f"The record {accepted.first} came before with this reference and another body. This one is kept for people to look at; it is not processed.",
        "Send a corrected record under a reference of its own.",
        {
            "id": accepted.id,
            "first": accepted.first,
            "reference": reference,
            "receipt": RECEIPTS + accepted.id,
        },
    )
