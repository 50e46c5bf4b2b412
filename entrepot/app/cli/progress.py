"""Progress of a run: bars with rows, bytes, rate and time left on a terminal, a line per batch when piped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from entrepot.app.cli.output import console
from entrepot.kernel.events import Emit, Event, ignore


@dataclass(slots=True)
class _Flow:
    task: TaskID | None = None
    rows: int = 0
    size: int = 0
    total: int | None = None
    started: float = field(default_factory=time.monotonic)


@contextmanager
def shown(*, quiet: bool) -> Iterator[Emit]:
    """A listener for the run's events that shows them as the output allows."""
    if quiet:
        yield ignore
    elif console.is_terminal:
        with _Bars() as bars:
            yield bars.listen
    else:
        yield _print_line


def _print_line(event: Event) -> None:
    data = event.data
    match event.name:
        case "batch_settled":
            print(
                f"{event.subject}: batch {data['batch']}: received {data['received']:,}, accepted {data['accepted']:,}, "
                f"rejected {data['rejected']:,}, duplicate {data['duplicate']:,}",
                flush=True,
            )
        case "file_refused":
            print(f"{event.subject}: refused {data['file']}: {data['reason']}", flush=True)
        case "file_duplicate":
            print(f"{event.subject}: {data['file']} was taken already ({data.get('before', '')})", flush=True)
        case "release_published":
            print(f"release {event.subject} published", flush=True)


class _Bars:
    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
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
                    flow.task = self._progress.add_task(event.subject, total=None, figures="")
                case "batch_planned":
                    flow.total = event.data["bytes"]
                    flow.rows = flow.size = 0
                    flow.started = time.monotonic()
                case "rows_read":
                    flow.rows += event.data["rows"]
                    flow.size += event.data["bytes"]
                case "file_refused":
                    self._progress.console.print(
                        f"[red]refused[/] {event.data['file']}: {event.data['reason']}", soft_wrap=True
                    )
                case "file_duplicate":
                    self._progress.console.print(f"[yellow]already taken[/] {event.data['file']}", soft_wrap=True)
                case "node_ended" if flow.task is not None:
                    self._progress.remove_task(flow.task)
                    flow.task = None
            self._draw(flow)

    def _draw(self, flow: _Flow) -> None:
        if flow.task is None:
            return
        seconds = max(time.monotonic() - flow.started, 0.001)
        figures = (
            f"{flow.rows:,} rows  {flow.size / 1e6:,.0f} MB  {flow.rows / seconds:,.0f} rows/s" if flow.rows else ""
        )
        done = min(flow.size, int(flow.total * 0.99)) if flow.total else 0
        self._progress.update(flow.task, total=flow.total, completed=done, figures=figures)
