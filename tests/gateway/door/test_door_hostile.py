"""Whatever comes over the wire: a 4xx or a stored record, no growth in memory, and the server lives."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from entrepot.intake.gateway import asgi_protocol, door_body
from entrepot.ports.inbox import RecordFilter
from tests.gateway.door.conftest import Lab, Reply

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Process:
    """A server in a process of its own."""

    address: str
    process: psutil.Process

    def memory_mb(self) -> float:
        """What it occupies now."""
        return float(self.process.memory_info().rss) / MEGABYTE

    def send(self, path: str, body: object, **headers: str) -> Reply:
        """One request; a body that is refused in the middle still has an answer."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("POST", f"/api/v1/in/{path}", body, named)  # type: ignore[arg-type]
        except (BrokenPipeError, ConnectionResetError):
            pass
        response = connection.getresponse()
        reply = Reply(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        connection.close()
        return reply


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Started once: what one test does to it the next one feels."""
    folder = tmp_path_factory.mktemp("door")
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.door.door_lab", str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    made = Process(f"127.0.0.1:{int(child.stdout.readline())}", psutil.Process(child.pid))
    assert made.send("till", b'{"id": "first"}').status == 202
    yield made
    assert made.send("till", b'{"id": "last"}').status == 202
    child.kill()
    child.wait()
    child.stdout.close()


@pytest.mark.real
@pytest.mark.req("X3")
def test_what_json_parsers_stumble_over(lab: Lab, shared_data: Path) -> None:
    """JSONTestSuite: as a single record every file is stored byte for byte; in a batch the valid are taken and the invalid refused."""
    files = sorted((shared_data / "conformance/json-test-suite/test_parsing").glob("*.json"))
    assert len(files) > 100
    for file in files:
        body = file.read_bytes()
        reply = lab.send("till", body, x_id=file.name, content_type="application/json")
        assert reply.status == 202, file.name
        assert lab.inbox.body_as_received(reply.json["id"]) == body
        if b"\n" in body.strip() or not body.strip() or body[:3] == b"\xef\xbb\xbf":
            continue
        told = lab.send("till/batch", body, content_type="application/x-ndjson", accept="application/json").json
        if file.name.startswith("y_"):
            assert [one["status"] for one in told] == ["just_in"], file.name
        elif file.name.startswith("n_"):
            assert [one["code"] for one in told] == ["unreadable"], file.name


@pytest.mark.real
@pytest.mark.req("X3")
def test_naughty_strings(lab: Lab, shared_data: Path) -> None:
    """As bodies, as references in the header and in the body: stored and told as they came."""
    texts = json.loads((shared_data / "conformance/naughty-strings/blns_part1.json").read_text(encoding="utf-8"))
    assert len(texts) > 100
    lines = [json.dumps({"id": f"n{number}", "text": text}).encode() for number, text in enumerate(texts)]
    told = lab.send("till/batch", b"\n".join(lines), accept="application/json").json
    assert [lab.inbox.body_as_received(one["id"]) for one in told] == lines
    for text in texts[:150]:
        body = json.dumps({"id": text, "kind": "reference"}).encode()
        reply = lab.send("till", body)
        assert reply.status == 202
        assert reply.json["reference"] == text
        assert [one.reference for one in lab.inbox.find(RecordFilter(reference=text))] == [text]


@pytest.mark.req("X3")
def test_deep_nesting(process: Process) -> None:
    """A hundred thousand brackets: stored as bytes alone, refused in a batch."""
    deep = b"[" * 100_000 + b"]" * 100_000
    assert process.send("till", deep).status == 202
    told = process.send("till/batch", deep, content_type="application/x-ndjson").body
    assert json.loads(told)["code"] == "unreadable"
    assert process.send("till/batch", b"[" * 1_000_000, content_type="application/json").status == 200


@pytest.mark.req("X3")
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_100_mb(process: Process, announced: bool) -> None:
    """413 without being read, or once it is too much; memory stays flat."""
    before = process.memory_mb()
    headers = {"content_length": str(100 * MEGABYTE)} if announced else {}
    reply = process.send("till", (bytes(MEGABYTE) for _ in range(100)), **headers)
    assert (reply.status, reply.json["code"]) == (413, "body.too_large")
    assert process.memory_mb() - before < 30


@pytest.mark.slow
@pytest.mark.req("X3")
def test_a_batch_of_100_mb(process: Process) -> None:
    """200,000 records in one request: an answer for each, and memory stays flat."""
    before = process.memory_mb()
    line = b'{"x": "' + b"y" * 480 + b'", "n": %d}\n'

    def pieces() -> Iterator[bytes]:
        for start in range(0, 200_000, 1_000):
            yield b"".join(line % number for number in range(start, start + 1_000))

    reply = process.send("till/batch", pieces(), content_type="application/x-ndjson", x_id="L")
    assert (reply.status, reply.headers["x-records-taken"]) == (200, "200000")
    assert json.loads(reply.body.splitlines()[-1])["reference"] == "L#200000"
    assert process.memory_mb() - before < 60


@pytest.mark.slow
@pytest.mark.req("X3")
@pytest.mark.parametrize("path", ["till", "till/batch"])
def test_compressed_bombs(process: Process, path: str) -> None:
    """300 MB of zeros in 300 kB: 413 while it grows; packed twice it is one small record that is no JSON. Memory stays flat."""
    before = process.memory_mb()
    packer = zlib.compressobj(6, wbits=31)
    zeros = bytes(10 * MEGABYTE)
    bomb = b"".join(packer.compress(zeros) for _ in range(30)) + packer.flush()
    assert len(bomb) < 0.4 * MEGABYTE
    for body in (bomb, gzip.compress(bomb)):
        reply = process.send(path, body, content_encoding="gzip")
        assert reply.status == 413 or body is not bomb
        assert b"too_large" in reply.body or body is not bomb
    assert process.memory_mb() - before < 30


@pytest.mark.slow
def test_many_tiny_records(process: Process) -> None:
    """More records than a batch may have: the first are taken and told, then it ends."""
    reply = process.send("till/batch", b"1\n" * 410_000, content_type="application/x-ndjson", x_id="T")
    last = json.loads(reply.body.splitlines()[-1])
    assert (reply.headers["x-records-taken"], last["code"]) == ("400000", "batch.too_long")


@pytest.mark.req("X3")
@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 10\r\n\r\n12345",
        b"content-length: -5\r\n\r\n12345",
        b"content-length: x\r\n\r\n12345",
        b"content-length: 5\r\ncontent-length: 7\r\n\r\n1234567",
        b"content-length: 99999999999999999999\r\n\r\n1",
        b"transfer-encoding: chunked\r\n\r\nzz\r\n12345\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n1",
        b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
        b"transfer-encoding: gzip\r\n\r\n12345",
    ],
)
def test_wrong_lengths(lab: Lab, head: bytes) -> None:
    """Lengths that lie store nothing and are answered by 4xx, or by a closed connection when the sender has gone."""
    answer = raw(lab, b"POST /api/v1/in/till HTTP/1.1\r\nhost: x\r\n" + head)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 40", b"HTTP/1.1 41")), answer
    assert lab.inbox.count(RecordFilter()) == 0
    assert lab.send("till", b'{"id": 1}').status == 202


@pytest.mark.parametrize(
    "request_line",
    [
        b"POST /api/v1/in/till\x00 HTTP/1.1",
        b"POST /api/v1/in/\xff\xfe HTTP/1.1",
        b"BREW /api/v1/in/till HTTP/1.1",
        b"\x16\x03\x01",
    ],
)
def test_no_http_at_all(lab: Lab, request_line: bytes) -> None:
    """Answered by 4xx or closed; the server goes on."""
    answer = raw(lab, request_line + b"\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 40")
    assert lab.send("till", b'{"id": 1}').status == 202


@pytest.mark.req("X3")
def test_slow_senders_are_sent_away(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty that send a byte now and then are answered by 408; meanwhile others are served at once."""
    monkeypatch.setattr(door_body, "GRACE_S", 1.0)
    host, port = lab.address.split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(50)]
    for one in slow:
        one.sendall(b"POST /api/v1/in/till HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
    started = time.monotonic()
    assert lab.send("till", b'{"id": 1}').status == 202
    assert time.monotonic() - started < 1
    answers = []
    for one in slow:
        one.settimeout(10)
        answers.append(one.recv(4096))
        one.close()
    assert all(answer.startswith(b"HTTP/1.1 408") and b"body.too_slow" in answer for answer in answers)
    assert lab.inbox.count(RecordFilter()) == 1


def test_a_sender_in_earnest_may_be_slow(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes at the least rate is waited for beyond the first grace."""
    monkeypatch.setattr(door_body, "GRACE_S", 0.6)
    body = b'{"id": 1, "x": "' + b"y" * 20_000 + b'"}'
    host, port = lab.address.split(":")
    with socket.create_connection((host, int(port))) as sender:
        sender.sendall(b"POST /api/v1/in/till HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 5_000):
            sender.sendall(body[start : start + 5_000])
            time.sleep(0.3)
        sender.settimeout(5)
        assert sender.recv(4096).startswith(b"HTTP/1.1 202")


@pytest.mark.req("X3")
def test_heads_without_end(lab: Lab) -> None:
    """Headers, or a request line, that go on for ever are cut off by 431 after 64 kB; the server goes on."""
    host, port = lab.address.split(":")
    for start, piece in ((b"POST /api/v1/in/till HTTP/1.1\r\n", b"x-a: 1\r\n" * 1_000), (b"POST /", b"a" * 8_000)):
        with socket.create_connection((host, int(port))) as sender:
            sender.settimeout(5)
            sender.sendall(start)
            sent = 0
            try:
                while sent < 5 * MEGABYTE:
                    sender.sendall(piece)
                    sent += len(piece)
                    time.sleep(0.001)
            except (ConnectionResetError, BrokenPipeError):
                pass
            assert sent < MEGABYTE
    assert lab.send("till", b'{"id": 1}').status == 202


@pytest.mark.req("X3")
def test_heads_that_never_come(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that sends nothing, or half a head, is closed by 408; one that has sent a request before, too."""
    monkeypatch.setattr(asgi_protocol, "HEAD_S", 0.5)
    host, port = lab.address.split(":")
    whole = b"POST /api/v1/in/till HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    for begin, answers in ((b"", 1), (b"POST /api/v1/in/till HTT", 1), (whole + b"POST /api", 2)):
        with socket.create_connection((host, int(port))) as sender:
            sender.settimeout(5)
            sender.sendall(begin)
            found = b""
            while piece := sender.recv(65536):
                found += piece
            assert found.count(b"HTTP/1.1 ") == answers
            assert b"head.too_slow" in found


def raw(lab: Lab, request: bytes) -> bytes:
    """Send bytes, then nothing more; all that comes back."""
    host, port = lab.address.split(":")
    with socket.create_connection((host, int(port))) as sender:
        sender.settimeout(5)
        try:
            sender.sendall(request)
            sender.shutdown(socket.SHUT_WR)
            found = b""
            while piece := sender.recv(65536):
                found += piece
            return found
        except (ConnectionResetError, BrokenPipeError):
            return b""
