"""The same rows as a Parquet file → checked bronze."""

from __future__ import annotations

from pathlib import Path

from benchmarks import peers
from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.cases.csv_landing import sales
from benchmarks.floor import copy_to_parquet, load_duckdb
from benchmarks.project import drop, load_platform, make_project, run


def _generate(data: Path, rows: int) -> None:
    sales(rows).make(data, "parquet")


def _file(setting: Setting) -> Path:
    return sales(setting.rows).path(setting.data, "parquet")


def _everything(setting: Setting) -> Facts:
    return sales(setting.rows).all_rows(setting.data, "parquet")


def _checked(setting: Setting) -> Facts:
    return sales(setting.rows).checked_rows(setting.data, "parquet")


def _floor(setting: Setting) -> Output:
    return copy_to_parquet(f"SELECT * FROM read_parquet('{_file(setting)}')", setting.work)


def _prepare(setting: Setting) -> None:
    drop(make_project(setting.work / "project"), _file(setting))


def _land(setting: Setting) -> Output:
    return run(setting.work / "project")


def _dlt(setting: Setting) -> Output:
    return peers.dlt_load(peers.parquet_batches(_file(setting)), setting.work, "delta")


CASE = Case(
    name="parquet",
    title="Parquet file → checked bronze (eight row rules)",
    sizes={"tiny": (1_000,), "small": (1_000_000,), "full": (10_000_000,)},
    generate=_generate,
    subjects=(
        Subject("floor", _floor, _everything, load=load_duckdb),
        Subject("entrepot", _land, _checked, load=load_platform, prepare=_prepare),
        Subject("dlt → delta", _dlt, _everything, load=peers.load_dlt, peer=True),
    ),
)
