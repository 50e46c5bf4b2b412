"""Who may send: any one alternative suffices, all of an alternative must hold, and a refusal never says what was wrong."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.intake.gateway.addresses import parse_address, parse_networks, sender_address
from entrepot.intake.gateway.authentication import Authentication
from entrepot.intake.gateway.secret_keys import KEPT_S
from tests.gateway.settings.integration_lab import (
    SECRETS,
    KnownSecrets,
    build,
    build_inbound,
    refused,
    request,
    sign_github,
)

TOKEN = "auth: {token: {secrets: [{secret: shop/token}, {secret: shop/token_new}]}}"
BASIC = "auth: {basic: {user: shop, secrets: {secret: shop/password}}}"


def basic(user: str, password: str) -> dict[str, str]:
    """The header of RFC 7617."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_without_auth_the_administrator_may_send() -> None:
    """An integration that states nothing asks for the administrator's token; nothing is open by default."""
    door = build().authenticate
    assert door(request(headers={"authorization": "Bearer administrator"})) is None
    for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "Basic administrator"}):
        assert refused(door(request(headers=headers))).status == 401


def test_none_must_be_said() -> None:
    """Everybody may send only where the project says so."""
    assert build("auth: none").authenticate(request()) is None
    assert Authentication(())(request()) is not None


def test_tokens() -> None:
    """Either token lets in, with Bearer in any case; in a header of its own as it stands."""
    door = build(TOKEN).authenticate
    for token in ("t0ken-one", "t0ken-two"):
        assert door(request(headers={"Authorization": f"bearer {token}"})) is None
    for line in ("t0ken-one", "Bearer t0ken", "Bearer t0ken-onex", "Bearer ", ""):
        assert door(request(headers={"Authorization": line})) is not None
    own = build("auth: {token: {header: X-Api-Key, secrets: {secret: shop/token}}}").authenticate
    assert own(request(headers={"X-API-Key": "t0ken-one"})) is None
    assert own(request(headers={"Authorization": "Bearer t0ken-one"})) is not None


def test_basic() -> None:
    """User and password must both be right; a password may hold colons and any letter."""
    door = build(BASIC).authenticate
    assert door(request(headers=basic("shop", SECRETS["shop/password"]))) is None
    for headers in (
        basic("shop", "x"), basic("x", SECRETS["shop/password"]), basic("", ""), {"authorization": "Basic !!"},
        {"authorization": "Basic " + base64.b64encode(b"shop").decode()}, {},
    ):  # fmt: skip
        assert refused(door(request(headers=headers))).headers[0][1].startswith(b"Basic")


def test_alternatives_and_conjunctions() -> None:
    """One entry suffices; what one entry names must all hold."""
    door = build(
        """
        auth:
          - token: {secrets: {secret: shop/token}}
            ip: {allowed: [192.0.2.0/24]}
          - hmac: {preset: github, secrets: {secret: shop/key}}
        """
    ).authenticate
    token = {"Authorization": "Bearer t0ken-one"}
    assert door(request(headers=token, client="192.0.2.9")) is None
    assert door(request(headers=token, client="198.51.100.1")) is not None
    assert door(request(client="192.0.2.9")) is not None
    assert door(request(b"{}", sign_github(b"{}"))) is None


def test_refusals_are_all_the_same() -> None:
    """Wrong user, wrong password, wrong form and nothing at all get one answer; the operator is told which it was."""
    door = build(BASIC).authenticate
    assert isinstance(door, Authentication)
    tries = [{}, basic("shop", "x"), basic("y", "x"), {"authorization": "Bearer z"}]
    answers = {door(request(headers=headers)) for headers in tries}
    assert len(answers) == 1
    told = {door.explain(request(headers=headers)) for headers in tries}
    assert len(told) == 3
    assert not any(secret in str(told) for secret in ("shop/", "pa:ss"))
    assert door.explain(request(headers=basic("shop", SECRETS["shop/password"]))) == ()


CERTIFICATE = """
auth:
  mtls:
    header: X-Client-Fingerprint
    verified_header: X-Client-Verify
    allowed: ["AB:CD:01"]
proxies: [10.0.0.0/8]
"""


def test_certificates_count_from_trusted_proxies_only() -> None:
    """The header about a certificate is believed from a stated proxy, when it was verified, and from nobody else."""
    door = build(CERTIFICATE).authenticate
    good = {"x-client-fingerprint": "abcd01", "x-client-verify": "SUCCESS"}
    assert door(request(headers=good, client="10.1.2.3")) is None
    assert refused(door(request(headers=good, client="192.0.2.1"))).status == 403
    assert door(request(headers={**good, "x-client-verify": "FAILED"}, client="10.1.2.3")) is not None
    assert door(request(headers={**good, "x-client-fingerprint": "abcd02"}, client="10.1.2.3")) is not None
    doubled = request(headers=good, client="10.1.2.3")
    doubled = replace(doubled, headers=(*doubled.headers, (b"x-client-fingerprint", b"abcd01")))
    assert door(doubled) is not None


ADDRESSES = """
auth: {ip: {allowed: [192.0.2.0/24, "2001:db8::/32"]}}
proxies: [10.0.0.0/8]
"""


@pytest.mark.parametrize(
    ("client", "forwarded", "holds"),
    [
        ("192.0.2.5", None, True),
        ("2001:db8::1", None, True),
        ("::ffff:192.0.2.5", None, True),
        ("198.51.100.1", None, False),
        ("198.51.100.1", "192.0.2.5", False),
        ("10.0.0.1", "192.0.2.5", True),
        ("10.0.0.1", "192.0.2.5:4711", True),
        ("10.0.0.1", "[2001:db8::1]:4711", True),
        ("10.0.0.1", "192.0.2.5, 10.0.0.2", True),
        ("10.0.0.1", "192.0.2.5, 198.51.100.1", False),
        ("10.0.0.1", "192.0.2.5, nonsense", False),
        ("10.0.0.1", None, False),
        ("", None, False),
    ],
)
def test_addresses_behind_proxies(client: str, forwarded: str | None, holds: bool) -> None:
    """X-Forwarded-For is believed from its end as far as trusted proxies wrote it."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert (build(ADDRESSES).authenticate(request(headers=headers, client=client)) is None) == holds


@settings(deadline=None)
@given(forged=st.lists(st.sampled_from(["192.0.2.5", "10.0.0.9", "x", ""]), max_size=5), real=st.ip_addresses(v=4))
def test_what_a_sender_forges_does_not_count(forged: list[str], real: object) -> None:
    """Whatever a sender writes into X-Forwarded-For before a proxy adds its address, the address found is its own."""
    proxies = parse_networks(["10.0.0.0/8"])
    if proxies.holds(parse_address(str(real))):
        return
    asked = request(headers={"x-forwarded-for": ", ".join([*forged, str(real)])}, client="10.0.0.1")
    assert str(sender_address(asked, proxies)) == str(real)
    direct = request(headers={"x-forwarded-for": ", ".join(forged)}, client=str(real))
    assert str(sender_address(direct, proxies)) == str(real)


def test_a_secret_that_is_gone_closes_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret changed in its place counts a little later; one that is taken away lets nobody in, and nothing raises."""
    secrets, now = KnownSecrets(), [0.0]
    monkeypatch.setattr("entrepot.intake.gateway.secret_keys.time.monotonic", lambda: now[0])
    door = build_inbound(TOKEN, secrets=secrets).integration.authenticate
    old, new = ({"authorization": f"Bearer {token}"} for token in ("t0ken-one", "changed"))
    assert door(request(headers=old)) is None
    secrets.values["shop/token"] = "changed"
    now[0] += KEPT_S + 0.1
    assert door(request(headers=old)) is not None
    assert door(request(headers=new)) is None
    del secrets.values["shop/token"]
    now[0] += KEPT_S + 0.1
    assert refused(door(request(headers=new))).status == 503


def test_no_secret_in_words_of_the_door() -> None:
    """Neither the door's own words nor those of its settings hold a secret's value."""
    found = build_inbound(TOKEN)
    assert not [value for value in SECRETS.values() if value in repr(found)]


def test_door_is_light() -> None:
    """The gateway's settings load without engine, tables or a web framework."""
    code = "import sys, entrepot.intake.gateway.settings as s; print([m for m in ('duckdb', 'deltalake', 'sqlglot', 'fastapi') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []
