"""Durability that is promised and not kept. The power cuts must find each; each is armed in the process that runs.

`python -m tests.powerloss.lies NAME MODULE [ARGUMENT …]` runs a module as a program, with the lie and with the faults of
the environment (`entrepot.testing.faults`); the name `none` is no lie.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from entrepot.testing import faults

_real_fsync = os.fsync


def sync_nothing() -> None:
    """Fsync does nothing. What SQLite does in C is not touched."""
    _pretend(lambda path: True)


def sync_no_data() -> None:
    """Data files and their folders are not fsynced; logs are."""
    _pretend(
        lambda path: any(part in path for part in ("/.entrepot/lake", "/.entrepot/tmp")) and "_delta_log" not in path
    )


def sync_no_log() -> None:
    """Log entries and their folders are not fsynced; data files are."""
    _pretend(lambda path: "_delta_log" in path)


def sync_no_state() -> None:
    """SQLite does not wait for the disk."""
    import entrepot.adapters.embedded.state.database as database

    configure = database._configure

    def careless(connection: sqlite3.Connection, path: Path) -> None:
        configure(connection, path)
        connection.execute("PRAGMA synchronous = OFF")

    database._configure = careless


LIES: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "fsync": sync_nothing,
    "data": sync_no_data,
    "log": sync_no_log,
    "state": sync_no_state,
}


def _pretend(is_skipped: Callable[[str], bool]) -> None:
    def fsync(file: int) -> None:
        if not is_skipped(str(Path(f"/proc/self/fd/{file}").readlink())):
            _real_fsync(file)

    os.fsync = fsync  # type: ignore[assignment]


if __name__ == "__main__":
    LIES[sys.argv[1]]()
    faults.main(sys.argv[2:])
