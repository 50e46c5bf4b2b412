"""The door: nobody gets further without a token, a bounded body and an id of the request; every answer leaves with safe headers.

Plain ASGI around everything else, so that no route can be forgotten.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from entrepot.app.http.context import ApiContext
from entrepot.app.http.measures import Measures
from entrepot.app.http.problems import MEDIA_TYPE, internal, make_problem, render
from entrepot.intake.gateway.problems import Problem
from entrepot.kernel.events import Event
from entrepot.kernel.ids import new_token
from entrepot.runner.execute import say_trace

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
BODY_SECONDS = 30.0
MOST_TAGGED_BYTES = 4_000_000
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
_SAFE: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"private, no-cache"),
]


class Guard:
    """ASGI. Wraps the application of the API."""

    def __init__(self, app: App, context: ApiContext, measures: Measures) -> None:
        self._app = app
        self._context = context
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id, headers.get("if-none-match") if scope["method"] == "GET" else None)
        started = time.perf_counter()
        try:
            await self._admit(scope, headers, receive, answer)
        except Exception as error:
            self._say(error, request_id)
            if not answer.has_begun:
                await answer.problem(internal())
        finally:
            self._measures.note(scope, answer.status, time.perf_counter() - started)

    async def _admit(self, scope: Scope, headers: dict[str, str], receive: Receive, answer: _Answer) -> None:
        if scope["path"] not in OPEN_PATHS:
            principal = self._context.authenticate(headers)
            if principal is None:
                await answer.problem(_unauthorized("authorization" in headers))
                return
            scope["state"]["principal"] = principal
        body = await self._read(scope, headers, receive)
        if isinstance(body, Problem):
            await answer.problem(body)
        elif body is not None:
            await self._app(scope, _replayed(body, receive), answer)

    async def _read(self, scope: Scope, headers: dict[str, str], receive: Receive) -> bytes | Problem | None:
        """The whole body, bounded in size and time; None when the caller is gone."""
        limit = self._context.body_limit_bytes
        stated = headers.get("content-length", "0")
        if stated.isascii() and stated.isdigit() and int(stated[:20]) > limit:
            return _too_large(limit)
        if "content-length" not in headers and "transfer-encoding" not in headers:
            return b""
        try:
            return await asyncio.wait_for(_collect(receive, limit), BODY_SECONDS)
        except TimeoutError:
            hint = f"The body has to be there within {BODY_SECONDS:g} s."
            return make_problem(
                408, "too_slow", "the body did not arrive in time.", hint, headers={"Connection": "close"}
            )

    def _say(self, error: Exception, request_id: str) -> None:
        """For whoever mends it: where it was raised, without its text, which may hold values."""
        where = {"request": request_id, "error": type(error).__name__, "traceback": say_trace(error)}
        self._context.projects.announce(Event("request_crashed", request_id, where))


class _Answer:
    """`send` with our headers, and with a tag for answers that are one piece of JSON."""

    def __init__(self, send: Send, request_id: str, if_none_match: str | None) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self._if_none_match = if_none_match
        self._start: Message | None = None
        self.has_begun = False
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._added(message.get("headers", ()))]
            if self.status == 200 and _is_json(message["headers"]):
                self._start = message  # held back until the body is known
                return
            self.has_begun = True
        elif message["type"] == "http.response.body" and self._start is not None:
            start, self._start, self.has_begun = self._start, None, True
            if not message.get("more_body", False):
                start, message = self._tag(start, message)
            await self._send(start)
        await self._send(message)

    async def problem(self, problem: Problem) -> None:
        """Answer with a problem document."""
        self._start = None
        body = render(problem, self._request_id.decode())
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        headers += problem.headers
        await self({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})

    def _added(self, present: Any) -> Headers:
        names = {name.lower() for name, _ in present}
        return [(b"x-request-id", self._request_id), *((n, v) for n, v in _SAFE if n not in names)]

    def _tag(self, start: Message, message: Message) -> tuple[Message, Message]:
        body = message.get("body", b"")
        if len(body) > MOST_TAGGED_BYTES:
            return start, message
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        start["headers"].append((b"etag", tag.encode()))
        asked = [each.strip().removeprefix("W/") for each in (self._if_none_match or "").split(",")]
        if tag not in asked and "*" not in asked:
            return start, message
        self.status = 304
        kept = [(n, v) for n, v in start["headers"] if n.lower() not in (b"content-length", b"content-type")]
        return {**start, "status": 304, "headers": kept}, {"type": "http.response.body", "body": b""}


async def _collect(receive: Receive, limit: int) -> bytes | Problem | None:
    found = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        found += message.get("body", b"")
        if len(found) > limit:
            return _too_large(limit)
        if not message.get("more_body", False):
            return bytes(found)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives the body once, then what comes after it: that the caller has gone."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again


def _request_id(headers: dict[str, str]) -> str:
    given = headers.get("x-request-id", "")
    return given if _ID.match(given) else f"req-{new_token()}{new_token()}"


def _is_json(headers: Headers) -> bool:
    return any(n.lower() == b"content-type" and v.startswith(b"application/json") for n, v in headers)


def _unauthorized(shown: bool) -> Problem:
    said = "the token does not count." if shown else "there is no token."
    hint = "Send the header Authorization: Bearer TOKEN. Make a new one with: entrepot token new"
    return make_problem(401, "unauthorized", said, hint, headers={"WWW-Authenticate": 'Bearer realm="entrepot"'})


def _too_large(limit: int) -> Problem:
    hint = f"Allowed are {limit:,} bytes."
    return make_problem(413, "too_large", "the body is too large.", hint, headers={"Connection": "close"})
