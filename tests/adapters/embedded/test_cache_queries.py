"""Cached answers: never another one than the engine would give now."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from entrepot.adapters.embedded.cache import CachedQueries, CachedShapes, FileCache, lake_identity
from entrepot.adapters.embedded.delta import table_resolver
from entrepot.adapters.embedded.engine import DuckEngine
from entrepot.kernel.errors import ProjectError
from entrepot.ports.engine import Result
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.writer import Replace
from tests.adapters.embedded.delta.delta_lake import NAME, SCHEMA, Lake, sale

SUM = "SELECT sum(amount) AS amount, count(*) AS n FROM bronze.sales"


@dataclass
class Shop:
    """A lake, and an engine that counts how often it is asked."""

    lake: Lake
    zone: str = "UTC"
    limit_bytes: int = 8 << 20
    asked: int = 0
    described: int = 0
    readers: list[CachedQueries] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open()

    def open(self, *, reader: str = "", zone: str | None = None) -> CachedQueries:
        """The same project as another process sees it; nothing but the files is kept."""
        self.lake.tables = self.lake.fresh()
        zone = zone or self.zone
        self.engine = DuckEngine(table_resolver(self.lake.tables), threads=1, temp=self.lake.folder / "temp", zone=zone)
        cache = FileCache(self.lake.folder / "cache", self.limit_bytes)
        made = CachedQueries(self, cache, lake_identity(self.lake.tables), zone, reader)
        schema_text = lambda table: self.lake.tables.snapshot(table.name, table.version).metadata.schema_string  # noqa: E731
        self.shapes = CachedShapes(self, cache, schema_text, zone)
        self.readers.append(made)
        return made

    def query(self, scan: QueryScan) -> Result:
        self.asked += 1
        return self.engine.query(scan)

    def describe(self, scan: QueryScan) -> pa.Schema:
        self.described += 1
        return self.engine.describe(scan)

    def scan(self, sql: str, version: int | None = None, views: Mapping[str, str] | None = None) -> QueryScan:
        tables = {NAME: self.lake.tables.pin(NAME, version)}
        if self.lake.tables.exists("bronze.other"):
            tables["bronze.other"] = self.lake.tables.pin("bronze.other")
        return QueryScan(sql, tables, views or {})

    def ask(self, sql: str, version: int | None = None, views: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """The rows, which must be those of the engine itself."""
        scan = self.scan(sql, version, views)
        found = self.readers[-1].query(scan).batches().read_all()
        right = self.engine.query(scan).batches().read_all()
        assert found.schema == right.schema
        rows: list[dict[str, Any]] = found.to_pylist()
        assert rows == right.to_pylist()
        return rows


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Two sales at version 1, another at version 2."""
    lake = Lake(tmp_path)
    lake.tables.create(NAME, SCHEMA)
    lake.commit(1, [sale(1, amount="1.50"), sale(2, amount="2.00")])
    lake.commit(2, [sale(3, "b", "4.00")])
    return Shop(lake)


@pytest.mark.req("F20")
def test_the_same_question_is_answered_once_also_for_another_process(shop: Shop) -> None:
    """The second time the engine is not asked; nor by a process that opens the project anew."""
    assert shop.ask(SUM) == shop.ask(SUM) == [{"amount": Decimal("7.50"), "n": 3}]
    shop.open()
    shop.ask(SUM)
    assert shop.asked == 1


@pytest.mark.req("F20")
def test_a_new_version_is_a_new_question(shop: Shop) -> None:
    """After a commit, a replacement and a look at an old version each answer is that of its version."""
    assert shop.ask(SUM)[0]["n"] == 3
    shop.lake.commit(3, [sale(4)])
    assert shop.ask(SUM)[0]["n"] == 4
    shop.lake.commit(4, [sale(9, amount="9.00")], Replace("true"))
    assert shop.ask(SUM) == [{"amount": Decimal("9.00"), "n": 1}]
    assert shop.ask(SUM, version=1)[0]["n"] == 2
    assert shop.asked == 4
    assert shop.ask(SUM, version=2)[0]["n"] == 3
    assert shop.asked == 4, "version 2 was asked before"


@pytest.mark.req("F20")
def test_a_lake_that_was_rebuilt_or_put_back_is_another_one(shop: Shop) -> None:
    """A table deleted and made anew, and one put back from a copy that goes on otherwise, have the same names and versions and other answers."""
    shop.ask(SUM)
    backup = shop.lake.folder / "backup"
    shutil.copytree(shop.lake.root, backup)
    shop.lake.commit(3, [sale(4)])
    assert shop.ask(SUM)[0]["n"] == 4
    shutil.rmtree(shop.lake.root)
    shutil.copytree(backup, shop.lake.root)
    shop.open()
    shop.lake.commit(3, [sale(5), sale(6)])
    assert shop.ask(SUM)[0]["n"] == 5
    shutil.rmtree(shop.lake.root)
    shop.open()
    shop.lake.tables.create(NAME, SCHEMA)
    for sequence in (1, 2, 3):
        shop.lake.commit(sequence, [sale(sequence)])
    assert shop.ask(SUM)[0]["n"] == 3


def test_a_table_that_the_text_does_not_read_does_not_matter(shop: Shop) -> None:
    """Another table of the release moves on: the answer is still that of the cache."""
    shop.lake.tables.create("bronze.other", SCHEMA)
    shop.ask(SUM)
    shop.lake.commit(1, [sale(1)], name="bronze.other")
    shop.ask(SUM)
    assert shop.asked == 1
    shop.ask("SELECT count(*) AS n FROM bronze.other")
    shop.lake.commit(2, [sale(2)], name="bronze.other")
    assert shop.ask("SELECT count(*) AS n FROM bronze.other") == [{"n": 2}]


def test_views_count_with_their_texts(shop: Shop) -> None:
    """A view that says something else, also one below another, is another question; one that is not read is none."""
    sql, views = "SELECT n FROM gold.v", {"silver.u": SUM, "gold.v": "SELECT n FROM silver.u"}
    assert shop.ask(sql, views=views) == shop.ask(sql, views=views) == [{"n": 3}]
    assert shop.asked == 1
    assert shop.ask(sql, views=views | {"silver.u": f"{SUM} WHERE id = 1"}) == [{"n": 1}]
    shop.ask(sql, views=views | {"gold.unused": "SELECT 1 AS x"})
    assert shop.asked == 2
    shop.lake.commit(3, [sale(4)])
    assert shop.ask(sql, views=views) == [{"n": 4}]


def test_zone_and_reader_are_part_of_the_question(shop: Shop) -> None:
    """An hour is another one in another zone; what one reader may see is not what another one may."""
    sql = "SELECT min(hour(sold_at)) AS h FROM bronze.sales"
    assert shop.ask(sql) == [{"h": 12}]
    shop.open(zone="Asia/Tokyo")
    assert shop.ask(sql) == [{"h": 21}]
    shop.open(reader="ann")
    shop.ask(sql)
    assert shop.asked == 3


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT now() AS t FROM bronze.sales",
        "SELECT current_date AS t FROM bronze.sales",
        "SELECT CURRENT_TIMESTAMP AS t FROM bronze.sales",
        "SELECT today() AS t FROM bronze.sales",
        "SELECT random() AS r FROM bronze.sales",
        "SELECT uuid() AS u FROM bronze.sales",
        "SELECT id FROM bronze.sales USING SAMPLE 1 ROWS",
        "SELECT id FROM bronze.sales TABLESAMPLE 50%",
        "SELECT (SELECT max(get_current_time()) FROM bronze.sales) AS t",
    ],
)
def test_what_does_not_follow_from_the_tables_is_asked_each_time(shop: Shop, sql: str) -> None:
    """The clock and chance, in any place of the text or of a view; a column or text of that name is neither."""
    for scan in (shop.scan(sql), shop.scan("SELECT * FROM gold.v", views={"gold.v": sql})):
        for _ in range(2):
            shop.readers[-1].query(scan).batches().read_all()
    assert shop.asked == 4
    shop.ask("""SELECT 'now()' AS a, "id" AS "current_date" FROM bronze.sales ORDER BY id""")
    shop.ask("""SELECT 'now()' AS a, "id" AS "current_date" FROM bronze.sales ORDER BY id""")
    assert shop.asked == 5


def test_an_answer_that_was_not_read_to_its_end_is_not_kept(shop: Shop) -> None:
    """Who stops after some rows leaves nothing behind; an empty answer that came to its end is one."""
    shop.lake.commit(3, [sale(number) for number in range(10, 200_000)])
    sql = "SELECT id FROM bronze.sales ORDER BY id"
    reader = shop.readers[-1].query(shop.scan(sql)).batches()
    reader.read_next_batch()
    del reader
    assert len(shop.ask(sql)) == 199_993
    assert shop.asked == 2
    nothing = "SELECT id FROM bronze.sales WHERE id < 0"
    assert shop.ask(nothing) == shop.ask(nothing) == []
    assert shop.asked == 3


def test_a_large_answer_is_given_but_not_kept(shop: Shop) -> None:
    """Beyond the size of an entry all rows come, each time from the engine."""
    shop.limit_bytes = 64 << 10
    shop.open()
    shop.lake.commit(3, [sale(number) for number in range(10, 5_000)])
    for _ in range(2):
        assert len(shop.ask("SELECT id FROM bronze.sales ORDER BY id")) == 4_993
    assert shop.asked == 2


def test_errors_are_the_engines_and_are_not_kept(shop: Shop) -> None:
    """A text that is wrong is refused each time, in the same words."""
    for _ in range(2):
        with pytest.raises(ProjectError, match="nope"):
            shop.readers[-1].query(shop.scan("SELECT nope FROM bronze.sales"))
        with pytest.raises(ProjectError):
            shop.readers[-1].query(shop.scan("SELECT FROM WHERE"))
        with pytest.raises(ProjectError, match="not known here"):
            shop.readers[-1].query(shop.scan("SELECT * FROM gold.nothing"))
    assert shop.asked == 6


def test_switched_off_it_is_not_there(shop: Shop) -> None:
    """With a limit of nothing every question goes to the engine."""
    shop.limit_bytes = 0
    shop.open()
    shop.ask(SUM)
    shop.ask(SUM)
    assert shop.asked == 2


@pytest.mark.req("F20")
def test_a_shape_is_asked_for_once_until_a_schema_or_a_text_changes(shop: Shop) -> None:
    """New rows do not change what a query gives; a new column, another text of a view, another zone may."""
    sql, views = "SELECT * FROM gold.v", {"gold.v": "SELECT * FROM bronze.sales"}
    right = shop.engine.describe(shop.scan(sql, views=views))
    assert shop.shapes.describe(shop.scan(sql, views=views)) == right
    shop.lake.commit(3, [sale(4)])
    shop.open()
    assert shop.shapes.describe(shop.scan(sql, views=views)) == right
    assert shop.described == 1
    shop.lake.tables.create(NAME, SCHEMA.append(pa.field("more", pa.string())))
    assert "more" in shop.shapes.describe(shop.scan(sql, views=views)).names
    assert shop.shapes.describe(shop.scan(sql, views={"gold.v": "SELECT id FROM bronze.sales"})).names == ["id"]
    shop.open(zone="Asia/Tokyo")
    assert shop.shapes.describe(shop.scan(sql, views=views)).field("sold_at").type == pa.timestamp("us", "Asia/Tokyo")
    assert shop.described == 4


def test_a_shape_that_hangs_on_rows_is_asked_for_each_time(shop: Shop) -> None:
    """What is turned from rows into columns has no fixed shape; neither is an error one."""
    for _ in range(2):
        with pytest.raises(ProjectError):
            shop.shapes.describe(shop.scan("SELECT nope FROM bronze.sales"))
    key = shop.shapes.key(shop.scan("SELECT * FROM (PIVOT bronze.sales ON shop IN ('a') USING sum(amount))"))
    assert (shop.described, key) == (2, None)


def test_tables_that_are_none_of_the_lake_are_not_kept(shop: Shop) -> None:
    """A version that is not there has no content that could be told: the engine says what is wrong."""
    assert shop.readers[-1].key(QueryScan(SUM, {NAME: TableVersion(NAME, 99)})) is None
    assert shop.readers[-1].key(shop.scan(SUM)) is not None
