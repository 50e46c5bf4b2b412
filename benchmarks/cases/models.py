"""A chain of twenty models over the tables of TPC-H, built for the first time: whole processes, from their start to their end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks import chain_peers
from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.chain import LAST, MODELS
from benchmarks.project import copy_project, run_here
from benchmarks.tpch import folder, make_sources, make_tables


def _files(setting: Setting) -> Path:
    return folder(setting.data, setting.rows)


def _expected(setting: Setting) -> Facts:
    """The last model by another way: straight from the tables, with none in between."""
    import duckdb

    tables = {name: f"'{_files(setting)}/{name}.parquet'" for name in ("lineitem", "orders", "customer", "nation")}
    select = f"""
        SELECT n_name, sum(l_extendedprice * (1 - l_discount)) AS amount FROM {tables["lineitem"]}
        JOIN {tables["orders"]} ON o_orderkey = l_orderkey JOIN {tables["customer"]} ON c_custkey = o_custkey
        JOIN {tables["nation"]} ON n_nationkey = c_nationkey GROUP BY n_name"""
    row = duckdb.execute(f"SELECT count(*), sum(round(amount * 100)::BIGINT) FROM ({select})").fetchone()
    assert row is not None
    return Facts(int(row[0]), int(row[1]))


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr)[-1500:])


def _bare(setting: Setting) -> Output:
    _run("benchmarks.chain", str(_files(setting)), str(setting.work))
    return Output(files=(str(setting.work / f"{LAST}.parquet"),))


def _land(setting: Setting) -> None:
    """The eight tables in bronze, and no model yet."""
    root = setting.base / "project"
    make_sources(root, _files(setting))
    run_here(root)


def _prepare(setting: Setting) -> None:
    root = copy_project(setting.base / "project", setting.work / "project")
    for name, select in MODELS.items():
        path = root / "models" / f"{name.replace('.', '/')}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"/* ---\nkind: full\n--- */{select}\n")


def _build(setting: Setting) -> Output:
    root = setting.work / "project"
    _run("entrepot.app.cli", "run", "--project", str(root))
    return Output(delta=str(root / ".entrepot/lake" / LAST.replace(".", "/")))


CASE = Case(
    name="models",
    title="a chain of 20 models over TPC-H, first build, start included",
    sizes={"tiny": (60_175,), "small": (600_572,), "full": (6_001_215,)},
    generate=make_tables,
    subjects=(
        Subject("floor", _bare, _expected),
        Subject("entrepot", _build, _expected, once=_land, prepare=_prepare),
        Subject(
            "dbt", lambda s: chain_peers.run_dbt(s.work), _expected,
            prepare=lambda s: chain_peers.make_dbt(s.work, _files(s)), peer=True, environment="dbt",
        ),
        Subject(
            "SQLMesh", lambda s: chain_peers.run_sqlmesh(s.work), _expected,
            prepare=lambda s: chain_peers.make_sqlmesh(s.work, _files(s)), peer=True, environment="sqlmesh",
        ),
    ),
)  # fmt: skip
