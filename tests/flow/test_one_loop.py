"""One loop carries everything: files and a database cursor in, Delta and SQLite out, however the rows are cut into batches."""

from __future__ import annotations

import sqlite3
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.adapters.sqlite.writer import SqliteTableWriter
from entrepot.app.project import open_project
from entrepot.app.wiring import Platform
from entrepot.connectors import ReaderContext, build_reader
from entrepot.contracts.model import Column, Contract, table_schema
from entrepot.contracts.row_rules import Range, Required, Unique
from entrepot.contracts.types import ColumnType, Kind
from entrepot.flow.flow import Flow
from entrepot.flow.loop import Progress, advance
from entrepot.kernel.names import Dataset
from tests.crash import shop as shop_files
from tests.flow.running import ORDERS, Shop

CONTRACT = Contract(
    Dataset("bronze", "invoices"),
    (
        Column("id", ColumnType(Kind.INTEGER), required=True),
        Column("amount", ColumnType(Kind.DECIMAL, precision=12, scale=2)),
    ),
    (
        Required(id="required:id", column="id"),
        Range(id="range:amount", column="amount", at_least=0),
        Unique(id="key:id", columns=("id",), is_key=True),
    ),
    hash="v1",
)


class Ledger:
    """A database that grows, flowing into a table of another database."""

    def __init__(self, root: Path) -> None:
        self.root = shop_files.make_project(root)
        self.source = root / "erp.db"
        self.target = root / "warehouse.db"
        with sqlite3.connect(self.source) as connection:
            connection.execute("CREATE TABLE invoices (id INTEGER, amount TEXT, seq INTEGER)")

    def add(self, *rows: tuple[int, str, int]) -> None:
        """Insert rows: id, amount, seq."""
        with sqlite3.connect(self.source) as connection:
            connection.executemany("INSERT INTO invoices VALUES (?, ?, ?)", rows)

    def turn(self, write: str = "append") -> Progress:
        """One turn of the loop, as a new process would make it."""
        platform = Platform(open_project(self.root), threads=1)
        options = {"path": str(self.source), "table": "invoices", "cursor": "seq"}
        context = ReaderContext(flow="ledger", root=self.root, clock=platform.clock, columns=CONTRACT.columns)
        flow = Flow(
            name="ledger",
            target="bronze.invoices",
            reader=build_reader("sqlite", options, context),
            writer=SqliteTableWriter(self.target, "invoices", table_schema(CONTRACT), key=("id",)),
            engine=platform.engine,
            contract=CONTRACT,
            quarantine=platform.flows._targets.quarantine("bronze.invoices"),
            write=write,
        )
        return advance(flow, platform.services)

    def rows(self) -> list[tuple[Any, ...]]:
        """What the target holds."""
        with sqlite3.connect(self.target) as connection:
            return connection.execute("SELECT id, amount FROM invoices ORDER BY id, amount").fetchall()


@pytest.mark.req("X1", "X3")
def test_a_cursor_flows_into_a_database(tmp_path: Path) -> None:
    """Each turn takes what came since; the position stands in the target's own transaction; what breaks rules is kept aside."""
    ledger = Ledger(tmp_path / "books")
    ledger.add((1, "10.00", 1), (2, "-5", 2))
    first = ledger.turn()
    assert [plan.counts.rejected for plan in first.settled if plan.counts] == [1]
    ledger.add((3, "7.5", 3))
    ledger.turn()
    assert ledger.turn().settled == []
    assert ledger.rows() == [(1, "10.00"), (3, "7.50")]


def test_a_cursor_merges_by_key(tmp_path: Path) -> None:
    """A later row of the same key takes the place of the earlier one."""
    ledger = Ledger(tmp_path / "books")
    ledger.add((1, "10.00", 1), (1, "11.00", 2), (2, "1", 3))
    counts = ledger.turn("merge").settled[0].counts
    assert counts is not None and counts.duplicate == 1
    ledger.add((2, "2", 4))
    ledger.turn("merge")
    assert ledger.rows() == [(1, "11.00"), (2, "2.00")]


@pytest.mark.req("X3")
def test_settling_again_after_a_lost_acknowledgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies between commit and settle: the next one finds the batch in the target and does not write it again."""
    import entrepot.flow.loop as loop

    ledger = Ledger(tmp_path / "books")
    ledger.add((1, "10.00", 1), (2, "bad", 2))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "settle", die)
        with pytest.raises(KeyboardInterrupt):
            ledger.turn()
    ledger.add((3, "1", 3))
    settled = ledger.turn().settled
    assert [plan.counts.received for plan in settled if plan.counts] == [2, 1]
    assert ledger.rows() == [(1, "10.00"), (3, "1.00")]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 39), max_size=5), max_files=st.integers(1, 4))
def test_rows_cut_anyhow_give_the_same_tables(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], max_files: int
) -> None:
    """Files and batches are only packaging: bronze, silver, gold and quarantine hold the same rows."""
    rows = [f"{n},p{n % 3},2026-01-{n % 28 + 1:02d},{'x' if n % 7 == 0 else n}" for n in range(40)]
    whole, cut = Shop(tmp_path_factory.mktemp("whole") / "shop"), Shop(tmp_path_factory.mktemp("cut") / "shop")
    whole.orders("a", *rows)
    whole.run()
    cut.edit("sources/orders.yaml", "max_files: 2", f"max_files: {max_files}")
    bounds = [0, *sorted(set(cuts)), 40]
    for number, (start, end) in enumerate(pairwise(bounds)):
        cut.orders(f"{number}", *rows[start:end])
        if number % 2:
            cut.run()
    cut.run()
    for table in ("bronze.orders", "silver.orders"):
        assert cut.content(table) == whole.content(table)
    assert cut.content("gold.turnover", "product, units, orders") == whole.content(
        "gold.turnover", "product, units, orders"
    )
    assert cut.content("quarantine.bronze.orders", '"row"') == whole.content("quarantine.bronze.orders", '"row"')


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(
        st.lists(st.tuples(st.integers(1, 6), st.integers(1, 999)), min_size=1, max_size=5), min_size=1, max_size=3
    )
)
def test_merge_is_replacing_of_keys(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, int]]]
) -> None:
    """Whatever keys come in whatever order: the table is the dictionary of each key's last row."""
    shop = Shop(tmp_path_factory.mktemp("merge") / "shop")
    expected: dict[str, str] = {}
    for number, batch in enumerate(batches):
        lines = [f"p{product},{price}.00" for product, price in batch]
        expected |= {f"p{product}": f"{price}.00" for product, price in batch}
        text = "\n".join(["product,price", *lines, ""])
        shop.drop("products", **{f"v{number}": text})
        shop.run("products")
    found = Counter((row["product"], str(row["price"])) for row in shop.rows("SELECT * FROM q.t", "bronze.products"))
    assert found == Counter(expected.items())


@pytest.mark.req("X1")
def test_parquet_and_csv_of_the_same_rows_are_the_same_table(tmp_path: Path) -> None:
    """A scan that the engine reads itself and a stream of batches give equal rows and equal rejects."""
    lines = [(n, f"p{n % 3}", f"2026-01-{n % 28 + 1:02d}", n - 3) for n in range(50)]
    text = Shop(tmp_path / "text")
    text.drop(a=ORDERS + "".join(",".join(map(str, line)) + "\n" for line in lines))
    text.run()
    scan = Shop(tmp_path / "scan")
    scan.edit("sources/orders.yaml", '"orders_*.csv"', '"orders_*.parquet"')
    incoming = scan.root / "storage/orders/incoming"
    incoming.mkdir(parents=True)
    names = ["order_id", "product", "ordered_on", "quantity"]
    pq.write_table(
        pa.table({name: [line[i] for line in lines] for i, name in enumerate(names)}), incoming / "orders_a.parquet"
    )
    scan.run()
    assert scan.content() == text.content()
    assert scan.content("quarantine.bronze.orders", '"row"') == text.content("quarantine.bronze.orders", '"row"')
