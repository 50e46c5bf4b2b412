"""`python -m benchmarks.gateway.live [--rates 500,2000] [--seconds 20] [--batch 1]`: how long from an event to its KPI, in one process.

Events are sent over HTTP at a steady rate, each with a reference; another thread looks at the newest release and counts the events in the KPI. As
events are taken in order, the n-th is visible when the KPI counts n. With `--slow-handler` a second integration's handler sleeps
meanwhile: the first one's answers must not notice. Every event must be visible at the end, or the benchmark fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from benchmarks.measure import REPOSITORY

sys.path.insert(0, str(REPOSITORY))
CONNECTIONS = 16
SLOW = {
    "sources/slow.yaml": "connector: inbox\ndataset: bronze.events\noptions: {auth: none, handler: slow, reference: {body: number}}\n",
    "handlers/slow.py": "import time\n\n\ndef handle(record):\n    time.sleep(5)\n    return []\n",
}


@dataclass(slots=True)
class Sending:
    """What was sent and when it was seen."""

    sent: list[float] = field(default_factory=list)
    answered_s: list[float] = field(default_factory=list)
    seen: list[tuple[float, int]] = field(default_factory=list)
    """When it was looked, and how many events the KPI counted then."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rate. Units: events a second; seconds from sending to the release; milliseconds to the answer; cores."""

    rate: int
    batch: int
    is_slow: bool
    kpi_p50_s: float
    kpi_p95_s: float
    kpi_max_s: float
    answer_p50_ms: float
    answer_p99_ms: float
    rounds: int
    cores: float
    memory_mb: float
    load: float


def main() -> int:
    """Measure each rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rates", default="500,2000", help="events a second, separated by commas")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1, help="events in a request")
    parser.add_argument("--slow-handler", action="store_true", help="beside it an integration whose handler sleeps 5 s")
    options = parser.parse_args()
    print("   rate batch slow   KPI p50    p95    max s   answer p50    p99 ms  rounds cores    MB  load")
    rows = []
    for rate in map(int, options.rates.split(",")):
        row = measure(rate, options.seconds, options.batch, is_slow=options.slow_handler)
        rows.append(row)
        print(
            f"{row.rate:7,} {row.batch:5} {'yes' if row.is_slow else 'no':>4} {row.kpi_p50_s:9.2f} {row.kpi_p95_s:6.2f} {row.kpi_max_s:8.2f}"
            f" {row.answer_p50_ms:12.1f} {row.answer_p99_ms:9.1f} {row.rounds:7} {row.cores:5.2f} {row.memory_mb:5.0f} {row.load:5.1f}",
            flush=True,
        )
    results = Path(__file__).resolve().parent.parent / "results" / "live.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


def measure(rate: int, seconds: int, batch: int, *, is_slow: bool) -> Row:
    """One rate for so many seconds, on a project of its own."""
    from tests.crash.gateway import free_port, write_project

    with tempfile.TemporaryDirectory(prefix="entrepot-live-") as folder:
        root = Path(folder) / "project"
        write_project(root)
        (root / "entrepot.yaml").write_text("name: live\ntime_zone: UTC\n")
        for name, text in SLOW.items() if is_slow else ():
            (root / name).write_text(text)
        port, sending = free_port(), Sending()
        with _running(root, port) as process:
            if is_slow:
                asyncio.run(_send(port, "slow", 50, 50, 1, Sending()))
            watching = threading.Event()
            watcher = threading.Thread(target=_watch, args=(root, sending, watching, rate * seconds))
            watcher.start()
            before = sum(process.cpu_times()[:2])
            asyncio.run(_send(port, "plain", rate, rate * seconds, batch, sending))
            took = time.perf_counter() - sending.sent[0]
            cores = (sum(process.cpu_times()[:2]) - before) / took
            watching.set()
            watcher.join()
            memory = process.memory_info().rss / 1e6
    waited = sorted(_waits(sending))
    if len(waited) < rate * seconds:
        raise SystemExit(f"only {len(waited):,} of {rate * seconds:,} events reached the KPI")
    answers = sorted(sending.answered_s)
    return Row(
        rate,
        batch,
        is_slow,
        _at(waited, 0.5),
        _at(waited, 0.95),
        waited[-1],
        _at(answers, 0.5) * 1e3,
        _at(answers, 0.99) * 1e3,
        len(sending.seen),
        cores,
        memory,
        os.getloadavg()[0],
    )


@contextmanager
def _running(root: Path, port: int) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "entrepot.app.cli", "up", "--quiet", "--port", str(port), "--project", str(root)]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        time.sleep(8)  # the first run is over, and everything is imported
        yield psutil.Process(started.pid)
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(90)


async def _send(port: int, integration: str, rate: int, count: int, batch: int, sending: Sending) -> None:
    queue: asyncio.Queue[int | None] = asyncio.Queue()
    senders = [asyncio.create_task(_sender(port, integration, queue, batch, sending)) for _ in range(CONNECTIONS)]
    began = time.perf_counter()
    number = 0
    while number < count:
        due = min(count, int((time.perf_counter() - began) * rate))
        while number < due:
            number += 1
            sending.sent.append(time.perf_counter())
            if number % batch == 0:
                queue.put_nowait(number - batch + 1)
        await asyncio.sleep(0.004)
    for _ in senders:
        queue.put_nowait(None)
    await asyncio.gather(*senders)


async def _sender(port: int, integration: str, queue: asyncio.Queue[int | None], batch: int, sending: Sending) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path = f"/api/v1/in/{integration}" + ("/batch" if batch > 1 else "")
    while (first := await queue.get()) is not None:
        lines = [f'{{"number":{n},"kind":"{"abcdef"[n % 6]}","amount":{n % 50}}}' for n in range(first, first + batch)]
        body = "\n".join(lines).encode()
        kind = "application/x-ndjson" if batch > 1 else "application/json"
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        asked = time.perf_counter()
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if answer.split(b" ", 2)[1] not in (b"200", b"202"):
            raise SystemExit(answer.decode())
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        sending.answered_s.append(time.perf_counter() - asked)
    writer.close()


def _watch(root: Path, sending: Sending, ended: threading.Event, count: int) -> None:
    from entrepot.app.project import open_project
    from entrepot.app.wiring import Platform
    from tests.crash.gateway import read_kpi

    platform = Platform(open_project(root), threads=1)
    release: int | None = None
    give_up: float | None = None
    while not (sending.seen and sending.seen[-1][1] >= count):
        if ended.is_set():
            give_up = give_up or time.monotonic() + 60
            if time.monotonic() > give_up:
                return
        newest = platform.state.latest_release()
        if newest is not None and newest.id != release:
            release = newest.id
            sending.seen.append((time.perf_counter(), read_kpi(platform)[0]))
        time.sleep(0.02)


def _waits(sending: Sending) -> Iterator[float]:
    place = 0
    for number, sent in enumerate(sending.sent, 1):
        while place < len(sending.seen) and sending.seen[place][1] < number:
            place += 1
        if place < len(sending.seen):
            yield sending.seen[place][0] - sent


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


if __name__ == "__main__":
    raise SystemExit(main())
