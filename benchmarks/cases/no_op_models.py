"""Runs when nothing is new, as people have them: the shipped example, and a project of fifty models. Whole processes, as in `no_op`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.cases import no_op
from benchmarks.project import copy_project, drop, make_project, output, run_here
from benchmarks.sales import Sales

MODELS = 50
FIRST = "SELECT sale_id, store, sku, sold_on, quantity, amount FROM bronze.sales"
NEXT = "SELECT sale_id, store, sku, sold_on, quantity, amount FROM {before} WHERE quantity > 0"
MART = "SELECT sold_on, store, sum(quantity) AS units, sum(amount) AS turnover FROM {before} GROUP BY sold_on, store"


def _sales(rows: int) -> Sales:
    return Sales("no-op", 1, rows)


def _everything(setting: Setting) -> Facts:
    return _sales(setting.rows).checked_rows(setting.data, "csv")


def _make_models(root: Path) -> None:
    """Twenty-five tables of rows, each over the one before, with a mart over each."""
    before = ""
    for number in range(MODELS // 2):
        name = f"rows_{number:02}"
        _write(root, f"silver/{name}", NEXT.format(before=before) if before else FIRST)
        before = f"silver.{name}"
        _write(root, f"gold/mart_{number:02}", MART.format(before=before))


def _write(root: Path, model: str, select: str) -> None:
    path = root / "models" / f"{model}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"/* ---\nkind: full\n--- */\n{select}\n")


def _once(setting: Setting) -> None:
    root = make_project(setting.base / "project")
    drop(root, _sales(setting.rows).path(setting.data, "csv"))
    _make_models(root)
    run_here(root)


def _once_example(setting: Setting) -> None:
    from entrepot.examples import copy_example, generate_data

    generate_data(copy_example("retail", setting.base / "project"), setting.base / "project")
    run_here(setting.base / "project")


def _prepare(setting: Setting) -> None:
    root = copy_project(setting.base / "project", setting.work / "project")
    run_here(root)  # what a first run after the copy has to do (a cache of another place) is not the question


def _unchanged(setting: Setting) -> Output:
    return output(setting.work / "project")


def _example_facts(setting: Setting) -> Facts:
    return Facts(0, 0)


def _nothing(setting: Setting) -> Output:
    return Output()


def _generate(data: Path, rows: int) -> None:
    _sales(rows).make(data, "csv")


def _floor() -> Subject:
    return no_op.CASE.subject("floor")


FIFTY = Case(
    name="noop50",
    title=f"`entrepot run` of one source and {MODELS} models, nothing new (the floor: Python with the same imports)",
    sizes={"tiny": (200,), "small": (10_000,), "full": (10_000,)},
    generate=_generate,
    subjects=(
        _floor(),
        Subject("entrepot", _unchanged, _everything, once=_once, prepare=_prepare, command=no_op.run_command),
    ),
    rounds=5,
)
EXAMPLE = Case(
    name="noop-retail",
    title="`entrepot run` of the example retail, nothing new (the floor: Python with the same imports)",
    sizes={"tiny": (1,), "small": (1,), "full": (1,)},
    generate=lambda data, rows: None,
    subjects=(
        _floor(),
        Subject("entrepot", _nothing, _example_facts, once=_once_example, prepare=_prepare, command=no_op.run_command),
    ),
    rounds=5,
)
ALL = (FIFTY, EXAMPLE)
