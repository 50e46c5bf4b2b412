"""A reference says which record it is: the same for the same record, and nobody without the secret can change it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.intake.gateway.bodies import hash_body
from entrepot.intake.gateway.integration import Integration, Refusal, Request, read_each
from entrepot.intake.gateway.references import join_texts
from tests.gateway.settings.integration_lab import (
    build,
    only,
    refused,
    request,
    sign_github,
    sign_standard,
)


def reference(yaml: str, *args: Any, **kwargs: Any) -> str:
    """The reference of one record."""
    return only(build(f"auth: none\n{yaml}").read(request(*args, **kwargs))).reference


FOUND = [
    ("reference: {header: X-Order-Id}", ("{}", {"x-order-id": " A-17 "}), "A-17"),
    ("reference: {body: order.id}", ('{"order": {"id": "A-17"}}',), "A-17"),
    ("reference: {body: order.id}", ('{"order": {"id": 12345678901234567890123}}',), "12345678901234567890123"),
    ("reference: {body: order.id}", ('{"order": {"id": 1.50}}',), "1.50"),
    ("reference: {body: 'lines[1].sku'}", ('{"lines": [{}, {"sku": "B"}]}',), "B"),
    ("reference: {body: order.id, prefix: shop-}", ('{"order": {"id": 7}}',), "shop-7"),
    ("reference: [{header: X-Store}, {body: id}]", ('{"id": "a|b%"}', {"x-store": "12"}), "12|a%7Cb%25"),
    ("reference: {body: id}", (b"\xef\xbb\xbf{\"id\": \"\xc3\xa9\"}",), "é"),
    ("reference: {body: id}", ('id=A%2017&x=1', {"content-type": "application/x-www-form-urlencoded"}), "A 17"),
    ("reference: {body: 'order[id]'}", ('order%5Bid%5D=1', {"content-type": "application/x-www-form-urlencoded"}), "1"),
    ("reference: {body: order.id}", ('<order><id> 17 </id><id2/></order>', {"content-type": "text/xml"}), "17"),
    ("reference: {body: order.@id}", ('<o:order xmlns:o="urn:x" o:id="17"/>', {"content-type": "application/xml"}), "17"),
    ("reference: {body: 'order.line[1].sku'}", ('<order><line><sku>a</sku></line><line><sku>b</sku></line></order>', {"content-type": "a/b+xml"}), "b"),
]  # fmt: skip


@pytest.mark.req("G1")
@pytest.mark.parametrize(("yaml", "sent", "wanted"), FOUND)
def test_where_it_stands(yaml: str, sent: tuple[Any, ...], wanted: str) -> None:
    """Header, JSON, form and XML give the reference as it was written."""
    assert reference(yaml, *sent) == wanted


def test_query() -> None:
    """A parameter of the address, once."""
    assert reference("reference: {query: id}", query="a=1&id=A%2B1") == "A+1"
    assert (
        refused(build("auth: none\nreference: {query: id}").read(request(query="id=1&id=2"))).code
        == "reference_unusable"
    )


REFUSED = [
    ("reference: {header: X-Id}", ("{}",), "reference_missing"),
    ("reference: {header: X-Id}", ("{}", {"x-id": " "}), "reference_missing"),
    ("reference: {header: X-Id}", ("{}", {"x-id": "\xff"}), "reference_unusable"),
    ("reference: {header: X-Id}", ("{}", {"x-id": "a" * 1001}), "reference_unusable"),
    ("reference: {body: id}", ('{"id": null}',), "reference_missing"),
    ("reference: {body: id}", ('{"id": ""}',), "reference_missing"),
    ("reference: {body: id}", ('{"id": {"a": 1}}',), "reference_unusable"),
    ("reference: {body: id}", ('{"id": "a\\u0000"}',), "reference_unusable"),
    ("reference: {body: id}", ('{"id": 1, "id": 2}',), "unreadable"),
    ("reference: {body: id}", ('{"id": "\\ud800"}',), "unreadable"),
    ("reference: {body: id}", ("[" * 100_000,), "unreadable"),
    ("reference: {body: id}", ("nonsense",), "unreadable"),
    ("reference: {body: id}", (b"\xff\xfe{}",), "unreadable"),
    ("reference: {body: id}", ("id=1&id=2", {"content-type": "application/x-www-form-urlencoded"}), "reference_unusable"),
    ("reference: {body: id}", ("{}", {"content-type": "application/x-www-form-urlencoded"}), "unreadable"),
    ("reference: {body: id}", ("id=%ff", {"content-type": "application/x-www-form-urlencoded"}), "unreadable"),
    ("reference: {body: a.id}", ("<a><id>1</id><id>2</id></a>", {"content-type": "text/xml"}), "reference_unusable"),
    ("reference: {body: a.id}", ("<a><id>", {"content-type": "text/xml"}), "unreadable"),
    ("reference: {body: a}", ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', {"content-type": "text/xml"}), "unreadable"),
    ("reference: {body: a}", ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a>1</a>', {"content-type": "text/xml"}), "unreadable"),
    ("reference: {body: a.b}", ("<a>" * 5000, {"content-type": "text/xml"}), "unreadable"),
    ("reference: {body: id}", ("text", {"content-type": "text/plain"}), "unsupported_content"),
    ("reference: {body: id}", (b"\x00", {"content-type": "image/png"}), "unsupported_content"),
    ("reference: {body: id, fallback: hash}", ("nonsense",), "unreadable"),
    ("reference: {body: id, fallback: hash}", ('{"x": 1}', {"content-type": "text/plain"}), "unsupported_content"),
]  # fmt: skip


@pytest.mark.parametrize(("yaml", "sent", "code"), REFUSED)
def test_what_cannot_be_used_is_refused(yaml: str, sent: tuple[Any, ...], code: str) -> None:
    """A reference that is missing or could be read two ways is a problem for the sender, and never a guess."""
    answer = refused(build(f"auth: none\n{yaml}").read(request(*sent)))
    assert answer.code == code
    assert answer.status == (415 if code == "unsupported_content" else 400)


def test_a_fallback_is_stated() -> None:
    """Where the project says so, a missing reference is a hash of the body; the same body gives the same."""
    yaml = "reference: {header: X-Id, fallback: hash}"
    first = reference(yaml, '{"a": 1, "b": [2.0]}')
    assert first == reference(yaml, ' {"b":[2.0],"a":1}')
    assert first.startswith("sha256:")
    assert first not in (reference(yaml, '{"a": 1, "b": [2.00]}'), reference(yaml, '{"a": "1", "b": [2.0]}'))
    assert reference("", '{"a": 1, "b": [2.0]}') == first


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    value=st.dictionaries(st.text(max_size=5), json_values, max_size=4),
    other=st.dictionaries(st.text(max_size=5), json_values, max_size=4),
)
def test_the_hash_tells_contents_apart(value: dict[str, Any], other: dict[str, Any]) -> None:
    """JSON that says the same has one hash however it is written; what says something else has another."""
    texts = [
        json.dumps(value),
        json.dumps(value, indent=2, ensure_ascii=False),
        json.dumps(dict(reversed(value.items()))),
    ]
    assert len({hash_body(text.encode()) for text in texts}) == 1
    same = json.dumps(value, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (hash_body(texts[0].encode()) == hash_body(json.dumps(other).encode())) == same


texts = st.lists(
    st.text(st.characters(min_codepoint=32, codec="utf-8"), min_size=1, max_size=6).filter(lambda t: "\x7f" not in t),
    min_size=2,
    max_size=3,
)


@settings(deadline=None)
@given(one=texts, other=texts)
def test_joined_texts_never_meet(one: list[str], other: list[str]) -> None:
    """Two lists of equal length give the same reference only when they are the same."""
    if len(one) == len(other):
        assert (join_texts(one) == join_texts(other)) == (one == other)


def test_records_of_a_batch_are_told_apart() -> None:
    """A reference that the whole batch shares gets each record's number; one of the body does not need it."""
    shared, own = build("auth: none\nreference: {header: X-Id}"), build("auth: none\nreference: {body: id}")
    batch = request("", {"x-id": "B7", "content-type": "application/x-ndjson"})
    bodies = [b'{"id": "a"}', b'{"id": "b"}']
    found = [read_each(door.read)(batch, bodies, 41) for door in (shared, own)]
    assert [[one.reference for one in readings] for readings in found] == [["B7#41", "B7#42"], ["a", "b"]]
    assert {one.content_type for readings in found for one in readings} == {"application/json"}


def test_keys() -> None:
    """A key is taken like a reference; where it is missing the record cannot be put in order."""
    door = build("auth: none\nkey: [{body: customer}, {header: X-Store}]")
    assert only(door.read(request('{"customer": 7}', {"x-store": "a"}))).key == "7|a"
    assert refused(door.read(request('{"customer": 7}'))).code == "key_unusable"
    assert only(build("auth: none").read(request())).key is None


def test_headers_are_kept_without_secrets() -> None:
    """Headers are kept as they came, but for those that carry secrets: the usual ones, and the integration's own."""
    door = build("auth: {token: {header: X-Shop, secrets: {secret: shop/token}}}")
    sent = {
        "X-Shop": "t0ken-one",
        "Authorization": "Bearer x",
        "Cookie": "c",
        "X-Trace": "é",
        "Content-Type": "application/json",
    }
    kept = dict(only(door.read(request("{}", sent))).headers)
    assert kept == {"x-trace": "é", "content-type": "application/json"}


# --- nobody without the secret can make a second record of a signed request -------------------------------

GITHUB = "auth: {hmac: {preset: github, secrets: {secret: shop/key}}}\n"
STANDARD = "auth: {standard_webhooks: {secrets: {secret: shop/standard}}}\n"
SIGNED = [
    GITHUB,
    GITHUB + "reference: {body: id}",
    GITHUB + "reference: {body: id, fallback: hash}",
    GITHUB + "cloudevents: only",
    GITHUB + "reference: {body: id}\ncloudevents: also",
    GITHUB + "batches: only",
    GITHUB + "batches: only\nreference: {body: id}",
    STANDARD,
    STANDARD + "reference: [{header: webhook-id}, {body: id}]",
    STANDARD + "cloudevents: only",
    "auth: [{hmac: {preset: github, secrets: {secret: shop/key}}, ip: {allowed: [0.0.0.0/0]}}]",
]
BODIES = [
    b'{"id": "A", "specversion": "1.0", "type": "t", "source": "/s"}',
    b'{"x": 1}',
    b'[{"id": "A", "specversion": "1.0", "type": "t", "source": "/s"}, {"id": "B", "specversion": "1.0", "type": "t", "source": "/s"}]',
    b"id=A",
    b"<id>A</id>",
    b"text",
]
TYPES = [
    "application/json", "text/plain", "application/x-www-form-urlencoded", "text/xml", "image/png", "", "application/x-ndjson",
    "application/cloudevents+json", "application/cloudevents-batch+json", "application/cloudevents",
]  # fmt: skip
NAMES = [
    "webhook-id",
    "webhook-timestamp",
    "x-github-delivery",
    "ce-id",
    "ce-source",
    "ce-type",
    "ce-specversion",
    "x-id",
    "content-type",
]
changes = st.dictionaries(
    st.sampled_from(NAMES), st.none() | st.sampled_from(["1.0", "other", "/other", "1614265331", *TYPES]), max_size=5
)


def references(door: Integration, asked: Request) -> set[str] | None:
    """The references of all records that are let in by one of the two doors; None when none is."""
    if door.authenticate(asked) is not None:
        return None
    found = door.read(asked)
    return None if isinstance(found, Refusal) else {one.reference for one in found if one.fault is None}


def batch_references(door: Integration, asked: Request) -> set[str] | None:
    """Likewise of the same bytes at `…/batch`, as lines or as an array, whichever they are."""
    if door.authenticate(asked) is not None:
        return None
    try:
        bodies = [json.dumps(one).encode() for one in json.loads(asked.body)] if asked.body[:1] == b"[" else None
    except ValueError:
        bodies = None
    found: set[str] = set()
    for slices in filter(None, [bodies, asked.body.splitlines()]):
        readings = read_each(door.read)(
            Request("POST", asked.path, asked.headers, b"", "192.0.2.1", b"", asked.received_us), slices, 1
        )
        found |= {one.reference for one in readings if one.fault is None}
    return found or None


@pytest.mark.req("G3")
@pytest.mark.parametrize("yaml", SIGNED)
@settings(deadline=None)
@given(
    body=st.sampled_from(BODIES), kind=st.sampled_from(TYPES), changed=changes, query=st.sampled_from(["", "id=other"])
)
def test_a_signed_request_is_one_record(
    yaml: str, body: bytes, kind: str, changed: dict[str, str | None], query: str
) -> None:
    """Whoever holds a signed request and drops or alters headers, query or door is refused, or sends the very same records."""
    door = build(yaml)
    signed = {
        **sign_github(body),
        **sign_standard(body),
        "content-type": kind,
        "x-id": "first",
        "x-github-delivery": "first",
    }
    altered = {name: value for name, value in {**signed, **changed}.items() if value is not None}
    if "content-type" in changed and changed["content-type"] is None:
        altered.pop("content-type", None)
    first = request(body, signed)
    again = Request(
        "POST",
        "/",
        tuple((k.encode(), v.encode()) for k, v in altered.items()),
        query.encode(),
        "192.0.2.1",
        body,
        first.received_us,
    )
    known = references(door, first), batch_references(door, first)
    for before in known:
        for after in (references(door, again), batch_references(door, again)):
            assert before is None or after is None or after == before


def test_what_no_signature_covers_is_not_taken() -> None:
    """Events in headers, and an array passed off as one line of a batch, are refused where only the body is signed."""
    event = {"ce-id": "1", "ce-source": "/s", "ce-type": "t", "ce-specversion": "1.0"}
    events = build(GITHUB + "cloudevents: only")
    assert refused(events.read(request("{}", event))).code == "unsupported_content"
    lines = build(GITHUB + "batches: only")
    assert refused(lines.read(request('[{"id": 1}, {"id": 2}]', number=1))).code == "unsupported_content"
    assert only(lines.read(request('{"id": 1}', number=1))).reference.startswith("sha256:")


@settings(deadline=None)
@given(
    body=st.binary(max_size=200),
    headers=st.dictionaries(
        st.sampled_from(NAMES), st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
    ),
    number=st.none() | st.integers(1, 9),
)
@pytest.mark.parametrize(
    "yaml", ["auth: none", "auth: none\nreference: [{body: a.b}, {query: q}]\nkey: {header: x-id}\ncloudevents: only"]
)
def test_reading_never_raises(yaml: str, body: bytes, headers: dict[str, str], number: int | None) -> None:
    """Whatever the bytes are, reading gives records or a refusal."""
    door = build(yaml)
    asked = request(body, headers, query="q=1", number=number)
    found = door.read(asked)
    if isinstance(found, Refusal):
        assert found.status in (400, 415)
    else:
        assert all(bool(one.reference) != bool(one.fault) for one in found)
