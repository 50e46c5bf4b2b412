"""The prices example's corridor in plain Python, from the files as they were generated: exact fractions, no SQL, none of the product's code."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl

Key = tuple[str, str, str]
"""Week (its Monday), retailer, product."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A shelf price as it was sent."""

    week: date
    retailer: str
    country: str
    product: str
    price: Fraction
    currency: str
    is_promotion: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of a shelf price."""

    status: str
    price_eur: Fraction
    rate_day: date
    index: Fraction | None
    is_promotion: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """The corridor, and the shelf prices for whose currency there is no rate."""

    verdicts: Mapping[Key, Verdict]
    without_rate: frozenset[Key]


def compute(folder: Path, *, later: bool) -> Figures:
    """Everything from the files below `folder`; with `later` the corrected workbook stands for the one it corrects."""
    storage = folder / "storage"
    rates, lists = Rates(incoming(storage, "rates")), Lists(incoming(storage, "price_lists"))
    widths = {row["Country"]: row for path in incoming(storage, "corridors") for row in read_csv(path)}
    verdicts: dict[Key, Verdict] = {}
    missing: set[Key] = set()
    for shelf in read_shelves(storage, folder / "later" if later else None):
        key = (str(shelf.week), shelf.retailer, shelf.product)
        found = rates.of(shelf.currency, shelf.week)
        if found is None:
            missing.add(key)
            continue
        assert key not in verdicts
        verdicts[key] = judge(shelf, shelf.price / found[1], found[0], rates, lists, widths[shelf.country])
    return Figures(verdicts, frozenset(missing))


def judge(
    shelf: Shelf, price: Fraction, rate_day: date, rates: Rates, lists: Lists, width: Mapping[str, str]
) -> Verdict:
    """The status of one price."""
    listed = lists.of(shelf.product, shelf.country, shelf.week)
    if listed is None:
        return Verdict("no_recommended_price", price, rate_day, None, shelf.is_promotion)
    found = rates.of(listed[0], shelf.week)
    assert found is not None
    recommended, floor = listed[1] / found[1], listed[2] / found[1]
    index = price / recommended
    below, above = Fraction(width["Below percent"]), Fraction(width["Above percent"])
    if price < floor:
        status = "below_floor"
    elif index < 1 - below / 100:
        status = "below_corridor"
    elif index > 1 + above / 100:
        status = "above_corridor"
    else:
        status = "in_corridor"
    return Verdict(status, price, rate_day, index, shelf.is_promotion)


class Rates:
    """Units of a currency per euro, at most seven days old."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._known: dict[str, list[tuple[date, Fraction]]] = defaultdict(list)
        for path in paths:
            for row in reversed(read_csv(path)):
                for code, rate in row.items():
                    if code not in ("", "Date") and rate != "N/A":
                        self._known[code].append((date.fromisoformat(row["Date"]), Fraction(rate)))

    def of(self, code: str, day: date) -> tuple[date, Fraction] | None:
        """The day of the rate that holds, and the rate."""
        if code == "EUR":
            return day, Fraction(1)
        at = bisect_right(self._known[code], day, key=lambda pair: pair[0]) - 1
        found = self._known[code][at] if at >= 0 else None
        return found if found is not None and day - found[0] <= timedelta(days=7) else None


class Lists:
    """What the price lists say."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._rows: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
        for path in paths:
            for row in read_csv(path):
                self._rows[row["Product"], row["Country"]].append(row)

    def of(self, product: str, country: str, day: date) -> tuple[str, Fraction, Fraction] | None:
        """Currency, recommended and floor price of the newest row that began, unless it has ended."""
        begun = [row for row in self._rows[product, country] if date.fromisoformat(row["Valid from"]) <= day]
        if not begun:
            return None
        row = max(begun, key=lambda one: one["Valid from"])
        if row["Valid to"] and date.fromisoformat(row["Valid to"]) < day:
            return None
        return row["Currency"], Fraction(row["Recommended"]), Fraction(row["Floor"])


def read_shelves(storage: Path, later: Path | None) -> Iterator[Shelf]:
    """Every price that can be used, from all five layouts."""
    yield from read_nordmarkt(storage)
    yield from read_zielona(storage)
    for path in incoming(storage, "alpina"):
        yield from read_across(sheet_rows(path, "KW"))
    for path in incoming(storage, "albion"):
        for name in ("2025-11", "2025-12", "2026-01"):
            for row in sheet_rows(path, name)[1:]:
                if row[2] > 0:
                    yield shelf("Albion", "GB", row[0].date(), row[1], row[2], "GBP", promotion=row[3] == "Y")
    corrected = {path.name: path for path in sorted(later.glob("balkan_*"))} if later is not None else {}
    for path in incoming(storage, "balkan"):
        for row in sheet_rows(corrected.get(path.name, path), "Data")[7:]:
            if isinstance(row[4], int | float):
                yield shelf("Balkan", "BG", row[2].date(), row[3], row[4], row[5], promotion=row[6] == "yes")


def read_nordmarkt(storage: Path) -> Iterator[Shelf]:
    """Weeks by their Sunday; the total has no date."""
    for path in incoming(storage, "nordmarkt"):
        for row in sheet_rows(path, "Sell-out")[4:]:
            if isinstance(row[0], datetime):
                week = row[0].date() - timedelta(days=6)
                yield shelf("Nordmarkt", "DE", week, row[1], row[2], "EUR", promotion=row[4] == "yes")


def read_zielona(storage: Path) -> Iterator[Shelf]:
    """All cells are texts; headers and what is no price are passed over."""
    for path in incoming(storage, "zielona"):
        for row in sheet_rows(path, "Ceny"):
            price = str(row[2]).removesuffix(" PLN").replace(",", ".")
            if price.replace(".", "").isdigit():
                week = datetime.strptime(str(row[0]), "%d.%m.%Y").date()
                yield shelf("Zielona", "PL", week, row[1], price, "PLN", promotion=row[4] == "tak")


def read_across(rows: list[tuple[Any, ...]]) -> Iterator[Shelf]:
    """Weeks across, two rows for each product."""
    weeks = [date.fromisocalendar(int(text[:4]), int(text[6:]), 1) for text in rows[2][2:]]
    for prices, marks in zip(rows[3::2], rows[4::2], strict=True):
        assert (prices[1], marks[1], prices[0]) == ("price", "promotion", marks[0])
        for week, price, mark in zip(weeks, prices[2:], marks[2:], strict=True):
            yield shelf("Alpina", "CH", week, prices[0], price, "CHF", promotion=mark == "x")


def shelf(
    retailer: str, country: str, week: date, product: object, price: object, currency: str, *, promotion: bool
) -> Shelf:
    """One price."""
    return Shelf(week, retailer, country, str(product), Fraction(str(price)), currency, promotion)


def sheet_rows(path: Path, name: str) -> list[tuple[Any, ...]]:
    """The values of a sheet, as openpyxl sees them."""
    sheet: Any = openpyxl.load_workbook(path, data_only=True)[name]
    return list(sheet.iter_rows(values_only=True))


def incoming(storage: Path, area: str) -> list[Path]:
    """The files that wait in an area."""
    return sorted((storage / area / "incoming").iterdir())


def read_csv(path: Path) -> list[dict[str, str]]:
    """The records of a CSV file with a header."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
