"""Leases that renew themselves while the work lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from entrepot.flow.flow import LEASE_S, Services
from entrepot.kernel.errors import BusyError, EntrepotError, FencedError
from entrepot.ports.state import Lease


@contextmanager
def held(name: str, services: Services, *, wait_s: float = 0.0) -> Iterator[Lease]:
    """Hold the lease `name`; waits up to `wait_s` for another holder to finish.

    Losing it does not stop the work: whatever is planned stays right to commit, and planning checks the epoch again.

    Raises: BusyError when somebody else keeps it.
    """
    lease = _acquire(name, services, wait_s)
    stop = threading.Event()
    keeper = threading.Thread(target=_keep, args=(lease, services, stop), name=f"lease {name}", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        stop.set()
        keeper.join()
        services.state.release_lease(lease)


def _acquire(name: str, services: Services, wait_s: float) -> Lease:
    waited = 0.0
    while True:
        try:
            holder = services.state.lease_holder(name)
            dead = holder if holder is not None and not services.is_alive(holder) else None
            return services.state.acquire(name, services.holder, LEASE_S, replacing=dead)
        except BusyError:
            if waited >= wait_s:
                raise
            services.clock.sleep(0.1)
            waited += 0.1


def _keep(lease: Lease, services: Services, stop: threading.Event) -> None:
    while not stop.wait(LEASE_S / 3):
        try:
            lease = services.state.renew(lease, LEASE_S)
        except FencedError:
            return
        except EntrepotError:  # the state was locked for a while: try again before the lease ends
            continue
