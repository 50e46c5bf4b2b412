"""The SQLite file that a writer writes to: connections, transactions, and errors in our words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

from entrepot.kernel.errors import DamageError, DataError, SystemError_

BUSY_TIMEOUT_MS = 5_000


@cache
def load_statement(name: str) -> str:
    """Read `queries/<name>.sql`."""
    return (files(__package__) / "queries" / f"{name}.sql").read_text(encoding="utf-8")


@contextmanager
def open_target(path: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the file for the length of a block, in autocommit mode.

    The file's own journal mode stays: others may use it. EXTRA makes a commit durable in every mode (in the rollback
    modes FULL may lose the last one with the power).
    """
    with translate_errors(path):
        mode = "rwc" if create else "rw"
        address = f"{path.absolute().as_uri()}?mode={mode}"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA synchronous = EXTRA")
            yield connection


@contextmanager
def write_target(path: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """Run one write transaction; it starts with the lock, so that what it reads is what it changes."""
    with open_target(path, create=create) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def sync_folder(path: Path) -> None:
    """Make a new file's name durable. (The file itself is never opened beside SQLite: closing it would drop its locks.)"""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions into ours; values never stand in them."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise DataError(f"{path.name} refused a row: {error}.", hint="A row with that key is there already.") from error
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise SystemError_(
                f"{path} was locked by another process for {BUSY_TIMEOUT_MS / 1000:g} s.",
                hint="Look for the process that has it open (lsof), then run again.",
            ) from error
        raise SystemError_(f"{path} failed: {error}.", hint="Look at free space and permissions.") from error
    except sqlite3.DatabaseError as error:
        raise DamageError(f"{path} is no SQLite database or is damaged: {error}.") from error
