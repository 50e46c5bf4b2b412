"""What an answer means: delivered, tried again and when, given up, or the whole integration held back. Pure decisions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from entrepot.ports.outbox import Attempt, Delivery, Finished, IntegrationState, Message, MessageStatus
from entrepot.serve.publish.settings import Webhook

LONGEST_RETRY_AFTER_S = 86_400.0
JITTER = 0.2
"""Up to a fifth later, so that what failed together does not come back together."""
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt: a status, or why there was none."""

    attempt: Attempt
    status: int | None = None
    retry_after: str | None = None
    """The header as it came."""
    code: str = ""
    """Without a status: `timeout`, `unreachable`, `tls`, `address_refused`, …"""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows."""

    finished: Finished
    pause: str | None = None
    """Why the integration is paused, whatever else happened."""


def judge(settings: Webhook, message: Message, answer: Answer, now_us: int, chance: float) -> Verdict:
    """Decide what one attempt leads to. Args: chance: from 0 to 1, for the jitter."""
    status = answer.status
    if status is not None and 200 <= status < 300:
        return Verdict(_delivered(settings, message, answer, now_us))
    if status == 410:
        reason = "the receiver answered 410 Gone: it wants no messages any more"
        return Verdict(_retry(message, answer, now_us, "http_410", reason, 0.0), pause=reason)
    code = answer.code or f"http_{status}"
    reason = answer.reason or f"the receiver answered {status}"
    if status in settings.dead_on:
        return Verdict(_dead(settings, message, answer, code, f"{reason}; dead_on names that"))
    if message.attempts > len(settings.retry_after_s):
        return Verdict(_dead(settings, message, answer, code, f"{reason}, after {message.attempts} attempts"))
    wait_s = settings.retry_after_s[message.attempts - 1] * (1 + JITTER * chance)
    asked_s = _asked_wait_s(answer, now_us)
    finished = _retry(message, answer, now_us, code, reason, max(wait_s, asked_s or 0.0))
    return Verdict(finished if asked_s is None else _holding(finished, now_us, asked_s))


def judge_unacknowledged(settings: Webhook, message: Message) -> Finished | None:
    """A delivered message whose acknowledgement did not come in time: dead when no attempt is left, else None (send it again)."""
    if message.delivery is not Delivery.DELIVERED or message.attempts <= len(settings.retry_after_s) + 1:
        return None
    reason = f"delivered {message.attempts - 1} times, and never acknowledged within {settings.ack_within_s:g} s"
    dead, holds = MessageStatus.DEAD, _holds(settings, message)
    return Finished(
        message.id, message.attempt, dead, Delivery.DELIVERED, code="not_acknowledged", reason=reason, holds_key=holds
    )


def should_pause(settings: Webhook, state: IntegrationState, now: datetime) -> str | None:
    """Why an integration is to be paused now; None when it is not."""
    if state.paused or state.failures < settings.pause_after or state.failing_since is None:
        return None
    lasted = now - state.failing_since
    if lasted < timedelta(seconds=settings.pause_over_s):
        return None
    return f"{state.failures} attempts in a row failed since {state.failing_since:%Y-%m-%d %H:%M:%S} UTC"


def parse_retry_after(text: str, now: datetime) -> float | None:
    """Seconds to wait, of a number or a date; None when it says nothing that can be used. Source: RFC 9110, 10.2.3."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), LONGEST_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), LONGEST_RETRY_AFTER_S)


def _asked_wait_s(answer: Answer, now_us: int) -> float | None:
    if answer.status not in (429, 503) or answer.retry_after is None:
        return None
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now_us)
    return parse_retry_after(answer.retry_after, now)


def _delivered(settings: Webhook, message: Message, answer: Answer, now_us: int) -> Finished:
    if settings.by_consumer:
        return Finished(
            message.id,
            message.attempt,
            MessageStatus.QUEUED,
            Delivery.DELIVERED,
            next_us=now_us + round(settings.ack_within_s * _SECOND),
            reason="delivered; its acknowledgement is awaited",
            record=answer.attempt,
            failed=False,
        )
    acknowledged, reason = MessageStatus.ACKNOWLEDGED, f"the receiver answered {answer.status}"
    return Finished(
        message.id,
        message.attempt,
        acknowledged,
        Delivery.DELIVERED,
        reason=reason,
        record=answer.attempt,
        failed=False,
    )


def _retry(message: Message, answer: Answer, now_us: int, code: str, reason: str, wait_s: float) -> Finished:
    # one that had been delivered and was sent again for want of an acknowledgement stays delivered
    delivered = message.delivery is Delivery.DELIVERED
    return Finished(
        message.id,
        message.attempt,
        MessageStatus.QUEUED,
        Delivery.DELIVERED if delivered else Delivery.ATTEMPTED,
        next_us=now_us + round(wait_s * _SECOND),
        code=code,
        reason=reason,
        record=answer.attempt,
        failed=True,
    )


def _dead(settings: Webhook, message: Message, answer: Answer, code: str, reason: str) -> Finished:
    return Finished(
        message.id,
        message.attempt,
        MessageStatus.DEAD,
        message.delivery,
        code=code,
        reason=reason,
        holds_key=_holds(settings, message),
        record=answer.attempt,
        failed=True,
    )


def _holds(settings: Webhook, message: Message) -> bool:
    return settings.ordered and settings.waits_for_dead and message.key is not None


def _holding(finished: Finished, now_us: int, wait_s: float) -> Finished:
    """The whole destination is left alone for so long."""
    return replace(finished, hold_until_us=now_us + round(wait_s * _SECOND))
