"""The connector `files` keeps what every source promises, in each of its formats, without state and without a lake."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from entrepot.connectors import ReaderContext, build_reader
from entrepot.ports.reader import Reader
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import Row, SourceConformance, SourceUnderTest


class FilesUnderTest:
    """Arrivals are files `0001.csv`, `0002.csv`, …"""

    large_rows = 300_000
    suffix = ".csv"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._arrivals = 0
        self._clock = FakeClock(datetime.now(UTC) + timedelta(hours=1))

    def put(self, rows: Sequence[Row]) -> None:
        """Write the next file."""
        self._arrivals += 1
        folder = self._root / "in" / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        self.write(folder / f"{self._arrivals:04}{self.suffix}", rows)

    def build(self) -> Reader:
        """A reader with nothing but folder and clock."""
        return build_reader("files", {"path": "in"}, ReaderContext(flow="f", root=self._root, clock=self._clock))

    def write(self, path: Path, rows: Sequence[Row]) -> None:
        """As CSV, texts quoted, nulls not."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
            writer.writerow(["id", "text"])
            writer.writerows([row.id, row.text] for row in rows)


class ParquetUnderTest(FilesUnderTest):
    """The same as Parquet."""

    suffix = ".parquet"

    def write(self, path: Path, rows: Sequence[Row]) -> None:
        """As Parquet."""
        pq.write_table(
            pa.table({"id": [row.id for row in rows], "text": pa.array([row.text for row in rows], pa.string())}), path
        )


class ExcelUnderTest(FilesUnderTest):
    """The same as Excel."""

    large_rows = 50_000
    suffix = ".xlsx"

    def write(self, path: Path, rows: Sequence[Row]) -> None:
        """As a workbook."""
        with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["id", "text"])
            for number, row in enumerate(rows, 1):
                sheet.write_number(number, 0, row.id)
                if row.text is not None:
                    sheet.write_string(number, 1, row.text)


class TestCsv(SourceConformance):
    """Delimited text."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A storage area of CSV files."""
        return FilesUnderTest(tmp_path)


class TestParquet(SourceConformance):
    """Parquet."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A storage area of Parquet files."""
        return ParquetUnderTest(tmp_path)


class TestExcel(SourceConformance):
    """Workbooks."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A storage area of workbooks."""
        return ExcelUnderTest(tmp_path)


def test_reader_needs_neither_state_nor_lake(tmp_path: Path) -> None:
    """A process that reads files and a database loads no engine, no lake, no state."""
    program = f"""
import sqlite3, sys
from datetime import datetime, UTC
from pathlib import Path
from entrepot.connectors import ReaderContext, build_reader
class Clock:
    def now(self): return datetime.now(UTC)
    def sleep(self, seconds): pass
root = Path({str(tmp_path)!r})
(root / "in/incoming").mkdir(parents=True)
(root / "in/incoming/a.csv").write_text("id\\n1\\n")
with sqlite3.connect(root / "x.db") as db:
    db.executescript("create table t (id integer); insert into t values (1)")
for name, options in (("files", {{"path": "in", "wait": {{"stable_s": 0}}}}), ("sqlite", {{"path": "x.db", "table": "t", "cursor": "id"}})):
    reader = build_reader(name, options, ReaderContext(flow=name, root=root, clock=Clock()))
    position = reader.claim(reader.find_next(None))
    assert sum(b.num_rows for p in reader.read(position) for b in p.rows.open()) == 1
    reader.acknowledge(position)
heavy = ("duckdb", "deltalake", "fastexcel", "entrepot.lake", "entrepot.flow", "entrepot.runner", "entrepot.app", "entrepot.adapters.embedded")
sys.exit(", ".join(name for name in sys.modules if name.startswith(heavy)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
