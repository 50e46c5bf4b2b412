"""The servers that are measured: `python -m benchmarks.gateway.serve WHAT FOLDER` prints its port, and serves until it is ended.

floor: bare ASGI that reads the body and answers. entrepot: the door with the inbox, a token and a reference from the body.
sqlalchemy (in an environment of its own): FastAPI with a Pydantic model, one INSERT and one COMMIT for each request.
All: uvicorn with httptools and uvloop, one process, SQLite with a write-ahead log and synchronous=FULL.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

TOKEN = "a-token-of-the-benchmark"
Application = Any


def _floor(folder: Path) -> Application:
    body = b'{"id":"01a20042-7e8f-76d9-b1ec-f4222934d1aa","status":"just_in","reference":"000000000000","receipt":""}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def floor(
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        while (await receive()).get("more_body", False):
            pass
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return floor


def _entrepot(folder: Path) -> Application:
    from entrepot.adapters.embedded.inbox import SqliteInbox
    from entrepot.app.clock import SystemClock
    from entrepot.intake.gateway.authentication import Authentication, TokenProof
    from entrepot.intake.gateway.bodies import parse_path
    from entrepot.intake.gateway.door import Door
    from entrepot.intake.gateway.integration import Integration, Limits
    from entrepot.intake.gateway.reading import RequestReader
    from entrepot.intake.gateway.references import Extractor, Piece

    reader = RequestReader(Extractor((Piece(body=parse_path("id")),)), Extractor(()))
    proof = Authentication(((TokenProof(lambda: [TOKEN.encode()]),),))
    integration = Integration("orders", proof, reader, limits=Limits(waiting=1_000_000_000))
    inbox = SqliteInbox(folder / "inbox.db", SystemClock())
    return Door({"orders": integration}, inbox, SystemClock())


def _sqlalchemy(folder: Path) -> Application:
    from benchmarks.gateway.usual_way import make_application

    return make_application(folder)


SERVERS: dict[str, Callable[[Path], Application]] = {
    "floor": _floor,
    "entrepot": _entrepot,
    "sqlalchemy": _sqlalchemy,
}


def main() -> None:
    """Serve."""
    import uvicorn

    application = SERVERS[sys.argv[1]](Path(sys.argv[2]))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        application, http="httptools", loop="uvloop", ws="none", lifespan="off", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
