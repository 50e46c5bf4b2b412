"""What a run did, step by step, as lines of JSON beside the project: a log for people, which nothing else depends on.

Each run has `logs/runs/RUN.ndjson`. The steps of the commit protocol come from its named instants (`kernel.points`), which are reached in the
thread that advances a flow; everything else from the events. Counts, names and ids, never a record's values.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from entrepot.kernel.events import Event
from entrepot.kernel.points import install_hook, remove_hook
from entrepot.ports.clock import Clock

KEPT = 2_000
"""Logs of so many runs stay."""
READ_EVERY_S = 2.0
STEPS = ("claim", "plan", "stage", "quarantine", "main", "settle", "acknowledge", "judge", "release")
COMMIT_POINT = "main"
MOST_LINES = 2_000
_ERRORS = frozenset({"node_crashed", "file_refused"})
_WARNINGS = frozenset({"release_held", "receipt_missing", "file_ignored", "records_left_out"})
_HIDDEN = frozenset({"traceback"})


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line."""

    at: datetime
    level: str
    """`debug`, `info`, `warning`, `error`."""
    flow: str
    """Empty: the run as a whole."""
    event: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step of the protocol, of one batch of a flow; of the whole run with an empty flow."""

    flow: str
    batch: int | None
    step: str
    attempt: int
    started_at: datetime
    seconds: float | None
    """None: it has not come to its end."""


class RunLog:
    """Writes one run's log. Called from several threads."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._flows: dict[int, str] = {}
        self._said: dict[str, float] = {}
        self._main = threading.get_ident()
        self._is_worth_keeping = False
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def listen(self, event: Event) -> None:
        """Note a fact; of rows that are read only now and then."""
        if event.name == "node_started":
            self._flows[threading.get_ident()] = event.subject
        elif event.name == "node_ended":
            self._flows.pop(threading.get_ident(), None)
        elif event.name == "rows_read" and not self._is_time(event.subject):
            return
        failed = event.name == "node_ended" and event.data.get("verdict") == "failed"
        level = "error" if failed or event.name in _ERRORS else "warning" if event.name in _WARNINGS else "info"
        if event.name not in ("node_started", "node_ended", "rows_read") or failed:
            self._is_worth_keeping = True
        data = {name: value for name, value in event.data.items() if name not in _HIDDEN}
        self._write("debug" if event.name == "rows_read" else level, event.subject, event.name, data)

    def reached(self, point: str) -> None:
        """Note an instant of the protocol, when it is one of a flow of this run."""
        me = threading.get_ident()
        step = point.partition(".")[0]
        flow = self._flows.get(me)
        if flow is None and not (me == self._main and step in ("judge", "release")):
            return
        self._write("debug", flow or "", "point", {"point": point})

    def close(self) -> None:
        """End the log; that of a run in which nothing happened is taken away."""
        with self._lock:
            self._file.close()
        if not self._is_worth_keeping:
            self._path.unlink(missing_ok=True)

    def _is_time(self, flow: str) -> bool:
        now = time.monotonic()
        if now - self._said.get(flow, float("-inf")) < READ_EVERY_S:
            return False
        self._said[flow] = now
        return True

    def _write(self, level: str, flow: str, event: str, data: Mapping[str, Any]) -> None:
        line = {"at": self._clock.now().isoformat(), "level": level, "flow": flow, "event": event, "data": data}
        with self._lock:
            if not self._file.closed:
                self._file.write(json.dumps(line, default=str) + "\n")
                self._file.flush()


@contextmanager
def recorded(folder: Path, run: str, clock: Clock, listeners: list[Any]) -> Iterator[None]:
    """Write the log of a run while a block runs. Args: listeners: the platform's; ours is among them meanwhile."""
    try:
        log = RunLog(_path(folder, run), clock)
    except OSError:  # a run does not fail for want of a log
        yield
        return
    listeners.append(log.listen)
    install_hook(log.reached)
    try:
        yield
    finally:
        remove_hook(log.reached)
        listeners.remove(log.listen)
        log.close()
        _tidy(folder)


def read_lines(
    folder: Path,
    run: str,
    after: int = 0,
    *,
    limit: int = MOST_LINES,
    levels: frozenset[str] | None = None,
    flow: str | None = None,
) -> tuple[list[LogLine], int | None]:
    """Lines from a place in the file on, and the place where it goes on; None at the end."""
    path = _path(folder, run)
    if not path.is_file():
        return [], None
    found: list[LogLine] = []
    with path.open("rb") as file:
        file.seek(after)
        for text in file:
            if not text.endswith(b"\n"):  # being written
                break
            after += len(text)
            line = _parse(text)
            if line is None or (levels and line.level not in levels) or (flow is not None and line.flow != flow):
                continue
            found.append(line)
            if len(found) == limit:
                return found, after
    return found, None


def read_steps(folder: Path, run: str) -> list[StepTaken]:
    """The steps of a run, in the order in which they began."""
    open_steps: dict[tuple[str, str], tuple[datetime, int | None]] = {}
    batches: dict[str, int] = {}
    attempts: dict[tuple[str, int | None, str], int] = {}
    found: list[StepTaken] = []
    for line in _all_lines(folder, run):
        if line.event == "batch_planned":
            batches[line.flow] = int(line.data["batch"])
            found[:] = [_with_batch(step, line.flow, batches[line.flow]) for step in found]
            continue
        if line.event != "point":
            continue
        step, _, side = str(line.data["point"]).partition(".")
        key = (line.flow, step)
        batch = None if step in ("claim", "plan") else batches.get(line.flow)
        if side == "before":
            open_steps[key] = (line.at, batch)
        elif side == "after" and key in open_steps:
            started, batch = open_steps.pop(key)
            attempt = attempts[(line.flow, batch, step)] = attempts.get((line.flow, batch, step), 0) + 1
            found.append(
                StepTaken(line.flow, batch, step, attempt, started, round((line.at - started).total_seconds(), 6))
            )
    found += [
        StepTaken(flow, batch, step, attempts.get((flow, batch, step), 0) + 1, started, None)
        for (flow, step), (started, batch) in open_steps.items()
    ]
    return sorted(found, key=lambda each: each.started_at)


def _with_batch(step: StepTaken, flow: str, batch: int) -> StepTaken:
    """Claiming and planning come before the batch has its number."""
    if step.flow != flow or step.batch is not None or step.step not in ("claim", "plan"):
        return step
    return StepTaken(flow, batch, step.step, step.attempt, step.started_at, step.seconds)


def _all_lines(folder: Path, run: str) -> Iterator[LogLine]:
    after: int | None = 0
    while after is not None:
        lines, after = read_lines(folder, run, after)
        yield from lines


def _parse(text: bytes) -> LogLine | None:
    try:
        value = json.loads(text)
        return LogLine(
            datetime.fromisoformat(value["at"]), value["level"], value["flow"], value["event"], value["data"]
        )
    except (ValueError, KeyError, TypeError):  # a line that a power cut left behind
        return None


def _path(folder: Path, run: str) -> Path:
    return folder / f"{Path(run).name}.ndjson"


def _tidy(folder: Path) -> None:
    """Names begin with the time, so that the least are the oldest."""
    logs = sorted(folder.glob("*.ndjson"))
    for path in logs[: max(len(logs) - KEPT, 0)]:
        path.unlink(missing_ok=True)
