"""One attempt: a signed request to a checked address, redirects checked anew, an answer of which only the beginning is read."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urljoin, urlsplit

from entrepot.adapters.webhooks.connections import (
    BrokenError,
    ConnectError,
    Connections,
    Place,
    Reply,
    trust_usual_authorities,
)
from entrepot.adapters.webhooks.resolving import Lookup, RefusedError, Resolver, look_up
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.clock import Clock
from entrepot.ports.outbox import EXCERPT_BYTES, Attempt, Message
from entrepot.ports.secrets import Secret
from entrepot.serve.publish.addresses import Network
from entrepot.serve.publish.bodies import Content, render
from entrepot.serve.publish.keys import SecretName
from entrepot.serve.publish.policy import Answer
from entrepot.serve.publish.settings import Webhook
from entrepot.serve.publish.signing import sign

MOST_REDIRECTS = 3
_FOLLOWED = (301, 302, 307, 308)
"""303 asks for another method, and the answer to that would say nothing about the message."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Sender:
    """Makes the attempts of one integration; lives in one event loop.

    Args:
        find_secret: the secret as it is now: a rotated one is used at the next attempt.
        allowed: private networks that the project permits.
        source: who sends, for CloudEvents.
        tls: what is trusted; None: the usual authorities.
    """

    def __init__(
        self,
        settings: Webhook,
        *,
        clock: Clock,
        find_secret: Callable[[SecretName], Secret],
        allowed: Sequence[Network] = (),
        source: str = "/entrepot",
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = look_up,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._find_secret = find_secret
        self._source = source
        self._connections = Connections(tls if tls is not None else trust_usual_authorities())
        self._resolver = Resolver(allowed, lookup)
        self._home = _origin(settings.url)

    async def attempt(self, message: Message) -> Answer:
        """Try once, within the time limit; whatever happens is an answer."""
        started_us = (self._clock.now() - _EPOCH) // timedelta(microseconds=1)
        started = time.monotonic()
        content = render(message, self._settings.form, self._source)
        target = [_shown(self._settings.url)]
        status: int | None = None
        excerpt, retry_after, code, reason = b"", None, "", ""
        try:
            async with asyncio.timeout(self._settings.timeout_s or 0.001):
                headers = self._headers(message, content, started_us // 1_000_000)
                status, excerpt, retry_after = await self._exchange(content, headers, target)
        except Exception as error:
            code, reason = _explain(error, self._settings.timeout_s)
        record = Attempt(
            number=message.attempt,
            started_us=started_us,
            duration_ms=round((time.monotonic() - started) * 1000),
            request_digest=hashlib.sha256(content.body).hexdigest(),
            target=target[-1],
            status=status,
            excerpt=_as_text(excerpt),
            error=reason,
        )
        return Answer(record, status, retry_after, code, reason)

    def close(self) -> None:
        """Close the connections."""
        self._resolver.close()
        self._connections.close()

    def _headers(self, message: Message, content: Content, timestamp: int) -> dict[str, str]:
        named = {"webhook-id": message.id, "webhook-timestamp": str(timestamp)}
        if message.type and message.type.isascii() and message.type.isprintable():
            named["entrepot-type"] = message.type
        if self._settings.secrets:
            secrets = [self._find_secret(name) for name in self._settings.secrets]
            named["webhook-signature"] = sign(secrets, message.id, timestamp, content.body)
        return (
            dict(content.headers) | named | {"user-agent": "Entrepot", "accept-encoding": "identity", "accept": "*/*"}
        )

    def _own_headers(self) -> dict[str, str]:
        """Those of the settings, which may hold secrets of the destination: never sent to another one."""
        return {
            name: self._find_secret(value).reveal() if isinstance(value, SecretName) else value
            for name, value in self._settings.headers
        }

    async def _exchange(
        self, content: Content, headers: dict[str, str], target: list[str]
    ) -> tuple[int, bytes, str | None]:
        url = self._settings.url
        for _ in range(MOST_REDIRECTS + 1):
            own = self._own_headers() if _origin(url) == self._home else {}
            reply = await self._post(url, content.body, own | headers)
            location = reply.headers.get("location")
            if reply.status not in _FOLLOWED or location is None:
                return reply.status, reply.body[:EXCERPT_BYTES], reply.headers.get("retry-after")
            url = _follow(url, location)
            target.append(_shown(url))
        raise RefusedError("redirect_refused", f"more than {MOST_REDIRECTS} redirects")

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Reply:
        """Send to the first checked address that can be connected to. The name goes into Host and into TLS, never to a resolver again."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await self._resolver.resolve(parts.scheme, host, port, allow_http=self._settings.allow_http)
        path = quote(f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", safe=_IN_PATH)
        named = [("host", parts.netloc), *headers.items(), ("content-length", str(len(body)))]
        connect_s = max(1.0, self._settings.timeout_s / len(addresses))
        for number, address in enumerate(addresses, 1):
            place = Place(parts.scheme, host, port, address)
            try:
                return await self._connections.post(place, path, named, body, connect_s)
            except ConnectError:
                if number == len(addresses):
                    raise
        raise ConnectError("no address")


_IN_PATH = "".join(chr(code) for code in range(0x21, 0x7F))
"""What stands in a request line as it is: the address comes as its owner wrote it."""


def _follow(url: str, location: str) -> str:
    try:
        found = urljoin(url, location)
        parts = urlsplit(found)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise RefusedError(
            "redirect_refused", "redirected to something that is no HTTP address without user and password"
        )
    return found


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _shown(url: str) -> str:
    """An address without its query, which may hold secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"[:500]


def _as_text(excerpt: bytes) -> str:
    text = excerpt.decode(errors="replace")
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in text)


def _explain(error: Exception, timeout_s: float) -> tuple[str, str]:
    """A code and words for what went wrong; a library's text is not repeated where it could hold the address with its query."""
    match error:
        case RefusedError():
            return error.code, error.reason
        case TimeoutError():
            return "timeout", f"no answer within {timeout_s:g} s"
        case EntrepotError():
            return "not_sent", str(error)
        case ssl.SSLError():
            return "tls", "the receiver's certificate is not trusted, or TLS failed"
        case ConnectError():
            return "unreachable", "no connection could be made"
        case BrokenError() | ConnectionError():
            return "broken", f"the connection broke or the answer was no HTTP ({type(error).__name__})"
        case OSError():
            return "unresolved", "the host's name has no address"
    return "unexpected", f"an unexpected error, {type(error).__name__}"
