"""A run when nothing is new: whole processes, against Python alone and Python with the imports of a run."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.project import copy_project, drop, make_project, output, run_here
from benchmarks.sales import Sales

SOURCES = ("sales", "returns", "orders", "stock")
SILVER = """\
/* ---
name: silver.{name}
kind: append
driving: bronze.{name}
--- */
SELECT sale_id, store, sku, sold_on, quantity, amount FROM bronze.{name}
"""
GOLD = """\
/* ---
name: gold.{name}_by_day
kind: full
--- */
SELECT sold_on, store, sum(quantity) AS units, sum(amount) AS turnover FROM silver.{name} GROUP BY sold_on, store
"""


def _sales(rows: int) -> Sales:
    return Sales("no-op", 1, rows)


def _generate(data: Path, rows: int) -> None:
    _sales(rows).make(data, "csv")


def _everything(setting: Setting) -> Facts:
    return _sales(setting.rows).checked_rows(setting.data, "csv")


def _once(setting: Setting) -> None:
    """Four sources, eight models, all up to date."""
    root = setting.base / "project"
    for name in SOURCES:
        make_project(root, dataset=name)
        drop(root, _sales(setting.rows).path(setting.data, "csv"), dataset=name)
        for model, template in ((f"silver/{name}", SILVER), (f"gold/{name}_by_day", GOLD)):
            path = root / "models" / f"{model}.sql"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(template.format(name=name))
    run_here(root)


def _prepare(setting: Setting) -> None:
    copy_project(setting.base / "project", setting.work / "project")


def _python(setting: Setting) -> list[str]:
    return [sys.executable, "-c", "pass"]


def _imports(setting: Setting) -> list[str]:
    return [
        sys.executable,
        "-c",
        "from benchmarks.project import load_platform; import entrepot.app.cli; load_platform()",
    ]


def run_command(setting: Setting) -> list[str]:
    """The whole command, as it is typed."""
    return [sys.executable, "-m", "entrepot.app.cli", "run", "--project", str(setting.work / "project")]


def _nothing(setting: Setting) -> Output:
    return Output()


def _unchanged(setting: Setting) -> Output:
    return output(setting.work / "project")


def _none(setting: Setting) -> Facts:
    return Facts(0, 0)


CASE = Case(
    name="noop",
    title="`entrepot run` of 4 sources and 8 models, nothing new (the floor: Python with the same imports)",
    sizes={"tiny": (200,), "small": (10_000,), "full": (10_000,)},
    generate=_generate,
    subjects=(
        Subject("floor", _nothing, _none, command=_imports),
        Subject("python -c pass", _nothing, _none, command=_python),
        Subject("entrepot", _unchanged, _everything, once=_once, prepare=_prepare, command=run_command),
    ),
    rounds=5,
)
