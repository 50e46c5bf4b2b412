"""What reading delimited text costs, and nothing else: `python -m benchmarks.csv_reading [--mb 300] [--peers PYTHON]`.

Each reader takes the same file to Arrow batches (pandas: to frames) of texts, in a process of its own, and throws them away. Readers take
turns; the ratio is the median of each round's own ratio to DuckDB. Rows and filled values are counted and must be the same for all.
Kept apart from the cases of `python -m benchmarks`: there the whole of a landing is measured, here one part of it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

DATA = Path(__file__).parent / ".data"
Counted = tuple[int, int]
"""Rows, and values that are not null."""


def read_duckdb(path: str) -> Counted:
    """DuckDB at its own settings, all columns as text, as Arrow batches."""
    import duckdb

    with duckdb.connect() as connection:
        reader = connection.execute(f"SELECT * FROM read_csv('{path}', all_varchar = true)").to_arrow_reader(100_000)
        return _count(reader)


def read_entrepot(path: str) -> Counted:
    """Our reader: bytes and quotes checked, records numbered."""
    from entrepot.adapters.files.csv.options import CsvOptions
    from entrepot.adapters.files.csv.reader import CsvFormat
    from entrepot.intake.sources.formats import FormatContext
    from entrepot.ports.relations import Stream

    (part,) = CsvFormat(CsvOptions(), FormatContext()).parts(Path(path), "x.csv")
    assert isinstance(part.rows, Stream)
    rows, values = _count(batch.select(range(batch.num_columns - 2)) for batch in part.rows.open())
    return rows, values


def read_pyarrow(path: str) -> Counted:
    """The parser below ours, bare: nothing is checked or numbered."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    with Path(path).open() as file:
        names = file.readline().strip().split(",")
    types = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    return _count(
        pacsv.open_csv(path, convert_options=types, parse_options=pacsv.ParseOptions(newlines_in_values=True))
    )


def read_polars(path: str) -> Counted:
    """Polars, all columns as text; it has the whole in memory."""
    import polars as pl

    frame = pl.read_csv(path, infer_schema=False)
    return frame.height, frame.height * frame.width - sum(frame.null_count().row(0))


def read_pandas(path: str) -> Counted:
    """Pandas, all columns as text, in chunks."""
    import pandas as pd

    rows = values = 0
    for chunk in pd.read_csv(path, dtype=str, chunksize=100_000):
        rows, values = rows + len(chunk), values + int(chunk.count().sum())
    return rows, values


def _count(batches: Iterator[object]) -> Counted:
    rows = values = 0
    for batch in batches:
        rows += batch.num_rows  # type: ignore[attr-defined]
        values += sum(batch.num_rows - column.null_count for column in batch.columns)  # type: ignore[attr-defined]
    return rows, values


READERS: dict[str, Callable[[str], Counted]] = {
    "duckdb": read_duckdb, "entrepot": read_entrepot, "pyarrow": read_pyarrow, "polars": read_polars, "pandas": read_pandas,
}  # fmt: skip
PEERS = ("polars", "pandas")


def make_files(mb: int) -> dict[str, Path]:
    """Narrow (3 columns), the same with quotes around every name, and wide (200 columns); each of about `mb` MB."""
    import duckdb

    cells = (
        f"'t' || (hash(i * {n + 1}) % 1000) AS c{n}" if n % 3 == 0 else f"(hash(i + {n}) % 100000) AS c{n}"
        for n in range(200)
    )
    price = "round(hash(i) % 1000000 / 100, 2) AS amount"
    selects = {
        "narrow": (39_000, f"i AS id, 'store ' || (i % 500) AS name, {price}"),
        "quoted": (35_000, f"i AS id, 'store, ' || (i % 500) AS name, {price}"),
        "wide": (930, ", ".join(cells)),
    }
    DATA.mkdir(exist_ok=True)
    files = {name: DATA / f"reading-{name}-{mb}mb.csv" for name in selects}
    with duckdb.connect() as connection:
        for name, (rows_a_mb, select) in selects.items():
            if not files[name].exists():
                aside = files[name].with_suffix(".tmp")
                connection.execute(
                    f"COPY (SELECT {select} FROM range({rows_a_mb * mb}) t(i)) TO '{aside}' (FORMAT csv, HEADER)"
                )
                aside.rename(files[name])
    return files


def measure(reader: str, path: Path, python: str) -> dict[str, float]:
    """One reading in a process of its own."""
    command = [python, "-m", "benchmarks.csv_reading", "--one", reader, str(path)]
    root = Path(__file__).parent.parent
    environment = dict(os.environ, PYTHONPATH=str(root))
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def take_one(reader: str, path: str) -> None:
    """What the measured process does."""
    import resource

    begun, cpu = time.perf_counter(), time.process_time()
    rows, values = READERS[reader](path)
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"rows": rows, "values": values, "seconds": seconds, "cpu": cpu_s, "mb": peak}))


def compare(name: str, path: Path, readers: list[str], peers: str, rounds: int) -> None:
    """Measure in turns, and print a line for each reader."""
    found: dict[str, list[dict[str, float]]] = {reader: [] for reader in readers}
    for number in range(rounds):
        for reader in readers if number % 2 == 0 else reversed(readers):
            found[reader].append(measure(reader, path, peers if reader in PEERS else sys.executable))
    counted = {(one["rows"], one["values"]) for reader in readers for one in found[reader]}
    if len(counted) != 1:
        raise SystemExit(f"{name}: readers do not agree: {counted}")
    for reader in readers:
        best = min(found[reader], key=lambda one: one["seconds"])
        ratio, cpu = (
            statistics.median(
                mine[unit] / floor[unit] for mine, floor in zip(found[reader], found["duckdb"], strict=True)
            )
            for unit in ("seconds", "cpu")
        )
        print(
            f"{name:8} {reader:9} {best['seconds']:6.2f} s  cpu {best['cpu']:6.2f} s  × duckdb {ratio:5.2f} (cpu {cpu:5.2f})  {best['mb']:6.0f} MB"
        )


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="benchmarks.csv_reading")
    parser.add_argument("--mb", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="", help="a Python that has polars and pandas")
    parser.add_argument("--one", nargs=2, metavar=("READER", "FILE"))
    arguments = parser.parse_args()
    if arguments.one:
        take_one(*arguments.one)
        return
    readers = [reader for reader in READERS if arguments.peers or reader not in PEERS]
    for name, path in make_files(arguments.mb).items():
        compare(name, path, readers, arguments.peers, arguments.rounds)


if __name__ == "__main__":
    main()
