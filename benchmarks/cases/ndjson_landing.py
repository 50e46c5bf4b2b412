"""A large file of JSON lines → checked bronze, under a contract of eight row rules and no key."""

from __future__ import annotations

from pathlib import Path

from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.floor import copy_to_parquet, load_duckdb
from benchmarks.project import drop, load_platform, make_project, run
from benchmarks.sales import Sales, typed_ndjson


def sales(rows: int) -> Sales:
    """The file of that many rows."""
    return Sales("sales", 1, rows)


def generate(data: Path, rows: int) -> None:
    """Make the file."""
    sales(rows).make(data, "ndjson")


def everything(setting: Setting) -> Facts:
    """What comes out where nothing is judged."""
    return sales(setting.rows).all_rows(setting.data, "ndjson")


def checked(setting: Setting) -> Facts:
    """What comes out under the contract."""
    return sales(setting.rows).checked_rows(setting.data, "ndjson")


def _floor(setting: Setting) -> Output:
    return copy_to_parquet(typed_ndjson(sales(setting.rows).path(setting.data, "ndjson")), setting.work)


def load_arrow() -> None:
    """Import the one library."""
    import pyarrow.json
    import pyarrow.parquet  # noqa: F401


def _arrow(setting: Setting) -> Output:
    """Arrow's own reader; it guesses types and makes floats of the prices."""
    import pyarrow.json
    import pyarrow.parquet as pq

    path = setting.work / "arrow.parquet"
    pq.write_table(
        pyarrow.json.read_json(sales(setting.rows).path(setting.data, "ndjson")),
        path,
        compression="zstd",
        compression_level=1,
    )
    return Output(files=(str(path),))


def prepare(setting: Setting) -> None:
    """A new project with the file in its incoming folder."""
    drop(make_project(setting.work / "project"), sales(setting.rows).path(setting.data, "ndjson"))


def land(setting: Setting) -> Output:
    """Run it."""
    return run(setting.work / "project")


CASE = Case(
    name="ndjson",
    title="JSON lines → checked bronze (eight row rules)",
    sizes={"tiny": (1_000,), "small": (1_000_000,), "full": (10_000_000,)},
    generate=generate,
    subjects=(
        Subject("floor", _floor, everything, load=load_duckdb),
        Subject("pyarrow", _arrow, everything, load=load_arrow),
        Subject("entrepot", land, checked, load=load_platform, prepare=prepare),
    ),
)
