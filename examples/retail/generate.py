"""Make the data of the retail example: a first delivery in the storage areas, a second one in `later/`, and what is wrong with both.

The same arguments give the same bytes. Only the standard library, pyarrow and the simulator of the streams are used: what lies in files here is
what the simulator serves and pushes when the shop is live.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.examples.simulator.events import Event
from entrepot.examples.simulator.retail import BOTS, STREAMS, RetailWorld

FIRST_DAY = date(2026, 6, 1)
REGIONS = ("North", "East", "South", "West", "Centre")
SEGMENTS = ("family", "single", "student", "senior")
CITIES = ("Kiel", "Dresden", "Ulm", "Aachen", "Kassel", "Rostock", "Halle", "Passau", "Trier", "Fulda", "Emden", "Jena")
CATEGORIES = ("Bakery", "Dairy", "Drinks", "Fruit", "Household", "Meat", "Snacks", "Vegetables")
BRANDS = ("Alba", "Borealis", "Corvo", "Delphin", "Esker", "Fjord")
STOCKED = 24
"""Products per store of which stock is counted every hour."""
LINES_PER_STORE_DAY = 215
DAYS_PER_FILE = {"web_traffic": 7, "interactions": 30, "loyalty": 30}
FIRST_TRUCK, SECOND_TRUCK, LATE_TRUCK = 5, 6, 16
"""Hours (UTC) at which goods come. The second truck comes within an hour of the first: both are one restock event."""

SALES_COLUMNS = (
    "sale_id", "line", "store_id", "product_id", "sold_at", "quantity", "unit_price", "discount", "type",
)  # fmt: skip
STOCK_COLUMNS = ("store_id", "product_id", "snapshot_at", "on_hand", "safety_stock", "restocked_qty", "ranged")
SALES_SCHEMA = pa.schema(
    [
        ("sale_id", pa.string()),
        ("line", pa.int64()),
        ("store_id", pa.string()),
        ("product_id", pa.string()),
        ("sold_at", pa.timestamp("us")),
        ("quantity", pa.int64()),
        ("unit_price", pa.decimal128(10, 2)),
        ("discount", pa.decimal128(10, 2)),
        ("type", pa.string()),
    ]
)
STOCK_SCHEMA = pa.schema(
    [
        ("store_id", pa.string()),
        ("product_id", pa.string()),
        ("snapshot_at", pa.timestamp("us", tz="UTC")),
        ("on_hand", pa.int64()),
        ("safety_stock", pa.int64()),
        ("restocked_qty", pa.int64()),
        ("ranged", pa.bool_()),
    ]
)


@dataclass(slots=True)
class Product:
    """A product; money in cents."""

    id: str
    name: str
    category: str
    brand: str
    price: int
    cost: int


@dataclass(slots=True)
class Line:
    """A till line; money in cents. `text` replaces columns by what a broken till wrote."""

    sale_id: str
    line: int
    store_id: str
    product_id: str
    sold_at: datetime
    quantity: int
    price: int
    discount: int
    type: str
    text: dict[str, str] = field(default_factory=dict)
    ragged: int = 0
    """Values too few (negative) or too many."""

    @property
    def net(self) -> int:
        """What the line adds to sales, in cents."""
        return (1 if self.type == "sale" else -1) * (self.quantity * self.price - self.discount)


@dataclass(slots=True)
class Tally:
    """What a delivery brings to one dataset."""

    files: int = 0
    rows: int = 0
    duplicates: int = 0
    """Events that came a second time."""
    rejected: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    net_cents: int = 0
    units: int = 0

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        bad = sum(self.rejected.values())
        return {
            "files": self.files,
            "received": self.rows,
            "accepted": self.rows - bad - self.duplicates,
            "duplicate": self.duplicates,
            "rejected": dict(sorted(self.rejected.items())),
            "warnings": dict(sorted(self.warnings.items())),
        }


def generate(
    folder: Path, *, seed: int = 7, stores: int = 12, products: int = 300, days: int = 120, customers: int = 300
) -> dict[str, Any]:
    """Write both deliveries below `folder` and return what is in them, which also stands in `dirt.json`.

    Raises: ValueError when there is too little of something: at least 2 stores, 10 products and 8 days are needed.
    """
    if stores < 2 or products < 10 or days < 8:
        raise ValueError("the example needs at least 2 stores, 10 products and 8 days.")
    maker = _Maker(folder, Random(seed), Random(f"{seed} costs and trucks"), stores, products, days)
    maker.write_master_data()
    maker.write_sales()
    maker.write_stock()
    maker.write_costs()
    world = RetailWorld(seed=seed, first_day=FIRST_DAY, customers=customers, products=products, stores=stores)
    streams = _StreamMaker(folder, world, days, Random(f"{seed} segments"))
    streams.write_master_data()
    streams.write_events()
    manifest = maker.manifest(seed)
    streams.add_to(manifest)
    (folder / "dirt.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


class _Maker:
    """Holds the world while it is written down."""

    def __init__(self, folder: Path, random: Random, other: Random, stores: int, products: int, days: int) -> None:
        self.random = random
        self.other = other
        self.days = [FIRST_DAY + timedelta(days=day) for day in range(days)]
        self.store_ids = [f"S{number:02d}" for number in range(1, stores + 1)]
        self.products = [_make_product(random, number) for number in range(1, products + 1)]
        self.late_product = _make_product(random, products + 1)
        self.later = _make_folder(folder / "later")
        self.sales_in = _make_folder(folder / "storage" / "sellout_data" / "incoming")
        self.stock_in = _make_folder(folder / "storage" / "stock_data" / "incoming")
        self.master_in = {
            name: _make_folder(folder / "storage" / "master_data" / name / "incoming")
            for name in ("regions", "stores", "products", "costs")
        }
        self.first = {name: Tally() for name in ("regions", "stores", "products", "costs", "sales", "stock")}
        self.second = {name: Tally() for name in ("products", "sales", "stock")}
        self.files: dict[str, list[str]] = {"duplicate": [], "corrected": [], "unreadable": [], "late": []}
        self.replaced_rows = 0
        self.missing_snapshots = 0
        self.late_product_lines = 0
        self.restocks: dict[str, list[tuple[Any, ...]]] = {"first": [], "later": []}

    # --- master data ---------------------------------------------------------------------------------

    def write_master_data(self) -> None:
        """Regions, stores and products; later one more product and a few new prices."""
        regions = [(f"R{i:02d}", name, f"{name} team") for i, name in enumerate(REGIONS, 1)]
        self._write_master("regions", "regions.csv", ("region_id", "name", "manager"), regions)
        stores = [
            (id, f"Market {CITIES[i % len(CITIES)]} {i // len(CITIES) + 1}", f"R{i % len(REGIONS) + 1:02d}",
             CITIES[i % len(CITIES)], f"{2001 + i % 20}-04-01", str(400 + 70 * (i % 9)))
            for i, id in enumerate(self.store_ids)
        ]  # fmt: skip
        self._write_master(
            "stores", "stores.csv", ("store_id", "name", "region_id", "city", "opened_on", "sales_area_m2"), stores
        )
        columns = ("product_id", "name", "category", "brand", "list_price", "cost")
        self._write_master("products", "products.csv", columns, map(_product_row, self.products))
        changed = [*self.products[:3], self.late_product]
        _write_csv(self.later / "products_update.csv", columns, map(_product_row, changed))
        self.second["products"].files, self.second["products"].rows = 1, len(changed)

    def _write_master(self, name: str, file: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        written = _write_csv(self.master_in[name] / file, columns, rows)
        self.first[name].files, self.first[name].rows = 1, written

    def write_costs(self) -> None:
        """What products cost from which day on: a third changed within the time of the data, one is known only from its middle on."""
        began, half = date(FIRST_DAY.year, 1, 1), self.days[len(self.days) // 2]
        rows = []
        for number, product in enumerate(self.products):
            rows.append((product.id, str(half if number == 4 else began), _money(product.cost)))
            if number != 4 and self.other.random() < 1 / 3:
                changed = self.days[self.other.randrange(1, len(self.days))]
                rows.append((product.id, str(changed), _money(product.cost * self.other.randrange(90, 116) // 100)))
        self._write_master("costs", "costs.csv", ("product_id", "valid_from", "cost"), rows)

    # --- sales ---------------------------------------------------------------------------------------

    def write_sales(self) -> None:
        """One file a day, CSV and Parquet by turns, each with its dirt; then the special files."""
        sold: list[Line] = []
        corrected = self.days[2]
        for number, day in enumerate(self.days):
            lines = self._sell(day, sold)
            sold = [_copy(line) for line in lines if line.type == "sale"][-200:] or sold
            as_text = number % 2 == 0
            clean = [_copy(line) for line in lines] if day == corrected else []
            received = self._soil(lines, as_text=as_text)
            path = self.sales_in / f"sales_{day}.{'csv' if as_text else 'parquet'}"
            _write_sales(path, received)
            self._count_sales(self.first["sales"], received)
            if day == corrected:
                self._correct(path.name, clean, received)
            if number == 4:
                shutil.copyfile(path, path.with_name(f"sales_{day}_copy.csv"))
                self.files["duplicate"].append(f"sales_{day}_copy.csv")
        self._write_unreadable()

    def _sell(self, day: date, sold: Sequence[Line]) -> list[Line]:
        lines: list[Line] = []
        busy = 1.35 if day.weekday() >= 4 else 0.9
        for index, store in enumerate(self.store_ids):
            wanted = int(LINES_PER_STORE_DAY * busy * (0.7 + 0.05 * (index % 13)))
            self._sell_in(store, day, wanted, lines)
        self._take_back(day, sold, lines)
        return lines

    def _sell_in(self, store: str, day: date, wanted: int, lines: list[Line]) -> None:
        draw, products, count = self.random.random, self.products, len(self.products)
        opening = _till_clock(day, 8)
        receipt = made = 0
        while made < wanted:
            receipt += 1
            sale_id = f"{store}-{day:%Y%m%d}-{receipt:04d}"
            at = opening + timedelta(seconds=int(draw() * 43_200))
            cancelled = draw() < 0.004
            for number in range(1, 2 + int(draw() * draw() * 7)):
                # Squaring makes some products sell much more than others.
                product = products[int(draw() ** 2 * count)]
                quantity = 1 + int(draw() ** 3 * 4)
                discount = product.price * quantity // 5 if draw() < 0.12 else 0
                lines.append(Line(sale_id, number, store, product.id, at, quantity, product.price, discount, "sale"))
                made += 1
                if cancelled:
                    line = Line(
                        f"{sale_id}C", number, store, product.id, at + timedelta(minutes=3), quantity, product.price,
                        discount, "cancellation",
                    )  # fmt: skip
                    lines.append(line)
                    made += 1

    def _take_back(self, day: date, sold: Sequence[Line], lines: list[Line]) -> None:
        """Returns of what was sold on an earlier day, and a product that master data do not know yet."""
        for number, line in enumerate(self.random.sample(sold, min(len(sold), 3 * len(self.store_ids))), 1):
            at = _till_clock(day, 10) + timedelta(minutes=number)
            id = f"{line.store_id}-{day:%Y%m%d}-R{number:03d}"
            lines.append(Line(id, 1, line.store_id, line.product_id, at, 1, line.price, 0, "return"))
        if day.day % 7 == 0:
            product, store = self.late_product, self.store_ids[0]
            at = _till_clock(day, 12)
            lines.append(Line(f"{store}-{day:%Y%m%d}-N001", 1, store, product.id, at, 2, product.price, 0, "sale"))

    def _soil(self, lines: list[Line], *, as_text: bool) -> list[Line]:
        """Break a few lines, each in one way, and say how in the tally."""
        kinds = ["negative_price", "missing_product_id", "unknown_type", "unknown_store", "unknown_product"]
        if as_text:
            kinds += ["wrong_quantity", "wrong_date", "ragged_short", "ragged_long"]
        usable = [line for line in lines if line.type == "sale" and line.product_id != self.late_product.id]
        chosen = self.random.sample(usable, len(kinds) + 1)
        for kind, line in zip(kinds, chosen, strict=False):
            _break(kind, line)
            kept = kind.startswith("unknown_") and kind != "unknown_type"
            (self.first["sales"].warnings if kept else self.first["sales"].rejected)[kind] += 1
        twin = _copy(chosen[-1])
        self.first["sales"].rejected["duplicate_key"] += 1
        new = sum(line.product_id == self.late_product.id for line in lines)
        if new:
            self.first["sales"].warnings["unknown_product"] += new
            self.late_product_lines += new
        return [*lines, twin]

    def _count_sales(self, tally: Tally, lines: Sequence[Line]) -> None:
        tally.files += 1
        tally.rows += len(lines)
        seen: set[tuple[str, int]] = set()
        for line in lines:
            if line.text or line.ragged or line.price < 0 or (line.sale_id, line.line) in seen:
                continue
            seen.add((line.sale_id, line.line))
            tally.net_cents += line.net
            tally.units += line.quantity if line.type == "sale" else -line.quantity

    def _correct(self, name: str, clean: list[Line], received: Sequence[Line]) -> None:
        """The third day's file again under its name, without dirt: it replaces what the first one brought."""
        _write_sales(self.later / name, clean)
        self._count_sales(self.second["sales"], clean)
        self.second["sales"].warnings["unknown_product"] += sum(
            line.product_id == self.late_product.id for line in clean
        )
        self.files["corrected"].append(name)
        before = Tally()
        self._count_sales(before, received)
        bad = sum(1 for line in received if line.text or line.ragged or line.price < 0) + 1
        self.replaced_rows = len(received) - bad
        self.second["sales"].net_cents -= before.net_cents
        self.second["sales"].units -= before.units

    def _write_unreadable(self) -> None:
        """A Parquet file whose end was lost on the way."""
        day = self.days[-1] + timedelta(days=1)
        path = self.later / f"sales_{day}.parquet"
        _write_sales(path, self._sell(day, []))
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        self.files["unreadable"].append(path.name)

    # --- stock ---------------------------------------------------------------------------------------

    def write_stock(self) -> None:
        """One file a day with hourly snapshots; some hours are missing, and one store's afternoon comes late."""
        shelf = _Shelf(
            self.random, self.other, self.store_ids, [p.id for p in self.products], self.days[len(self.days) // 2]
        )
        late_day, late_store = self.days[-3], self.store_ids[0]
        for number, day in enumerate(self.days):
            gaps = self._find_gaps(number)
            rows: list[tuple[Any, ...]] = []
            late: list[tuple[Any, ...]] = []
            for hour in range(22 if day == self.days[-1] else 24):  # up to the last midnight in the stores
                snapshot = shelf.count(day, hour)
                if hour in gaps:
                    kept = [row for row in snapshot if row[0] != gaps[hour]]
                    self.missing_snapshots += len(snapshot) - len(kept)
                    snapshot = kept
                if day == late_day and 12 <= hour < 18:
                    late += [row for row in snapshot if row[0] == late_store]
                    snapshot = [row for row in snapshot if row[0] != late_store]
                rows += snapshot
            self._write_stock_file(self.stock_in, day, number % 2 == 0, rows, self.first["stock"])
            if late:
                self._write_stock_file(self.later, day, number % 2 == 0, late, self.second["stock"], "_late")

    def _find_gaps(self, number: int) -> dict[int, str]:
        """Hours without snapshots: every fifth day two (carried forward), every eleventh six (then unknown)."""
        store = self.store_ids[number % len(self.store_ids)]
        if number % 11 == 6:
            return dict.fromkeys(range(9, 15), store)
        return dict.fromkeys(range(3, 5), store) if number % 5 == 3 else {}

    def _write_stock_file(
        self, folder: Path, day: date, as_text: bool, rows: list[tuple[Any, ...]], tally: Tally, suffix: str = ""
    ) -> None:
        path = folder / f"stock_{day}{suffix}.{'csv' if as_text else 'parquet'}"
        if as_text:
            head = ",".join(STOCK_COLUMNS) + "\n"
            body = "".join(
                f"{s},{p},{at:%Y-%m-%dT%H:00:00Z},{n},{safe},{new},{'true' if ranged else 'false'}\n"
                for s, p, at, n, safe, new, ranged in rows
            )
            path.write_text(head + body, encoding="utf-8")
        else:
            columns = [
                pa.array(list(values), field.type)
                for values, field in zip(zip(*rows, strict=True), STOCK_SCHEMA, strict=True)
            ]
            pq.write_table(pa.Table.from_arrays(columns, schema=STOCK_SCHEMA), path, compression="zstd")
        tally.files += 1
        tally.rows += len(rows)
        self.restocks["later" if suffix else "first"] += [(s, p, at) for s, p, at, _, _, new, _ in rows if new]
        negative = sum(1 for row in rows if row[3] < 0)
        if negative:
            tally.warnings["negative_on_hand"] += negative
        if suffix:
            self.files["late"].append(path.name)

    def manifest(self, seed: int) -> dict[str, Any]:
        """What was made, in numbers that a run must reproduce."""
        first, second = self.first["sales"], self.second["sales"]
        return {
            "seed": seed,
            "stores": len(self.store_ids),
            "products": len(self.products),
            "days": len(self.days),
            "first": {f"bronze.{name}": tally.to_json() for name, tally in self.first.items()},
            "later": {f"bronze.{name}": tally.to_json() for name, tally in self.second.items()},
            "files": self.files,
            "rows_replaced_by_corrected_file": self.replaced_rows,
            "missing_snapshots": self.missing_snapshots,
            "restock_events": {
                "first": _count_events(self.restocks["first"]),
                "later": _count_events(self.restocks["first"] + self.restocks["later"]),
            },
            "lines_of_unknown_new_product": self.late_product_lines,
            "net_sales": {"first": _money(first.net_cents), "later": _money(first.net_cents + second.net_cents)},
            "units": {"first": first.units, "later": first.units + second.units},
        }


class _Shelf:
    """Stock on hand of the counted products, hour by hour."""

    def __init__(
        self, random: Random, trucks: Random, stores: Sequence[str], products: Sequence[str], delisting: date
    ) -> None:
        self.random = random
        self.trucks = trucks
        self.delisting = delisting
        counted = [
            (store, product, 4 + random.randrange(8), 0.05 + random.random() * 0.5)
            for store in stores
            for product in sorted(random.sample(list(products), min(STOCKED, len(products) - 2)))
        ]
        self.keys = [(store, product) for store, product, _, _ in counted]
        self.safety = [safety for _, _, safety, _ in counted]
        self.demand = [demand for _, _, _, demand in counted]
        self.on_hand = [3 * safety for safety in self.safety]
        self.delisted = {index for index in range(len(counted)) if random.random() < 0.02}
        self.on_the_way: dict[int, dict[int, int]] = {}
        """Hour → product's place in the list → units that come with a later truck of the day."""

    def count(self, day: date, hour: int) -> list[tuple[Any, ...]]:
        """Let an hour pass, then count."""
        restocked = [0] * len(self.keys)
        if hour == FIRST_TRUCK:
            restocked = self._restock()
        elif 6 <= hour < 19:
            self._sell()
            for index, units in self.on_the_way.pop(hour, {}).items():
                self.on_hand[index] += units
                restocked[index] = units
        at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        gone = self.delisted if day >= self.delisting else ()
        return [
            (store, product, at, on_hand, safety, new, index not in gone)
            for index, ((store, product), on_hand, safety, new) in enumerate(
                zip(self.keys, self.on_hand, self.safety, restocked, strict=True)
            )
        ]

    def _sell(self) -> None:
        draw, on_hand = self.random.random, self.on_hand
        for index, demand in enumerate(self.demand):
            if draw() < demand and (on_hand[index] > 0 or draw() < 0.003):
                # Now and then a sale is booked before its delivery: stock falls below zero.
                on_hand[index] -= 1 if draw() < 0.8 else 2

    def _restock(self) -> list[int]:
        new = []
        for index, (on_hand, safety) in enumerate(zip(self.on_hand, self.safety, strict=True)):
            lot = 3 * safety if on_hand < 2 * safety and self.random.random() < 0.8 else 0
            now = lot - self._load_later(index, lot)
            self.on_hand[index] += now
            new.append(now)
        return new

    def _load_later(self, index: int, lot: int) -> int:
        """Units of a lot that do not fit on the first truck."""
        drawn = self.trucks.random()
        if not lot or drawn > 0.3:
            return 0
        units = lot // 3
        self.on_the_way.setdefault(SECOND_TRUCK if drawn < 0.25 else LATE_TRUCK, {})[index] = units
        return units


class _StreamMaker:
    """The events of web shop, contact centre and loyalty programme as files: a first delivery of all days, a second one of the day after."""

    def __init__(self, folder: Path, world: RetailWorld, days: int, random: Random) -> None:
        self.folder = folder
        self.world = world
        self.days = days
        self.random = random
        self.first: dict[str, Tally] = {}
        self.second: dict[str, Tally] = {}
        self.files: dict[str, list[str]] = {"events": []}
        self._wrong: dict[str, list[str]] = {"first": [], "later": []}
        """Resolutions before the opening, by event: a model finds them."""

    def write_master_data(self) -> None:
        """Customers with their segments, and the list of bots."""
        customers = [(id, self.random.choice(SEGMENTS)) for id in self.world.customer_ids]
        bots = [(pattern, pattern.strip("/")) for pattern in BOTS]
        for name, columns, rows in (
            ("customers", ("customer_id", "segment"), customers),
            ("bots", ("pattern", "name"), bots),
        ):
            path = _make_folder(self.folder / "storage" / "master_data" / name / "incoming") / f"{name}.csv"
            self.first[name] = Tally(files=1, rows=_write_csv(path, columns, rows))

    def write_events(self) -> None:
        """A file for some days each, in the order in which the events were served."""
        for stream in STREAMS:
            incoming = _make_folder(self.folder / "storage" / stream / "incoming")
            self.first[stream], self.second[stream] = Tally(), Tally()
            seen: set[str] = set()
            step = DAYS_PER_FILE[stream]
            for day in range(0, self.days, step):
                events = self._served(stream, day, min(day + step, self.days))
                self._write(incoming, stream, day, events)
                self._count(self.first[stream], "first", events, seen)
            events = self._served(stream, self.days, self.days + 1)
            self.files["events"].append(self._write(_make_folder(self.folder / "later"), stream, self.days, events))
            self._count(self.second[stream], "later", events, set())

    def _served(self, stream: str, first: int, last: int) -> list[Event]:
        """What is served on the days from `first` up to but not including `last`."""
        begin = self.world.first
        return self.world.served(stream, begin + timedelta(days=first), begin + timedelta(days=last))

    def _write(self, folder: Path, stream: str, day: int, events: Sequence[Event]) -> str:
        """As JSON lines."""
        name = f"{stream}_{FIRST_DAY + timedelta(days=day)}.ndjson"
        text = "".join(json.dumps(event.as_json()) + "\n" for event in events)
        (folder / name).write_text(text, encoding="utf-8")
        return name

    def _count(self, tally: Tally, delivery: str, events: Sequence[Event], seen: set[str]) -> None:
        tally.files += 1
        tally.rows += len(events)
        for event in events:
            row = event.as_json()
            rating, resolved, opened = row.get("rating"), row.get("resolved_at"), row.get("opened_at")
            if rating is not None and not 1 <= int(rating) <= 5:
                tally.rejected["wrong_rating"] += 1
            elif event.event_id in seen:
                tally.duplicates += 1
            else:
                seen.add(event.event_id)
                if resolved is not None and str(resolved) < str(opened):
                    self._wrong[delivery].append(event.event_id)

    def add_to(self, manifest: dict[str, Any]) -> None:
        """Put the streams into what is told of the two deliveries."""
        manifest["customers"] = len(self.world.customer_ids)
        manifest["first"] |= {f"bronze.{name}": tally.to_json() for name, tally in self.first.items()}
        manifest["later"] |= {f"bronze.{name}": tally.to_json() for name, tally in self.second.items()}
        manifest["files"] |= self.files
        both = {*self._wrong["first"], *self._wrong["later"]}
        manifest["resolved_before_opened"] = {"first": len(set(self._wrong["first"])), "later": len(both)}


def _count_events(restocks: Iterable[tuple[Any, ...]]) -> int:
    """Deliveries to a store's shelf, those up to an hour after the first of an event counted as one with it."""
    began: dict[tuple[str, str], datetime] = {}
    events = 0
    for store, product, at in sorted(restocks):
        first = began.get((store, product))
        if first is None or at - first > timedelta(hours=1):
            began[store, product] = at
            events += 1
    return events


def _make_product(random: Random, number: int) -> Product:
    category, brand = random.choice(CATEGORIES), random.choice(BRANDS)
    price = random.randrange(59, 1999)
    return Product(
        f"P{number:04d}",
        f"{brand} {category} {number}",
        category,
        brand,
        price,
        price * random.randrange(45, 75) // 100,
    )


def _product_row(product: Product) -> tuple[str, ...]:
    return product.id, product.name, product.category, product.brand, _money(product.price), _money(product.cost)


def _break(kind: str, line: Line) -> None:
    match kind:
        case "negative_price":
            line.price = -line.price
            line.discount = 0
        case "missing_product_id":
            line.text["product_id"] = ""
        case "unknown_type":
            line.text["type"] = "exchange"
        case "unknown_store":
            line.store_id = "S99"
        case "unknown_product":
            line.product_id = "P9999"
        case "wrong_quantity":
            line.text["quantity"] = "n/a"
        case "wrong_date":
            line.text["sold_at"] = f"{line.sold_at:%d.%m.%Y %H:%M}"
        case "ragged_short":
            line.ragged = -2
        case "ragged_long":
            line.ragged = 1


def _copy(line: Line) -> Line:
    return Line(
        line.sale_id, line.line, line.store_id, line.product_id, line.sold_at, line.quantity, line.price, line.discount,
        line.type,
    )  # fmt: skip


def _write_sales(path: Path, lines: Sequence[Line]) -> None:
    if path.suffix == ".csv":
        text = "".join(map(_line_text, lines))
        path.write_text(",".join(SALES_COLUMNS) + "\n" + text, encoding="utf-8")
        return
    columns: list[list[Any]] = [
        [line.sale_id for line in lines],
        [line.line for line in lines],
        [line.store_id for line in lines],
        [line.text.get("product_id", line.product_id) or None for line in lines],
        [line.sold_at for line in lines],
        [line.quantity for line in lines],
        [Decimal(line.price).scaleb(-2) for line in lines],
        [Decimal(line.discount).scaleb(-2) for line in lines],
        [line.text.get("type", line.type) for line in lines],
    ]
    arrays = [pa.array(values, column.type) for values, column in zip(columns, SALES_SCHEMA, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=SALES_SCHEMA), path, compression="zstd")


def _line_text(line: Line) -> str:
    if not line.text and not line.ragged:
        return (
            f"{line.sale_id},{line.line},{line.store_id},{line.product_id},{line.sold_at},{line.quantity},"
            f"{_money(line.price)},{_money(line.discount)},{line.type}\n"
        )
    values = [
        line.sale_id, str(line.line), line.store_id, line.product_id, str(line.sold_at), str(line.quantity),
        _money(line.price), _money(line.discount), line.type,
    ]  # fmt: skip
    values = [line.text.get(name, value) for name, value in zip(SALES_COLUMNS, values, strict=True)]
    values = values[: line.ragged] if line.ragged < 0 else values + ["?"] * line.ragged
    return ",".join(values) + "\n"


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    lines = [",".join(row) for row in rows]
    path.write_text("\n".join([",".join(columns), *lines]) + "\n", encoding="utf-8")
    return len(lines)


def _till_clock(day: date, hour: int) -> datetime:
    """A full hour on the tills' clock, which knows no zone."""
    return datetime(day.year, day.month, day.day, hour)  # noqa: DTZ001


def _money(cents: int) -> str:
    sign, cents = ("-", -cents) if cents < 0 else ("", cents)
    return f"{sign}{cents // 100}.{cents % 100:02d}"


def _make_folder(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    print(json.dumps(generate(Path(__file__).resolve().parent), indent=2))
