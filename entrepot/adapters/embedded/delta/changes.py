"""What came to a table and what went between two versions, from its log.

Only commits that changed data count, so joining small files is no change. A file that came and went in between leaves nothing. A commit that
replaces some rows writes the others of their files anew: these stand among the files that came and those that went, and cancel out by content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from entrepot.adapters.embedded.delta.actions import Add
from entrepot.adapters.embedded.delta.handle import TableHandle
from entrepot.adapters.embedded.delta.log import Snapshot, read_commit
from entrepot.adapters.embedded.delta.protocol import why_not_read
from entrepot.adapters.embedded.delta.rewrite import describe
from entrepot.adapters.embedded.delta.scan import NotPlain, check_files, local_path, plan_scan
from entrepot.adapters.embedded.delta.schema import quote
from entrepot.kernel.errors import DamageError, DataError
from entrepot.ports.relations import TableChange
from entrepot.ports.tables import Difference

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class FileChanges:
    """As multisets of rows: present = earlier + those of `added` - those of `removed`."""

    added: tuple[Add, ...]
    removed: tuple[Add, ...]


def find_difference(handle: TableHandle, after: int, upto: int) -> Difference | None:
    """Count what came and went; None when a version is gone or cannot be read file by file."""
    try:
        old, new = handle.at(after), handle.at(upto)
        if why_not_read(old) or why_not_read(new):
            return None
        found = find_file_changes(handle, old, new)
        rows_added, rows_removed = (_rows_in(handle.path, adds) for adds in (found.added, found.removed))
    except (KeyError, DamageError, NotPlain, OSError):
        return None
    return Difference(rows_added, rows_removed, old.metadata.schema_string == new.metadata.schema_string)


def find_file_changes(handle: TableHandle, old: Snapshot, new: Snapshot) -> FileChanges:
    """The files to compare; by the log, or where it or a file in between is gone, by the files of both versions.

    Raises: DamageError when a file of one of both versions is not there.
    """
    try:
        found = _follow_log(handle, old, new)
        check_files(handle.path, [*found.added, *found.removed])
    except (FileNotFoundError, DamageError):
        found = FileChanges(_missing_in(new.files, old.files), _missing_in(old.files, new.files))
        check_files(handle.path, [*found.added, *found.removed])
    return found


def change_relation(connection: duckdb.DuckDBPyConnection, handle: TableHandle, change: TableChange) -> str:
    """The text of a relation: the rows that came or went, in the columns of the newer version.

    Raises: KeyError when a version is not there; DataError when it cannot be read file by file; DamageError.
    """
    old, new = handle.at(change.after), handle.at(change.upto)
    reason = why_not_read(old) or why_not_read(new)
    if reason is not None:
        raise DataError(f"table {change.name} has {reason}: what changed in it cannot be told row by row.")
    found = find_file_changes(handle, old, new)
    came, went = (found.removed, found.added) if change.removed else (found.added, found.removed)
    try:
        wanted, others = (
            plan_scan(handle.path, new, adds, lambda sql: describe(connection, sql)) for adds in (came, went)
        )
    except NotPlain as error:
        raise DataError(f"table {change.name} has {error}: what changed in it cannot be told row by row.") from error
    items = _items(wanted.names, wanted.types, change.without)
    if not went:
        return f"(SELECT {items} FROM {wanted.sql()})"
    return f"(SELECT {items} FROM {wanted.sql()} EXCEPT ALL SELECT {items} FROM {others.sql()})"


def _items(names: Sequence[str], types: Sequence[str], without: Sequence[str]) -> str:
    """The columns; those that do not count are null."""
    return ", ".join(
        f"CAST(NULL AS {kind}) AS {quote(name)}" if name in without else quote(name)
        for name, kind in zip(names, types, strict=True)
    )


def _follow_log(handle: TableHandle, old: Snapshot, new: Snapshot) -> FileChanges:
    known = dict(old.files)
    added: dict[str, Add] = {}
    removed: dict[str, Add] = {}
    for version in range(old.version + 1, new.version + 1):
        commit = read_commit(handle.path, version)
        for remove in commit.removes:
            gone = known.pop(remove.key, None)
            if remove.data_change and gone is not None and added.pop(remove.key, None) is None:
                removed[remove.key] = gone
        for add in commit.adds:
            known[add.key] = add
            if add.data_change and removed.pop(add.key, None) is None:
                added[add.key] = add
    return FileChanges(tuple(added.values()), tuple(removed.values()))


def _missing_in(files: Mapping[str, Add], others: Mapping[str, Add]) -> tuple[Add, ...]:
    return tuple(add for key, add in files.items() if key not in others)


def _rows_in(table: Path, adds: Iterable[Add]) -> int:
    return sum(add.rows if add.rows is not None else _count(table, add) for add in adds)


def _count(table: Path, add: Add) -> int:
    rows: int = pq.read_metadata(local_path(table, add)).num_rows
    return rows
