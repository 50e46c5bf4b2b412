"""Events posted to a webhook as they happen, signed as Standard Webhooks wants it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from entrepot.examples.simulator.events import Event
from entrepot.examples.simulator.retail import STREAMS, RetailWorld
from entrepot.examples.simulator.timing import SimulatedTime

EXAMPLE_SECRET = "whsec_" + base64.b64encode(b"a retailer's example secret").decode()
"""Known to everybody: for the example only."""
_MOST_PAUSE_S = 30.0
_TIMEOUT_S = 10.0


@dataclass(slots=True)
class Pushed:
    """What has been posted so far."""

    accepted: int = 0
    refused: int = 0
    """Answered with a status that will not change by itself."""
    repeated: int = 0
    """Attempts that had to be made again."""


class Pusher:
    """Posts one event after the other over one connection; an event that is not taken is tried again until it is."""

    def __init__(
        self,
        address: str,
        secret: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Args: address: `{stream}` in it becomes the stream's name. Raises: ValueError for an address or secret that cannot be used."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an address begins with http:// or https:// and names a host")
        self._parts = parts
        self._key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        self._sleep = sleep
        self._now = now
        self._connection: http.client.HTTPConnection | None = None
        self.pushed = Pushed()

    def push(self, stream: str, event: Event) -> int:
        """Post until there is an answer that lasts; return its status."""
        body = json.dumps(event.as_json(), ensure_ascii=False).encode()
        attempt = 0
        while True:
            status, wait_s = self._try(stream, event.event_id, body)
            if status is not None and status < 500 and status not in (408, 425, 429):
                if 200 <= status < 300:
                    self.pushed.accepted += 1
                else:
                    self.pushed.refused += 1
                return status
            attempt += 1
            self.pushed.repeated += 1
            self._sleep(min(_MOST_PAUSE_S, wait_s if wait_s is not None else 0.1 * 2 ** min(attempt, 10)))

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self, stream: str, id: str, body: bytes) -> tuple[int | None, float | None]:
        path = (self._parts.path or "/").replace("{stream}", stream)
        path += f"?{self._parts.query}" if self._parts.query else ""
        try:
            connection = self._connect()
            connection.request("POST", path, body, {"Content-Type": "application/json", **self._sign(id, body)})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None, None
        asked = response.headers.get("Retry-After", "")
        return response.status, float(asked) if asked.isdigit() else None

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(self._parts.hostname or "", self._parts.port, timeout=_TIMEOUT_S)
        return self._connection

    def _sign(self, id: str, body: bytes) -> dict[str, str]:
        return sign(self._key, id, int(self._now()), body)


def sign(key: bytes, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks."""
    digest = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}


def push_forward(
    world: RetailWorld,
    pusher: Pusher,
    present: SimulatedTime,
    since: datetime,
    *,
    streams: Iterable[str] = STREAMS,
    most: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
    told: Callable[[Pushed], None] = lambda pushed: None,
) -> Pushed:
    """Post what is served from `since` on, each event when its time has come. Args: most: so many events, then the end."""
    for stream, event in world.forward(streams):
        if event.served_at < since:
            continue
        if most is not None and pusher.pushed.accepted + pusher.pushed.refused >= most:
            break
        wait_s = present.seconds_until(event.served_at)
        if wait_s > 0:
            told(pusher.pushed)
            sleep(wait_s)
        pusher.push(stream, event)
    return pusher.pushed
