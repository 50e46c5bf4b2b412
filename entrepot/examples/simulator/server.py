"""The retailer's APIs over HTTP: pages in three ways, events up to the present, and the trouble that real servers make."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from entrepot.examples.simulator.events import Event
from entrepot.examples.simulator.retail import RetailWorld
from entrepot.examples.simulator.timing import SimulatedTime

PATHS = {"/api/web-traffic/": "web_traffic", "/api/customer-interaction/": "interactions", "/api/loyalty/": "loyalty"}
MOST = 1000
"""Records on a page, whatever is asked for."""

Json = Mapping[str, Any] | list[Any]


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    status: int
    body: Json
    headers: tuple[tuple[str, str], ...] = ()


class BadRequest(ValueError):
    """A parameter that cannot be read."""


@dataclass(slots=True)
class RetailApi:
    """Answers requests; what is served is what the world has told up to the present."""

    world: RetailWorld
    time: SimulatedTime
    trouble: float = 0.0
    """The share of requests that end in 500 or 429, drawn from the seed."""
    seed: int = 7
    token: str | None = None
    """With it, requests need `Authorization: Bearer TOKEN`."""
    requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _dice: Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = Random(f"{self.seed} trouble")

    def answer(self, path: str, query: Mapping[str, str], authorization: str = "") -> Response:
        """One request's answer."""
        path = path if path.endswith("/") else path + "/"
        if path == "/health/":
            return Response(200, {"status": "ok", "now": self.time.now().isoformat()})
        if path not in PATHS:
            return Response(404, {"error": "not found", "paths": list(PATHS)})
        if self.token is not None and not hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode()):
            return Response(401, {"error": "a token is needed"}, (("WWW-Authenticate", "Bearer"),))
        refusal = self._draw_trouble()
        if refusal is not None:
            return refusal
        try:
            return _ANSWERS[PATHS[path]](self, path, query)
        except BadRequest as error:
            return Response(400, {"error": str(error)})

    def _draw_trouble(self) -> Response | None:
        with self._lock:
            self.requests += 1
            drawn = self._dice.random()
        if drawn < self.trouble / 2:
            return Response(500, {"error": "internal error"})
        return Response(429, {"error": "too many requests"}, (("Retry-After", "1"),)) if drawn < self.trouble else None

    def by_cursor(self, path: str, query: Mapping[str, str]) -> Response:
        """A word that leads to the next page; it fixes what the pages are of."""
        size = _number(query, "limit", 100)
        since, until, start = self._read_cursor(query)
        events = self.world.served(PATHS[path], since, until)
        end = start + size
        following = _pack_cursor(since, until, end) if end < len(events) else None
        return Response(200, {"data": _objects(events[start:end]), "next_cursor": following})

    def by_page(self, path: str, query: Mapping[str, str]) -> Response:
        """Numbered pages."""
        size, page = _number(query, "page_size", 50), _number(query, "page", 1, most=10**9)
        events = self._events(path, query)
        pages = max(1, -(-len(events) // size))
        results = _objects(events[(page - 1) * size : page * size])
        return Response(200, {"results": results, "page": page, "pages": pages, "total": len(events)})

    def by_offset(self, path: str, query: Mapping[str, str]) -> Response:
        """A bare list, and the next address in the header Link."""
        size, start = _number(query, "limit", 100), _number(query, "offset", 0, most=10**9)
        events = self._events(path, query)
        headers: tuple[tuple[str, str], ...] = ()
        if start + size < len(events):
            following = urlencode({**query, "offset": start + size, "limit": size})
            headers = (("Link", f'<{path}?{following}>; rel="next"'),)
        return Response(200, _objects(events[start : start + size]), headers)

    def _events(self, path: str, query: Mapping[str, str]) -> list[Event]:
        return self.world.served(PATHS[path], _since(query, self.world.first), self.time.now())

    def _read_cursor(self, query: Mapping[str, str]) -> tuple[datetime, datetime, int]:
        text = query.get("cursor")
        if not text:
            return _since(query, self.world.first), self.time.now(), 0
        try:
            since, until, start = base64.urlsafe_b64decode(text).decode().split(" ")
            return datetime.fromisoformat(since), datetime.fromisoformat(until), int(start)
        except ValueError as error:
            raise BadRequest("cursor is not one of ours") from error


_ANSWERS: dict[str, Callable[[RetailApi, str, Mapping[str, str]], Response]] = {
    "web_traffic": RetailApi.by_cursor,
    "interactions": RetailApi.by_page,
    "loyalty": RetailApi.by_offset,
}


class Simulator:
    """The APIs on a port of this machine, answered in threads."""

    def __init__(self, api: RetailApi, port: int, host: str = "127.0.0.1") -> None:
        """Args: port: 0 takes any that is free. Raises: OSError when it is taken."""
        self._server = ThreadingHTTPServer((host, port), _handler(api))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="simulator", daemon=True)
        self.url = f"http://{host}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(api: RetailApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            response = api.answer(parts.path, dict(parse_qsl(parts.query)), self.headers.get("Authorization", ""))
            body = json.dumps(response.body, ensure_ascii=False).encode()
            self.send_response(response.status)
            for name, text in (("Content-Type", "application/json"), *response.headers):
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: who runs it says what there is to say."""

    return Handler


def _objects(events: list[Event]) -> list[Any]:
    return [event.as_json() for event in events]


def _since(query: Mapping[str, str], first: datetime) -> datetime:
    text = query.get("since")
    if not text:
        return first
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest("since is no instant") from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _number(query: Mapping[str, str], name: str, usual: int, most: int = MOST) -> int:
    try:
        return max(0 if usual == 0 else 1, min(most, int(query.get(name, usual))))
    except ValueError as error:
        raise BadRequest(f"{name} is no number") from error


def _pack_cursor(since: datetime, until: datetime, start: int) -> str:
    return base64.urlsafe_b64encode(f"{since.isoformat()} {until.isoformat()} {start}".encode()).decode()
