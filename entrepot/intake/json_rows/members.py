"""A record's values under the names of columns: objects opened and lists told out as the source's options say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from entrepot.intake.json_rows.options import Explode, Flatten, JsonOptions
from entrepot.intake.json_rows.records import Fault, Records

Path = tuple[str | int, ...]


class Nested(NamedTuple):
    """A list or object that is kept as its text; the path leads to it."""

    path: Path


@dataclass(slots=True)
class Rows:
    """The rows of some records: for each the place of its record, its values by name, and what is wrong with it as a whole."""

    records: Records
    places: list[int] = field(default_factory=list)
    values: list[Mapping[str, Any]] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    """By place among the rows; such a row has no values."""

    def add(self, place: int, values: Mapping[str, Any]) -> None:
        """A row of the record at that place."""
        self.places.append(place)
        self.values.append(values)

    def refuse(self, place: int, reason: str) -> None:
        """A row that cannot be read."""
        self.faults[len(self.places)] = Fault(reason, f"line {self.records.lines[place]}")
        self.add(place, _NOTHING)


_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Opener:
    """Makes rows of records."""

    options: JsonOptions

    def open(self, records: Records) -> Rows:
        """The rows: one for each record, or with `explode` one for each element."""
        opens = self.options.flatten is not None or self.options.explode is not None
        if not opens and not records.faults and all(value.__class__ is dict for value in records.values):
            return Rows(records, list(range(len(records.values))), list(records.values))
        rows = Rows(records)
        for place, value in enumerate(records.values):
            if place in records.faults:
                rows.faults[len(rows.places)] = records.faults[place]
                rows.add(place, _NOTHING)
            elif isinstance(value, dict):
                self._open(rows, place, value)
            elif self.options.value_column is None:
                rows.refuse(place, "not_an_object")
            else:
                rows.add(place, {self.options.value_column: Nested(()) if isinstance(value, list) else value})
        return rows

    def _open(self, rows: Rows, place: int, value: dict[str, Any]) -> None:
        if self.options.explode is not None:
            self._explode(rows, place, value, self.options.explode)
        elif self.options.flatten is not None:
            self._add(rows, place, [(value, (), "")])
        else:
            rows.add(place, value)

    def _explode(self, rows: Rows, place: int, value: dict[str, Any], explode: Explode) -> None:
        elements = value.get(explode.key)
        parent = {key: inner for key, inner in value.items() if key != explode.key}
        if elements is None or elements == []:
            if explode.keep_empty:
                self._add(rows, place, [(parent, (), "")])
            else:
                rows.refuse(place, "empty_list")
        elif not isinstance(elements, list):
            rows.refuse(place, "not_a_list")
        else:
            for number, element in enumerate(elements):
                self._add(rows, place, [(parent, (), ""), _element(element, (explode.key, number), explode)])

    def _add(self, rows: Rows, place: int, sources: list[_Source]) -> None:
        """One row of several objects; no name may come twice."""
        flatten = self.options.flatten or Flatten(depth=0)
        pairs = [pair for value, path, prefix in sources for pair in _flat(value, path, prefix, flatten, flatten.depth)]
        values = dict(pairs)
        if len(values) == len(pairs):
            rows.add(place, values)
        else:
            rows.refuse(place, "duplicate_key")


_Source = tuple[Mapping[str, Any], Path, str]
"""An object, the path to it, and what stands before its keys."""


def _element(element: Any, path: Path, explode: Explode) -> _Source:
    if isinstance(element, dict):
        return element, path, explode.prefix
    return {explode.key: Nested(path) if isinstance(element, list) else element}, path, ""


def _flat(value: Mapping[str, Any], path: Path, prefix: str, flatten: Flatten, depth: int) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and depth > 0:
            yield from _flat(inner, (*path, key), f"{prefix}{key}{flatten.separator}", flatten, depth - 1)
        elif isinstance(inner, (dict, list)):
            yield prefix + key, Nested((*path, key))
        else:
            yield prefix + key, inner
