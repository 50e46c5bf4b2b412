"""Signatures are those of the providers' own documents, and nothing less is let in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.intake.gateway.integration import Request
from entrepot.intake.gateway.signatures import (
    ALGORITHMS,
    ENCODINGS,
    PRESETS,
    STANDARD_WEBHOOKS,
    Signing,
    decode_secret,
    decode_standard_secret,
    find_signature_fault,
    sign,
)
from tests.gateway.settings.integration_lab import NOW_US, SECRETS, build, request, sign_github, sign_standard


def vectors(shared_data: Path) -> list[dict[str, Any]]:
    """The published vectors of Standard Webhooks."""
    text = (shared_data / "conformance" / "standard-webhooks" / "vectors.json").read_text()
    found: list[dict[str, Any]] = json.loads(text)["vectors"]
    return found


@pytest.mark.real
@pytest.mark.req("G2")
def test_standard_webhooks_vectors(shared_data: Path) -> None:
    """Each published vector is judged as it says."""
    for vector in vectors(shared_data):
        headers = {
            "webhook-id": vector["id"],
            "webhook-timestamp": vector["timestamp"],
            "webhook-signature": vector["signature"],
        }
        pairs = tuple((key.encode(), str(value).encode()) for key, value in headers.items() if value is not None)
        asked = Request("POST", "/", pairs, b"", "", vector["payload"].encode(), vector["now"] * 1_000_000)
        fault = find_signature_fault(STANDARD_WEBHOOKS, [decode_standard_secret(vector["secret"])], asked)
        assert (fault is None) == vector["valid"], (vector["name"], fault)


def test_github_example() -> None:
    """The example of GitHub's documentation."""
    secret, body = b"It's a Secret to Everybody", b"Hello, World!"
    line = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    asked = request(body, {"X-Hub-Signature-256": line})
    assert find_signature_fault(PRESETS["github"], [secret], asked) is None
    assert find_signature_fault(PRESETS["github"], [b"another"], asked) is not None


def test_slack_example() -> None:
    """The example of Slack's documentation; five minutes later it no longer counts."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    secret = b"8f742231b10e8888abcd99yyyzzz85a5"
    at_us = 1_531_420_618_000_000
    assert find_signature_fault(PRESETS["slack"], [secret], request(body, headers, now_us=at_us)) is None
    assert find_signature_fault(PRESETS["slack"], [secret], request(body, headers, now_us=at_us + 300_000_001))


def test_stripe_form() -> None:
    """The time and several signatures in one header; those of another scheme do not count."""
    body, key = b'{"id": "evt_1"}', b"whsec_test"
    right = hmac.new(key, b"1614265330." + body, hashlib.sha256).hexdigest()
    for line, holds in (
        (f"t=1614265330,v1={right}", True),
        (f"t=1614265330,v1={'0' * 64},v1={right}", True),
        (f"t=1614265330,v0={right}", False),
        (f"t=1614265331,v1={right}", False),
        (f"t=1614265330,t=1614265331,v1={right}", False),
        (f"v1={right}", False),
    ):
        fault = find_signature_fault(PRESETS["stripe"], [key], request(body, {"Stripe-Signature": line}))
        assert (fault is None) == holds, line


def test_shopify_form() -> None:
    """Base64 over the body."""
    line = base64.b64encode(hmac.new(b"key", b"{}", hashlib.sha256).digest()).decode()
    assert find_signature_fault(PRESETS["shopify"], [b"key"], request("{}", {"X-Shopify-Hmac-Sha256": line})) is None


signings = st.builds(
    Signing,
    header=st.just(b"x-signature"),
    algorithm=st.sampled_from(ALGORITHMS),
    encoding=st.sampled_from(ENCODINGS),
    prefix=st.sampled_from([b"", b"v1=", b"sha256="]),
    signed=st.sampled_from([b"{body}", b"{timestamp}.{body}", b"{id}.{timestamp}.{body}", b"v0:{timestamp}:{body}"]),
    timestamp_header=st.just(b"x-time"),
    id_header=st.just(b"x-id"),
)


@settings(deadline=None)
@given(
    signing=signings,
    body=st.binary(max_size=60),
    key=st.binary(min_size=1, max_size=20),
    at=st.integers(0, 20),
    flip=st.integers(0),
)
def test_any_change_is_found(signing: Signing, body: bytes, key: bytes, at: int, flip: int) -> None:
    """What is signed is let in; with one bit of body or key changed, it is not, and neither is another time or id that is signed."""
    seconds = str(NOW_US // 1_000_000 + at).encode()
    line = sign(signing, key, body, timestamp=seconds, id=b"id-1")

    def holds(body: bytes = body, key: bytes = key, seconds: bytes = seconds, id: bytes = b"id-1") -> bool:
        pairs = ((b"x-signature", line), (b"x-time", seconds), (b"x-id", id))
        return (
            find_signature_fault(signing, [b"other", key], Request("POST", "/", pairs, b"", "", body, NOW_US)) is None
        )

    assert holds()
    assert not holds(body=body + b"x")
    if body:
        place = flip % len(body)
        assert not holds(body=body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
    assert not holds(key=key + b"\x01")
    assert holds(seconds=seconds + b"0") == (b"{timestamp}" not in signing.signed)
    assert holds(id=b"id-2") == (b"{id}" not in signing.signed)


@settings(deadline=None)
@given(
    line=st.binary(max_size=80),
    seconds=st.binary(max_size=20),
    preset=st.sampled_from([*PRESETS.values(), STANDARD_WEBHOOKS]),
)
def test_garbage_is_refused_and_never_raises(line: bytes, seconds: bytes, preset: Signing) -> None:
    """Whatever stands in the headers, the answer is a fault."""
    pairs = ((preset.header, line), (preset.timestamp_header or b"x", seconds), (preset.id_header or b"y", line))
    assert find_signature_fault(preset, [b"key"], Request("POST", "/", pairs, b"", "", b"{}", NOW_US)) is not None


def test_a_header_that_stands_twice_is_refused() -> None:
    """Which of two signatures counts nobody can say."""
    asked = request(b"{}", sign_github(b"{}"))
    twice = Request(asked.method, asked.path, (*asked.headers, asked.headers[-1]), b"", "", asked.body, NOW_US)
    door = build("auth: {hmac: {preset: github, secrets: {secret: shop/key}}}").authenticate
    assert door(asked) is None
    assert door(twice) is not None


@pytest.mark.req("G2")
def test_secrets_rotate_without_a_break() -> None:
    """With two secrets, senders with either are let in; others are not."""
    two = "auth: {standard_webhooks: {secrets: [{secret: shop/standard}, {secret: shop/other}]}}"
    from tests.gateway.settings.integration_lab import KnownSecrets, build_inbound

    secrets = KnownSecrets({**SECRETS, "shop/other": "whsec_" + base64.b64encode(b"new key").decode()})
    door = build_inbound(two, secrets=secrets).integration.authenticate
    for secret in (secrets.values["shop/standard"], secrets.values["shop/other"]):
        assert door(request(b"{}", sign_standard(b"{}", secret=secret))) is None
    assert door(request(b"{}", sign_standard(b"{}", secret=base64.b64encode(b"third").decode()))) is not None


@pytest.mark.parametrize(("text", "encoding"), [("", "text"), ("zz", "hex"), ("a", "base64"), ("", "base64")])
def test_secrets_of_another_form_are_refused(text: str, encoding: str) -> None:
    """A secret that is not of its form is an error that does not repeat it."""
    with pytest.raises(ValueError, match="the secret is") as caught:
        decode_secret(text, encoding)
    assert not text or text not in str(caught.value).replace("base64", "")
