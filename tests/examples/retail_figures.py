"""The retail example's newer KPIs in plain Python, from the files as they were generated: no SQL, none of the product's code."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
Shelf = tuple[str, str]
"""Store and product."""
Figures = dict[tuple[str, str, str], tuple[float | None, float | None]]
"""KPI, period, group → numerator, denominator."""


@dataclass(frozen=True, slots=True)
class Count:
    """A stock snapshot."""

    at: datetime
    on_hand: int
    restocked: int
    ranged: bool


@dataclass(frozen=True, slots=True)
class Files:
    """What a run has taken in, all deliveries together."""

    sales: Mapping[str, Path]
    stock: Iterable[Path]
    products: Iterable[Path]
    costs: Path


def find_files(shop: Path, *, later: bool) -> Files:
    """The files of the first delivery, or of both: of two of one name the later one counts."""
    storage, second = shop / "storage", shop / "later"
    folders = [storage / "sellout_data/incoming", *([second] if later else [])]
    sales = {
        path.name: path for folder in folders for path in sorted(folder.glob("sales_*")) if "_copy" not in path.name
    }
    stock = [*(storage / "stock_data/incoming").glob("stock_*"), *(second.glob("stock_*") if later else [])]
    master = storage / "master_data"
    products = [master / "products/incoming/products.csv", *([second / "products_update.csv"] if later else [])]
    return Files(sales, stock, products, master / "costs/incoming/costs.csv")


def compute(files: Files) -> Figures:
    """Numerator and denominator of every row of the three KPIs."""
    sold = read_sales(files.sales)
    shelves = read_stock(files.stock)
    by_day = weigh(shelves)
    categories = {row["product_id"]: row["category"] for path in files.products for row in read_csv(path)}
    return {
        **product_turnover(sold, by_day),
        **inventory_turnover(sold, by_day, Costs(files.costs), categories),
        **restock_frequency(shelves, by_day),
    }


def product_turnover(
    sold: Mapping[tuple[date, str, str], int], by_day: Mapping[tuple[date, str, str], Weight]
) -> Figures:
    """Units sold ÷ average units on hand, of the stores that count."""
    hours: dict[tuple[date, str, str], int] = defaultdict(int)
    unit_hours: dict[tuple[date, str, str], int] = defaultdict(int)
    for (day, store, product), weight in by_day.items():
        hours[monday(day), store, product] += weight.hours
        unit_hours[monday(day), store, product] += weight.unit_hours
    units: dict[tuple[date, str, str], int] = defaultdict(int)
    for (day, store, product), count in sold.items():
        units[monday(day), store, product] += count
    found: dict[tuple[str, str, str], list[float]] = {}
    for week, store, product in hours.keys() | units.keys():
        row = found.setdefault(("product_turnover_rate", str(week), product), [])
        if hours.get((week, store, product)):
            average = unit_hours[week, store, product] / hours[week, store, product]
            row += [units.get((week, store, product), 0), average]
    return {key: (sum(row[::2]), sum(row[1::2])) if row else (None, None) for key, row in found.items()}


def inventory_turnover(
    sold: Mapping[tuple[date, str, str], int],
    by_day: Mapping[tuple[date, str, str], Weight],
    costs: Costs,
    categories: Mapping[str, str],
) -> Figures:
    """Cost of goods ÷ average inventory at cost, of the products of which both are known."""
    hours: dict[tuple[str, str, str], int] = defaultdict(int)
    worth: dict[tuple[str, str, str], Decimal | None] = defaultdict(Decimal)
    goods: dict[tuple[str, str, str], Decimal | None] = defaultdict(Decimal)
    for (day, store, product), weight in by_day.items():
        key = (f"{day:%Y-%m}-01", store, product)
        hours[key] += weight.hours
        cost = costs.of(product, day)
        if weight.unit_hours:
            so_far = worth[key]
            worth[key] = None if cost is None or so_far is None else so_far + cost * weight.unit_hours
    for (day, store, product), count in sold.items():
        key = (f"{day:%Y-%m}-01", store, product)
        cost, so_far = costs.of(product, day), goods[key]
        goods[key] = None if cost is None or so_far is None else so_far + cost * count
    found: dict[tuple[str, str, str], list[float]] = {}
    for key in hours.keys() | goods.keys():
        month, store, product = key
        row = found.setdefault(("inventory_turnover", month, f"{store}/{categories.get(product, '(unknown)')}"), [])
        bought, stock = goods[key], worth[key]
        if hours.get(key) and bought is not None and stock is not None:
            row += [float(bought), float(stock) / hours[key]]
    return {key: (sum(row[::2]), sum(row[1::2])) if row else (None, None) for key, row in found.items()}


def restock_frequency(shelves: Mapping[Shelf, list[Count]], by_day: Mapping[tuple[date, str, str], Weight]) -> Figures:
    """Restock events per week and shelf; weeks without any are 0."""
    found: dict[tuple[str, str, str], int] = {
        ("restock_frequency", str(monday(day)), f"{store}/{product}"): 0
        for (day, store, product), weight in by_day.items()
        if weight.is_ranged
    }
    for (store, product), counts in shelves.items():
        began: datetime | None = None
        for count in counts:
            if count.restocked and (began is None or count.at - began > HOUR):
                began = count.at
                key = ("restock_frequency", str(monday(local_day(began))), f"{store}/{product}")
                found[key] = found.get(key, 0) + 1
    return {key: (float(count), 1.0) for key, count in found.items()}


@dataclass(slots=True)
class Weight:
    """What is known of one day of a shelf."""

    hours: int = 0
    unit_hours: int = 0
    is_ranged: bool = False


def weigh(shelves: Mapping[Shelf, list[Count]]) -> dict[tuple[date, str, str], Weight]:
    """Hour by hour: the last snapshot holds for three hours after its own."""
    end = max(count.at for counts in shelves.values() for count in counts) + HOUR
    found: dict[tuple[date, str, str], Weight] = defaultdict(Weight)
    for (store, product), counts in shelves.items():
        for count, following in zip(counts, [*(c.at for c in counts[1:]), end], strict=True):
            hour = count.at
            while hour < following:
                weight = found[local_day(hour), store, product]
                weight.is_ranged |= count.ranged
                if hour - count.at <= 3 * HOUR:
                    weight.hours += 1
                    weight.unit_hours += max(count.on_hand, 0)
                hour += HOUR
    return found


class Costs:
    """What a product cost on a day."""

    def __init__(self, path: Path) -> None:
        self._known: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
        for row in read_csv(path):
            self._known[row["product_id"]].append((date.fromisoformat(row["valid_from"]), Decimal(row["cost"])))

    def of(self, product: str, day: date) -> Decimal | None:
        """The newest cost that began on that day or before."""
        return max(
            ((begins, cost) for begins, cost in self._known.get(product, []) if begins <= day), default=(None, None)
        )[1]


def read_sales(files: Mapping[str, Path]) -> dict[tuple[date, str, str], int]:
    """Units by day, store and product, without what the contract refuses."""
    found: dict[tuple[date, str, str], int] = defaultdict(int)
    seen: set[tuple[str, str]] = set()
    for path in files.values():
        for row in read_rows(path):
            if row is None or (row["sale_id"], row["line"]) in seen or not is_right(row):
                continue
            seen.add((row["sale_id"], row["line"]))
            sign = 1 if row["type"] == "sale" else -1
            found[date.fromisoformat(row["sold_at"][:10]), row["store_id"], row["product_id"]] += sign * int(
                row["quantity"]
            )
    return found


def read_stock(files: Iterable[Path]) -> dict[Shelf, list[Count]]:
    """The snapshots of each shelf in the order of time."""
    found: dict[Shelf, list[Count]] = defaultdict(list)
    for path in files:
        for row in read_rows(path):
            assert row is not None
            at = datetime.fromisoformat(row["snapshot_at"]).astimezone(UTC)
            ranged = row["ranged"].lower() == "true"
            found[row["store_id"], row["product_id"]].append(
                Count(at, int(row["on_hand"]), int(row["restocked_qty"]), ranged)
            )
    return {shelf: sorted(counts, key=lambda count: count.at) for shelf, counts in found.items()}


def is_right(row: Mapping[str, str]) -> bool:
    """What the sales contract asks of a record."""
    return (
        bool(row["product_id"])
        and row["quantity"].isdigit()
        and row["sold_at"][4] == "-"
        and not row["unit_price"].startswith("-")
        and row["type"] in ("sale", "return", "cancellation")
    )


def read_rows(path: Path) -> Iterator[dict[str, Any] | None]:
    """Every record as text; None for a ragged one; nothing of a file that cannot be read."""
    if path.suffix == ".csv":
        yield from (None if None in row or None in row.values() else row for row in read_csv(path))
        return
    try:
        rows = pq.read_table(path).to_pylist()
    except pa.ArrowInvalid:
        return
    yield from ({name: "" if value is None else str(value) for name, value in row.items()} for row in rows)


def read_csv(path: Path) -> list[dict[Any, Any]]:
    """The records of a CSV file with a header."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def local_day(at: datetime) -> date:
    """The day in the stores."""
    return at.astimezone(BERLIN).date()


def monday(day: date) -> date:
    """The first day of a week."""
    return day - timedelta(days=day.weekday())
