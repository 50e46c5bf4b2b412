"""A real server on 127.0.0.1 that answers as a test says, also wrongly: late, in part, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back. `cut`: so many bytes of the body, then the connection ends. `stall_s`: a pause before the body."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None
    says_length: bool = True
    stall_s: float = 0.0
    drops: bool = False
    """The connection ends without a word."""


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """A reply with a JSON body."""
    named = tuple((name.replace("_", "-"), text) for name, text in headers.items())
    return Reply(json.dumps(value, ensure_ascii=False).encode(), status, (("content-type", "application/json"), *named))


@dataclass(slots=True)
class Api:
    """A server; `answer` may be changed at any time, `asked` is what came."""

    answer: Callable[[Asked], Reply]
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(one.path == path for one in self.asked)


@contextmanager
def serve(answer: Callable[[Asked], Reply]) -> Iterator[Api]:
    """Answer requests in threads until the end of the block."""
    api = Api(answer)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    """One reply after the other; the last one again and again."""
    waiting = list(replies)

    def answer(asked: Asked) -> Reply:
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return answer


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): text for name, text in self.headers.items()}
            body = self.rfile.read(size).decode()
            asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            with api.lock:
                api.asked.append(asked)
                reply = api.answer(asked)
            self._send(reply)

        def do_POST(self) -> None:
            self.do_GET()

        def _send(self, reply: Reply) -> None:
            self.close_connection = reply.drops or reply.cut is not None or not reply.says_length
            if reply.drops:
                return
            try:
                self.send_response(reply.status)
                for name, text in reply.headers:
                    self.send_header(name, text)
                if reply.says_length and reply.status != 204:
                    self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.flush()
                time.sleep(reply.stall_s)
                self.wfile.write(reply.body[: reply.cut])
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
