"""One record over HTTP: stored as received before it is acknowledged, or refused with a problem document."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import http.client
import json
import zlib
from dataclasses import replace

import pytest

from entrepot.ports.inbox import RecordFilter, RecordStatus
from tests.gateway.door.conftest import Lab, Reply
from tests.gateway.door.door_lab import SECRET


def check_problem(reply: Reply, status: int, code: str) -> None:
    """The one shape of an error."""
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"]
    assert problem["request_id"] == reply.headers["x-request-id"]


@pytest.mark.req("G1", "G2")
@pytest.mark.parametrize("body", [b'{"id": "A-1", "x": 1.10}', b"<order/>", "Größe".encode(), bytes(range(256)), b""])
def test_a_record_is_stored_as_received(lab: Lab, body: bytes) -> None:
    """Any bytes, with content type and headers; the secret header is not kept; the answer says id, reference and receipt."""
    reply = lab.send("till", body, x_id="A-1", content_type="text/x-any", authorization="Bearer t")
    assert reply.status == 202
    told = reply.json
    assert told == {
        "id": told["id"],
        "status": "just_in",
        "reference": "A-1",
        "receipt": f"/api/v1/records/{told['id']}",
    }
    record = lab.inbox.get(told["id"])
    assert record is not None
    assert (record.body, record.content_type, record.reference) == (body, "text/x-any", "A-1")
    assert dict(record.headers)["x-id"] == "A-1"
    assert "authorization" not in dict(record.headers)


@pytest.mark.req("G3")
def test_the_same_request_has_the_same_answer(lab: Lab) -> None:
    """Repeated: the same bytes of answer, and a header that says so."""
    first = lab.send("till", b'{"id": 1}')
    again = lab.send("till", b'{"id": 1}')
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["idempotent-replay"] == "true"
    assert "idempotent-replay" not in first.headers


@pytest.mark.req("G3")
def test_another_body_is_a_conflict(lab: Lab) -> None:
    """409 that names the first record and the one that was kept; asked again, the same."""
    first = lab.send("till", b'{"id": 1}').json
    conflict = lab.send("till", b'{"id": 1, "more": 2}')
    check_problem(conflict, 409, "conflict")
    assert conflict.json["first"] == first["id"]
    kept = lab.inbox.get(conflict.json["id"])
    assert kept is not None
    assert kept.status is RecordStatus.ERROR
    assert lab.send("till", b'{"id": 1, "more": 2}').json["id"] == conflict.json["id"]


def test_unknown_integrations_and_addresses(lab: Lab) -> None:
    """404 without a word of what there is; the same for whatever follows."""
    for path in ("nothing", "till/", "till/x", "", "till/batch/", "TILL", "..%2ftill", "nothing/batch"):
        reply = lab.send(path, b"{}")
        check_problem(reply, 404, "integration.unknown")
        assert b"till" not in reply.body
        assert b"guarded" not in reply.body


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_only_post(lab: Lab, method: str) -> None:
    """405 with Allow; HEAD without a body."""
    reply = lab.send("till", method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert (reply.body == b"") == (method == "HEAD")


def test_what_is_not_for_the_door_passes_by(lab: Lab) -> None:
    """Other paths go to the application behind."""
    connection = http.client.HTTPConnection(lab.address, timeout=10)
    connection.request("GET", "/health")
    assert json.loads(connection.getresponse().read()) == {"rest": True}
    connection.close()


@pytest.mark.req("G5")
def test_without_token_nothing_is_taken(lab: Lab) -> None:
    """401 with WWW-Authenticate, nothing stored; with the token it is."""
    check_problem(refused := lab.send("guarded", b'{"id": 1}'), 401, "unauthenticated")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert lab.send("guarded", b'{"id": 1}', authorization="Bearer t").status == 202
    assert lab.inbox.count(RecordFilter()) == 1


@pytest.mark.req("G5")
def test_a_signature_is_over_the_bytes_as_sent(lab: Lab) -> None:
    """Checked before the encoding is undone; what is stored is the text itself."""
    body = gzip.compress(b'{"id": 7}')
    signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    check_problem(lab.send("signed", b'{"id": 7}', x_signature=signature), 403, "signature.wrong")
    reply = lab.send("signed", body, x_signature=signature, content_encoding="gzip")
    assert reply.status == 202
    record = lab.inbox.get(reply.json["id"])
    assert record is not None
    assert record.body == b'{"id": 7}'


@pytest.mark.req("G5")
def test_too_many_a_second(lab: Lab) -> None:
    """429 with Retry-After once rate and burst are used up."""
    replies = [lab.send("slow", b'{"id": %d}' % number) for number in range(6)]
    assert [reply.status for reply in replies[:3]] == [202, 202, 202]
    check_problem(replies[5], 429, "rate.exceeded")
    assert int(replies[5].headers["retry-after"]) >= 1


@pytest.mark.req("G5")
def test_too_many_that_wait(lab: Lab) -> None:
    """429 with Retry-After when as many wait as may; nothing is dropped."""
    replies = [lab.send("full", b'{"id": %d}' % number) for number in range(5)]
    assert [reply.status for reply in replies] == [202, 202, 202, 429, 429]
    check_problem(replies[4], 429, "inbox.full")
    assert replies[4].headers["retry-after"] == "5"
    assert lab.inbox.count(RecordFilter(integration="full")) == 3


def test_a_paused_integration(lab: Lab) -> None:
    """503 with Retry-After; when it goes on it takes records without a restart."""
    check_problem(lab.send("paused", b"{}"), 503, "integration.paused")
    known = dict(lab.door._gates)
    lab.door.use({name: replace(gate.integration, paused=False) for name, gate in known.items()})
    assert lab.send("paused", b"{}").status == 202


def test_a_request_may_hold_several_records(lab: Lab) -> None:
    """One result for each; a faulty one does not spoil the others; a single faulty one is a problem."""
    reply = lab.send("till", json.dumps({"events": [{"id": "a"}, {}, {"id": "b"}]}).encode())
    assert reply.status == 200
    assert [(one["number"], one["status"]) for one in reply.json] == [(1, "just_in"), (2, "refused"), (3, "just_in")]
    assert lab.inbox.count(RecordFilter()) == 2
    check_problem(lab.send("till", b'{"events": [{}]}'), 400, "unreadable")
    check_problem(lab.send("till", b'{"id": "refused"}'), 400, "reference.missing")


def test_the_disk_is_full(lab: Lab) -> None:
    """503 with Retry-After and no word about our disk; afterwards it goes on."""
    lab.inbox._writer._store = _failing  # type: ignore[assignment]
    reply = lab.send("till", b'{"id": 1}')
    check_problem(reply, 503, "inbox.failed")
    assert b"secret words" not in reply.body
    lab.inbox._writer._store = lab.inbox._store
    assert lab.send("till", b'{"id": 1}').status == 202


def _failing(arrivals: object) -> None:
    raise ValueError("secret words")


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "raw"])
def test_encodings_are_undone(lab: Lab, encoding: str) -> None:
    """gzip (also several members) and deflate (also raw) are undone; the record is what was encoded."""
    text = json.dumps({"id": "Z", "x": list(range(2_000))}).encode()
    packer = zlib.compressobj(wbits=-15)
    packed = {
        "gzip": gzip.compress(text[:900]) + gzip.compress(text[900:]),
        "x-gzip": gzip.compress(text),
        "deflate": zlib.compress(text),
        "raw": packer.compress(text) + packer.flush(),
    }[encoding]
    reply = lab.send("till", packed, content_encoding="deflate" if encoding == "raw" else encoding)
    assert reply.status == 202
    record = lab.inbox.get(reply.json["id"])
    assert record is not None
    assert record.body == text


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "x"])
def test_other_encodings_are_refused(lab: Lab, encoding: str) -> None:
    """415 that says what is allowed."""
    reply = lab.send("till", b"abc", content_encoding=encoding)
    check_problem(reply, 415, "encoding.unknown")
    assert reply.headers["accept-encoding"] == "gzip, deflate"


def test_broken_encodings_are_refused(lab: Lab) -> None:
    """Not gzip at all, cut off, or damaged: 400, nothing stored."""
    whole = gzip.compress(bytes(10_000))
    for body in (b"abc", whole[:-4], whole[:20], whole[:12] + b"\xff" + whole[13:]):
        check_problem(lab.send("till", body, content_encoding="gzip"), 400, "encoding.broken")
    assert lab.inbox.count(RecordFilter()) == 0
