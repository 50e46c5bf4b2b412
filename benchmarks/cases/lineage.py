"""Column lineage of hundreds of models of eight columns: opening such a project, and lineage on top of it, found anew and kept."""

from __future__ import annotations

from pathlib import Path

from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.project import copy_project, make_project

FIRST = "SELECT sale_id AS c0, store AS c1, sold_on AS c2, sku AS c3, quantity AS c4, amount AS c5, amount AS c6, quantity AS c7 FROM bronze.sales"
NEXT = """\
WITH joined AS (
  SELECT p.c0, p.c1, p.c2, p.c3, p.c4 + q.c4 AS c4, p.c5, p.c6, p.c7
  FROM silver.m_{p:04} AS p
  LEFT JOIN silver.m_{q:04} AS q ON p.c0 = q.c0 AND q.c7 > 0
),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY c1 ORDER BY c2 DESC, c0) AS place FROM joined
),
daily AS (
  SELECT
    c0, c1, c2, c3, sum(c4) AS c4, max(c5) AS c5, max(c6) FILTER (WHERE c7 > {number}) AS c6,
    CAST(max(CASE WHEN place = 1 THEN c7 END) AS BIGINT) AS c7
  FROM ranked
  GROUP BY ALL
)
SELECT c0, c1, c2, c3, c4, c4 - lag(c4) OVER (PARTITION BY c1 ORDER BY c2, c0) AS c5, coalesce(c5, c6) AS c6, c7
FROM daily
QUALIFY row_number() OVER (PARTITION BY c0 ORDER BY c2) = 1
"""
_FIRST_EDGES, _NEXT_EDGES = 8, 11
"""Direct edges of the columns of one model, counted by hand."""


def _generate(data: Path, rows: int) -> None:
    """Nothing is shared: a project has no data."""


def _make(root: Path, models: int) -> None:
    make_project(root)
    folder = root / "models" / "silver"
    folder.mkdir(parents=True)
    for number in range(models):
        before = number // 2
        sql = FIRST if number < 2 else NEXT.format(p=before, q=before - 1, number=number)
        (folder / f"m_{number:04}.sql").write_text(f"/* ---\nkind: full\n--- */\n{sql}\n")


def _once(setting: Setting) -> None:
    _make(setting.base / "project", setting.rows)


def _once_kept(setting: Setting) -> None:
    _once(setting)
    _find(setting.base / "project")


def _prepare(setting: Setting) -> None:
    copy_project(setting.base / "project", setting.work / "project")


def _open(setting: Setting) -> Output:
    from entrepot.app.project import open_project

    open_project(setting.work / "project")
    return Output()


def _work(setting: Setting) -> Output:
    return _write(_find(setting.work / "project"), setting.work / "edges.parquet")


def _find(root: Path) -> int:
    """The number of direct edges between columns of models."""
    from entrepot.app.lineage import find_project_lineage
    from entrepot.app.project import open_project

    graph = find_project_lineage(open_project(root))
    assert not any(asset.doubts for asset in graph.assets.values())
    return sum(
        len(column.direct)
        for name, asset in graph.assets.items()
        if name.startswith("silver.")
        for column in asset.columns
    )


def _write(edges: int, path: Path) -> Output:
    """The number, as rows that are looked at like those of any other case."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"amount": [1.0] * edges}), path)
    return Output((str(path),))


def _edges(setting: Setting) -> Facts:
    first = min(setting.rows, 2)
    edges = first * _FIRST_EDGES + (setting.rows - first) * _NEXT_EDGES
    return Facts(edges, edges * 100)


def _none(setting: Setting) -> Facts:
    return Facts(0, 0)


def _load() -> None:
    import pyarrow.parquet  # noqa: F401

    import entrepot.app.lineage
    import entrepot.app.project  # noqa: F401


CASE = Case(
    name="lineage",
    title="Column lineage of models of eight columns (rows: models; the floor opens the project and asks nothing)",
    sizes={"tiny": (20,), "small": (500,), "full": (500,)},
    generate=_generate,
    subjects=(
        Subject("floor", _open, _none, load=_load, once=_once, prepare=_prepare),
        Subject("anew", _work, _edges, load=_load, once=_once, prepare=_prepare),
        Subject("kept", _work, _edges, load=_load, once=_once_kept, prepare=_prepare),
    ),
)
