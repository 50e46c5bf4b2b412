"""One SQLite file: durable creation, a connection for each thread, write transactions that start with the lock."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from entrepot.adapters.embedded.state.schema import Migration, load_migrations, migrate
from entrepot.kernel.errors import ConflictError, DamageError, SystemError_
from entrepot.kernel.ids import new_token

BUSY_TIMEOUT_MS = 5_000
LARGE_CACHE_KB = 32_000
WAL_LIMIT_BYTES = 64 * 1024 * 1024


class _Handle:
    """A connection and the process that opened it; closed when its thread ends."""

    __slots__ = ("__weakref__", "connection", "is_full", "pid")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.is_full = True
        self.pid = os.getpid()

    def __del__(self) -> None:
        if self.pid == os.getpid():
            self.connection.close()


# Connections inherited by a fork are never used and never closed: SQLite forbids both.
_inherited: list[_Handle] = []


class Database:
    """Gives connections in autocommit mode; `write` is the only way to a transaction."""

    def __init__(self, path: Path, migrations: Sequence[Migration] | None = None, *, checkpoints: bool = True) -> None:
        """Args: checkpoints: commits fold the log into the database; False: the owner does, outside of commits."""
        self.path = path
        self._checkpoints = checkpoints
        self._local = threading.local()
        self._handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
        self._lock = threading.Lock()
        known = load_migrations() if migrations is None else migrations
        with translate_errors(path):
            if not path.exists():
                _create(path, known)
            migrate(self.connection(), path, known)

    def connection(self) -> sqlite3.Connection:
        """The calling thread's connection."""
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is not None and handle.pid != os.getpid():
            _inherited.append(handle)
            handle = None
        if handle is None:
            handle = _Handle(_connect(self.path))
            if not self._checkpoints:
                handle.connection.execute("PRAGMA wal_autocheckpoint = 0")
                # Its transactions are large: what does not fit into the cache would be written twice.
                handle.connection.execute(f"PRAGMA cache_size = -{LARGE_CACHE_KB}")
            self._local.handle = handle
            with self._lock:
                self._handles.add(handle)
        return handle.connection

    @contextmanager
    def write(self, *, survives_power_loss: bool = True) -> Iterator[sqlite3.Connection]:
        """Run one write transaction. Every one survives the death of the process; with False a loss of power may take it back.

        That is right for what is nobody's business after one (leases, pins), or may be done again.

        It starts with BEGIN IMMEDIATE: a deferred transaction that reads and then writes is refused at once when another
        process wrote in between, the busy timeout does not help it. Keep files, network and lake out of it: a process that
        is stopped inside blocks all others.
        """
        with translate_errors(self.path):
            connection = self.connection()
            try:
                if self._local.handle.is_full != survives_power_loss:
                    connection.execute(f"PRAGMA synchronous = {'FULL' if survives_power_loss else 'NORMAL'}")
                    self._local.handle.is_full = survives_power_loss
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Run single SELECTs, each its own snapshot; fetch them whole, an open cursor stops the checkpoint of the log."""
        with translate_errors(self.path):
            yield self.connection()

    def close(self) -> None:
        """Close the connections of all threads; the next call opens new ones."""
        with self._lock:
            handles = list(self._handles)
            self._handles.clear()
        for handle in handles:
            if handle.pid == os.getpid():
                handle.connection.close()
        self._local = threading.local()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        _configure(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise SystemError_(
            f"{path} cannot be kept with a write-ahead log (SQLite offers {mode!r}).",
            hint="Put the project on a local disk; network file systems do not keep SQLite's locks.",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")


def _create(path: Path, migrations: Sequence[Migration]) -> None:
    """Build the database aside and link it to its name, so that nobody sees it without its tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{new_token()}.new")
    connection = _connect(aside)
    try:
        migrate(connection, aside, migrations)
    finally:
        connection.close()
    # The file is opened here while no connection to it is: closing a second descriptor would drop SQLite's locks.
    _sync(aside)
    try:
        os.link(aside, path)
    except FileExistsError:
        pass  # Another process was first; theirs is as good.
    finally:
        aside.unlink()
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's exceptions into ours."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise ConflictError(
            f"the {path.stem} {path.name} refused a row: {error}.", hint=f"Read the {path.stem} again."
        ) from error
    except sqlite3.OperationalError as error:
        raise _operational(path, error) from error
    except sqlite3.DatabaseError as error:
        raise DamageError(f"the {path.stem} {path} cannot be read: {error}.", hint=_way_back(path)) from error
    except OSError as error:
        raise SystemError_(f"the {path.stem} {path} cannot be opened: {error.strerror}.") from error


def _way_back(path: Path) -> str:
    if path.stem == "state":
        return "Restore state.db from a backup, or put it aside and rebuild it from the lake: entrepot doctor --accept-loss"
    return f"Restore {path.name} from a backup."


def _operational(path: Path, error: sqlite3.OperationalError) -> SystemError_:
    if "locked" in str(error) or "busy" in str(error):
        return SystemError_(
            f"the {path.stem} {path} was locked by another process for {BUSY_TIMEOUT_MS / 1000:g} s.",
            hint="Look for a stopped process that has it open (lsof), then run again.",
        )
    return SystemError_(
        f"the {path.stem} {path} failed: {error}.", hint="Look at free space and permissions of its folder."
    )
