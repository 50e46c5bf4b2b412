"""From a host's name to the very address that will be connected to: resolved once, checked, and never asked again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from entrepot.serve.publish.addresses import Network, is_allowed_private, why_refused

Lookup = Callable[[str, int], Sequence[str]]
"""(host, port) → its addresses. Raises: OSError."""


class RefusedError(Exception):
    """A request was not made."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def look_up(host: str, port: int) -> list[str]:
    """Ask the system."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class Resolver:
    """Resolves for one destination, in threads of its own: a name server that hangs delays nobody else."""

    def __init__(self, allowed: Sequence[Network], lookup: Lookup = look_up) -> None:
        self._allowed = allowed
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="resolve")

    async def resolve(self, scheme: str, host: str, port: int, *, allow_http: bool) -> list[str]:
        """Addresses that may be connected to.

        Raises: RefusedError when one of the name's addresses is not allowed, or for HTTP without encryption; OSError when there is none.
        """
        loop = asyncio.get_running_loop()
        found = list(await loop.run_in_executor(self._threads, self._lookup, host, port))
        if not found:
            raise OSError(f"{host} has no address")
        for address in found:
            reason = why_refused(address, self._allowed)
            if reason is not None:
                raise RefusedError(
                    "address_refused", f"{host} is not called: {reason}, and network.allow_private does not name it"
                )
        private = all(is_allowed_private(address, self._allowed) for address in found)
        if scheme != "https" and not (allow_http or private):
            raise RefusedError("not_encrypted", f"{host} is not called without encryption; allow_http: true permits it")
        return found

    def close(self) -> None:
        """Wait for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)
