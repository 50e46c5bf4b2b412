"""The tables of TPC-H as Parquet files, made by `tpchgen-cli`; how many rows the largest has tells the scale."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")
SCALES = {60_175: "0.01", 600_572: "0.1", 6_001_215: "1"}
"""Rows of lineitem → scale factor."""
_TYPES = {
    "BIGINT": "logicalType: integer, logicalTypeOptions: {format: i64}",
    "INTEGER": "logicalType: integer, logicalTypeOptions: {format: i32}",
    "DECIMAL(15,2)": 'logicalType: number, physicalType: "decimal(15,2)"',
    "DATE": "logicalType: date",
    "VARCHAR": "logicalType: string",
}


def folder(data: Path, rows: int) -> Path:
    """Where the files of a scale lie."""
    return data / f"tpch-{SCALES[rows]}"


def make_tables(data: Path, rows: int) -> None:
    """Write the files, unless they are there. Raises: RuntimeError when the generator is not installed."""
    target = folder(data, rows)
    if target.exists():
        return
    beside = Path(sys.executable).with_name("tpchgen-cli")
    command = str(beside) if beside.exists() else shutil.which("tpchgen-cli")
    if command is None:
        raise RuntimeError("the tables of TPC-H are made by tpchgen-cli: pip install tpchgen-cli")
    aside = target.with_suffix(".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    subprocess.run([command, "parquet", "-s", SCALES[rows], "-o", str(aside)], check=True, capture_output=True)
    aside.rename(target)


def make_sources(root: Path, files: Path) -> None:
    """A project that takes the eight files in: types checked, everything required, no keys (nobody else judges any)."""
    import duckdb

    lines = ["apiVersion: v3.2.0", "kind: DataContract", "id: tpch", "version: 1.0.0", "status: active", "schema:"]
    for name in TABLES:
        columns = duckdb.execute(f"DESCRIBE SELECT * FROM '{files}/{name}.parquet'").fetchall()
        lines += [f"  - name: {name}", f"    physicalName: bronze.{name}", "    properties:"]
        lines += [f"      - {{name: {column[0]}, {_TYPES[column[1]]}, required: true}}" for column in columns]
        source = f"connector: files\ndataset: bronze.{name}\noptions: {{path: storage/{name}, wait: {{stable_s: 0}}}}\n"
        _write(root / f"sources/{name}.yaml", source)
        incoming = root / "storage" / name / "incoming"
        incoming.mkdir(parents=True)
        os.link(files / f"{name}.parquet", incoming / f"{name}.parquet")
    _write(root / "entrepot.yaml", "name: benchmark\ntime_zone: UTC\n")
    _write(root / "contracts/tpch.odcs.yaml", "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
