"""Leases: one row a name, its epoch grows whenever the right changes hands."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from entrepot.adapters.embedded.state.rows import instant_to_text, row_to_lease
from entrepot.kernel.errors import BusyError, FencedError, UsageError
from entrepot.ports.state import Lease

_FREE = ""
"""The holder of a lease that was given back; the row stays, because the epoch must go on growing."""


def acquire(
    connection: sqlite3.Connection, now: datetime, name: str, holder: str, seconds: float, replacing: str | None
) -> Lease:
    """Take a free, run-out or dead holder's lease (epoch + 1), or prolong one's own (same epoch)."""
    if holder == _FREE:
        raise UsageError(f"the lease {name} needs a holder's name; an empty one came.")
    until = now + timedelta(seconds=seconds)
    current = _find(connection, name)
    if current is None:
        lease = Lease(name, holder, 1, until)
    elif current.holder == holder:
        lease = Lease(name, holder, current.epoch, max(until, current.until))
    elif current.until > now and current.holder not in (_FREE, replacing):
        raise BusyError(
            f"the lease {name} is held by {current.holder} until {current.until:%Y-%m-%d %H:%M:%S} UTC.",
            hint="Wait for the other run, or until the lease runs out.",
        )
    else:
        lease = Lease(name, holder, current.epoch + 1, until)
    _store(connection, lease)
    return lease


def renew(connection: sqlite3.Connection, now: datetime, lease: Lease, seconds: float) -> Lease:
    """Prolong, also when it ran out and nobody took it."""
    current = _require_same(connection, lease)
    renewed = Lease(lease.name, lease.holder, lease.epoch, max(now + timedelta(seconds=seconds), current.until))
    _store(connection, renewed)
    return renewed


def find_holder(connection: sqlite3.Connection, name: str) -> str | None:
    """Who holds the lease, also when it has run out."""
    current = _find(connection, name)
    return None if current is None or current.holder == _FREE else current.holder


def give_back(connection: sqlite3.Connection, now: datetime, lease: Lease) -> None:
    """Free the lease when it is still this one."""
    connection.execute(
        "UPDATE leases SET holder = ?, until = ? WHERE name = ? AND holder = ? AND epoch = ?",
        (_FREE, instant_to_text(now), lease.name, lease.holder, lease.epoch),
    )


def require(connection: sqlite3.Connection, now: datetime, lease: Lease) -> None:
    """Check inside a transaction that the lease is the newest and has not run out.

    Raises: FencedError.
    """
    current = _require_same(connection, lease)
    if current.until <= now:
        raise FencedError(
            f"the lease {lease.name} of {lease.holder} ran out at {current.until:%Y-%m-%d %H:%M:%S} UTC.",
            hint="Stop this run and start it again; it takes the lease anew.",
        )


def _require_same(connection: sqlite3.Connection, lease: Lease) -> Lease:
    current = _find(connection, lease.name)
    if current is not None and (current.holder, current.epoch) == (lease.holder, lease.epoch):
        return current
    owner = "nobody" if current is None or current.holder == _FREE else current.holder
    epoch = 0 if current is None else current.epoch
    raise FencedError(
        f"the lease {lease.name} of {lease.holder} (epoch {lease.epoch}) is lost: {owner} has it (epoch {epoch}).",
        hint="Stop this run; the other process goes on where it stood.",
    )


def _find(connection: sqlite3.Connection, name: str) -> Lease | None:
    row = connection.execute("SELECT * FROM leases WHERE name = ?", (name,)).fetchone()
    return None if row is None else row_to_lease(row)


def _store(connection: sqlite3.Connection, lease: Lease) -> None:
    connection.execute(
        "INSERT INTO leases (name, holder, epoch, until) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
        "holder = excluded.holder, epoch = excluded.epoch, until = excluded.until",
        (lease.name, lease.holder, lease.epoch, instant_to_text(lease.until)),
    )
