"""Views shared by the models of one run: the same rows as without, computed once, gone with the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from entrepot.adapters.embedded.cache import SharedViews
from entrepot.adapters.embedded.cache.views import pays, sweep
from entrepot.adapters.embedded.connections import Settings
from entrepot.adapters.embedded.delta import table_resolver
from entrepot.adapters.embedded.engine import DuckEngine
from entrepot.ports.relations import QueryScan, Refresh, StagedRows, TableChange, TableVersion
from tests.adapters.embedded.delta.delta_lake import NAME, SCHEMA, Lake, sale

BY_SHOP = "SELECT shop, CAST(sum(amount) AS DECIMAL(18, 2)) AS amount, count(*) AS n FROM bronze.sales GROUP BY shop"
READERS = (
    "SELECT max(amount) AS top FROM silver.by_shop",
    "SELECT shop FROM silver.by_shop WHERE n > 1 ORDER BY shop",
    "SELECT s.id, b.amount FROM bronze.sales AS s JOIN silver.by_shop AS b USING (shop) ORDER BY s.id",
)


class Run:
    """A lake, an engine, and a run's shared views; counts how often each table is opened."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(folder)
        self.lake.tables.create(NAME, SCHEMA)
        self.lake.commit(1, [sale(number, "ab"[number % 2]) for number in range(1, 8)])
        self.opened: Counter[str] = Counter()
        resolve = table_resolver(self.lake.tables)

        def counting(connection: duckdb.DuckDBPyConnection, table: TableVersion | TableChange) -> str:
            self.opened[table.name] += 1
            return resolve(connection, table)

        self.settings = Settings(2, 400, folder / "temp")
        self.engine = DuckEngine(resolve, threads=2, temp=folder / "temp", zone="UTC")
        self.folder = folder / "views" / "me"
        self.views = SharedViews(self.settings, "UTC", counting, self.folder, {"silver.by_shop": 3})

    def scan(self, sql: str, views: dict[str, str] | None = None) -> QueryScan:
        return QueryScan(sql, {NAME: self.lake.tables.pin(NAME)}, views or {"silver.by_shop": BY_SHOP})

    def rows(self, scan: QueryScan) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.engine.query(scan).batches().read_all().to_pylist()
        return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    made.views.close()


@pytest.mark.req("F20")
def test_readers_get_the_same_rows_and_the_view_is_computed_once(run: Run) -> None:
    """Three models over one grouping view, side by side: each has its rows and types as without sharing; the table was read once for the view."""
    scans = [run.scan(sql) for sql in READERS]
    with ThreadPoolExecutor(3) as pool:
        shared = list(pool.map(run.views.share, scans))
    assert [run.rows(scan) for scan in shared] == [run.rows(scan) for scan in scans]
    assert [run.engine.describe(scan) for scan in shared] == [run.engine.describe(scan) for scan in scans]
    assert all(isinstance(scan.tables["silver.by_shop"], StagedRows) and not scan.views for scan in shared)
    assert run.opened == {NAME: 1}
    assert len(list(run.folder.iterdir())) == 1


@pytest.mark.req("F20")
def test_another_version_or_text_is_another_view(run: Run) -> None:
    """The table moves on within the run, and one model sees another text: none of them is given the rows of the first."""
    first = run.rows(run.views.share(run.scan(READERS[0])))
    run.lake.commit(2, [sale(9, "a", "100.00")])
    moved = run.scan(READERS[0])
    assert run.rows(run.views.share(moved)) == run.rows(moved) != first
    other = run.scan(READERS[0], {"silver.by_shop": BY_SHOP.replace("sum", "min")})
    assert run.rows(run.views.share(other)) == run.rows(other)
    assert run.opened == {NAME: 3}


def test_views_over_views(run: Run) -> None:
    """A shared view over a shared one is computed from its file; its key is that of the texts, whoever comes first."""
    run.views = replace(run.views, uses={"silver.by_shop": 2, "gold.top": 2}, _shares={})
    views = {"silver.by_shop": BY_SHOP, "gold.top": "SELECT max(amount) AS top FROM silver.by_shop"}
    for sql in (
        "SELECT top FROM gold.top",
        "SELECT t.top, b.shop FROM gold.top AS t, silver.by_shop AS b ORDER BY shop",
    ):
        scan = run.scan(sql, views)
        assert run.rows(run.views.share(scan)) == run.rows(scan)
    assert run.opened[NAME] == 1, "the second view is computed from the file of the first"


@pytest.mark.parametrize(
    "view",
    [
        "SELECT shop, sum(id) AS s FROM bronze.sales GROUP BY shop",
        "SELECT shop, count(*) * INTERVAL 1 DAY AS age FROM bronze.sales GROUP BY shop",
        "SELECT shop, list(id) AS ids FROM bronze.sales GROUP BY shop",
        "SELECT shop, max(random()) AS r FROM bronze.sales GROUP BY shop",
        "SELECT shop, now() AS at FROM bronze.sales GROUP BY shop",
        "SELECT nope FROM bronze.sales GROUP BY shop",
        "SELECT FROM WHERE",
    ],
)
def test_what_would_not_come_back_as_it_is_stays_a_view(run: Run, view: str) -> None:
    """Types that Parquet does not hold as they are (a sum of integers), chance, the clock, and what is wrong: the model's own query has it."""
    scan = run.scan("SELECT * FROM silver.by_shop", {"silver.by_shop": view})
    assert run.views.share(scan) == scan


def test_what_does_not_pay_stays_a_view(run: Run) -> None:
    """One reader, a filter, a join: no file. A scan that is limited to what changed wants few rows, so it is left as it is."""
    join = "SELECT a.id FROM bronze.sales AS a JOIN bronze.sales AS b USING (id)"
    assert not any([pays("SELECT id FROM bronze.sales WHERE id > 1", 9), pays(join, 9), pays(BY_SHOP, 1)])
    assert all(
        pays(view, 2)
        for view in (
            BY_SHOP,
            "SELECT row_number() OVER (ORDER BY id) AS n FROM bronze.sales",
            "SELECT DISTINCT shop FROM bronze.sales",
            "SELECT id FROM bronze.sales UNION SELECT 0",
        )
    )
    limited = replace(run.scan(READERS[0]), refresh=Refresh(("top",), "SELECT 1", {}, lambda _: "SELECT 1"))
    assert run.views.share(limited) is limited


def test_files_beyond_the_limit_are_not_kept(run: Run) -> None:
    """Where there is no room the view stays one, and its file is gone; the next scan does not try again."""
    run.views = replace(run.views, limit_bytes=10, _shares={})
    for _ in range(2):
        scan = run.scan(READERS[0])
        assert run.views.share(scan) == scan
    assert list(run.folder.iterdir()) == []
    assert run.opened == {NAME: 1}


def test_files_go_with_the_run_or_with_the_next_one(run: Run) -> None:
    """Closing removes them; of what lies beside them only that of dead processes is swept."""
    run.views.share(run.scan(READERS[0]))
    assert run.folder.exists()
    run.views.close()
    run.views.close()
    assert not run.folder.exists()
    for name in ("host~1", "host~2"):
        (run.folder.parent / name).mkdir(parents=True)
        (run.folder.parent / name / "x.parquet").write_text("left")
    sweep(run.folder.parent, lambda holder: holder == "host/2")
    assert [path.name for path in run.folder.parent.iterdir()] == ["host~2"]
    sweep(run.folder.parent / "none", lambda holder: False)
