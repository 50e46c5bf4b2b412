"""Calls of hooks carried out: messages of the outbox, commands, reports. At least once each, with an id by which a second time is known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from entrepot.kernel.errors import EntrepotError, RunError, SystemError_
from entrepot.kernel.events import Emit, Event, ignore
from entrepot.kernel.ids import hash_text
from entrepot.ports.clock import Clock
from entrepot.ports.outbox import Draft, Enqueued
from entrepot.ports.schedule import Call, ScheduleStore

ATTEMPTS = 8
_HOLD_S = 900.0
"""A call that somebody makes is not given to others for so long; longer than any time limit."""
_WAITS_S = (10, 60, 300, 900, 1800, 3600, 3600)
_AT_ONCE = 4
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME")
"""All that a command gets of our environment: secrets may stand in the rest."""


class Enqueue(Protocol):
    """`ports.outbox.Outbox.enqueue`."""

    def __call__(self, drafts: Sequence[Draft], *, who: str = "") -> Sequence[Enqueued]:
        """Store messages, durably; one that came before is not stored again."""
        ...


SendReport = Callable[[Mapping[str, Any], int | None, str], None]
"""Renders and sends a report: the order, the release, the id of the call."""


class Sender:
    """Makes calls whose time has come.

    Args: enqueue: of the outbox; None: this process has none, and such calls wait. send_report: likewise.
    """

    def __init__(
        self,
        store: ScheduleStore,
        clock: Clock,
        root: Path,
        *,
        enqueue: Enqueue | None = None,
        send_report: SendReport | None = None,
        emit: Emit = ignore,
    ) -> None:
        self._store = store
        self._clock = clock
        self._root = root
        self._enqueue = enqueue
        self._send_report = send_report
        self._emit = emit

    def has_work(self) -> bool:
        """True when a call is due."""
        due = self._store.next_call()
        return due is not None and due <= self._clock.now()

    def work(self) -> int:
        """Make all that is due, a few at once; returns how many were tried."""
        tried = 0
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="hook") as pool:
            while calls := self._store.take_calls(self._clock.now(), _AT_ONCE, _HOLD_S):
                tried += len(list(pool.map(self._make, calls)))
        return tried

    def _make(self, call: Call) -> None:
        try:
            self._carry_out(call)
        except (EntrepotError, OSError) as error:
            self._put_off(call, error)
        else:
            self._store.note_call(replace(call, done_at=self._clock.now(), error=None))

    def _put_off(self, call: Call, error: EntrepotError | OSError) -> None:
        now = self._clock.now()
        said = str(error)[:500] if isinstance(error, EntrepotError) else f"{error.strerror or type(error).__name__}"
        is_over = call.attempts >= ATTEMPTS
        wait = timedelta(seconds=_WAITS_S[min(call.attempts, len(_WAITS_S)) - 1])
        self._store.note_call(replace(call, error=said, next_at=now + wait, done_at=now if is_over else None))
        self._emit(
            Event(
                "hook_given_up" if is_over else "hook_failed", call.id, {"attempts": call.attempts, "event": call.event}
            )
        )

    def _carry_out(self, call: Call) -> None:
        target = call.target
        if "command" in target:
            run_command(target["command"], float(target.get("time_limit_s", 30)), self._environment(call), self._root)
        elif "report" in target:
            if self._send_report is None:
                raise SystemError_("nobody sends reports in this process.")
            self._send_report(target["report"], call.body.get("release"), call.id)
        else:
            self._put_out(call, str(target.get("webhook") or target.get("message")))

    def _put_out(self, call: Call, integration: str) -> None:
        if self._enqueue is None:
            raise SystemError_(
                f"the hook to {integration} needs the outbox, which this process has not.",
                hint="Start it with: entrepot up",
            )
        body = json.dumps({**call.body, "id": call.id}, ensure_ascii=False, sort_keys=True).encode()
        # the facts too: a schedule that began anew counts its firings from 1 again
        reference = f"hook/{call.id}/{hash_text(body.decode())}"
        draft = Draft(integration, body, reference=reference, type=f"entrepot.run.{call.event}")
        self._enqueue([draft], who="hooks")

    def _environment(self, call: Call) -> dict[str, str]:
        """The facts as `ENTREPOT_…`, all of them as JSON in `ENTREPOT_FACTS`."""
        facts = {
            key: "" if value is None else str(value)
            for key, value in call.body.items()
            if not isinstance(value, dict | list)
        }
        own = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        told = {f"ENTREPOT_{key.upper()}": value for key, value in facts.items()}
        return {**own, **told, "ENTREPOT_CALL": call.id, "ENTREPOT_FACTS": json.dumps(call.body, ensure_ascii=False)}


def run_command(argv: Sequence[str], limit_s: float, environment: Mapping[str, str], folder: Path) -> None:
    """Run a program without a shell; it and all that it started are killed at the time limit.

    Raises: RunError when it fails or takes too long; its output is not kept.
    """
    try:
        process = subprocess.Popen(
            list(argv), env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise RunError(f"the command {argv[0]} cannot be started: {error.strerror}.") from error
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise RunError(f"the command {argv[0]} took longer than {limit_s:g} s and was stopped.") from error
    if code != 0:
        raise RunError(f"the command {argv[0]} ended with code {code}.")
