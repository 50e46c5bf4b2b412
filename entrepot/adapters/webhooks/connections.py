"""Connections to addresses that were checked: HTTP/1.1 over asyncio, kept for a short while, every size bounded.

No client library stands in between: none lets the address be chosen apart from the name without asking a resolver again, and
what is sent here is one POST at a time.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass, field
from functools import cache

import h11

IDLE_S = 4.0
"""Servers close idle connections after five seconds or more."""
MOST_HEAD_BYTES = 65_536
MOST_READ_BYTES = 16_384
"""With more to come, the connection is closed instead of drained."""


class ConnectError(Exception):
    """No connection could be made."""


class BrokenError(Exception):
    """The connection ended, or what came was no HTTP."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a connection goes: the name is for the certificate and the Host header, the address is what is called."""

    scheme: str
    host: str
    port: int
    address: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The head of an answer and the beginning of its body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection, used for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)
        self.used_at = time.monotonic()
        self.answered = False
        """Whether anything came back to the present request."""
        self.requests = 0

    async def exchange(self, path: str, headers: list[tuple[str, str]], body: bytes) -> Reply:
        """Post, and read the answer. Raises: BrokenError; OSError while reading."""
        self.answered = False
        self.requests += 1
        try:
            request = h11.Request(method="POST", target=path, headers=headers)
            sent = [self._protocol.send(event) or b"" for event in (request, h11.Data(data=body), h11.EndOfMessage())]
            self._writer.write(b"".join(sent))
            try:
                await self._writer.drain()
            except ConnectionError:
                pass  # a receiver may answer and close before it has read everything
            return await self._read()
        except h11.ProtocolError as error:
            raise BrokenError(type(error).__name__) from error

    def close(self) -> None:
        """Without waiting for the other side."""
        self._writer.transport.abort()

    @property
    def is_reusable(self) -> bool:
        """True when another request may follow."""
        clean = self._protocol.our_state is h11.IDLE and not self._reader.at_eof()
        return clean and time.monotonic() - self.used_at < IDLE_S

    async def _read(self) -> Reply:
        response: h11.Response | None = None
        body = bytearray()
        while True:
            event = await self._next_event()
            if isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                raise BrokenError("closed")
            if response is not None and (isinstance(event, h11.EndOfMessage) or len(body) >= MOST_READ_BYTES):
                return self._end(response, bytes(body))

    def _end(self, response: h11.Response, body: bytes) -> Reply:
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self._protocol.start_next_cycle()
        self.used_at = time.monotonic()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        return Reply(response.status_code, headers, body)

    async def _next_event(self) -> object:
        event = self._protocol.next_event()
        while event is h11.NEED_DATA:
            data = await self._reader.read(65_536)
            self.answered = self.answered or bool(data)
            self._protocol.receive_data(data)
            event = self._protocol.next_event()
        return event


@dataclass(slots=True)
class Connections:
    """Connections of one destination."""

    tls: ssl.SSLContext
    _idle: dict[Place, list[Connection]] = field(default_factory=dict)

    async def post(
        self, place: Place, path: str, headers: list[tuple[str, str]], body: bytes, connect_s: float
    ) -> Reply:
        """Over a kept connection or a new one.

        Raises: ConnectError, ssl.SSLError, BrokenError, OSError.
        """
        kept = self._find_kept(place)
        if kept is not None:
            try:
                return await self._exchange(place, kept, path, headers, body)
            except (BrokenError, OSError):
                if kept.answered:
                    raise
                # closed by the other side while it was idle: not the message's fault
        return await self._exchange(place, await self._connect(place, connect_s), path, headers, body)

    def close(self) -> None:
        """Close what is kept."""
        for many in self._idle.values():
            for one in many:
                one.close()
        self._idle.clear()

    async def _exchange(
        self, place: Place, connection: Connection, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> Reply:
        try:
            reply = await connection.exchange(path, headers, body)
        except BaseException:
            connection.close()
            raise
        if connection.is_reusable:
            self._idle.setdefault(place, []).append(connection)
        else:
            connection.close()
        return reply

    def _find_kept(self, place: Place) -> Connection | None:
        many = self._idle.get(place, [])
        while many:
            connection = many.pop()
            if connection.is_reusable:
                return connection
            connection.close()
        self._idle.pop(place, None)
        return None

    async def _connect(self, place: Place, connect_s: float) -> Connection:
        encrypted = place.scheme == "https"
        try:
            async with asyncio.timeout(connect_s):
                reader, writer = await asyncio.open_connection(
                    place.address,
                    place.port,
                    ssl=self.tls if encrypted else None,
                    server_hostname=place.host if encrypted else None,
                )
        except ssl.SSLError:
            raise
        except (OSError, TimeoutError) as error:
            raise ConnectError(type(error).__name__) from error
        return Connection(reader, writer)


@cache
def trust_usual_authorities() -> ssl.SSLContext:
    """Those of the system, where companies put their own; SSL_CERT_FILE names others."""
    return ssl.create_default_context()
