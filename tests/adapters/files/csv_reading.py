"""Text files as tests read them: whole, or their refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.csv.reader import CsvFormat
from entrepot.intake.sources.formats import FormatContext
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Stream

Row = dict[str, Any]


def read_rows(
    folder: Path, content: str | bytes, context: FormatContext | None = None, name: str = "x.csv", **options: Any
) -> list[Row]:
    """All records, with `RECORD` and `FAULTS`; the schema must be the promised one."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (part,) = CsvFormat(CsvOptions(**options), context or FormatContext()).parts(path, name)
    assert isinstance(part.rows, Stream)
    batches = list(part.rows.open())
    assert all(batch.schema == part.rows.schema for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()]


def read_values(
    folder: Path, content: str | bytes, context: FormatContext | None = None, **options: Any
) -> list[tuple[str | None, ...]]:
    """The values of records without faults."""
    rows = read_rows(folder, content, context, **options)
    return [
        tuple(value for name, value in row.items() if name not in (RECORD, FAULTS))
        for row in rows
        if row[FAULTS] is None
    ]


def faults(rows: list[Row]) -> dict[int, str]:
    """Record → reason of its first fault."""
    return {row[RECORD]: row[FAULTS][0]["reason"] for row in rows if row[FAULTS]}


def refusal(folder: Path, content: str | bytes, context: FormatContext | None = None, **options: Any) -> str:
    """What the refusal of a file says, hint included."""
    with pytest.raises(DataError) as caught:
        read_rows(folder, content, context, **options)
    return str(caught.value)
