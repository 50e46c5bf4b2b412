"""Keeps processing one integration until it is told to stop: alone among all processes, awake when something came."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from entrepot.flow.flow import Services
from entrepot.flow.lease import held
from entrepot.intake.gateway.processing.processor import Processor
from entrepot.kernel.errors import BusyError, EntrepotError, UnexpectedError
from entrepot.kernel.events import Event

POLL_S = 0.25
"""How long what another process stored may wait."""
ROUND_S = 0.1
"""Between the beginnings of two rounds, while they are small: a round costs as much for one record as for a hundred."""
FULL_ROUND = 1_000
_BUSY_S = 1.0
_TROUBLE_S = 1.0


def lease_name(integration: str) -> str:
    """The lease under which an integration's records are processed."""
    return f"inbox:{integration}"


class ProcessingLoop:
    """One integration's processing, in a thread of whoever calls `run`.

    Args:
        make: a processor; called each time the lease is taken. It gets a question that must be asked before anything is written.
    """

    def __init__(
        self,
        integration: str,
        services: Services,
        make: Callable[[Callable[[], bool]], Processor],
        *,
        poll_s: float = POLL_S,
    ) -> None:
        self._integration = integration
        self._services = services
        self._make = make
        self._poll_s = poll_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._looks_again = False
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why records wait that could otherwise be processed; None when nothing is wrong."""
        return self._trouble

    def wake(self, *, replayed: bool = False) -> None:
        """Something came; with `replayed`, behind the newest record. From any thread."""
        self._looks_again = self._looks_again or replayed
        self._wake.set()

    def stop(self) -> None:
        """End `run` soon; what is under way stays `just_in`. From any thread."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Process until stopped."""
        while not self._stop.is_set():
            try:
                with held(lease_name(self._integration), self._services):
                    self._hold()
            except BusyError:
                self._stop.wait(_BUSY_S)
            except EntrepotError as error:
                self._note(error)
                self._stop.wait(_TROUBLE_S)
            except Exception as error:  # a bug of ours: what was under way is `just_in` still, so going on does no harm
                self._note(_unexpected(error))
                self._stop.wait(_TROUBLE_S)

    def _hold(self) -> None:
        """Process as long as the lease is ours."""
        processor = self._make(self._is_ours)
        try:
            while not self._stop.is_set() and self._is_ours():
                self._turn(processor)
        finally:
            processor.close()

    def _turn(self, processor: Processor) -> None:
        if self._looks_again:
            self._looks_again = False
            processor.look_again()
        self._wake.clear()
        began = time.monotonic()
        try:
            done = processor.turn()
        except EntrepotError as error:
            self._note(error)
            self._stop.wait(_TROUBLE_S)
            return
        self._trouble = None
        if 0 < done < FULL_ROUND:
            self._stop.wait(max(0.0, ROUND_S - (time.monotonic() - began)))
        if not done and not processor.under_way and not self._stop.is_set():
            self._wake.wait(self._poll_s)

    def _is_ours(self) -> bool:
        return self._services.state.lease_holder(lease_name(self._integration)) == self._services.holder

    def _note(self, error: EntrepotError) -> None:
        """Say it once, not every second."""
        if self._trouble != str(error):
            self._trouble = str(error)
            self._services.emit(
                Event("processing_stopped", self._integration, {"code": error.code, "error": str(error)})
            )


def _unexpected(error: Exception) -> UnexpectedError:
    """Its kind and where it was raised; its text may hold values of records."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    at = f" at {Path(step.tb_frame.f_code.co_filename).name}:{step.tb_lineno}" if step else ""
    return UnexpectedError(
        f"processing failed with {type(error).__name__}{at}, which is a fault of the platform.",
        hint="Its records wait and are tried again; please report it.",
    )
