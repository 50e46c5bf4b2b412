"""Taking staged Parquet files into a table: check them, make them durable under their final names, describe them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.adapters.embedded.delta.actions import COLUMNS_TAG, Add
from entrepot.adapters.embedded.delta.layout import data_file_name, fsync_dir, move_durably
from entrepot.adapters.embedded.delta.log import Snapshot
from entrepot.adapters.embedded.delta.schema import (
    DeltaType,
    UnknownType,
    delta_type,
    fields_of,
    layout_tag,
    same_type,
)
from entrepot.adapters.embedded.delta.stats import footer_stats, render_stats
from entrepot.kernel.errors import RunError
from entrepot.ports.engine import ColumnStats, StagedFile


@dataclass(frozen=True, slots=True)
class Intake:
    """Files of one batch on their way into a table."""

    table: Path
    snapshot: Snapshot
    flow: str
    sequence: int
    data_change: bool = True

    def take(self, files: Iterable[StagedFile]) -> list[Add]:
        """Move files into the table, durably; files without rows are deleted.

        Raises: RunError when a file is not what its description says, or does not fit the table. Nothing is moved then.
        """
        described = [(file, self._describe(file)) for file in files]
        adds = []
        for file, (stats, tag) in described:
            if file.rows == 0:
                file.path.unlink(missing_ok=True)
                continue
            target = self.table / data_file_name(self.flow, self.sequence)
            move_durably(file.path, target)
            found = target.stat()
            tags = {COLUMNS_TAG: tag} if tag else {}
            adds.append(
                Add(
                    target.name,
                    found.st_size,
                    int(found.st_mtime * 1000),
                    stats=stats,
                    tags=tags,
                    data_change=self.data_change,
                )
            )
        if adds:
            fsync_dir(self.table)
        return adds

    def put_back(self, adds: Iterable[Add]) -> None:
        """Delete files that were taken in for a commit that surely did not happen."""
        for add in adds:
            (self.table / add.path).unlink(missing_ok=True)

    def _describe(self, file: StagedFile) -> tuple[str, str | None]:
        metadata = _read_footer(file)
        fields = fields_of(self.snapshot.metadata.schema_string)
        types: dict[str, DeltaType] = {each["name"]: each["type"] for each in fields}
        held = _check_columns(file.path, metadata, types)
        known: dict[str, ColumnStats] = {name: ColumnStats(None, None, file.rows) for name in types if name not in held}
        known.update(footer_stats(metadata, types))
        known.update({name: figures for name, figures in file.stats.items() if name in types})
        count = len(held) if list(types)[: len(held)] == [name for name in types if name in held] else None
        return render_stats(file.rows, known, types), layout_tag(fields, count) if count is not None else None


def _read_footer(file: StagedFile) -> pq.FileMetaData:
    try:
        metadata = pq.read_metadata(file.path)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"the staged file {file.path.name} is not whole: {type(error).__name__}.") from error
    size = file.path.stat().st_size
    if metadata.num_rows != file.rows or size != file.size_bytes:
        raise RunError(
            f"the staged file {file.path.name} has {metadata.num_rows} rows and {size} bytes; "
            f"{file.rows} rows and {file.size_bytes} bytes were announced."
        )
    return metadata


def _check_columns(path: Path, metadata: pq.FileMetaData, types: Mapping[str, DeltaType]) -> set[str]:
    """Names of the table's columns that the file holds. Raises: RunError when it would be read back as something else."""
    held = set()
    for field in metadata.schema.to_arrow_schema():
        expected = types.get(field.name)
        if expected is None:
            _check_empty(path, metadata, field.name)
            continue
        try:
            fits = same_type(delta_type(field.type), expected)
        except UnknownType:
            fits = False
        if not fits:
            raise RunError(
                f"the staged file {path.name}: column {field.name!r} is {field.type}; the table's type is {expected}.",
                hint="Cast the column to the table's type.",
            )
        held.add(field.name)
    return held


def _check_empty(path: Path, metadata: pq.FileMetaData, name: str) -> None:
    """A column that the table does not know may only hold nulls: its values would vanish without a word."""
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for index in range(row_group.num_columns):
            column = row_group.column(index)
            if column.path_in_schema != name or column.statistics is None or not column.statistics.has_null_count:
                continue
            if column.statistics.null_count < column.num_values:
                raise RunError(
                    f"the staged file {path.name}: column {name!r} holds values, but the table has no such column.",
                    hint="Add the column to the table first (create it again with its new schema).",
                )
