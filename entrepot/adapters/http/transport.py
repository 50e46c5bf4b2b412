"""One exchange over the network: an answer as a whole, unpacked and bounded in size and time, or the reason why there is none."""

from __future__ import annotations

import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit, urlunsplit

from entrepot.adapters.http.asks import Answer, Ask
from entrepot.adapters.http.problems import Unanswered

if TYPE_CHECKING:
    import httpx

_CHUNK = 1 << 16
_SLOWEST = 10.0
"""An answer as a whole may take so many times the timeout."""


class Transport(Protocol):
    """Who carries requests."""

    needs_secrets: bool
    """False: nothing leaves this machine."""

    def exchange(
        self, ask: Ask, secret_headers: tuple[tuple[str, str], ...], secret_params: tuple[tuple[str, str], ...]
    ) -> Answer:
        """Send it, follow nothing. Raises: Unanswered."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Network:
    """The real one. Proxies and certificate authorities are those of the environment."""

    needs_secrets = True

    def __init__(self, timeout_s: float, most_bytes: int) -> None:
        import httpx

        from entrepot import __version__

        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        agent = {"user-agent": f"entrepot/{__version__}", "accept": "application/json", "accept-encoding": "gzip"}
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, headers=agent, verify=_authorities())

    def exchange(
        self, ask: Ask, secret_headers: tuple[tuple[str, str], ...], secret_params: tuple[tuple[str, str], ...]
    ) -> Answer:
        """As the protocol says."""
        import httpx

        headers = dict((*ask.headers, *secret_headers))
        if ask.body is not None:
            headers = {"content-type": "application/json", **{name.lower(): value for name, value in headers.items()}}
        url = Ask(ask.method, ask.url, (*ask.params, *secret_params)).full_url
        try:
            with self._client.stream(ask.method, url, headers=headers, content=ask.body) as response:
                body = self._read(response)
                found = tuple((name.lower(), value) for name, value in response.headers.items())
                return Answer(response.status_code, found, body, _bare(ask.url))
        except httpx.TransportError as error:
            raise _explain(error) from None  # the library's own words may name the address with its query
        except (httpx.InvalidURL, UnicodeError, ValueError) as error:
            if isinstance(error, Unanswered):
                raise
            raise Unanswered("refused", "the address cannot be asked", is_sent=False, may_help=False) from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _read(self, response: httpx.Response) -> bytes:
        until = time.monotonic() + _SLOWEST * self._timeout_s
        unpack = _unpacker(response.headers.get("content-encoding", ""), self._most_bytes)
        pieces: list[bytes] = []
        size = 0
        for raw in response.iter_raw(_CHUNK):
            if time.monotonic() > until:
                raise Unanswered("timeout", f"the answer did not end within {_SLOWEST * self._timeout_s:,.0f} s")
            for piece in unpack.pieces(raw):
                size += len(piece)
                if size > self._most_bytes:
                    raise Unanswered(
                        "large", f"the answer is larger than {self._most_bytes / 1e6:,.3g} MB; ask for smaller pages or raise max_page_mb",
                        may_help=False,
                    )  # fmt: skip
                pieces.append(piece)
        if not unpack.is_whole:
            raise Unanswered("broken", "the compressed answer ended too early")
        return b"".join(pieces)


@lru_cache(maxsize=1)
def _authorities() -> ssl.SSLContext:
    """The certificate authorities of this machine; reading them takes as long as a request."""
    return ssl.create_default_context()


class _Plain:
    is_whole = True

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        yield raw


class _Gzip:
    """Unpacks in bounded pieces: a small answer may be a bomb."""

    def __init__(self, most_bytes: int) -> None:
        self._inflate = zlib.decompressobj(wbits=47)
        self._most = most_bytes
        self._begun = False

    @property
    def is_whole(self) -> bool:
        return self._inflate.eof or not self._begun

    def pieces(self, raw: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(raw)
        try:
            while raw and not self._inflate.eof:
                yield self._inflate.decompress(raw, _CHUNK)
                raw = self._inflate.unconsumed_tail
        except zlib.error:
            raise Unanswered("broken", "the compressed answer is damaged") from None


def _unpacker(encoding: str, most_bytes: int) -> _Plain | _Gzip:
    if encoding.lower() in ("gzip", "x-gzip", "deflate"):
        return _Gzip(most_bytes)
    if encoding.lower() in ("", "identity"):
        return _Plain()
    raise Unanswered("refused", f"the answer is packed as {encoding!r}, which was not asked for", may_help=False)


def _explain(error: httpx.TransportError) -> Unanswered:
    import httpx

    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return Unanswered("timeout", "no connection in time", is_sent=False)
    if isinstance(error, httpx.TimeoutException):
        return Unanswered("timeout", "no answer in time")
    if isinstance(error, httpx.ConnectError):
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLError) for cause in causes):
            return Unanswered("tls", "the server's certificate is not trusted", is_sent=False, may_help=False)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return Unanswered("unknown_host", "the host's name is not known", is_sent=False)
        return Unanswered("refused", "the connection is refused", is_sent=False)
    if isinstance(error, httpx.UnsupportedProtocol):
        return Unanswered("refused", "the address is not one of the web", is_sent=False, may_help=False)
    return Unanswered("broken", "the connection broke before the answer was whole")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
