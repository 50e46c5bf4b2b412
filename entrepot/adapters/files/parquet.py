"""Parquet files: the engine reads them itself, so that only their footer is looked at here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from entrepot.intake.sources.fields import Options
from entrepot.intake.sources.formats import FormatContext, FormatReader, FormatSpec, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import ParquetScan, Part

if TYPE_CHECKING:
    import pyarrow.parquet as pq


class ParquetFormat:
    """Checks the footer, refuses what the engine could not name."""

    def parts(self, path: Path, place: str) -> list[Part]:
        """One part. Raises: DataError when the footer is damaged."""
        _read_footer(path, place)
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
    lower = [name.lower() for name in schema.names]
    twice = sorted({name for name in schema.names if lower.count(name.lower()) > 1})
    if twice:
        raise DataError(f"{place} names columns twice (upper and lower case count as the same): {', '.join(twice)}.")
    return metadata, schema


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _build(options: Options, context: FormatContext) -> FormatReader:
    return ParquetFormat()


FORMAT = FormatSpec(
    name="parquet",
    summary="Parquet files, read by the engine itself.",
    description="Columns are taken by name; their types must fit the contract's.",
    example_yaml="""\
connector: files
options: {path: storage/exports, pattern: "*.parquet"}
""",
    extensions=(".parquet", ".pq"),
    fields=(),
    build=_build,
)
