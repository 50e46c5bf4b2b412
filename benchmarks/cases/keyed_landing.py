"""The CSV file under a contract with a primary key: uniqueness is judged in the file and against the table."""

from __future__ import annotations

from benchmarks.case import Case, Setting, Subject
from benchmarks.cases.csv_landing import FLOOR, checked, generate, land, sales
from benchmarks.project import drop, load_platform, make_project


def _prepare(setting: Setting) -> None:
    drop(make_project(setting.work / "project", key=True), sales(setting.rows).path(setting.data, "csv"))


CASE = Case(
    name="key",
    title="CSV file → checked bronze, with a primary key (the floor judges none)",
    sizes={"tiny": (1_000,), "small": (1_000_000,), "full": (10_000_000,)},
    generate=generate,
    subjects=(FLOOR, Subject("entrepot", land, checked, load=load_platform, prepare=_prepare)),
)
