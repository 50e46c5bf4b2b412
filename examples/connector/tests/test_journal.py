"""The connector `journal` keeps what every source promises, and what only it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from entrepot.connectors import ConnectorSpec, ReaderContext, build_reader, load_connector
from entrepot.kernel.errors import DataError, SystemError_
from entrepot.kernel.positions import Position
from entrepot.ports.reader import Reader
from entrepot.ports.relations import FAULTS
from entrepot.testing.clock import FakeClock
from entrepot.testing.sources import (
    ConnectorConformance,
    Row,
    SourceConformance,
    SourceUnderTest,
    TypedRow,
    batches_of,
    claim_next,
    rows_of,
)


class Journal:
    """A file `clicks.tsv` that grows by a few lines at each arrival."""

    large_rows = 300_000
    secrets: Sequence[str] = ()
    gaps: Mapping[str, str] = {
        "test_schema_change": "the columns are named in the options: another column is another source",
        "test_changed_after_claim": "bytes that were written once are not written again; only cutting off is noticed",
    }

    def __init__(self, root: Path) -> None:
        self.root = root
        self.columns = ["id", "text"]
        self.path.touch()

    @property
    def path(self) -> Path:
        return self.root / "clicks.tsv"

    def append(self, text: str) -> None:
        with self.path.open("a", newline="") as file:
            file.write(text)

    def put(self, rows: Sequence[Row]) -> None:
        self.append("".join(f"{row.id}\t{_escape(row.text)}\n" for row in rows))

    def put_typed(self, rows: Sequence[TypedRow]) -> None:
        self.columns = ["id", "amount", "at", "day"]
        self.append("".join(f"{row.id}\t{row.amount}\t{row.at.isoformat()}\t{row.day}\n" for row in rows))

    def widen(self) -> None:
        pass

    def disturb(self, position: Position) -> None:
        self.path.write_bytes(self.path.read_bytes().replace(b"text", b"TEXT"))

    def build(self) -> Reader:
        context = ReaderContext(flow="clicks", root=self.root, clock=FakeClock())
        return build_reader("journal", {"path": "clicks.tsv", "columns": self.columns}, context)


def _escape(text: str | None) -> str:
    return r"\N" if text is None else text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n")


class TestSpec(ConnectorConformance):
    """What the connector says about itself."""

    @pytest.fixture
    def spec(self) -> ConnectorSpec:
        return load_connector("journal")


class TestJournal(SourceConformance):
    """What every source does."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> SourceUnderTest:
        return Journal(tmp_path)


def test_a_line_that_is_still_written_waits(tmp_path: Path) -> None:
    """Half a line is no record; it comes when it is whole."""
    journal = Journal(tmp_path)
    journal.append("1\tone\n2\ttw")
    reader = journal.build()
    position = claim_next(reader, None)
    assert rows_of(reader.read(position)) == [Row(1, "one")]
    journal.append("o\n")
    assert rows_of(reader.read(claim_next(reader, position))) == [Row(2, "two")]


def test_a_bad_line_is_a_fault_of_its_own(tmp_path: Path) -> None:
    """A line with a value too many goes on as a fault; its neighbours are read."""
    journal = Journal(tmp_path)
    journal.append("1\tone\n2\ttwo\tmore\n3\tthree\n")
    reader = journal.build()
    (part,) = reader.read(claim_next(reader, None))
    (batch,) = batches_of(part)
    assert batch.column("id").to_pylist() == ["1", None, "3"]
    assert [faults and faults[0]["at"] for faults in batch.column(FAULTS).to_pylist()] == [None, "line 2", None]


def test_a_journal_that_became_shorter_is_refused(tmp_path: Path) -> None:
    """What was claimed and is gone cannot be read as something else."""
    journal = Journal(tmp_path)
    journal.append("1\tone\n")
    position = claim_next(journal.build(), None)
    journal.path.write_text("")
    with pytest.raises(DataError, match="cut off"):
        journal.build().read(position)


def test_a_journal_that_is_not_there_says_so(tmp_path: Path) -> None:
    """A missing file is a system out of reach, not an empty source."""
    journal = Journal(tmp_path)
    journal.path.unlink()
    with pytest.raises(SystemError_, match="cannot be reached"):
        journal.build().find_next(None)
