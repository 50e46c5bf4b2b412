"""Progress of a run: bars with rows, bytes, rate and time left on a terminal; plain lines now and then when piped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from entrepot.app.cli.output import console
from entrepot.kernel.events import Emit, Event, ignore

LINE_EVERY_S = 10.0
"""Between two lines about the same flow when piped."""
_SETTLING_S = 1.5
"""After this long without new rows the flow is judging the whole and writing."""
_SURE_AFTER_S = 1.0
"""Before, nobody can tell how much time is left."""


@dataclass(slots=True)
class _Flow:
    task: TaskID | None = None
    rows: int = 0
    size: int = 0
    total: int | None = None
    started: float = field(default_factory=time.monotonic)
    read_at: float = field(default_factory=time.monotonic)

    def begin(self, total: int | None) -> None:
        """A new batch."""
        self.total = total
        self.rows = self.size = 0
        self.started = self.read_at = time.monotonic()

    def add(self, rows: int, size: int) -> None:
        """Rows have been read."""
        self.rows += rows
        self.size += size
        self.read_at = time.monotonic()

    @property
    def known_total(self) -> int | None:
        """The size that all will have; None when it is not known: compressed files are larger than they look."""
        return self.total if self.total and self.size <= self.total * 1.05 else None

    @property
    def is_settling(self) -> bool:
        """True when all is read, or seems to be, and is being written."""
        return self.rows > 0 and time.monotonic() - self.read_at > _SETTLING_S

    def figures(self) -> str:
        """Rows, bytes, rate and time left, as far as they are known."""
        if not self.rows:
            return ""
        seconds = max(self.read_at - self.started, 0.001)
        total = self.known_total
        size = f"{self.size / 1e6:,.0f}" + (f" of {total / 1e6:,.0f} MB" if total else " MB")
        parts = [f"{self.rows:,} rows", size, f"{self.rows / seconds:,.0f} rows/s"]
        if self.is_settling:
            parts.append("writing")
        elif total and seconds > _SURE_AFTER_S:
            parts.append(f"{say_seconds(seconds * max(total - self.size, 0) / self.size)} left")
        return "  ".join(parts)


@contextmanager
def shown(*, quiet: bool) -> Iterator[Emit]:
    """A listener for the run's events that shows them as the output allows."""
    if quiet:
        yield ignore
    elif console.is_terminal:
        with _Bars() as bars:
            yield bars.listen
    else:
        yield _Lines().listen


def say_seconds(seconds: float) -> str:
    """A duration as one says it: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class _Lines:
    """A line per event that matters, and one every few seconds while a long batch is read."""

    def __init__(self) -> None:
        self._flows: dict[str, _Flow] = {}
        self._told: dict[str, float] = {}
        self._lock = threading.Lock()

    def listen(self, event: Event) -> None:
        """Print what the event says."""
        with self._lock:
            line = self._line(event)
        if line:
            print(line, flush=True)

    def _line(self, event: Event) -> str | None:
        data, name = event.data, event.subject
        match event.name:
            case "batch_planned":
                self._flows.setdefault(name, _Flow()).begin(data["bytes"])
                self._told[name] = time.monotonic()
            case "rows_read":
                return self._read(name, data["rows"], data["bytes"])
            case "batch_settled":
                counts = f"received {data['received']:,}, accepted {data['accepted']:,}, rejected {data['rejected']:,}"
                return f"{name}: batch {data['batch']}: {counts}, duplicate {data['duplicate']:,}"
            case "file_refused":
                return f"{name}: refused {data['file']}: {data['reason']}"
            case "file_duplicate":
                return f"{name}: {data['file']} was taken already ({data.get('before', '')})"
            case "file_ignored":
                return f"{name}: {data['file']} stays in incoming/: {data['reason']}"
            case "receipt_missing":
                return f"{name}: the receipt of {data['file']} ({data['outcome']}) cannot be written: {data['reason']}"
            case "records_left_out":
                return f"{name}: {sum(data.values()):,} record(s) left out as options say ({', '.join(f'{k} {n:,}' for k, n in data.items() if n)})"
            case "release_published":
                return f"release {name} published"
        return None

    def _read(self, name: str, rows: int, size: int) -> str | None:
        flow = self._flows.setdefault(name, _Flow())
        flow.add(rows, size)
        if time.monotonic() - self._told.get(name, flow.started) < LINE_EVERY_S:
            return None
        self._told[name] = time.monotonic()
        return f"{name}: {flow.figures().replace('  ', ', ')}"


class _Figures(ProgressColumn):
    """The flow's figures, drawn anew at every refresh so that a pause shows."""

    def render(self, task: Task) -> Text:
        """The figures in one line."""
        flow: _Flow = task.fields["flow"]
        return Text(flow.figures(), no_wrap=True, overflow="ellipsis")


class _Bars:
    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24 if console.width >= 110 else 8),
            _Figures(),
            console=console,
            transient=True,
        )
        self._flows: dict[str, _Flow] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def listen(self, event: Event) -> None:
        """Move the bar of the flow that the event is about."""
        with self._lock:
            flow = self._flows.setdefault(event.subject, _Flow())
            match event.name:
                case "node_started":
                    flow.task = self._progress.add_task(event.subject, total=None, flow=flow)
                case "batch_planned":
                    flow.begin(event.data["bytes"])
                case "rows_read":
                    flow.add(event.data["rows"], event.data["bytes"])
                case "file_refused":
                    self._say("red", "refused", f"{event.data['file']}: {event.data['reason']}")
                case "file_duplicate":
                    self._say("yellow", "already taken", str(event.data["file"]))
                case "file_ignored":
                    self._say("yellow", "not taken", f"{event.data['file']}: {event.data['reason']}")
                case "receipt_missing":
                    self._say("yellow", "no receipt", f"{event.data['file']}: {event.data['reason']}")
                case "records_left_out":
                    self._say(
                        "yellow",
                        "left out",
                        f"{sum(event.data.values()):,} record(s) of {event.subject}, as options say",
                    )
                case "node_ended" if flow.task is not None:
                    self._progress.remove_task(flow.task)
                    flow.task = None
            if flow.task is not None:
                total = flow.known_total
                self._progress.update(flow.task, total=total, completed=min(flow.size, total) if total else 0)

    def _say(self, style: str, word: str, text: str) -> None:
        self._progress.console.print(Text(word, style=style), Text(text), soft_wrap=True)
