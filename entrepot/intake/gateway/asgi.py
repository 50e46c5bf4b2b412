"""Bare ASGI: the types, and whole answers."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from itertools import count
from typing import Any

from entrepot.intake.gateway.problems import CONTENT_TYPE, Problem, render_problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
_PROBLEM = CONTENT_TYPE.encode()


class RequestIds:
    """Short ids of requests, different from those of other processes."""

    def __init__(self) -> None:
        self._prefix = os.urandom(5).hex()
        self._numbers = count(1)

    def new(self) -> str:
        """The next one."""
        return f"{self._prefix}-{next(self._numbers):06x}"


async def answer(
    send: Send, status: int, body: bytes, request_id: str, headers: Headers = (), content_type: bytes = JSON
) -> None:
    """Send a whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type),
                (b"content-length", str(len(body)).encode()),
                (b"x-request-id", request_id.encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def refuse(send: Send, problem: Problem, request_id: str, *, head: bool = False) -> None:
    """Send a problem document; to a HEAD request, only its headers."""
    body = render_problem(problem, request_id)
    if head:
        await send(
            {
                "type": "http.response.start",
                "status": problem.status,
                "headers": _headers(body, request_id, problem.headers),
            }
        )
        await send({"type": "http.response.body", "body": b""})
        return
    await answer(send, problem.status, body, request_id, problem.headers, _PROBLEM)


async def refuse_unread(send: Send, problem: Problem, request_id: str, discard: Callable[[], Awaitable[None]]) -> None:
    """Send a problem document while the body is still on its way, then let some of it come, then close.

    A connection that is closed with unread bytes is reset, and the sender might never see the answer.
    """
    body = render_problem(problem, request_id)
    headers = _headers(body, request_id, (*problem.headers, (b"connection", b"close")))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await discard()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _headers(body: bytes, request_id: str, more: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", _PROBLEM),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        *more,
    ]
