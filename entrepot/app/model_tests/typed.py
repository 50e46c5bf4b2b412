"""Rows of text as typed rows: what a contract's columns make of them, without judging them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.app.model_tests.definition import Cell, TextRow
from entrepot.contracts.findings import suggest
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.types import ColumnType, Property
from entrepot.kernel.errors import EntrepotError, Place, ProjectError, raise_all
from entrepot.kernel.ids import hash_text
from entrepot.kernel.rows import RECORD_ID, Stamp, split_record_id
from entrepot.ports.engine import Engine, SplitTask
from entrepot.ports.relations import Part, Stream

PLACE = "test"
_STAMP = Stamp(1, PLACE, datetime(2000, 1, 1, tzinfo=UTC))


def bare_contract(contract: Contract, zone: str, columns: Sequence[str] | None = None) -> Contract:
    """The contract's columns without any rule: dates in ISO 8601, times without offset in `zone`."""
    chosen = [column for column in contract.columns if columns is None or column.name in columns]
    bare = tuple(Column(column.name, _bare_type(column.type)) for column in chosen)
    text = hash_text("bare", zone, *(f"{column.name} {column.type}" for column in bare))
    return Contract(contract.dataset, bare, time_zone=zone, hash=text)


def text_stream(names: Sequence[str], rows: Sequence[TextRow]) -> Stream:
    """Rows as a source would bring them: every value a text, what a row does not name null."""
    schema = pa.schema([(name, pa.string()) for name in names])

    def run() -> Iterator[pa.RecordBatch]:
        found = [[cell.text if (cell := row.cells.get(name)) else None for row in rows] for name in names]
        columns = [pa.array(values, pa.string()) for values in found]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return Stream(schema, run)


def check_columns(rows: Sequence[TextRow], known: Sequence[str], dataset: str) -> None:
    """Refuse columns that the dataset does not have. Raises: ProjectError, ManyErrors."""
    errors: dict[str, EntrepotError] = {}
    for row in rows:
        for name, cell in row.cells.items():
            if name not in known:
                text = f"{dataset} has no column {name}; it has {', '.join(known)}."
                errors.setdefault(name, ProjectError(text, place=cell.place, hint=suggest(name, known)))
    raise_all(errors.values())


def type_rows(engine: Engine, contract: Contract, rows: Sequence[TextRow], folder: Path) -> list[dict[str, Any]]:
    """The rows as values of the columns' types, in their order, by a bare contract.

    Raises: ProjectError, ManyErrors with the place of each value that is not of its column's type.
    """
    if not rows:
        return []
    names = [column.name for column in contract.columns]
    part = Part(PLACE, text_stream(names, rows))
    found = engine.split(SplitTask([part], contract, _STAMP), folder)
    if found.rejected.rows:
        refused = pa.concat_tables(pq.read_table(file.path) for file in found.rejected.files).to_pylist()
        raise_all(misfits(refused, rows, str(contract.dataset)))
    accepted = pa.concat_tables(pq.read_table(file.path) for file in found.accepted.files)
    ordered = accepted.sort_by(RECORD_ID).select(names)
    typed: list[dict[str, Any]] = ordered.to_pylist()
    return typed


def misfits(refused: Sequence[dict[str, Any]], rows: Sequence[TextRow], dataset: str) -> Iterator[ProjectError]:
    """An error for each value of a test that is not of its column's type; `refused` are rows of a quarantine table."""
    for reject in refused:
        row = rows[split_record_id(reject[RECORD_ID])[1] - 1]
        for reason in reject["reasons"]:
            name = reason["column"] or ""
            cell = row.cells.get(name)
            place: Place = cell.place if cell else row.place
            said = f"{cell.text!r}" if cell and cell.text is not None else "this row"
            yield ProjectError(f"{said} is no value for {dataset}.{name}: expected {reason['expected']}.", place=place)


def _bare_type(type: ColumnType) -> ColumnType:
    return replace(
        type,
        format=None,
        zone=None,
        items=_bare_property(type.items),
        keys=_bare_property(type.keys),
        properties=tuple(filter(None, map(_bare_property, type.properties))),
    )


def _bare_property(inner: Property | None) -> Property | None:
    return None if inner is None else Property(inner.name, _bare_type(inner.type))


def text_row(values: Mapping[str, Any], place: Place) -> TextRow:
    """A row as a file would hold it, of values as YAML writes them."""
    return TextRow({name: Cell(_text(value), place) for name, value in values.items()}, place)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else str(value)
