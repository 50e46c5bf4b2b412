"""Upkeep between transactions: the log is folded into the database, and what is no longer needed is removed in small pieces."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from entrepot.kernel.errors import EntrepotError

IDLE_LOG_BYTES = 1_000_000
BUSY_LOG_BYTES = 16_000_000
"""From here on the log is folded in also when there is much to do; that stops nobody."""
FULL_LOG_BYTES = 64_000_000
"""From here on it is cut back, which stops those who write for a moment: without it, it would grow as long as there is load."""
BLOCKED_TURNS = 10
"""After so many turns in which a reader kept the log from being folded in, it is told."""

_log = logging.getLogger("entrepot.inbox")


class Upkeep:
    """A thread that takes a turn every second."""

    def __init__(
        self,
        path: Path,
        connect: Callable[[], sqlite3.Connection],
        clean: Callable[[], int],
        is_idle: Callable[[], bool],
        every_s: float = 1.0,
    ) -> None:
        self._log_file = path.with_name(f"{path.name}-wal")
        self._connect = connect
        self._clean = clean
        self._is_idle = is_idle
        self._every_s = every_s
        self._blocked = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin. Repeatable."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="inbox-upkeep", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End with the turn."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def turn(self) -> None:
        """Remove some of what is no longer needed, then fold in the log if it is time."""
        while self._clean() and not self._stop.is_set():
            if not self._is_idle():
                break
        size = self._size()
        if size > FULL_LOG_BYTES:
            self._fold("PASSIVE")
            self._fold("TRUNCATE")
        elif size > (IDLE_LOG_BYTES if self._is_idle() else BUSY_LOG_BYTES):
            self._fold("PASSIVE")

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.turn()
            except EntrepotError as error:
                # The disk is full, or somebody else writes: the next turn tries again.
                _log.warning("upkeep of the inbox had to wait: %s", error.message)
            except Exception:
                _log.exception("upkeep of the inbox failed")

    def _fold(self, how: str) -> None:
        connection = self._connect()
        # A checkpoint that waits for readers keeps out those who write: it waits only briefly.
        connection.execute("PRAGMA busy_timeout = 100")
        try:
            busy, pages, folded = connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        finally:
            connection.execute("PRAGMA busy_timeout = 5000")
        if how == "TRUNCATE":
            self._blocked = self._blocked + 1 if busy else 0
            if self._blocked and self._blocked % BLOCKED_TURNS == 0:
                _log.warning(
                    "the log of the inbox could not be cut back for %s s (%s of %s pages folded in): a reader holds it",
                    self._blocked * self._every_s,
                    folded,
                    pages,
                )

    def _size(self) -> int:
        try:
            return self._log_file.stat().st_size
        except FileNotFoundError:
            return 0
