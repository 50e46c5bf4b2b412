"""One per cent of new rows after 99: what a model then costs, against building it anew, and against bare DuckDB that computes the whole.

Rows come in the order of time, five hundred days of them; the new ones are five further days. What is timed is the run that brings the model
up to date: its input has landed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.floor import copy_to_parquet, load_duckdb
from benchmarks.project import copy_project, drop, load_platform, run_here

EDITION = 1
DAYS, NEW_DAYS = 500, 5
CONTRACT = """\
apiVersion: v3.2.0
kind: DataContract
id: sales
version: 1.0.0
status: active
schema:
  - name: sales
    physicalName: bronze.sales
    properties:
      - {name: id, logicalType: integer, logicalTypeOptions: {format: i64}, required: true}
      - {name: day, logicalType: date, required: true}
      - {name: store, logicalType: integer, logicalTypeOptions: {format: i32}}
      - {name: product, logicalType: integer, logicalTypeOptions: {format: i32}}
      - {name: quantity, logicalType: integer, logicalTypeOptions: {format: i32}}
      - {name: amount, logicalType: number, physicalType: "decimal(12,2)"}
"""
SOURCE = "connector: files\ndataset: bronze.sales\noptions: {path: storage/sales, wait: {stable_s: 0}}\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """A model: its kind, as in its head, and its SELECT."""

    name: str
    title: str
    head: str
    select: str
    layer: str = "gold"


SHAPES = (
    Shape(
        "change-day",
        "by day and store, kept by day: the new rows touch 5 of 505 partitions",
        "kind: partition\npartition: [day]",
        "SELECT day, store, CAST(sum(quantity) AS BIGINT) AS quantity, CAST(sum(amount) AS DECIMAL(18, 2)) AS amount "
        "FROM bronze.sales GROUP BY day, store",
    ),
    Shape(
        "change-rows",
        "row by row, kind append",
        "kind: append\ndriving: bronze.sales",
        "SELECT id, day, store, quantity, amount FROM bronze.sales",
        layer="silver",
    ),
    Shape(
        "change-store",
        "by store, kept by store: the new rows touch every partition",
        "kind: partition\npartition: [store]",
        "SELECT store, CAST(sum(quantity) AS BIGINT) AS quantity, CAST(sum(amount) AS DECIMAL(18, 2)) AS amount "
        "FROM bronze.sales GROUP BY store",
    ),
)


def _rows(first: int, last: int, a_day: int) -> str:
    return f"""
        SELECT i AS id, DATE '2025-01-01' + (i // {a_day})::INTEGER AS day, (hash(i) % 400)::INTEGER AS store,
               (hash(i, 2) % 5000)::INTEGER AS product, (1 + hash(i, 3) % 9)::INTEGER AS quantity,
               ((50 + hash(i, 4) % 9950) / 100)::DECIMAL(12,2) AS amount
        FROM range({first}, {last}) AS t(i)"""


def _files(data: Path, rows: int) -> tuple[Path, Path]:
    """The rows that are there, and the new ones."""
    return data / f"days-{rows}-e{EDITION}.parquet", data / f"days-{rows}-new-e{EDITION}.parquet"


def _generate(data: Path, rows: int) -> None:
    import duckdb

    data.mkdir(parents=True, exist_ok=True)
    a_day = rows // DAYS
    bounds = ((0, rows), (rows, rows + NEW_DAYS * a_day))
    for path, (first, last) in zip(_files(data, rows), bounds, strict=True):
        if not path.exists():
            aside = path.with_suffix(".tmp")
            duckdb.execute(f"COPY ({_rows(first, last, a_day)}) TO '{aside}' (FORMAT parquet, COMPRESSION zstd)")
            aside.rename(path)


def _whole(shape: Shape, setting: Setting) -> str:
    both = ", ".join(f"'{path}'" for path in _files(setting.data, setting.rows))
    return shape.select.replace("bronze.sales", f"read_parquet([{both}])")


def _expected(shape: Shape, setting: Setting) -> Facts:
    import duckdb

    row = duckdb.execute(
        f"SELECT count(*), sum(round(amount * 100)::BIGINT) FROM ({_whole(shape, setting)})"
    ).fetchone()
    assert row is not None
    return Facts(int(row[0]), int(row[1]))


def _floor(shape: Shape, setting: Setting) -> Output:
    return copy_to_parquet(_whole(shape, setting), setting.work)


def _land(setting: Setting) -> Path:
    root = setting.base / "project"
    for name, text in {
        "entrepot.yaml": "name: benchmark\ntime_zone: UTC\n",
        "contracts/sales.odcs.yaml": CONTRACT,
        "sources/sales.yaml": SOURCE,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "storage/sales/incoming").mkdir(parents=True)
    drop(root, _files(setting.data, setting.rows)[0])
    run_here(root)
    return root


def _put_model(root: Path, shape: Shape) -> None:
    path = root / "models" / shape.layer / "model.sql"
    path.parent.mkdir(parents=True)
    path.write_text(f"/* ---\n{shape.head}\n--- */\n{shape.select}\n")


def _land_new(setting: Setting, root: Path) -> None:
    """The new rows, into bronze alone."""
    from entrepot.app.project import open_project
    from entrepot.app.session import run_project
    from entrepot.app.wiring import Platform

    drop(root, _files(setting.data, setting.rows)[1])
    report: Any = run_project(Platform(open_project(root)), ["bronze.sales"])
    assert report.succeeded, report.problems


def _once_full(setting: Setting) -> None:
    _land_new(setting, _land(setting))


def _prepare_full(shape: Shape, setting: Setting) -> None:
    _put_model(copy_project(setting.base / "project", setting.work / "project"), shape)


def _once_change(shape: Shape, setting: Setting) -> None:
    """The model built over 99 % of the rows, and the others in bronze."""
    root = _land(setting)
    _put_model(root, shape)
    run_here(root)
    _land_new(setting, root)


def _prepare_change(setting: Setting) -> None:
    copy_project(setting.base / "project", setting.work / "project")


def _update(shape: Shape, setting: Setting) -> Output:
    root = setting.work / "project"
    run_here(root)
    return Output(delta=str(root / ".entrepot/lake" / shape.layer / "model"))


def _case(shape: Shape) -> Case:
    expected = partial(_expected, shape)
    return Case(
        name=shape.name,
        title=f"1 % new rows after which a model is brought up to date: {shape.title}",
        sizes={"tiny": (20_000,), "small": (5_000_000,), "full": (50_000_000,)},
        generate=_generate,
        subjects=(
            Subject("floor", partial(_floor, shape), expected, load=load_duckdb),
            Subject(
                "built anew", partial(_update, shape), expected,
                load=load_platform, once=_once_full, prepare=partial(_prepare_full, shape),
            ),
            Subject(
                "brought up to date", partial(_update, shape), expected,
                load=load_platform, once=partial(_once_change, shape), prepare=_prepare_change,
            ),
        ),
    )  # fmt: skip


ALL = tuple(_case(shape) for shape in SHAPES)
