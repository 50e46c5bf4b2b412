"""Rows of records as Arrow batches: columns of text, the record's number, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import pyarrow as pa

from entrepot.contracts.model import Column
from entrepot.contracts.types import Kind
from entrepot.intake.faults import Faults
from entrepot.intake.json_rows.grammar import Number
from entrepot.intake.json_rows.members import Nested, Opener, Rows
from entrepot.intake.json_rows.names import Names
from entrepot.intake.json_rows.options import JsonOptions
from entrepot.intake.json_rows.records import Records
from entrepot.intake.json_rows.spans import Spans
from entrepot.ports.relations import FAULT_TYPE, FAULTS, RECORD

_NUMBERS = (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE)


class Builder:
    """Turns records into batches of one schema. With `explode` rows are numbered one after the other, else as their records are."""

    def __init__(self, options: JsonOptions, names: Names, contract: Sequence[Column]) -> None:
        self._names = names
        self._opener = Opener(options)
        self._explodes = options.explode is not None
        self._given = 0
        kinds = {column.name: column.type.kind for column in contract} if options.strict_types else {}
        self._kinds = [kinds.get(name) for name in names.columns]
        texts = [pa.field(name, pa.string()) for name in names.columns]
        self.schema = pa.schema([*texts, pa.field(RECORD, pa.int64()), pa.field(FAULTS, FAULT_TYPE)])

    def build(self, records: Records) -> pa.RecordBatch:
        """A batch of these records' rows."""
        rows = self._opener.open(records)
        batch = _Batch(rows, self._names, self._kinds)
        columns = [batch.column(slot) for slot in range(len(self._kinds))]
        return pa.RecordBatch.from_arrays([*columns, self._number(rows), batch.faults()], schema=self.schema)

    def _number(self, rows: Rows) -> pa.Array:
        if self._explodes:
            self._given += len(rows.places)
            return pa.array(range(self._given - len(rows.places) + 1, self._given + 1), pa.int64())
        return pa.array(rows.records.numbers, pa.int64())


class _Batch:
    def __init__(self, rows: Rows, names: Names, kinds: Sequence[Kind | None]) -> None:
        self._rows = rows
        self._names = names
        self._kinds = kinds
        self._faults = Faults()
        self._spans: dict[int, Spans] = {}
        keys = list(map(tuple, rows.values))
        kinds_of_keys = {some: names.layout(some) for some in set(keys)}
        self._layouts = [kinds_of_keys[some] for some in keys]
        self._is_even = len(kinds_of_keys) == 1
        """All records have the same keys in the same order."""
        for place, fault in rows.faults.items():
            self._add(place, None, fault.reason, rows.records.texts[rows.places[place]], fault.at)
        if any(layout.ambiguous for layout in kinds_of_keys.values()):
            for place, layout in enumerate(self._layouts):
                for column in layout.ambiguous:
                    self._add(place, column, "ambiguous_key", None)

    def column(self, slot: int) -> pa.Array:
        """The column's values as texts."""
        values = self._values(slot)
        if self._kinds[slot] is not None:
            self._check_kinds(slot, values)
        try:
            return pa.array(values, pa.string())
        except (pa.ArrowTypeError, pa.ArrowInvalid):  # among them true, false, lists or objects
            return pa.array([self._text(place, slot, value) for place, value in enumerate(values)], pa.string())

    def faults(self) -> pa.Array:
        """What is wrong, row by row; to be asked for after the columns."""
        return self._faults.array(len(self._layouts))

    def _values(self, slot: int) -> list[Any]:
        values = self._rows.values
        if not self._is_even:
            keys = [layout.keys[slot] for layout in self._layouts]
            return [None if key is None else row[key] for key, row in zip(keys, values, strict=True)]
        key = self._layouts[0].keys[slot]
        return [None] * len(values) if key is None else list(map(itemgetter(key), values))

    def _text(self, place: int, slot: int, value: Any) -> str | None:
        if value is None or isinstance(value, str):
            return value
        if value is True:
            return "true"
        if value is False:
            return "false"
        path = value.path if isinstance(value, Nested) else (self._layouts[place].keys[slot] or "",)
        record = self._rows.places[place]
        if record not in self._spans:
            self._spans[record] = Spans(self._rows.records.texts[record])
        return self._spans[record].text_at(path)

    def _check_kinds(self, slot: int, values: Sequence[Any]) -> None:
        kind = self._kinds[slot]
        allowed: type = Number if kind in _NUMBERS else bool if kind is Kind.BOOLEAN else str
        for place, value in enumerate(values):
            if value is not None and value.__class__ is not allowed:
                self._add(place, self._names.columns[slot], "json_type", self._text(place, slot, value))

    def _add(self, place: int, column: str | None, reason: str, text: str | None, at: str | None = None) -> None:
        at = at or f"line {self._rows.records.lines[self._rows.places[place]]}"
        self._faults.add(place, column, at=at, reason=reason, text=text)
