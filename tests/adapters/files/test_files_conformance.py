"""The connector `files` keeps what every source promises, in each of its formats, without state and without a lake."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from entrepot.connectors import ConnectorSpec, ReaderContext, build_reader, load_connector
from entrepot.kernel.positions import FileSet, Position
from entrepot.ports.reader import Reader
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import ConnectorConformance, Row, SourceConformance, SourceUnderTest, TypedRow

Table = dict[str, list[object]]


class FilesUnderTest:
    """Arrivals are files `0001.csv`, `0002.csv`, …"""

    large_rows = 300_000
    gaps: Mapping[str, str] = {}
    secrets: Sequence[str] = ()
    suffix = ".csv"

    def __init__(self, root: Path) -> None:
        self._root = root
        self._arrivals = 0
        self._is_wide = False
        self._clock = FakeClock(datetime.now(UTC) + timedelta(hours=1))

    def put(self, rows: Sequence[Row]) -> None:
        """Write the next file."""
        table: Table = {"id": [row.id for row in rows], "text": [row.text for row in rows]}
        if self._is_wide:
            table["extra"] = [f"extra {row.id}" for row in rows]
        self._write_next(table)

    def put_typed(self, rows: Sequence[TypedRow]) -> None:
        """Write the next file, of values."""
        self._write_next(
            {
                "id": [row.id for row in rows],
                "amount": [row.amount for row in rows],
                "at": [row.at for row in rows],
                "day": [row.day for row in rows],
            }
        )

    def widen(self) -> None:
        """Later files have another column."""
        self._is_wide = True

    def disturb(self, position: Position) -> None:
        """Write into the claimed files."""
        assert isinstance(position, FileSet)
        for item in position.files:
            with (self._root / "in" / item.claimed).open("r+b") as file:
                file.seek(item.size_bytes // 2)
                file.write(b"9")

    def build(self) -> Reader:
        """A reader with nothing but folder and clock."""
        return build_reader("files", {"path": "in"}, ReaderContext(flow="f", root=self._root, clock=self._clock))

    def _write_next(self, table: Table) -> None:
        self._arrivals += 1
        folder = self._root / "in" / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        self.write(folder / f"{self._arrivals:04}{self.suffix}", table)

    def write(self, path: Path, table: Table) -> None:
        """As CSV, texts quoted, nulls not."""
        with path.open("w", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
            writer.writerow(table)
            writer.writerows(zip(*table.values(), strict=True))


class ParquetUnderTest(FilesUnderTest):
    """The same as Parquet."""

    suffix = ".parquet"

    def write(self, path: Path, table: Table) -> None:
        """As Parquet; the text column is text even when all its values are null."""
        texts = {"text": pa.array(table["text"], pa.string())} if "text" in table else {}
        pq.write_table(pa.table({**table, **texts}), path)


class ExcelUnderTest(FilesUnderTest):
    """The same as Excel."""

    large_rows = 50_000
    suffix = ".xlsx"

    def write(self, path: Path, table: Table) -> None:
        """As a workbook: numbers as numbers, days as dates, instants as text, since Excel knows no zone."""
        with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
            sheet, as_date = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
            sheet.write_row(0, 0, list(table))
            for number, values in enumerate(zip(*table.values(), strict=True), 1):
                for column, value in enumerate(values):
                    match value:
                        case None:
                            pass
                        case str():
                            sheet.write_string(number, column, value)
                        case Decimal():  # Excel's numbers hold 15 digits
                            sheet.write_string(number, column, str(value))
                        case datetime():
                            sheet.write_string(number, column, value.isoformat())
                        case date():
                            sheet.write_datetime(number, column, value, as_date)
                        case _:
                            sheet.write_number(number, column, value)


class TestSpec(ConnectorConformance):
    """What the connector says about itself."""

    @pytest.fixture
    def spec(self) -> ConnectorSpec:
        """The spec."""
        return load_connector("files")


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
from entrepot.connectors import ConnectorSpec, ReaderContext, build_reader, load_connector
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
