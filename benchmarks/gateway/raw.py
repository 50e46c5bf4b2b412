"""The floor of batches: bare SQLite, records of 500 bytes in transactions of 1,000. `python -m benchmarks.gateway.raw WHAT FOLDER SECONDS`.

raw: a table of three columns. keyed: what a door needs at the least, an id and a reference that are unique, and an index of what waits.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path

from benchmarks.gateway.load import BATCH, PAD

TABLES = {
    "raw": ["CREATE TABLE records (seq INTEGER PRIMARY KEY, received_us INTEGER, body BLOB)"],
    "keyed": [
        "CREATE TABLE records (seq INTEGER PRIMARY KEY, received_us INTEGER, id BLOB UNIQUE, reference TEXT UNIQUE, "
        "status INTEGER, body BLOB)",
        "CREATE INDEX waiting ON records (status)",
    ],
}


def _row(what: str, number: int, now: int) -> tuple[object, ...]:
    body = f'{{"id":"{number}","pad":"{PAD}"}}'.encode()
    if what == "raw":
        return number, now, body
    return number, now, number.to_bytes(16, "big"), f"R-{number:09d}", 0, body


def main() -> None:
    """Insert for so many seconds; print rows a second, and the processor's time for one."""
    what, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    for statement in TABLES[what]:
        connection.execute(statement)
    begun, used, rows = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - begun < seconds:
        now = time.time_ns() // 1000
        batch = [_row(what, rows + number, now) for number in range(BATCH)]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO records VALUES ({', '.join('?' * len(batch[0]))})", batch)
        connection.execute("COMMIT")
        rows += BATCH
    spent = time.perf_counter() - begun
    print(json.dumps({"per_second": rows / spent, "cpu_us": (time.process_time() - used) / rows * 1e6}))


if __name__ == "__main__":
    main()
