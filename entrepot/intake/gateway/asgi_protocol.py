"""uvicorn's protocol with what it lacks: an end to heads that grow without end, or that never come.

Body limits are the door's; what comes before the body never reaches an ASGI application. Use: `uvicorn.Config(…, http=BoundedProtocol)`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from entrepot.intake.gateway.problems import CONTENT_TYPE, Problem, render_problem

MOST_HEAD_BYTES = 65_536
"""Of request line and headers."""
HEAD_S = 10.0
"""From the connection, or the first byte of a further request, to the end of the headers."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _head_bytes = 0
    _is_in_head = True
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._stop_timer()
        self._is_in_head = False
        self._head_bytes = 0
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take bytes; refuse a head that is too long."""
        super().data_received(data)
        if self._is_in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refuse(
                    Problem(
                        431,
                        "head.too_large",
                        "Request line and headers are too long.",
                        f"{MOST_HEAD_BYTES:,} bytes are allowed.",
                    )
                )

    def _expect_head(self) -> None:
        self._is_in_head = True
        self._stop_timer()
        self._head_timer = self.loop.call_later(HEAD_S, self._be_late)

    def _be_late(self) -> None:
        self._refuse(
            Problem(
                408, "head.too_slow", "The request did not come in time.", f"{HEAD_S:g} s are allowed for its headers."
            )
        )

    def _refuse(self, problem: Problem) -> None:
        self._stop_timer()
        if self.transport.is_closing():
            return
        body = render_problem(problem, "-")
        head = f"HTTP/1.1 {problem.status} \r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
