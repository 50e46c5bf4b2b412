"""Stopping a run: asked for from any thread, honoured between flows and between batches, never within one."""

from __future__ import annotations

import threading


class CancelToken:
    """One run's wish to stop; the first reason stays."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._reason = ""

    def cancel(self, reason: str) -> None:
        """Ask the run to stop after the batches that are under way."""
        with self._lock:
            if not self._event.is_set():
                self._reason = reason
                self._event.set()

    def is_cancelled(self) -> bool:
        """True once somebody has asked."""
        return self._event.is_set()

    @property
    def reason(self) -> str:
        """Why; empty before."""
        return self._reason


NEVER = CancelToken()
"""Nobody cancels this one."""
