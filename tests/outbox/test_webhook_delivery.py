"""Webhooks are delivered to a real server: signed, bounded, each destination for itself, never to a private address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from entrepot.adapters.embedded.outbox import SqliteOutbox
from entrepot.app.clock import SystemClock
from entrepot.ports.outbox import Delivery, Draft, Message, MessageFilter, MessageStatus
from entrepot.serve.publish.keys import SecretName
from entrepot.serve.publish.settings import Webhook
from tests.outbox.outboxes import KEY, Receiver, Request, delivering, draft, open_outbox, receiving

NAME = SecretName("shop", "hook")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[SqliteOutbox]:
    store = open_outbox(tmp_path, SystemClock())
    yield store
    store.close()


def hook(url: str, **more: object) -> Webhook:
    values = {"secrets": (NAME,), "retry_after_s": (0.05, 0.1, 0.1), "timeout_s": 2.0} | more
    return Webhook(url, **values)  # type: ignore[arg-type]


def message(outbox: SqliteOutbox, id: str) -> Message:
    found = outbox.get(id)
    assert found is not None
    return found


def deliver(outbox: SqliteOutbox, settings: Webhook, status: MessageStatus, **more: object) -> Message:
    """One message from beginning to its end."""
    (answer,) = outbox.enqueue([draft()])
    with delivering(outbox, SystemClock(), {"shop": settings}, **more) as work:
        work.wait(lambda: message(outbox, answer.id).status is status)
    return message(outbox, answer.id)


@pytest.mark.req("G7")
def test_a_request_is_signed_and_has_the_message_as_its_id(outbox: SqliteOutbox) -> None:
    """A receiver can check it by Standard Webhooks; every attempt is kept with its digest and what was answered."""
    with receiving() as receiver:
        done = deliver(outbox, hook(receiver.url, headers=(("X-Shop", "1"),)), MessageStatus.ACKNOWLEDGED)
        (request,) = receiver.requests
    signed = f"{done.id}.{request.headers['webhook-timestamp']}.".encode() + request.body
    key = base64.b64decode(KEY.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert (request.headers["webhook-id"], request.headers["entrepot-type"]) == (done.id, "order.changed")
    assert (request.headers["x-shop"], request.headers["content-type"]) == ("1", "application/json")
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 5
    (attempt,) = outbox.attempts(done.id)
    assert (attempt.status, attempt.excerpt, attempt.error) == (200, "thanks", "")
    assert attempt.request_digest == hashlib.sha256(request.body).hexdigest()


def test_all_secrets_sign(outbox: SqliteOutbox) -> None:
    """While one is rotated, receivers with the old and with the new one both accept."""
    with receiving() as receiver:
        deliver(outbox, hook(receiver.url, secrets=(NAME, SecretName("shop", "next"))), MessageStatus.ACKNOWLEDGED)
        assert len(receiver.requests[0].headers["webhook-signature"].split(" ")) == 2


@pytest.mark.real
def test_signatures_are_those_of_the_published_vectors(shared_data: Path) -> None:
    """Standard Webhooks' own test vectors."""
    from entrepot.ports.secrets import Secret
    from entrepot.serve.publish.signing import sign

    vectors = json.loads((shared_data / "conformance" / "standard-webhooks" / "vectors.json").read_text())
    checked = 0
    for vector in _valid_vectors(vectors):
        secret = Secret("test/key", vector["secret"])
        found = sign([secret], vector["id"], int(vector["timestamp"]), vector["payload"].encode())
        assert found in vector["signature"].split(" ")
        checked += 1
    assert checked


def test_a_failure_is_tried_again_until_it_succeeds(outbox: SqliteOutbox) -> None:
    """The same id and body each time, a new timestamp and number."""
    statuses = [500, 404, 200]

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        return statuses.pop(0), {}, b"hm"

    with receiving(Receiver(answer)) as receiver:
        done = deliver(outbox, hook(receiver.url), MessageStatus.ACKNOWLEDGED)
        assert set(receiver.ids()) == {done.id}
    assert [(a.number, a.status) for a in outbox.attempts(done.id)] == [(1, 500), (2, 404), (3, 200)]
    assert outbox.integration("shop").failures == 0


def test_after_the_last_attempt_a_message_is_dead_and_can_be_sent_again(outbox: SqliteOutbox) -> None:
    """With its reason; sent again it is the same message."""
    health = [500]
    with receiving(Receiver(lambda request: (health[0], {}, b"down"))) as receiver:
        dead = deliver(outbox, hook(receiver.url), MessageStatus.DEAD)
        assert (dead.code, dead.attempts) == ("http_500", 4)
        health[0] = 200
        outbox.resend([dead.id], who="anna", why="it is back")
        with delivering(outbox, SystemClock(), {"shop": hook(receiver.url)}) as work:
            work.wait(lambda: message(outbox, dead.id).status is MessageStatus.ACKNOWLEDGED)
        assert receiver.ids() == [dead.id] * 5


def test_gone_pauses_with_an_event(outbox: SqliteOutbox) -> None:
    """410 Gone: nothing more is sent, nothing is lost."""
    with receiving(Receiver(lambda request: (410, {}, b""))) as receiver:
        outbox.enqueue([draft(number) for number in range(3)])
        with delivering(outbox, SystemClock(), {"shop": hook(receiver.url, concurrency=1)}) as work:
            work.wait(lambda: outbox.integration("shop").paused)
            time.sleep(0.3)
        assert len(receiver.requests) <= 2
        assert [event.name for event in work.events].count("integration_paused") == 1
    assert outbox.counts("shop").by_delivery == {Delivery.PAUSED: 3}


def test_repeated_failure_pauses_with_an_event(outbox: SqliteOutbox) -> None:
    """So that messages do not die of a receiver that is down."""
    outbox.enqueue([draft(number) for number in range(10)])
    with receiving(Receiver(lambda request: (500, {}, b""))) as receiver:
        settings = hook(receiver.url, pause_after=5, pause_over_s=0.0, retry_after_s=(60.0,))
        with delivering(outbox, SystemClock(), {"shop": settings}) as work:
            work.wait(lambda: outbox.integration("shop").paused)
            work.wait(lambda: "integration_paused" in [event.name for event in work.events])
    assert "attempts in a row failed" in outbox.integration("shop").reason


def test_retry_after_holds_the_whole_destination_back(outbox: SqliteOutbox) -> None:
    """429: no other message is sent before the time is over."""
    first = threading.Event()

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        if not first.is_set():
            first.set()
            return 429, {"Retry-After": "1"}, b"slow down"
        return 200, {}, b""

    with receiving(Receiver(answer)) as receiver:
        with delivering(outbox, SystemClock(), {"shop": hook(receiver.url, concurrency=1)}) as work:
            outbox.enqueue([draft(number) for number in range(3)])
            work.wait(lambda: outbox.counts("shop").by_status.get(MessageStatus.ACKNOWLEDGED) == 3)
        times = [request.at for request in receiver.requests]
    assert times[1] - times[0] >= 0.95


def test_messages_of_a_key_arrive_in_order(outbox: SqliteOutbox) -> None:
    """Though some attempts fail, and other keys go on meanwhile."""
    failed: set[str] = set()

    def answer(request: Request) -> tuple[int, dict[str, str], bytes]:
        number = json.loads(request.body)["order"]
        if number % 3 == 0 and request.headers["webhook-id"] not in failed:
            failed.add(request.headers["webhook-id"])
            return 500, {}, b""
        arrived.append(number)
        return 200, {}, b""

    arrived: list[int] = []
    outbox.enqueue([draft(number, key=f"k{number % 4}") for number in range(40)])
    with receiving(Receiver(answer)) as receiver:
        with delivering(outbox, SystemClock(), {"shop": hook(receiver.url, ordered=True, concurrency=8)}) as work:
            work.wait(lambda: outbox.counts("shop").by_status.get(MessageStatus.ACKNOWLEDGED) == 40, 30)
    for key in range(4):
        of_key = [number for number in arrived if number % 4 == key]
        assert of_key == sorted(of_key)
    assert sorted(arrived) == list(range(40))


@pytest.mark.req("G5")
def test_a_destination_that_hangs_delays_no_other(outbox: SqliteOutbox) -> None:
    """While one never answers, a hundred messages of another are delivered within its time limit."""
    outbox.enqueue([draft(number, integration="slow") for number in range(20)])
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, receiving() as receiver:
        slow = hook(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=3.0)
        routes = {"slow": slow, "shop": hook(receiver.url)}
        with delivering(outbox, SystemClock(), routes) as work:
            time.sleep(0.2)
            started = time.monotonic()
            outbox.enqueue([draft(number) for number in range(100)])
            work.wait(lambda: outbox.counts("shop").by_status.get(MessageStatus.ACKNOWLEDGED) == 100)
            assert time.monotonic() - started < 2.7
            assert outbox.counts("slow").by_status == {MessageStatus.QUEUED: 20}


def test_a_name_server_that_hangs_delays_no_other(outbox: SqliteOutbox) -> None:
    """Each destination resolves in threads of its own."""
    free = threading.Event()

    def lookup(host: str, port: int) -> list[str]:
        if host == "slow.test":
            free.wait(20)
        return ["127.0.0.1"]

    outbox.enqueue([draft(number, integration="slow") for number in range(20)])
    with receiving() as receiver:
        url = f"http://%s:{receiver.port}/"
        routes = {"slow": hook(url % "slow.test", timeout_s=0.5, concurrency=16), "shop": hook(url % "shop.test")}
        with delivering(outbox, SystemClock(), routes, lookup=lookup) as work:
            time.sleep(0.2)
            outbox.enqueue([draft(number) for number in range(20)])
            work.wait(lambda: outbox.counts("shop").by_status.get(MessageStatus.ACKNOWLEDGED) == 20, 5)
            free.set()


def raw_server(serve: bytes, *, drip_s: float = 0.0) -> tuple[socket.socket, threading.Thread]:
    """Answers with these bytes, byte by byte when `drip_s`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65_536)
                    if not drip_s:
                        connection.sendall(serve)
                    for byte in serve if drip_s else b"":
                        connection.sendall(bytes([byte]))
                        time.sleep(drip_s)
                except OSError:
                    pass

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return listener, thread


@pytest.mark.parametrize(
    ("served", "drip_s", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1_000, 0.05, "timeout"),
        (b"no http at all\r\n\r\n", 0.0, "broken"),
        (b"HTTP/1.1 200 OK\r\nX-Big: " + b"a" * 500_000 + b"\r\n\r\n", 0.0, "broken"),
        (b"", 0.0, "broken"),
    ],
    ids=["byte by byte", "no HTTP", "huge header", "closed"],
)
def test_a_receiver_that_misbehaves_is_a_failed_attempt(
    outbox: SqliteOutbox, served: bytes, drip_s: float, code: str
) -> None:
    """It neither hangs a lane nor ends the loop."""
    listener, thread = raw_server(served, drip_s=drip_s)
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        dead = deliver(outbox, hook(url, retry_after_s=(), timeout_s=0.6), MessageStatus.DEAD)
        assert dead.code == code
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_only_the_beginning_of_an_answer_is_read(outbox: SqliteOutbox) -> None:
    """A receiver cannot fill memory or disk."""
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n" + b"x" * 50_000_000
    listener, thread = raw_server(endless)
    try:
        settings = hook(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        done = deliver(outbox, settings, MessageStatus.ACKNOWLEDGED)
        (attempt,) = outbox.attempts(done.id)
        assert attempt.excerpt == "x" * 2_048
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.mark.req("G7")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "0"])
def test_private_addresses_are_never_called(outbox: SqliteOutbox, host: str) -> None:
    """However they are written: what counts is what the name resolves to."""
    with receiving() as receiver:
        settings = hook(f"http://{host}:{receiver.port}/", retry_after_s=(), allow_http=True)
        dead = deliver(outbox, settings, MessageStatus.DEAD, allowed=())
        assert dead.code in ("address_refused", "unresolved")
        assert receiver.requests == []


def test_a_name_is_resolved_once_for_each_request(outbox: SqliteOutbox) -> None:
    """The address that was checked is the one that is called: a name that changes its address in between gains nothing."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    with receiving() as receiver:
        settings = hook(f"http://rebinding.test:{receiver.port}/x?token=1")
        done = deliver(outbox, settings, MessageStatus.ACKNOWLEDGED, lookup=rebinding)
        assert asked == ["rebinding.test"]
        assert receiver.requests[0].headers["host"] == f"rebinding.test:{receiver.port}"
    assert outbox.attempts(done.id)[0].target == f"http://rebinding.test:{receiver.port}/x"


def test_one_private_address_among_public_ones_is_refused(outbox: SqliteOutbox) -> None:
    """A name that has both is not called at all."""
    dead = deliver(
        outbox,
        hook("https://both.test/", retry_after_s=()),
        MessageStatus.DEAD,
        lookup=lambda host, port: ["8.8.8.8", "10.0.0.1"],
    )
    assert dead.code == "address_refused"


def test_redirects_are_followed_with_the_same_message(outbox: SqliteOutbox) -> None:
    """Three times at most; the destination's own headers never go to another one."""
    with receiving() as last:
        moved = Receiver(lambda request: (307, {"Location": last.url}, b""))
        with receiving(moved) as receiver:
            done = deliver(outbox, hook(receiver.url, headers=(("X-Key", "k"),)), MessageStatus.ACKNOWLEDGED)
        assert last.ids() == [done.id]
        assert last.requests[0].body == done.body
        assert "x-key" in moved.requests[0].headers
        assert "x-key" not in last.requests[0].headers
    assert outbox.attempts(done.id)[0].target == last.url


@pytest.mark.parametrize(
    ("location", "code", "requests"),
    [
        ("http://169.254.169.254/latest/meta-data", "address_refused", 1),
        ("http://[::1]/", "address_refused", 1),
        ("file:///etc/passwd", "redirect_refused", 1),
        ("http://user:pw@127.0.0.1/", "redirect_refused", 1),
        ("/again", "redirect_refused", 4),
    ],
)
def test_each_redirect_is_checked(outbox: SqliteOutbox, location: str, code: str, requests: int) -> None:
    """Where an address was allowed, the next one need not be."""
    with receiving(Receiver(lambda request: (302, {"Location": location}, b""))) as receiver:
        dead = deliver(outbox, hook(receiver.url, retry_after_s=(), allow_http=True), MessageStatus.DEAD)
        assert (dead.code, len(receiver.requests)) == (code, requests)


def test_public_addresses_are_called_with_encryption_only(outbox: SqliteOutbox) -> None:
    """HTTP without TLS needs a word, or an address that the project names."""
    settings = hook("http://public.test/", retry_after_s=())
    dead = deliver(outbox, settings, MessageStatus.DEAD, lookup=lambda host, port: ["8.8.8.8"])
    assert dead.code == "not_encrypted"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
@pytest.mark.parametrize("host", ["good.test", "other.test"])
def test_certificates_are_checked_by_the_name_though_the_address_is_called(
    outbox: SqliteOutbox, tmp_path: Path, host: str
) -> None:
    """A certificate of another name is refused."""
    certificate = make_certificate(tmp_path, "good.test")
    trusting = ssl.create_default_context(cafile=str(certificate))
    with tls_server(certificate) as port:
        good = host == "good.test"
        done = deliver(
            outbox,
            hook(f"https://{host}:{port}/", retry_after_s=()),
            MessageStatus.ACKNOWLEDGED if good else MessageStatus.DEAD,
            tls=trusting,
            lookup=lambda host, port: ["127.0.0.1"],
        )
        assert done.code == ("" if good else "tls")


def make_certificate(folder: Path, name: str) -> Path:
    path = folder / "server.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(path), "-out", str(folder / "c.pem"),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_bytes((folder / "c.pem").read_bytes() + path.read_bytes())
    return path


@contextmanager
def tls_server(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        try:
            while True:
                plain, _ = listener.accept()
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        connection.recv(65_536)
                        connection.sendall(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
                except OSError:
                    plain.close()
        except OSError:
            return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@pytest.mark.parametrize("form", ["cloudevents", "cloudevents_binary"])
def test_a_message_may_go_out_as_a_cloud_event(outbox: SqliteOutbox, form: str) -> None:
    """Structured or binary; numbers stay as they were written."""
    exact = Draft("shop", b'{"price": 12345678901234567890.10}', key="a b", type="order.changed", reference="r")
    (answer,) = outbox.enqueue([exact])
    with receiving() as receiver:
        with delivering(outbox, SystemClock(), {"shop": hook(receiver.url, form=form)}) as work:
            work.wait(lambda: message(outbox, answer.id).status is MessageStatus.ACKNOWLEDGED)
        (request,) = receiver.requests
    if form == "cloudevents":
        assert request.headers["content-type"].startswith("application/cloudevents+json")
        event = json.loads(request.body)
        assert b'"data":{"price": 12345678901234567890.10}' in request.body
        assert (event["specversion"], event["id"], event["type"]) == ("1.0", answer.id, "order.changed")
        assert event["source"] == "/entrepot/shop"
    else:
        assert request.body == exact.body
        assert request.headers["ce-id"] == answer.id
        assert request.headers["ce-partitionkey"] == "a%20b"
        assert request.headers["content-type"] == "application/json"


def test_a_missing_secret_sends_nothing_unsigned(outbox: SqliteOutbox) -> None:
    """The attempt fails with the secret's name."""
    from entrepot.adapters.embedded.secrets import LocalSecrets

    secrets = LocalSecrets(Path("/nonexistent"))
    with receiving() as receiver:
        (answer,) = outbox.enqueue([draft()])
        from entrepot.adapters.webhooks import Deliverer, Route

        deliverer = Deliverer(
            outbox,
            [Route("shop", hook(receiver.url, retry_after_s=()))],
            SystemClock(),
            "tests",
            lambda name: secrets.get(name.scope, name.key),
        )
        stop = threading.Event()
        thread = threading.Thread(target=deliverer.run, args=(stop,))
        thread.start()
        try:
            end = time.monotonic() + 10
            while message(outbox, answer.id).status is not MessageStatus.DEAD and time.monotonic() < end:
                time.sleep(0.02)
        finally:
            stop.set()
            thread.join(10)
        assert receiver.requests == []
    dead = message(outbox, answer.id)
    assert dead.code == "not_sent"
    assert "shop/hook" in dead.reason


def test_an_acknowledgement_by_the_consumer_settles(outbox: SqliteOutbox) -> None:
    """A delivered message waits for it; without it the message is sent again, with the same id, and dead in the end."""
    with receiving() as receiver:
        settings = hook(receiver.url, by_consumer=True, ack_within_s=0.1, retry_after_s=(0.05,))
        first, second = outbox.enqueue([draft(1), draft(2)])
        with delivering(outbox, SystemClock(), {"shop": settings}) as work:
            work.wait(lambda: message(outbox, first.id).delivery is Delivery.DELIVERED)
            outbox.acknowledge([first.id], who="shop")
            work.wait(lambda: message(outbox, second.id).status is MessageStatus.DEAD)
        assert receiver.ids().count(second.id) == 2
    assert message(outbox, second.id).code == "not_acknowledged"
    assert message(outbox, first.id).status is MessageStatus.ACKNOWLEDGED
    assert outbox.count(MessageFilter(status=MessageStatus.DEAD)) == 1


def _valid_vectors(found: object) -> list[dict[str, str]]:
    """Those that a verifier must accept."""
    many = found if isinstance(found, list) else found["vectors"] if isinstance(found, dict) else []
    return [one for one in many if one.get("valid", True) is True and {"id", "timestamp", "payload"} <= set(one)]
