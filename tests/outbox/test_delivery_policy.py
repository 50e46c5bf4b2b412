"""What an answer means is decided without any I/O: statuses, waits, ends and pauses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.ports.outbox import Attempt, Delivery, IntegrationState, Message, MessageStatus
from entrepot.serve.publish.addresses import parse_networks, why_refused
from entrepot.serve.publish.policy import (
    Answer,
    Verdict,
    judge,
    judge_unacknowledged,
    parse_retry_after,
    should_pause,
)
from entrepot.serve.publish.settings import RETRY_AFTER_S, Webhook

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW_US = round(NOW.timestamp() * 1e6)
SECOND = 1_000_000
HOOK = Webhook("https://example.com/hook")


def message(attempts: int = 1, delivery: Delivery = Delivery.ATTEMPTED, key: str | None = None) -> Message:
    queued = MessageStatus.QUEUED
    return Message(1, "m1", "shop", "r1", NOW_US, queued, delivery, key=key, attempts=attempts, attempt=attempts)


def decide(
    status: int | None,
    *,
    settings: Webhook = HOOK,
    attempts: int = 1,
    retry_after: str | None = None,
    chance: float = 0.0,
) -> Verdict:
    answer = Answer(
        Attempt(attempts, NOW_US), status, retry_after, "" if status else "timeout", "" if status else "late"
    )
    return judge(settings, message(attempts), answer, NOW_US, chance)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_delivery(status: int) -> None:
    """It settles the message."""
    found = decide(status).finished
    assert (found.status, found.delivery, found.failed) == (MessageStatus.ACKNOWLEDGED, Delivery.DELIVERED, False)


def test_where_consumers_acknowledge_a_delivery_only_starts_the_wait() -> None:
    """The message stays queued until its acknowledgement is overdue."""
    found = decide(200, settings=Webhook("https://x", by_consumer=True, ack_within_s=60)).finished
    assert (found.status, found.delivery) == (MessageStatus.QUEUED, Delivery.DELIVERED)
    assert found.next_us == NOW_US + 60 * SECOND


@pytest.mark.req("G7")
@pytest.mark.parametrize("status", [None, 300, 303, 400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504])
def test_everything_else_is_tried_again_by_the_schedule(status: int | None) -> None:
    """All ten attempts, with the stated waits between; then the message is dead with the last reason."""
    for number, wait in enumerate(RETRY_AFTER_S, 1):
        found = decide(status, attempts=number).finished
        assert (found.status, found.next_us) == (MessageStatus.QUEUED, NOW_US + round(wait * SECOND))
    dead = decide(status, attempts=len(RETRY_AFTER_S) + 1).finished
    assert (dead.status, dead.code) == (MessageStatus.DEAD, f"http_{status}" if status else "timeout")
    assert "after 10 attempts" in dead.reason


def test_stated_statuses_are_dead_at_once() -> None:
    """`dead_on` names answers that nothing will change."""
    assert decide(422, settings=Webhook("https://x", dead_on=frozenset({422}))).finished.status is MessageStatus.DEAD


def test_gone_pauses_the_integration_and_loses_nothing() -> None:
    """410: the message stays queued, the integration is paused."""
    found = decide(410)
    assert found.finished.status is MessageStatus.QUEUED
    assert found.pause is not None
    assert "410" in found.pause


@given(st.floats(0, 1), st.integers(1, 9))
def test_jitter_only_makes_later_and_by_a_fifth_at_most(chance: float, attempts: int) -> None:
    """Waits are never shorter than stated."""
    found = decide(500, attempts=attempts, chance=chance).finished
    wait = RETRY_AFTER_S[attempts - 1]
    assert found.next_us is not None
    assert wait * SECOND <= found.next_us - NOW_US <= wait * 1.2 * SECOND + 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("99999999999999999999", 86_400.0),
        ("Thu, 01 Jan 2026 12:02:00 GMT", 120.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Fri, 01 Jan 2027 11:00:00 GMT", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("１２", None),
        ("Thu, 99 Jan 2026 12:02:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_within_bounds(text: str, seconds: float | None) -> None:
    """Nonsense counts as not said."""
    assert parse_retry_after(text, NOW) == seconds


@given(st.text(max_size=60))
def test_no_retry_after_breaks_anything(text: str) -> None:
    """Whatever a receiver sends, the wait is none or within a day."""
    found = parse_retry_after(text, NOW)
    assert found is None or 0 <= found <= 86_400


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_a_rest_gets_it(status: int) -> None:
    """The message waits as long as both ask, and the whole destination as long as the receiver asks."""
    found = decide(status, retry_after="120").finished
    assert found.next_us == found.hold_until_us == NOW_US + 120 * SECOND
    late = decide(status, retry_after="1", attempts=4).finished
    assert late.next_us == NOW_US + 7_200 * SECOND
    assert decide(500, retry_after="120").finished.hold_until_us is None


def test_a_message_that_nobody_acknowledges_is_dead_in_the_end() -> None:
    """Only after all attempts of the schedule."""
    settings = Webhook("https://x", by_consumer=True, retry_after_s=(1.0, 2.0))
    assert judge_unacknowledged(settings, message(3, Delivery.DELIVERED)) is None
    dead = judge_unacknowledged(settings, message(4, Delivery.DELIVERED))
    assert dead is not None
    assert dead.code == "not_acknowledged"


def test_a_pause_needs_many_failures_over_some_time() -> None:
    """A receiver that restarts within a minute pauses nothing, however many messages met it."""
    settings = Webhook("https://x", pause_after=20, pause_over_s=3_600)
    short = IntegrationState("shop", failures=500, failing_since=NOW - timedelta(minutes=5))
    few = IntegrationState("shop", failures=3, failing_since=NOW - timedelta(days=1))
    long = IntegrationState("shop", failures=20, failing_since=NOW - timedelta(hours=1))
    assert should_pause(settings, short, NOW) is None
    assert should_pause(settings, few, NOW) is None
    assert should_pause(settings, long, NOW) is not None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.100.100.200",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "168.63.129.16", "192.0.0.192", "198.18.0.1",
        "::1", "::", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "fec0::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
        "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:1::1", "not an address", "",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    """Loopback, private, link-local, metadata, unique local, multicast, reserved, and all of them inside IPv6."""
    assert why_refused(address) is not None


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "::ffff:8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"]
)
def test_public_addresses_are_called(address: str) -> None:
    """Also IPv4 ones in an IPv6 form."""
    assert why_refused(address) is None


def test_the_project_may_allow_networks() -> None:
    """Only those it names."""
    allowed = parse_networks(["10.1.0.0/16", "::1"])
    assert why_refused("10.1.2.3", allowed) is None
    assert why_refused("::ffff:10.1.2.3", allowed) is None
    assert why_refused("::1", allowed) is None
    assert why_refused("10.2.0.1", allowed) is not None
    with pytest.raises(ValueError, match="no network"):
        parse_networks(["localhost"])
