"""Work that goes on after its request was answered: operations with progress, and numbered receipts of what they did.

An operation is a file. One whose process has died is `interrupted`: what it had done stays done (each step is repeatable), and
doing it again with a new preview finishes it.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from entrepot.app.clock import is_alive, process_holder
from entrepot.app.http.errors import TooBusy
from entrepot.app.http.hub import EventHub
from entrepot.app.papers import Papers
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.ids import new_run_id
from entrepot.ports.clock import Clock
from entrepot.runner.execute import say_trace

MOST_AT_ONCE = 2
MOST_WAITING = 100
KEPT = 2_000
"""Operations that can be asked for; their receipts stay for ever."""
MOST_LINES = 10_000
"""Of a receipt; more are counted."""
SAY_EVERY = 50


@dataclass(frozen=True, slots=True)
class Line:
    """What was done to one thing."""

    subject: str
    outcome: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation did."""

    counts: Mapping[str, int]
    lines: Sequence[Line] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    failed: str | None = None
    """Why it counts as failed though it came to its end."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as it stands."""

    id: str
    action: str
    who: str
    reason: str
    status: str
    """`waiting`, `running`, `succeeded`, `failed`, `interrupted`."""
    made_at: str
    done: int = 0
    total: int | None = None
    ended_at: str | None = None
    receipt: str | None = None
    error: Mapping[str, str | None] | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    holder: str = ""


Progress = Callable[[int, int | None], None]
Work = Callable[[Progress], Done]


class Operations:
    """Called from several threads."""

    def __init__(self, runtime: Path, clock: Clock, hub: EventHub) -> None:
        self._operations = Papers(runtime / "operations")
        self.receipts = Papers(runtime / "receipts")
        self._clock = clock
        self._hub = hub
        self._holder = process_holder()
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="operation")
        self._lock = threading.Lock()
        self._going: dict[str, Operation] = {}

    def start(self, action: str, who: str, work: Work, *, reason: str = "", total: int | None = None) -> Operation:
        """Begin; the operation is known durably before this returns. Raises: TooBusy when too many wait."""
        if len(self._going) >= MOST_WAITING:
            raise TooBusy(f"{MOST_WAITING} operations wait already.", hint="See them: GET /api/v1/operations")
        now = self._clock.now()
        id = f"op-{new_run_id(now)}"
        operation = Operation(id, action, who, reason, "waiting", now.isoformat(), total=total, holder=self._holder)
        self._keep(operation)
        for old in self._operations.names()[KEPT:]:
            self._operations.take(old)
        self._pool.submit(self._carry_out, operation, work)
        return operation

    def find(self, id: str) -> Operation | None:
        """The operation as it stands."""
        with self._lock:
            if id in self._going:
                return self._going[id]
        paper = self._operations.read(id)
        if paper is None:
            return None
        found = Operation(**paper)
        is_left = found.status in ("waiting", "running") and not is_alive(found.holder)
        return replace(found, status="interrupted") if is_left else found

    def list(self) -> list[str]:
        """Ids, newest first."""
        return self._operations.names()

    def close(self) -> None:
        """Take nothing new; what is going ends with the process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _carry_out(self, operation: Operation, work: Work) -> None:
        operation = self._keep(replace(operation, status="running"))

        def progress(done: int, total: int | None) -> None:
            with self._lock:
                self._going[operation.id] = replace(self._going[operation.id], done=done, total=total)
            if done % SAY_EVERY == 0 or done == total:
                self._tell(self._going[operation.id])

        try:
            done = work(progress)
        except EntrepotError as error:
            self._end(operation, Done({}, failed=error.message), _error(error))
        except Exception as error:  # a mistake of ours: said without its text, which may hold values
            said = {"code": "internal", "message": type(error).__name__, "hint": say_trace(error)[-2_000:]}
            self._end(operation, Done({}, failed=said["message"]), said)
        else:
            self._end(operation, done, None)

    def _end(self, operation: Operation, done: Done, error: Mapping[str, str | None] | None) -> None:
        with self._lock:
            operation = self._going[operation.id]
        now = self._clock.now()
        receipt = write_receipt(self.receipts, operation, done, now)
        failed = done.failed is not None
        if failed and error is None:
            error = {"code": "operation.failed", "message": done.failed, "hint": None}
        ended = replace(
            operation,
            status="failed" if failed else "succeeded",
            ended_at=now.isoformat(),
            receipt=receipt,
            error=error,
            result=done.result,
            done=operation.total if not failed and operation.total else operation.done,
        )
        self._keep(ended)
        with self._lock:
            self._going.pop(operation.id, None)

    def _keep(self, operation: Operation) -> Operation:
        self._operations.write(operation.id, asdict(operation))
        with self._lock:
            self._going[operation.id] = operation
        self._tell(operation)
        return operation

    def _tell(self, operation: Operation) -> None:
        data = {"status": operation.status, "done": operation.done, "total": operation.total}
        self._hub.publish(f"operation.{operation.id}", "operation_changed", operation.id, data)


def write_receipt(receipts: Papers, operation: Operation, done: Done, at: datetime) -> str:
    """Write the next receipt; it names the one before and its hash, so that none can be changed or taken out unseen."""

    def make(name: str) -> Mapping[str, Any]:
        before = receipts.read(_number(int(name.removeprefix("RC-")) - 1)) or {}
        content: dict[str, Any] = {
            "id": name,
            "action": operation.action,
            "who": operation.who,
            "reason": operation.reason,
            "at": at.isoformat(),
            "operation": operation.id,
            "succeeded": done.failed is None,
            "counts": dict(done.counts),
            "lines": [asdict(line) for line in done.lines[:MOST_LINES]],
            "more_lines": max(len(done.lines) - MOST_LINES, 0),
            "before": before.get("sha256"),
        }
        return content | {"sha256": hash_receipt(content)}

    return receipts.add(_number, make)


def hash_receipt(content: Mapping[str, Any]) -> str:
    """The hash of a receipt without its own hash."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _number(number: int) -> str:
    return f"RC-{number:06d}"


def _error(error: EntrepotError) -> Mapping[str, str | None]:
    return {"code": error.code, "message": error.message, "hint": error.hint}
