"""Files opened as the connector opens them: with a source's options, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.files.source import SPEC, build_opener
from entrepot.connectors import ReaderContext, read_options
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.intake.sources.opening import FileOpener
from entrepot.kernel.errors import DataError
from entrepot.kernel.events import Emit, ignore
from entrepot.ports.relations import FAULTS, Part, Stream
from entrepot.testing.clock import FakeClock

TEXT = ColumnType(Kind.STRING)


def opener(folder: Path, columns: Sequence[str | Column] = (), emit: Emit = ignore, **options: Any) -> FileOpener:
    """What opens files of a source with these options, under a contract with these columns."""
    made = tuple(c if isinstance(c, Column) else Column(c, TEXT) for c in columns)
    context = ReaderContext(flow="f", root=folder, clock=FakeClock(), columns=made, emit=emit)
    return build_opener(read_options(SPEC, {"path": "in", **options}), context)


def open_part(path: Path, columns: Sequence[str | Column] = (), **options: Any) -> Part:
    """The one part of a file."""
    (part,) = opener(path.parent, columns, **options).parts(path, path.name)
    return part


def read_rows(path: Path, columns: Sequence[str | Column] = (), **options: Any) -> list[dict[str, Any]]:
    """All rows with `_record` and `_faults`; the batches must have the promised schema, and come twice alike."""
    rows = open_part(path, columns, **options).rows
    assert isinstance(rows, Stream)
    batches = list(rows.open())
    assert all(batch.schema == rows.schema for batch in batches)
    found = [row for batch in batches for row in batch.to_pylist()]
    assert [row for batch in rows.open() for row in batch.to_pylist()] == found
    return found


def read_values(path: Path, columns: Sequence[str | Column] = (), **options: Any) -> list[dict[str, Any]]:
    """The rows' own columns; none may have a fault."""
    rows = read_rows(path, columns, **options)
    assert [row[FAULTS] for row in rows if row[FAULTS]] == []
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in rows]


def reasons(row: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    """Column, reason and place of each fault of a row."""
    return [(fault["column"], fault["reason"], fault["at"]) for fault in row[FAULTS] or ()]


def refusal(path: Path, columns: Sequence[str | Column] = (), **options: Any) -> str:
    """What the refusal of a file says, with its hint; it must name the file."""
    with pytest.raises(DataError) as caught:
        read_rows(path, columns, **options)
    assert path.name in str(caught.value)
    return f"{caught.value} {caught.value.hint}"
