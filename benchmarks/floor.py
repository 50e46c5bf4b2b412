"""The floor: bare DuckDB, one statement from the same input to a Parquet file, at its own settings."""

from __future__ import annotations

from pathlib import Path

from benchmarks.case import Output

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"


def load_duckdb() -> None:
    """Import the one library."""
    import duckdb  # noqa: F401


def copy_to_parquet(select: str, work: Path) -> Output:
    """Run the statement."""
    import duckdb

    path = work / "floor.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{path}' ({PARQUET})")
    return Output(files=(str(path),))
