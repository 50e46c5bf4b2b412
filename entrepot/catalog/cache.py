"""Column lineage kept by content, in one file: the same text over the same columns is not resolved twice.

The file may be lost, damaged or of another version at any time: then it is empty, and everything is found anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from entrepot.kernel.ids import new_token
from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.values import ColumnLineage, ColumnName, Doubt, How, QueryLineage

FORMAT = 1
MOST_ENTRIES = 5_000
"""What was not asked for the longest goes first."""


class LineageCache:
    """Lineages by the hash of what they were found from. Nothing is written before `save`."""

    def __init__(self, path: Path, *, most: int = MOST_ENTRIES) -> None:
        self._path = path
        self._most = most
        self._entries = _load(path)
        self._used: dict[str, Any] = {}
        self._is_changed = False

    def find(self, key: str) -> QueryLineage | None:
        """The lineage kept under a hash; None when there is none that can be read."""
        entry = self._used.get(key) or self._entries.get(key)
        try:
            found = None if entry is None else decode(entry)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None
        if found is not None:
            self._used[key] = entry
        return found

    def keep(self, key: str, lineage: QueryLineage) -> None:
        """Keep a lineage under a hash."""
        self._used[key] = encode(lineage)
        self._is_changed = True

    def save(self) -> None:
        """Write the file when something is new. Where it cannot be written, the next call finds everything anew."""
        if not self._is_changed:
            return
        older = {key: entry for key, entry in self._entries.items() if key not in self._used}
        kept = dict(list((older | self._used).items())[-self._most :])
        try:
            _write(self._path, json.dumps({"format": FORMAT, "entries": kept}, separators=(",", ":")).encode())
        except OSError:
            return
        self._entries, self._is_changed = kept, False


def encode(lineage: QueryLineage) -> dict[str, Any]:
    """A lineage as JSON: each name once, and what decides the rows of all columns once."""
    names = {name: place for place, name in enumerate(sorted(_names(lineage.columns)))}
    shared = frozenset.intersection(*(c.indirect for c in lineage.columns)) if lineage.columns else frozenset()
    columns = [
        [
            column.name,
            [[names[name], how.value] for name, how in column.direct.items()],
            sorted(names[name] for name in column.indirect - shared),
            column.is_approximate,
            column.line,
        ]
        for column in lineage.columns
    ]
    return {
        "names": [[str(name.dataset), name.column] for name in names],
        "rows": sorted(names[name] for name in shared),
        "columns": columns,
        "doubts": [[doubt.line, doubt.reason] for doubt in lineage.doubts],
    }


def decode(entry: Mapping[str, Any]) -> QueryLineage:
    """Read what `encode` wrote. Raises: LookupError, TypeError, ValueError for anything else."""
    names = [ColumnName(Dataset(*str(dataset).split(".", 1)), str(column)) for dataset, column in entry["names"]]
    shared = frozenset(names[place] for place in entry["rows"])
    columns = tuple(
        ColumnLineage(
            str(name),
            {names[place]: How(how) for place, how in direct},
            shared.union(names[place] for place in indirect) if indirect else shared,
            bool(is_approximate),
            int(line),
        )
        for name, direct, indirect, is_approximate, line in entry["columns"]
    )
    return QueryLineage(columns, tuple(Doubt(int(line), str(reason)) for line, reason in entry["doubts"]))


def _names(columns: Sequence[ColumnLineage]) -> set[ColumnName]:
    return set[ColumnName]().union(*(column.all for column in columns))


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
        entries = value["entries"] if value["format"] == FORMAT else {}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{new_token()}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
