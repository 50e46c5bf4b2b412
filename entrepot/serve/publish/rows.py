"""From rows of a released dataset to messages: which rows, and what each becomes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from entrepot.kernel.errors import DamageError, DataError, ProjectError
from entrepot.kernel.positions import Position, Versions
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.ports.outbox import Draft
from entrepot.ports.relations import Part, QueryScan, StagedRows, TableChange, TableVersion
from entrepot.ports.tables import Tables
from entrepot.serve.publish.settings import FromTable

GONE = "_entrepot_gone"
SAME = "_entrepot_same"
DELETED = "_deleted"
"""Stands, true, in the body of a message about a row that is gone."""


@dataclass(frozen=True, slots=True)
class PublishedRows:
    """`ports.reader.Reader` over what came to a dataset from one release to the next.

    Args: released: the dataset's version in the newest release; None when no release holds it.
    """

    name: str
    origin: FromTable
    released: Callable[[], int | None]
    tables: Tables

    def find_next(self, previous: Position | None) -> Versions | None:
        """The released version, unless its rows are those of `previous`.

        Raises: DamageError when what changed can no longer be told.
        """
        version, dataset = self.released(), self.origin.dataset
        if version is None:
            return None
        if not isinstance(previous, Versions):
            return Versions({dataset: version}, way="insert", why="published for the first time")
        before = previous.upto[dataset]
        if version <= before:
            return None
        difference = self.tables.difference(dataset, before, version)
        if difference is None:
            raise DamageError(
                f"{self.name}: what changed in {dataset} between version {before} and {version} can no longer be told.",
                hint=f"Start again under another name (publish/{self.name}.yaml, name: …) with `start: now` or `start: all`.",
            )
        if difference.is_empty:
            return None
        why = f"{difference.rows_added:,} rows came, {difference.rows_removed:,} went"
        return Versions({dataset: version}, {dataset: before}, way="insert", why=why)

    def claim(self, position: Position) -> Position:
        """Versions are immutable; nothing to do."""
        return position

    def read(self, position: Position) -> list[Part]:
        """One part: the rows that came, and where it is wanted the keys of those that went."""
        assert isinstance(position, Versions)
        dataset = self.origin.dataset
        version, before = position.upto[dataset], position.after.get(dataset)
        schema = self.tables.schema(dataset, version)
        names = [name for name in schema.names if name not in SYSTEM_COLUMNS]
        self._check_key(names)
        tables: dict[str, TableVersion | TableChange | StagedRows] = {"p.rows": TableVersion(dataset, version)}
        if before is None:
            sql = self._came("p.rows", names) + ("" if self.origin.all_rows else " WHERE false")
            return [Part(self.name, QueryScan(sql, tables))]
        without = tuple(name for name in SYSTEM_COLUMNS if name in schema.names)
        tables["p.came"] = TableChange(dataset, before, version, without=without)
        sql = self._came("p.came", names)
        if self.origin.tells_deletes:
            tables["p.went"] = TableChange(dataset, before, version, removed=True, without=without)
            sql += f" UNION ALL BY NAME {self._went()}"
        return [Part(self.name, QueryScan(sql, tables))]

    def acknowledge(self, position: Position) -> None:
        """Tables need not be told."""

    def refuse(self, position: Position, reason: str) -> None:
        """Tables need not be told."""

    def _came(self, table: str, names: list[str]) -> str:
        columns, key = ", ".join(map(_quote, names)), ", ".join(map(_quote, self.origin.key))
        return f"SELECT {columns}, false AS {GONE}, count(*) OVER (PARTITION BY {key}) AS {SAME} FROM {table}"

    def _went(self) -> str:
        """Keys that no row has any more: a row that changed has come at the same time."""
        key = ", ".join(f"w.{_quote(name)}" for name in self.origin.key)
        same = " AND ".join(f"r.{_quote(name)} IS NOT DISTINCT FROM w.{_quote(name)}" for name in self.origin.key)
        return (
            f"SELECT DISTINCT {key}, true AS {GONE}, 1 AS {SAME} FROM p.went w "
            f"WHERE NOT EXISTS (SELECT 1 FROM p.rows r WHERE {same})"
        )

    def _check_key(self, names: list[str]) -> None:
        missing = [name for name in self.origin.key if name not in names]
        if missing:
            raise ProjectError(
                f"{self.name}: {self.origin.dataset} has no column {', '.join(missing)}; it has {', '.join(names)}.",
                hint=f"Correct `key` in publish/{self.name}.yaml.",
            )


@dataclass(frozen=True, slots=True)
class Draftsman:
    """Makes the message of a row; the same row of the same batch always gives the same message."""

    integration: str
    type: str
    origin: FromTable

    def draft(self, row: Mapping[str, Any], sequence: int) -> Draft:
        """Raises: DataError when the key is not unique in the batch, or a part of it is null."""
        if row[SAME] > 1:
            raise DataError(
                f"{self.integration}: {row[SAME]} rows of {self.origin.dataset} have one key ({', '.join(self.origin.key)}).",
                hint="Name columns of which a row is unique, or make the model unique by them.",
            )
        values = [row[name] for name in self.origin.key]
        if any(value is None for value in values):
            raise DataError(f"{self.integration}: a row of {self.origin.dataset} has no value in its key.")
        gone, key = bool(row[GONE]), _key_text(values)
        shown = self.origin.key if gone else tuple(name for name in row if name not in (GONE, SAME))
        try:
            body = to_json({name: row[name] for name in shown} | ({DELETED: True} if gone else {}))
        except (ValueError, TypeError) as error:  # NaN and infinity are no JSON
            raise DataError(f"{self.integration}: a row of {self.origin.dataset} cannot be written as JSON.") from error
        kind = f"{self.type}.deleted" if gone else self.type
        return Draft(self.integration, body.encode(), reference=f"{key}@{sequence}", key=key, type=kind)


def to_json(row: Mapping[str, Any]) -> str:
    """A row as JSON: decimals as texts, so that no reader rounds them; instants in UTC; bytes in base64."""
    return json.dumps(dict(row), ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False)


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal() | UUID():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _key_text(values: list[Any]) -> str:
    if len(values) == 1 and not isinstance(values[0], float):
        found = _plain(values[0]) if not isinstance(values[0], str | int | bool) else values[0]
        return str(found)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
