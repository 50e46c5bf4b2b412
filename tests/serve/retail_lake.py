"""The retail example's models and KPIs over a few rows written by hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from entrepot.lake.models import ModelGraph, ModelKind

BRONZE = {
    "regions": "region_id VARCHAR, name VARCHAR, manager VARCHAR",
    "stores": "store_id VARCHAR, name VARCHAR, region_id VARCHAR, city VARCHAR, opened_on DATE, sales_area_m2 BIGINT",
    "products": "product_id VARCHAR, name VARCHAR, category VARCHAR, brand VARCHAR, list_price DECIMAL(10,2), cost DECIMAL(10,2)",
    "costs": "product_id VARCHAR, valid_from DATE, cost DECIMAL(10,2)",
    "sales": "sale_id VARCHAR, line BIGINT, store_id VARCHAR, product_id VARCHAR, sold_at TIMESTAMPTZ, quantity BIGINT, "
    "unit_price DECIMAL(10,2), discount DECIMAL(10,2), type VARCHAR",
    "stock": "store_id VARCHAR, product_id VARCHAR, snapshot_at TIMESTAMPTZ, on_hand BIGINT, safety_stock BIGINT, "
    "restocked_qty BIGINT, ranged BOOLEAN",
    "customers": "customer_id VARCHAR, segment VARCHAR",
    "bots": "pattern VARCHAR, name VARCHAR",
    "web_traffic": "event_id VARCHAR, visitor_id VARCHAR, customer_id VARCHAR, event_type VARCHAR, page VARCHAR, channel VARCHAR, "
    "user_agent VARCHAR, product_id VARCHAR, order_id VARCHAR, order_value DECIMAL(10,2), occurred_at TIMESTAMPTZ, recorded_at TIMESTAMPTZ",
    "interactions": "event_id VARCHAR, interaction_id VARCHAR, reference VARCHAR, customer_id VARCHAR, event_type VARCHAR, "
    "type VARCHAR, channel VARCHAR, priority VARCHAR, opened_at TIMESTAMPTZ, resolved_at TIMESTAMPTZ, rating BIGINT, "
    "occurred_at TIMESTAMPTZ, recorded_at TIMESTAMPTZ",
    "loyalty": "event_id VARCHAR, member_id VARCHAR, customer_id VARCHAR, event_type VARCHAR, tier VARCHAR, points BIGINT, "
    "store_id VARCHAR, occurred_at TIMESTAMPTZ, recorded_at TIMESTAMPTZ",
}
SYSTEM = (
    "_record_id BIGINT, _batch BIGINT, _source VARCHAR, _origin VARCHAR, _received_at TIMESTAMPTZ, "
    "_corrects BIGINT, _warnings VARCHAR[]"
)


BERLIN = ZoneInfo("Europe/Berlin")


def instant(text: str) -> datetime:
    """`08:30` on 2026-06-01, `2026-06-02 08:30`, both in Berlin; or a text with an offset."""
    found = datetime.fromisoformat(text if "-" in text else f"2026-06-01 {text}")
    return found if found.tzinfo is not None else found.replace(tzinfo=BERLIN)


class RetailLake:
    """Bronze tables in memory, and the models built over them as the engine would."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, graph: ModelGraph) -> None:
        self.connection = connection
        self.graph = graph
        self._rows = 0

    def add(self, table: str, *values: object, received_at: datetime = datetime(2026, 6, 10, tzinfo=UTC)) -> None:
        """One bronze row, with its system columns."""
        self._rows += 1
        system = (self._rows, 1, table, f"{table}.csv#{self._rows}", received_at, None, None)
        marks = ", ".join("?" * (len(values) + len(system)))
        self.connection.execute(f"INSERT INTO bronze.{table} VALUES ({marks})", [*values, *system])

    def sell(self, sale: str, store: str, product: str, at: str, *, quantity: int = 1, price: str = "2.50",
             discount: str = "0.00", type: str = "sale", line: int = 1) -> None:  # fmt: skip
        """One till line; `at` is an ISO instant."""
        self.add("sales", sale, line, store, product, at, quantity, price, discount, type)

    def count(self, hour: str, on_hand: int, *, store: str = "S01", product: str = "P0001", safety: int = 0, restocked: int = 0,
              ranged: bool = True, received_at: datetime = datetime(2026, 6, 10, tzinfo=UTC)) -> None:  # fmt: skip
        """One stock snapshot on 2026-06-01, `hour` as HH:MM in UTC."""
        at = f"2026-06-01T{hour}:00Z" if "T" not in hour else hour
        self.add("stock", store, product, at, on_hand, safety, restocked, ranged, received_at=received_at)

    def count_from(self, start: str, hours: int, on_hand: int, *, store: str = "S01", product: str = "P0001") -> None:
        """A snapshot every hour, always with the same stock; `start` is an ISO instant."""
        first = datetime.fromisoformat(start)
        for hour in range(hours):
            self.count((first + timedelta(hours=hour)).isoformat(), on_hand, store=store, product=product)

    def browse(self, visitor: str, at: str, type: str = "page_view", *, customer: str | None = None, channel: str = "web",
               agent: str = "Firefox", order: str | None = None, late: timedelta = timedelta(), id: str | None = None) -> None:  # fmt: skip
        """One event of the web shop; `at` as HH:MM[:SS] in Berlin on 2026-06-01, or an ISO instant."""
        moment = instant(at)
        self.add(
            "web_traffic", id or f"w{self._rows}", visitor, customer, type, "/", channel, agent, None, order,
            None if order is None else "10.00", moment, moment + late,
        )  # fmt: skip

    def contact(self, reference: str, what: str, at: str, *, opened: str, type: str = "question", channel: str = "phone",
                priority: str = "normal", customer: str | None = None, rating: int | None = None, twin: str = "",
                resolved: str | None = None) -> None:  # fmt: skip
        """One event of a contact; instants as in `browse`."""
        moment = instant(at)
        done = instant(resolved) if resolved is not None else moment if what == "resolved" else None
        self.add(
            "interactions", f"i{self._rows}", f"I-{reference}{twin}", reference, customer, what, type, channel, priority,
            instant(opened), done, rating, moment, moment,
        )  # fmt: skip

    def member(self, member: str, what: str, at: str, *, tier: str = "bronze", store: str | None = None,
               recorded: str | None = None) -> None:  # fmt: skip
        """One event of the loyalty programme; M0001 is the customer C0001."""
        points = {"earning": 10, "redemption": -100}.get(what)
        self.add(
            "loyalty", f"l{self._rows}", member, f"C{member[1:]}", what, tier, points, store, instant(at),
            instant(recorded or at),
        )  # fmt: skip

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Build anew what is asked for, with what it is made of, and ask."""
        wanted = set(re.findall(r"\b(?:silver|gold)\.\w+", sql))
        for model in reversed(self.graph.ordered()):
            if str(model.name) in wanted:
                wanted |= set(map(str, model.inputs))
        for model in self.graph.ordered():
            if str(model.name) not in wanted:
                continue
            what = "VIEW" if model.kind is ModelKind.VIEW else "TABLE"
            self.connection.execute(f"CREATE OR REPLACE {what} {model.name} AS {model.sql}")
        return self.connection.execute(sql).fetchall()
