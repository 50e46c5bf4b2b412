"""Other tools, in environments of their own: `benchmarks/.peers/<name>`, made from `peers-<name>.txt`, never part of `make setup`.

dlt: Arrow batches into its Delta or Parquet destination on the local disk, at its defaults. It judges no rows.
dbt and SQLMesh are in `chain_peers.py`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.case import Output
from benchmarks.sales import COLUMNS

Batches = Callable[[], Iterator[Any]]


def ensure_environment(parent: Path, name: str) -> Path:
    """Make the environment unless it is there as its list says; return its interpreter."""
    folder, requirements = parent / name, Path(__file__).with_name(f"peers-{name}.txt")
    stamp = folder / "installed.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)], check=True)
        stamp.write_text(wanted)
    return python


def csv_batches(path: Path) -> Batches:
    """A CSV file as typed Arrow batches, by pyarrow's own reader with all cores: the quick way into dlt."""

    def open_batches() -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.csv as pacsv

        types = {name: _arrow_type(pa, kind) for name, kind in COLUMNS.items()}
        convert = pacsv.ConvertOptions(column_types=types, strings_can_be_null=True)
        read = pacsv.ReadOptions(block_size=8 << 20)
        with pacsv.open_csv(path, read_options=read, convert_options=convert) as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch])

    return open_batches


def parquet_batches(path: Path) -> Batches:
    """A Parquet file as Arrow batches."""

    def open_batches() -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=200_000):
                yield pa.Table.from_batches([batch])

    return open_batches


def _arrow_type(pa: Any, kind: str) -> Any:
    if kind.startswith("DECIMAL"):
        precision, scale = kind.removeprefix("DECIMAL(").rstrip(")").split(",")
        return pa.decimal128(int(precision), int(scale))
    named = {
        "BIGINT": pa.int64(),
        "INTEGER": pa.int32(),
        "VARCHAR": pa.string(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us"),
    }
    return named[kind]


def load_dlt() -> None:
    """Import what a load needs."""
    _settle_dlt()
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401

    import_module("dlt")
    import_module("dlt.destinations")


def _settle_dlt() -> None:
    """Nothing is sent anywhere, and nothing is written into a home folder."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"


def dlt_load(batches: Batches, work: Path, destination: str, *, key: str | None = None) -> Output:
    """Load all batches as the table `sales`; with a key they are merged into it."""
    _settle_dlt()
    # by name: there is no dlt where types are checked
    dlt, destinations = import_module("dlt"), import_module("dlt.destinations")
    lake = work / "lake"
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=str(work / "pipelines"),
        destination=destinations.filesystem(bucket_url=str(lake)),
        dataset_name="bronze",
    )
    merging: dict[str, Any] = {}
    if key is not None:
        merging = {"write_disposition": {"disposition": "merge", "strategy": "upsert"}, "primary_key": key}
    form = {"table_format": "delta"} if destination == "delta" else {"file_format": "parquet"}
    resource = dlt.resource(batches, name="sales", **merging, **form)
    pipeline.run(resource, loader_file_format="parquet").raise_on_failed_jobs()
    table = lake / "bronze" / "sales"
    if destination == "delta":
        return Output(delta=str(table))
    return Output(files=tuple(str(path) for path in sorted(table.glob("*.parquet"))))


def copy_dlt(base: Path, work: Path) -> None:
    """A loaded lake and its pipeline's state, as they were."""
    for name in ("lake", "pipelines"):
        shutil.copytree(base / name, work / name)
