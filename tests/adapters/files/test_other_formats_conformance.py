"""JSON, lines of fixed width and SQLite files keep what every source promises, without state and without a lake."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from entrepot.testing.sources import SourceConformance, SourceUnderTest
from tests.adapters.files.test_files_conformance import FilesUnderTest, Table


def records_of(table: Table) -> Iterator[dict[str, object]]:
    """The records with their keys; decimals as JSON numbers with all their digits are written by `to_json`."""
    for values in zip(*table.values(), strict=True):
        yield dict(zip(table, values, strict=True))


def to_json(record: dict[str, object]) -> str:
    """One object; decimals are numbers that keep their digits."""
    members = [
        f"{json.dumps(key)}: {value if isinstance(value, Decimal) else json.dumps(value, default=str, ensure_ascii=False)}"
        for key, value in record.items()
    ]
    return "{" + ", ".join(members) + "}"


class LinesUnderTest(FilesUnderTest):
    """Arrivals are files of JSON lines."""

    suffix = ".ndjson"
    large_rows = 100_000

    def write(self, path: Path, table: Table) -> None:
        """A record on each line."""
        path.write_text("".join(to_json(record) + "\n" for record in records_of(table)), "utf-8")


class DocumentUnderTest(FilesUnderTest):
    """Arrivals are lists on one line."""

    suffix = ".json"
    large_rows = 100_000

    def write(self, path: Path, table: Table) -> None:
        """A list."""
        path.write_text("[" + ", ".join(map(to_json, records_of(table))) + "]", "utf-8")


class DatabaseUnderTest(FilesUnderTest):
    """Arrivals are SQLite files."""

    suffix = ".db"
    large_rows = 100_000

    def write(self, path: Path, table: Table) -> None:
        """One table; what SQLite has no type for is text."""
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"CREATE TABLE t ({', '.join(table)})")
            rows = [
                [value if value is None or isinstance(value, int) else str(value) for value in record.values()]
                for record in records_of(table)
            ]
            database.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(table))})", rows)
            database.commit()


class _Format(SourceConformance):
    """The suite; the kills, which strike the source and not its format, among the slow tests."""

    @pytest.mark.slow
    @pytest.mark.timeout(300)
    def test_killed_anywhere(self, source: SourceUnderTest, tmp_path: Path) -> None:
        """As every source."""
        super().test_killed_anywhere(source, tmp_path)


class TestLines(_Format):
    """JSON lines."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A storage area of JSON lines."""
        return LinesUnderTest(tmp_path)


class TestDocuments(_Format):
    """JSON documents."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A storage area of JSON documents."""
        return DocumentUnderTest(tmp_path)


class TestDatabases(_Format):
    """SQLite files."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        """A storage area of databases."""
        return DatabaseUnderTest(tmp_path)
