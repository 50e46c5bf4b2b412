"""Sales, availability and stockouts of the retail example in plain Python, from the files: no SQL, none of the product's code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from retail_figures import HOUR, Count, Files, Shelf, is_right, local_day, read_csv, read_rows, read_stock
from retail_figures import compute as compute_turnover
from retail_streams import TOTAL, Columns, Rows, rate

Snapshot = tuple[datetime, int, int, bool, int]
"""At, on hand, safety stock, ranged, number of the delivery that brought it."""


def compute_sales(files: Files, regions: Path, stores: Path) -> Rows:
    """Net sales, units and baskets by day, region and product."""
    region_of = {row["region_id"]: row["name"] for row in read_csv(regions)}
    by_store = {row["store_id"]: region_of.get(row["region_id"], "(unknown)") for row in read_csv(stores)}
    names = {row["product_id"]: row["name"] for path in files.products for row in read_csv(path)}
    nets: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    units: dict[tuple[str, str], int] = defaultdict(int)
    baskets: dict[tuple[str, str], set[str]] = defaultdict(set)
    seen: set[tuple[str, str]] = set()
    for path in files.sales.values():
        for row in read_rows(path):
            if row is None or (row["sale_id"], row["line"]) in seen or not is_right(row):
                continue
            seen.add((row["sale_id"], row["line"]))
            sign = 1 if row["type"] == "sale" else -1
            region, product = by_store.get(row["store_id"], "(unknown)"), row["product_id"]
            for group in (f"{region}/{product}/{names.get(product, '(unknown product)')}", TOTAL):
                key = (row["sold_at"][:10], group)
                nets[key] += sign * (int(row["quantity"]) * Decimal(row["unit_price"]) - Decimal(row["discount"]))
                units[key] += sign * int(row["quantity"])
                if sign > 0:
                    baskets[key].add(row["sale_id"])
    found: Rows = {}
    for key, net in nets.items():
        row = found["total_sales", *key] = {"value": float(net)}
        if key[1] != TOTAL:
            row.update({"units": units[key], "baskets": len(baskets[key])})
    return found


def compute_availability(shelves: Mapping[Shelf, Sequence[Count]]) -> Rows:
    """Hours in stock ÷ hours ranged, hour by hour; a snapshot holds for three hours after its own."""
    end = max(count.at for counts in shelves.values() for count in counts) + HOUR
    tallies: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for (store, product), counts in shelves.items():
        for count, following in zip(counts, [*(c.at for c in counts[1:]), end], strict=True):
            hour = count.at
            while hour < following:
                is_known = hour - count.at <= 3 * HOUR
                facts = (is_known and count.on_hand > 0, is_known, not is_known, is_known and count.on_hand < 0)
                if count.ranged:
                    for group in (f"{store}/{product}", TOTAL):
                        tally = tallies[str(local_day(hour)), group]
                        tally[:] = [n + fact for n, fact in zip(tally, facts, strict=True)]
                hour += HOUR
    found: Rows = {}
    for key, (in_stock, ranged, unknown, negative) in tallies.items():
        row = found["stock_availability", *key] = rate(in_stock, ranged)
        if key[1] != TOTAL:
            row.update({"hours_unknown": unknown, "hours_negative": negative})
    return found


@dataclass(slots=True)
class Episode:
    """A time out of stock or below the safety stock."""

    severity: str
    start: datetime
    end: datetime | None = None


def compute_stockouts(deliveries: Sequence[Sequence[Path]]) -> Rows:
    """Episodes with what late snapshots did to them. Args: deliveries: the files of each, in the order in which they came."""
    shelves: dict[Shelf, list[Snapshot]] = defaultdict(list)
    for number, paths in enumerate(deliveries):
        for path in paths:
            for row in read_rows(path):
                assert row is not None
                at = datetime.fromisoformat(row["snapshot_at"]).astimezone()
                snapshot = (at, int(row["on_hand"]), int(row["safety_stock"]), row["ranged"].lower() == "true", number)
                shelves[row["store_id"], row["product_id"]].append(snapshot)
    last = max(snapshot[0] for snapshots in shelves.values() for snapshot in snapshots)
    found: Rows = {}
    for (store, product), snapshots in shelves.items():
        snapshots.sort()
        came_first = [min((s[4] for s in snapshots[place + 1 :]), default=99) for place in range(len(snapshots))]
        timely = [s for s, first in zip(snapshots, came_first, strict=True) if s[4] <= first]
        now = find_episodes(snapshots)
        then = find_episodes(timely) if len(timely) < len(snapshots) else now
        for severity, start in now.keys() | then.keys():
            episode = now.get((severity, start)) or then[severity, start]
            change = say_change(now.get((severity, start)), then.get((severity, start))) if now is not then else None
            state = "removed" if (severity, start) not in now else "open" if episode.end is None else "ended"
            day, counted = str(local_day(start)), int(state != "removed")
            group = f"{store}/{product}/{severity}/{start:%s}/{state}/{change}"
            hours = ((episode.end or last) - start) / timedelta(hours=1)
            found["stockout_alerts", day, group] = {"value": counted, "hours": hours}
            total = found.setdefault(("stockout_alerts", day, TOTAL), {"value": 0})
            total["value"] = (total["value"] or 0) + counted
    return found


def find_episodes(snapshots: Iterable[Snapshot]) -> dict[tuple[str, datetime], Episode]:
    """Episodes by severity and beginning, in the order of time."""
    found: dict[tuple[str, datetime], Episode] = {}
    current: Episode | None = None
    for at, on_hand, safety, ranged, _ in snapshots:
        level = "not ranged" if not ranged else "critical" if on_hand <= 0 else "warning" if on_hand < safety else "ok"
        if current is not None and level != current.severity:
            current.end, current = at, None
        if current is None and level in ("critical", "warning"):
            current = found[level, at] = Episode(level, at)
    return found


def say_change(now: Episode | None, then: Episode | None) -> str | None:
    """What late snapshots made of an episode."""
    if now is None:
        return "removed by a late snapshot"
    if then is None:
        return "opened by a late snapshot"
    if now.end == then.end:
        return None
    return "closed by a late snapshot" if then.end is None else "end moved by a late snapshot"


def compute_all(files: Files, deliveries: Sequence[Sequence[Path]], regions: Path, stores: Path) -> Rows:
    """The six KPIs of tills and shelves."""
    found: Rows = {
        **compute_sales(files, regions, stores),
        **compute_availability(read_stock(files.stock)),
        **compute_stockouts(deliveries),
    }
    for key, (numerator, denominator) in compute_turnover(files).items():
        found[key] = as_rate(numerator, denominator)
    return found


def as_rate(numerator: float | None, denominator: float | None) -> Columns:
    """A rate; without a value where there is nothing to divide by."""
    value = numerator / denominator if denominator and numerator is not None else None
    return {"value": value, "numerator": numerator, "denominator": denominator}
