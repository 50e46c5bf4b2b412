"""Parquet files: the engine reads them itself, so that only their footer is looked at here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.adapters.files.parquet_pages import find_damaged_page
from entrepot.intake.sources.fields import Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import ParquetScan, Part

_MOST_SECONDS = (1 << 63) // 1_000_000 - 1

if TYPE_CHECKING:
    import pyarrow.parquet as pq


class ParquetFormat:
    """Checks the footer, refuses what the engine could not name."""

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part. Raises: DataError when the footer is damaged, or a page whose checksum stands in the file."""
        metadata, schema = _read_footer(path, place)
        damaged = find_damaged_page(path, metadata)
        if damaged is not None:
            raise DataError(
                f"{place} is damaged: the checksum of {damaged} does not hold.", hint="Have the file sent again."
            )
        _check_old_timestamps(path, place, metadata)
        _check_fine_times(path, place, schema)
        return [Part(place, ParquetScan(path))]

    def sniff(self, path: Path, place: str) -> Sniffed:
        """Columns with types, number of rows. Raises: DataError."""
        metadata, schema = _read_footer(path, place)
        types = ", ".join(f"{field.name} {field.type}" for field in schema)
        facts = {"rows": f"{metadata.num_rows:,}", "row groups": str(metadata.num_row_groups), "types": types}
        return Sniffed("parquet", tuple(schema.names), facts)


def _read_footer(path: Path, place: str) -> tuple[pq.FileMetaData, pa.Schema]:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"{place} is not a Parquet file that can be read: {_first_line(error)}",
            hint="Write it again; perhaps it was cut off on its way.",
        ) from error
    counted = sum(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    if counted != metadata.num_rows:
        raise DataError(
            f"{place} contradicts itself: its footer counts {metadata.num_rows:,} rows, its row groups hold {counted:,}.",
            hint="Write it again; nobody can say which rows are meant.",
        )
    lower = [name.lower() for name in schema.names]
    twice = sorted({name for name in schema.names if lower.count(name.lower()) > 1})
    if twice:
        raise DataError(f"{place} names columns twice (upper and lower case count as the same): {', '.join(twice)}.")
    return metadata, schema


def _check_old_timestamps(path: Path, place: str, metadata: pq.FileMetaData) -> None:
    """INT96 reaches further than any other timestamp, and engines wrap around without a word: such values are refused."""
    import pyarrow.parquet as pq

    columns = [metadata.schema.column(number) for number in range(metadata.num_columns)]
    old = [column.path for column in columns if column.physical_type == "INT96" and "." not in column.path]
    if not old:
        return
    with pq.ParquetFile(path, coerce_int96_timestamp_unit="s") as file:
        for batch in file.iter_batches(columns=old):
            for name in old:
                seconds = batch.column(name).cast(pa.int64())
                if pc.any(pc.greater(pc.abs(seconds), _MOST_SECONDS)).as_py():
                    raise DataError(
                        f"{place}: column {name} holds INT96 timestamps that microseconds cannot hold, before year -290000 or after year 290000.",
                        hint="Write the file with INT64 timestamps, or null for what is no time.",
                    )


def _check_fine_times(path: Path, place: str, schema: pa.Schema) -> None:
    """Times of day in nanoseconds are cut to microseconds by the engine without a word: where that loses something, they are refused."""
    import pyarrow.parquet as pq

    fine = [field.name for field in schema if field.type == pa.time64("ns")]
    if not fine:
        return
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=fine):
            for name in fine:
                nanoseconds = batch.column(name).cast(pa.int64())
                whole = pc.multiply(pc.divide(nanoseconds, 1000), 1000)
                if pc.any(pc.not_equal(nanoseconds, whole)).as_py():
                    raise DataError(
                        f"{place}: column {name} holds times finer than microseconds, which would be cut off.",
                        hint="Write the file with times in microseconds.",
                    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _build(options: Options, context: FormatContext) -> FormatReader:
    return ParquetFormat()


FORMAT = FormatSpec(
    name="parquet",
    summary="Parquet files, read by the engine itself.",
    description="""\
Columns are taken by name; their types must fit the contract's. A file whose footer contradicts itself, or a page of which does not agree with
its checksum, is refused.""",
    example_yaml="""\
connector: files
options: {path: storage/exports, pattern: "*.parquet"}
""",
    extensions=(".parquet", ".pq"),
    fields=(),
    build=_build,
)
