"""A large CSV file → checked bronze, under a contract of eight row rules and no key."""

from __future__ import annotations

from pathlib import Path

from benchmarks import peers
from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.floor import copy_to_parquet, load_duckdb
from benchmarks.project import drop, load_platform, make_project, run
from benchmarks.sales import Sales, typed_csv


def sales(rows: int) -> Sales:
    """The file of that many rows."""
    return Sales("sales", 1, rows)


def generate(data: Path, rows: int) -> None:
    """Make the CSV file."""
    sales(rows).make(data, "csv")


def everything(setting: Setting) -> Facts:
    """What comes out where nothing is judged."""
    return sales(setting.rows).all_rows(setting.data, "csv")


def checked(setting: Setting) -> Facts:
    """What comes out under the contract."""
    return sales(setting.rows).checked_rows(setting.data, "csv")


def _floor(setting: Setting) -> Output:
    return copy_to_parquet(typed_csv(sales(setting.rows).path(setting.data, "csv")), setting.work)


def prepare(setting: Setting) -> None:
    """A new project with the file in its incoming folder."""
    drop(make_project(setting.work / "project"), sales(setting.rows).path(setting.data, "csv"))


def land(setting: Setting) -> Output:
    """Run it."""
    return run(setting.work / "project")


def _peer(destination: str) -> Subject:
    def work(setting: Setting) -> Output:
        return peers.dlt_load(
            peers.csv_batches(sales(setting.rows).path(setting.data, "csv")), setting.work, destination
        )

    return Subject(f"dlt → {destination}", work, everything, load=peers.load_dlt, peer=True)


FLOOR = Subject("floor", _floor, everything, load=load_duckdb)
ENTREPOT = Subject("entrepot", land, checked, load=load_platform, prepare=prepare)
CASE = Case(
    name="csv",
    title="CSV file → checked bronze (eight row rules)",
    sizes={"tiny": (1_000,), "small": (1_000_000,), "full": (10_000_000,)},
    generate=generate,
    subjects=(FLOOR, ENTREPOT, _peer("delta"), _peer("parquet")),
)
