"""The HTTP server: the inbound door as bare ASGI, in front of the API."""

from __future__ import annotations

import socket
from typing import Any

from entrepot.app.up.settings import UpOptions
from entrepot.kernel.errors import SystemError_, UsageError

_GRACE_S = 10
_BACKLOG = 2_048
_LOCAL = ("127.0.0.1", "::1", "localhost")


class HttpServer:
    """A part whose `run` serves until `stop`. It binds in `open`, so that a port that is taken is told before anything starts."""

    name = "gateway"

    def __init__(self, application: Any, options: UpOptions) -> None:
        import uvicorn

        from entrepot.intake.gateway.asgi_protocol import BoundedProtocol

        self._options = options
        config = uvicorn.Config(
            application,
            lifespan="off",
            loop="uvloop",
            http=BoundedProtocol,
            access_log=False,
            log_config=None,
            backlog=_BACKLOG,
            server_header=False,
            proxy_headers=False,  # who sent a record is decided by the integration, behind proxies that it names
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=30,
        )
        self._server = uvicorn.Server(config)
        self._socket: socket.socket | None = None
        self._failed: str | None = None

    @property
    def address(self) -> str:
        """`http://127.0.0.1:8400`."""
        assert self._socket is not None
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def open(self) -> None:
        """Bind. Raises: SystemError_ when the port is taken, UsageError when the host is none of this machine's."""
        host, port = self._options.host, self._options.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
            bound.listen(_BACKLOG)
        except OSError as error:
            bound.close()
            if isinstance(error, socket.gaierror):
                raise UsageError(f"--host {host}: {error.strerror}.") from error
            raise SystemError_(
                f"{host}:{port} cannot be served: {error.strerror}.",
                hint="Is another entrepot up running? Name another port: entrepot up --port 8401",
            ) from error
        bound.setblocking(False)
        self._socket = bound

    @property
    def is_open_to_others(self) -> bool:
        """True when other machines can reach it."""
        return self._options.host not in _LOCAL

    def run(self) -> None:
        """Serve until stopped. Not in the main thread: signals are its own business."""
        assert self._socket is not None
        try:
            self._server.run(sockets=[self._socket])
        except BaseException as error:
            self._failed = f"the server ended: {type(error).__name__}"
            raise

    def stop(self) -> None:
        """Take no more requests; those under way are answered."""
        self._server.should_exit = True

    @property
    def is_serving(self) -> bool:
        """True once requests are answered."""
        return self._server.started and not self._server.should_exit

    def trouble(self) -> str | None:
        """As `Part`."""
        return self._failed
