"""dbt (with its DuckDB adapter) and SQLMesh, each building the chain at its defaults: tables in a DuckDB file, over views of the same Parquet files.

Both are started as a user starts them, by their command, and neither sends anything anywhere. Only the standard library and duckdb are needed here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.case import Output
from benchmarks.chain import LAST, MODELS, rename
from benchmarks.tpch import TABLES

_THREADS = str(os.cpu_count() or 1)


def run_command(name: str, *arguments: str, folder: Path) -> None:
    """Run a command of the environment that this process runs in. Raises: RuntimeError with what it said."""
    quiet = {
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true",
        "HOME": str(folder),
    }
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=dict(os.environ, **quiet), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")


def make_database(file: Path, files: Path) -> None:
    """A DuckDB file whose schema `bronze` shows the Parquet files."""
    import duckdb

    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA bronze")
        for name in TABLES:
            connection.execute(f"CREATE VIEW bronze.{name} AS SELECT * FROM '{files}/{name}.parquet'")


def make_dbt(root: Path, files: Path) -> None:
    """A dbt project: each model a table in the schema of its layer."""
    profile = (
        f"chain:\n  target: dev\n  outputs:\n    dev: {{type: duckdb, path: {root}/lake.duckdb, threads: {_THREADS}}}\n"
    )
    project = (
        "name: chain\nversion: '1.0'\nprofile: chain\nmodel-paths: [models]\nmacro-paths: [macros]\n"
        "models:\n  chain:\n    +materialized: table\n    silver: {+schema: silver}\n    gold: {+schema: gold}\n"
    )
    tables = "".join(f"      - name: {name}\n" for name in TABLES)
    schema = "{% macro generate_schema_name(custom, node) %}{{ custom or target.schema }}{% endmacro %}\n"
    texts = {
        "profiles.yml": profile,
        "dbt_project.yml": project,
        "models/sources.yml": f"version: 2\nsources:\n  - name: bronze\n    schema: bronze\n    tables:\n{tables}",
        "macros/schema.sql": schema,
    }
    for name, select in MODELS.items():
        layer, _, table = name.partition(".")
        texts[f"models/{layer}/{table}.sql"] = "{{ config(alias='%s') }}\n%s\n" % (table, rename(select, _dbt_name))  # noqa: UP031
        if layer == "silver" and f"gold.{table}" in MODELS:
            raise ValueError(f"dbt knows one model of a name: {table}")
    _write_all(root, texts)
    make_database(root / "lake.duckdb", files)


def _dbt_name(layer: str, table: str) -> str:
    return f"{{{{ source('bronze', '{table}') }}}}" if layer == "bronze" else f"{{{{ ref('{table}') }}}}"


def run_dbt(root: Path) -> Output:
    """`dbt run`."""
    run_command("dbt", "run", "--project-dir", str(root), "--profiles-dir", str(root), folder=root)
    return Output(database=(str(root / "lake.duckdb"), LAST))


def make_sqlmesh(root: Path, files: Path) -> None:
    """A SQLMesh project: each model of kind FULL."""
    config = (
        f"gateways:\n  local:\n    connection: {{type: duckdb, database: {root}/lake.duckdb, concurrent_tasks: {_THREADS}}}\n"
        "default_gateway: local\nmodel_defaults: {dialect: duckdb, start: 2020-01-01}\n"
    )
    texts = {"config.yaml": config}
    for name, select in MODELS.items():
        texts[f"models/{name}.sql"] = f"MODEL (name {name}, kind FULL);\n{select}\n"
    _write_all(root, texts)
    make_database(root / "lake.duckdb", files)


def run_sqlmesh(root: Path) -> Output:
    """`sqlmesh plan` that applies itself: the first build of all models."""
    run_command("sqlmesh", "-p", str(root), "plan", "--auto-apply", "--no-prompts", folder=root)
    return Output(database=(str(root / "lake.duckdb"), LAST))


def _write_all(root: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
