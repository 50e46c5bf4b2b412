"""Integrations for the door's tests, and a real server (uvicorn, httptools) in a thread or in a process of its own.

As a program: `python -m tests.gateway.door.door_lab FOLDER [asgi|door]` prints its port, serves until it is ended.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
import uvicorn

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.app.clock import SystemClock
from entrepot.intake.gateway.asgi import Receive, Scope, Send, answer
from entrepot.intake.gateway.asgi_protocol import BoundedProtocol
from entrepot.intake.gateway.door import Door, in_front_of
from entrepot.intake.gateway.integration import Integration, Limits, Reading, Refusal, Request
from entrepot.ports.inbox import RecordError

SECRET = b"a secret of ours"


def anyone(request: Request) -> Refusal | None:
    """No authentication."""
    return None


def bearer(request: Request) -> Refusal | None:
    """The token is `t`."""
    if request.header(b"authorization") == b"Bearer t":
        return None
    return Refusal(401, "unauthenticated", "Who sends is not known.", headers=((b"www-authenticate", b"Bearer"),))


def signed(request: Request) -> Refusal | None:
    """HMAC over the body as received."""
    wanted = hmac.new(SECRET, request.body, hashlib.sha256).hexdigest().encode()
    if hmac.compare_digest(request.header(b"x-signature") or b"", wanted):
        return None
    return Refusal(403, "signature.wrong", "The signature is wrong.")


def read(request: Request) -> Sequence[Reading] | Refusal:
    """The reference is the header `x-id` (numbered in a batch), else the member `id`, else the body's hash."""
    kept = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers if n != b"authorization")
    kind = (request.header(b"content-type") or b"").decode("latin-1")
    given = request.header(b"x-id")
    if given is not None:
        reference = given.decode("latin-1") + ("" if request.number is None else f"#{request.number}")
        return [Reading(request.body, reference, kind, kept)]
    try:
        value = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, dict) and value.get("id") == "refused":
        return Refusal(400, "reference.missing", "The reference is missing.")
    if isinstance(value, dict) and isinstance(value.get("events"), list):
        return [_of(event, kept) for event in value["events"]]
    if isinstance(value, dict) and "id" in value:
        return [Reading(request.body, str(value["id"]), kind, kept)]
    return [Reading(request.body, hashlib.sha256(request.body).hexdigest(), kind, kept)]


def _of(event: object, kept: tuple[tuple[str, str], ...]) -> Reading:
    if isinstance(event, dict) and "id" in event:
        return Reading(orjson.dumps(event), str(event["id"]), "application/json", kept)
    return Reading(b"", "", fault=RecordError("unreadable", "an event without id"))


def integrations(folder: Path) -> dict[str, Integration]:
    """What the tests send to."""
    small = Limits(body_bytes=2_000_000, batch_bytes=120_000_000, file_bytes=50_000_000, batch_records=400_000)
    return {
        one.name: one
        for one in (
            Integration("till", anyone, read, limits=small),
            Integration("guarded", bearer, read, limits=small, files=folder / "incoming"),
            Integration("signed", signed, read, body_signed=True, limits=small, files=folder / "incoming"),
            Integration("slow", anyone, read, limits=Limits(per_second=2, burst=1)),
            Integration("full", anyone, read, limits=Limits(waiting=3)),
            Integration("paused", anyone, read, paused=True),
        )
    }


async def rest(scope: Scope, receive: Receive, send: Send) -> None:
    """What stands behind the door."""
    if scope["type"] == "http":
        await answer(send, 200, b'{"rest": true}', "-")


async def floor(scope: Scope, receive: Receive, send: Send) -> None:
    """Bare ASGI without a database: reads the body, answers as the door does."""
    while (await receive()).get("more_body", False):
        pass
    await answer(send, 202, b'{"id":"01a20042-7e8f-76d9-b1ec-f4222934d1aa","status":"just_in"}', "-")


@contextmanager
def serving(application: object, loop: str = "auto") -> Iterator[str]:
    """Serve in a thread; give `127.0.0.1:port`."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        loop=loop,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def main() -> None:
    """Serve until ended."""
    folder, what = Path(sys.argv[1]), (sys.argv[2:] or ["door"])[0]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    print(listener.getsockname()[1], flush=True)
    application: object = floor
    if what == "door":
        inbox = SqliteInbox(folder / "inbox.db", SystemClock())
        application = in_front_of(Door(integrations(folder), inbox, SystemClock()), rest)
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
