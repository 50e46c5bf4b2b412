"""`python -m benchmarks.gateway [--seconds 4] [--rounds 3] [--peers]`: measure the door, print a table, write `results/gateway.json`.

Servers take turns within each round, so that a busy minute hits them alike. Every record that was acknowledged is counted in the
database afterwards: a server that lost one is a failure, not a row of the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import psutil

from benchmarks.gateway.load import BATCH, Load, run_load
from benchmarks.measure import REPOSITORY
from benchmarks.peers import ensure_environment

CONNECTIONS = (1, 16, 64, 256)
BATCH_CONNECTIONS = (1, 8)
HEAD = f"{'load':8} {'conn':>5}  {'server':12} {'records/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'CPU µs':>7} {'MB':>5} {'× floor':>8}"
RAW = ("raw", "keyed")
TABLES = {"entrepot": ("inbox.db", "records"), "sqlalchemy": ("records.db", "records")}


@dataclass(frozen=True, slots=True)
class Row:
    """One server under one load, the median of the rounds. Units: records a second, milliseconds a request, microseconds of processor a record."""

    kind: str
    connections: int
    server: str
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    memory_mb: float
    ratio: float | None
    """Records a second by those of the floor, the median of the rounds' own ratios."""
    client: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement."""

    load: Load
    records: int
    cpu_us: float
    memory_mb: float


def main() -> int:
    """Measure; 1 when a record was lost."""
    options = _parser().parse_args()
    folder = Path(__file__).resolve().parent.parent
    pythons = {"floor": sys.executable, "entrepot": sys.executable}
    if options.peers:
        pythons["sqlalchemy"] = str(ensure_environment(folder / ".peers", "gateway"))
    rows: list[Row] = []
    loads = [("single", connections, pythons) for connections in CONNECTIONS]
    of_batches = dict.fromkeys(("raw", "keyed", "entrepot"), sys.executable)
    loads += [("batch", connections, of_batches) for connections in BATCH_CONNECTIONS]
    print(HEAD)
    for kind, connections, servers in loads:
        found = _measure(kind, connections, servers, options)
        _print(found)
        rows += found
    results = folder / "results" / "gateway.json"
    results.parent.mkdir(exist_ok=True)
    load = os.getloadavg()[0]
    results.write_text(json.dumps({"load_after": load, "results": [asdict(row) for row in rows]}, indent=1) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gateway", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--peers", action="store_true", help="FastAPI with SQLAlchemy too, in an environment of its own"
    )
    return parser


def _measure(kind: str, connections: int, pythons: dict[str, str], options: argparse.Namespace) -> list[Row]:
    samples: dict[str, list[Sample]] = {name: [] for name in pythons}
    for number in range(options.rounds):
        for name in pythons if number % 2 == 0 else reversed(list(pythons)):
            samples[name].append(_sample(name, pythons[name], kind, connections, options.seconds))
    floor = next(iter(samples.values()))
    return [_row(kind, connections, name, own, floor) for name, own in samples.items()]


def _row(kind: str, connections: int, name: str, own: list[Sample], floor: list[Sample]) -> Row:
    each = BATCH if kind == "batch" else 1
    ratios = [mine.load.per_second / base.load.per_second for mine, base in zip(own, floor, strict=True)]
    return Row(
        kind,
        connections,
        name,
        median(sample.load.per_second for sample in own) * each,
        median(sample.load.p50_ms for sample in own),
        median(sample.load.p99_ms for sample in own),
        median(sample.cpu_us for sample in own),
        max(sample.memory_mb for sample in own),
        None if own is floor else median(ratios),
        own[0].load.client,
    )


def _sample(name: str, python: str, kind: str, connections: int, seconds: float) -> Sample:
    with tempfile.TemporaryDirectory(prefix="gateway-") as text:
        work = Path(text)
        os.sync()
        if name in RAW:
            return _raw(name, work, seconds)
        with _server(name, python, work) as (port, process):
            run_load(port, connections, 0.5, kind, work)
            before, counted = _cpu_s(process), _count(name, work)
            load = run_load(port, connections, seconds, kind, work)
            records = load.requests * (BATCH if kind == "batch" else 1)
            cpu_us = (_cpu_s(process) - before) / max(1, records) * 1e6
            memory_mb = process.memory_info().rss / 1e6
        stored = _count(name, work)
        if stored is not None and counted is not None and stored - counted < records:
            raise SystemExit(f"{name} lost records: {records:,} acknowledged, {stored - counted:,} stored")
        return Sample(load, records, cpu_us, memory_mb)


def _raw(name: str, work: Path, seconds: float) -> Sample:
    command = [sys.executable, "-m", "benchmarks.gateway.raw", name, str(work), str(seconds)]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True).stdout)
    return Sample(Load(said["per_second"] / BATCH, 0, 0, 0, "none"), 0, said["cpu_us"], 0)


@contextmanager
def _server(name: str, python: str, work: Path) -> Iterator[tuple[int, psutil.Process]]:
    command = [python, "-m", "benchmarks.gateway.serve", name, str(work)]
    environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment)
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline()), psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(30)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _count(name: str, work: Path) -> int | None:
    if name not in TABLES:
        return None
    file, table = TABLES[name]
    with sqlite3.connect(work / file) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return found


def _print(rows: list[Row]) -> None:
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(
            f"{row.kind:8} {row.connections:5}  {row.server:12} {row.per_second:10,.0f} {row.p50_ms:8.2f} {row.p99_ms:8.2f} "
            f"{row.cpu_us:7.1f} {row.memory_mb:5.0f} {ratio:>8}",
            flush=True,
        )


if __name__ == "__main__":
    raise SystemExit(main())
