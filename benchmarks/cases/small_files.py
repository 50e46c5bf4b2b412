"""Many small CSV files → checked bronze: what each file costs by itself."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.floor import copy_to_parquet, load_duckdb
from benchmarks.project import drop, load_platform, make_project, run
from benchmarks.sales import EDITION, Sales, typed_csv

ROWS_A_FILE = 500


def _folder(data: Path, rows: int) -> Path:
    return data / f"files-{rows}-e{EDITION}"


def _whole(rows: int) -> Sales:
    return Sales("files", 1, rows)


def _generate(data: Path, rows: int) -> None:
    """Cut one file into many, each with the header."""
    folder = _folder(data, rows)
    if (folder / "done.json").exists():
        return
    lines = _whole(rows).make(data, "csv").read_text().splitlines(keepends=True)
    folder.mkdir(exist_ok=True)
    for number, start in enumerate(range(1, len(lines), ROWS_A_FILE)):
        (folder / f"sales_{number:05}.csv").write_text(lines[0] + "".join(lines[start : start + ROWS_A_FILE]))
    (folder / "done.json").write_text(json.dumps({"rows": rows}))


def _everything(setting: Setting) -> Facts:
    return _whole(setting.rows).all_rows(setting.data, "csv")


def _checked(setting: Setting) -> Facts:
    return _whole(setting.rows).checked_rows(setting.data, "csv")


def _floor(setting: Setting) -> Output:
    return copy_to_parquet(typed_csv(_folder(setting.data, setting.rows) / "*.csv"), setting.work)


def _prepare(setting: Setting) -> None:
    drop(make_project(setting.work / "project"), *sorted(_folder(setting.data, setting.rows).glob("*.csv")))


def _land(setting: Setting) -> Output:
    return run(setting.work / "project")


CASE = Case(
    name="files",
    title=f"CSV files of {ROWS_A_FILE} rows → checked bronze",
    sizes={"tiny": (1_000,), "small": (100_000,), "full": (500_000,)},
    generate=_generate,
    subjects=(
        Subject("floor", _floor, _everything, load=load_duckdb),
        Subject("entrepot", _land, _checked, load=load_platform, prepare=_prepare),
    ),
)
