"""What the tests of the outbox share: a store on a disk, messages, a receiver that counts, certificates of our own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from entrepot.adapters.embedded.outbox import SqliteOutbox
from entrepot.adapters.webhooks import Deliverer, Route
from entrepot.kernel.events import Event
from entrepot.ports.clock import Clock
from entrepot.ports.outbox import Draft, Message, Take
from entrepot.ports.secrets import Secret
from entrepot.serve.publish.addresses import parse_networks
from entrepot.serve.publish.keys import SecretName
from entrepot.serve.publish.settings import Webhook

KEY = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtMTIzNDU2Nzg5MA=="
LOCAL = parse_networks(["127.0.0.1/32"])


def open_outbox(folder: Path, clock: Clock) -> SqliteOutbox:
    """A store of its own."""
    return SqliteOutbox(folder / "outbox.db", clock)


def draft(number: int = 1, *, integration: str = "shop", key: str | None = None, reference: str = "") -> Draft:
    """A small message."""
    return Draft(
        integration, b'{"order": %d}' % number, key=key, reference=reference or f"o{number}", type="order.changed"
    )


def take(outbox: SqliteOutbox, limit: int = 10, **more: object) -> list[Message]:
    """Take of `shop`."""
    values = {"integration": "shop", "holder": "me", "lease_s": 30.0} | more
    return list(outbox.take(Take(limit=limit, **values)))  # type: ignore[arg-type]


@dataclass
class Request:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """A server on 127.0.0.1 that keeps what comes; `answer` says status, headers and body of each answer."""

    answer: Callable[[Request], tuple[int, dict[str, str], bytes]] = lambda request: (200, {}, b"thanks")
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def ids(self) -> list[str]:
        """The message of each request."""
        with self.lock:
            return [request.headers["webhook-id"] for request in self.requests]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


@contextmanager
def receiving(receiver: Receiver | None = None) -> Iterator[Receiver]:
    """Serve for the length of a block."""
    kept = receiver or Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body, time.monotonic())
            with kept.lock:
                kept.requests.append(request)
            status, headers, answer = kept.answer(request)
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:
                pass

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def find_secret(name: SecretName) -> Secret:
    """Every secret is the same here."""
    return Secret(str(name), KEY)


@dataclass
class Delivering:
    """A deliverer at work."""

    deliverer: Deliverer
    events: list[Event]

    def wait(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Until it holds. Raises: TimeoutError."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the condition did not come true")
            time.sleep(0.01)


@contextmanager
def delivering(outbox: SqliteOutbox, clock: Clock, routes: dict[str, Webhook], **more: object) -> Iterator[Delivering]:
    """Deliver in a thread for the length of a block."""
    events: list[Event] = []
    values = {"allowed": LOCAL, "chance": lambda: 0.0, "holder": "tests"} | more
    deliverer = Deliverer(
        outbox=outbox,
        routes=[Route(name, settings) for name, settings in routes.items()],
        clock=clock,
        find_secret=find_secret,
        emit=events.append,
        **values,  # type: ignore[arg-type]
    )
    stop = threading.Event()
    thread = threading.Thread(target=deliverer.run, args=(stop,))
    thread.start()
    try:
        yield Delivering(deliverer, events)
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()
