"""A CSV file of changes → merged by key into a table fifty times its size; half of them are new rows.

The changed rows lie all over the table: every data file has some. That is the worst case for a table of whole files.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import peers
from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.floor import copy_to_parquet, load_duckdb
from benchmarks.project import copy_project, drop, load_platform, make_project, run, run_here
from benchmarks.sales import Sales, typed_csv

SHARE = 50


def _base(rows: int) -> Sales:
    return Sales("merge-base", 1, rows, dirt=False)


def _changes(rows: int) -> tuple[Sales, Sales]:
    """Rows that are there, at other prices, and rows that are not."""
    half = rows // SHARE // 2
    changed = Sales("merge-changed", 1, rows, step=rows // half, dirt=False, price_seed=1000)
    new = Sales("merge-new", rows + 1, rows + half, dirt=False)
    return changed, new


def _generate(data: Path, rows: int) -> None:
    _base(rows).make(data, "parquet")
    for part in _changes(rows):
        part.make(data, "csv")
    target = _changes_file(data, rows)
    if not target.exists():
        first, second = (part.path(data, "csv").read_text() for part in _changes(rows))
        target.write_text(first + second.partition("\n")[2])


def _changes_file(data: Path, rows: int) -> Path:
    return data / f"merge-changes-{_changes(rows)[0].path(data, 'csv').stem}.csv"


def _expected(setting: Setting) -> Facts:
    """The base, less the old amounts of the changed rows, with the changes."""
    base = _base(setting.rows).all_rows(setting.data, "parquet")
    changed, new = (part.all_rows(setting.data, "csv") for part in _changes(setting.rows))
    return Facts(base.rows + new.rows, base.cents - _replaced_cents(setting) + changed.cents + new.cents)


def _replaced_cents(setting: Setting) -> int:
    import duckdb

    changed = _changes(setting.rows)[0]
    path = _base(setting.rows).path(setting.data, "parquet")
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT sum(amount * 100)::BIGINT FROM '{path}' WHERE (sale_id - 1) % {changed.step} = 0"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _floor(setting: Setting) -> Output:
    base = f"SELECT * FROM read_parquet('{_base(setting.rows).path(setting.data, 'parquet')}')"
    changes = typed_csv(_changes_file(setting.data, setting.rows))
    merged = f"WITH c AS MATERIALIZED ({changes}) SELECT * FROM ({base}) ANTI JOIN c USING (sale_id) UNION ALL SELECT * FROM c"
    return copy_to_parquet(merged, setting.work)


def _load_base(setting: Setting) -> None:
    root = make_project(setting.base / "project", write="merge", key=True)
    drop(root, _base(setting.rows).path(setting.data, "parquet"))
    run_here(root)


def _prepare(setting: Setting) -> None:
    root = copy_project(setting.base / "project", setting.work / "project")
    drop(root, _changes_file(setting.data, setting.rows))


def _merge(setting: Setting) -> Output:
    return run(setting.work / "project")


def _dlt_base(setting: Setting) -> None:
    batches = peers.parquet_batches(_base(setting.rows).path(setting.data, "parquet"))
    peers.dlt_load(batches, setting.base, "delta", key="sale_id")


def _dlt_prepare(setting: Setting) -> None:
    peers.copy_dlt(setting.base, setting.work)


def _dlt_merge(setting: Setting) -> Output:
    batches = peers.csv_batches(_changes_file(setting.data, setting.rows))
    return peers.dlt_load(batches, setting.work, "delta", key="sale_id")


CASE = Case(
    name="merge",
    title="CSV file of changes (2 %, half new) → merged by key",
    sizes={"tiny": (5_000,), "small": (500_000,), "full": (5_000_000,)},
    generate=_generate,
    subjects=(
        Subject("floor", _floor, _expected, load=load_duckdb),
        Subject("entrepot", _merge, _expected, load=load_platform, once=_load_base, prepare=_prepare),
        Subject(
            "dlt → delta", _dlt_merge, _expected, load=peers.load_dlt, once=_dlt_base, prepare=_dlt_prepare, peer=True
        ),
    ),
)
