"""Make the data of the prices example: workbooks of five retailers, monthly price lists, ECB rates, and one corrected workbook in `later/`.

The same arguments give the same bytes. Only the standard library is used; the rates are an excerpt of those of the European Central Bank.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from xml.sax.saxutils import escape

FIRST_WEEK = date(2025, 11, 3)
WEEKS = tuple(FIRST_WEEK + timedelta(weeks=week) for week in range(13))
NAMES = ("Espresso", "Filter", "Decaf", "Cocoa", "Chai", "Green tea", "Black tea", "Oat drink", "Almond drink", "Cold brew",
         "Matcha", "Rooibos", "Mint tea", "Mokka", "Latte mix")  # fmt: skip
UNKNOWN_PRODUCT = "P99"
LEFT_LIST = ("P08", "PL", date(2025, 12, 15))
"""This product's price ends in Poland on that day, and no new one follows."""
NOT_LISTED = ("P09", "GB")
IN_EURO = ("P03", "CH")
"""A price that the list states in euro, although the shelves are in francs."""
CHANGED = ("P02", "DE", date(2025, 11, 20))
"""A price that changes within a month."""


@dataclass(frozen=True, slots=True)
class Retailer:
    """A retailer, where it sells, and what a euro is worth there, roughly; 20ths of the local unit are its steps."""

    name: str
    country: str
    currency: str
    level: Decimal


RETAILERS = (
    Retailer("nordmarkt", "DE", "EUR", Decimal(1)),
    Retailer("zielona", "PL", "PLN", Decimal("4.2")),
    Retailer("alpina", "CH", "CHF", Decimal("1.1")),
    Retailer("albion", "GB", "GBP", Decimal("0.9")),
    Retailer("balkan", "BG", "BGN", Decimal("1.9")),
)
CORRIDORS = (("DE", 5, 5), ("PL", 8, 6), ("CH", 5, 10), ("GB", 6, 6), ("BG", 10, 10))
"""Country, and how many percent a shelf price may lie below and above the recommended one."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a price list; money in cents."""

    product: str
    country: str
    currency: str
    recommended: int
    floor: int
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a product cost in a retailer's shelves in a week; money in cents."""

    product: str
    week: date
    price: int
    units: int
    is_promotion: bool


def generate(folder: Path, *, seed: int = 7, products: int = 12) -> dict[str, Any]:
    """Write both deliveries below `folder` and return what is in them, which also stands in `dirt.json`.

    Raises: ValueError for fewer than 10 products, which the special cases need, or more than there are names.
    """
    if not 10 <= products <= len(NAMES):
        raise ValueError(f"the example has at least 10 and at most {len(NAMES)} products.")
    maker = _Maker(folder, Random(seed), [f"P{number:02d}" for number in range(1, products + 1)])
    maker.write_lists()
    maker.write_shelves()
    manifest = maker.manifest(seed)
    (folder / "dirt.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


class _Maker:
    """Holds the prices while they are written down."""

    def __init__(self, folder: Path, random: Random, products: list[str]) -> None:
        self.folder, self.random, self.products = folder, random, products
        self.listed: list[Listed] = []
        self.rows: dict[str, int] = {}
        self.rejected: dict[str, int] = {}

    def write_lists(self) -> None:
        """Products, corridors, rates, and one price list a month."""
        self._write("products", "products.csv", ("Product", "Name"), zip(self.products, NAMES, strict=False))
        self._write("corridors", "corridors.csv", ("Country", "Below percent", "Above percent"), CORRIDORS)
        rates = _make_folder(self.folder / "storage" / "rates" / "incoming") / "eurofxref-hist.csv"
        shutil.copyfile(Path(__file__).parent / "ecb_rates.csv", rates)
        self.rows["rates"] = len(rates.read_text().splitlines()) - 1
        worth = {(one.country, id): self._recommend(one) for one in RETAILERS for id in self.products}
        columns = ("Product", "Country", "Currency", "Recommended", "Floor", "Valid from", "Valid to")
        for month in (date(2025, 11, 1), date(2025, 12, 1), date(2026, 1, 1)):
            rows = list(self._list(month, worth))
            self.listed += rows
            self._write("price_lists", f"prices_{month:%Y-%m}.csv", columns, map(_list_row, rows))

    def _recommend(self, retailer: Retailer) -> int:
        steps = self.random.randrange(40, 300)
        return int(steps * 10 * retailer.level) // 20 * 20  # so that 5 % less is a price, too

    def _list(self, month: date, worth: dict[tuple[str, str], int]) -> Iterable[Listed]:
        for retailer in RETAILERS:
            euro = retailer.country == "BG" and month.year == 2026
            for id in self.products:
                price = worth[retailer.country, id] * (103 if month.year == 2026 else 100) // 100
                currency, ends = ("EUR" if euro else retailer.currency), None
                if euro:
                    price = int(price / Decimal("1.95583"))
                if (id, retailer.country) == IN_EURO:
                    price, currency = price * 100 // 94, "EUR"
                if (id, retailer.country) == NOT_LISTED:
                    continue
                if (id, retailer.country) == LEFT_LIST[:2]:
                    if month > LEFT_LIST[2]:
                        continue
                    ends = LEFT_LIST[2] if month.month == LEFT_LIST[2].month else None
                yield Listed(id, retailer.country, currency, price, price * 80 // 100, month, ends)
                if (id, retailer.country) == CHANGED[:2] and month.month == CHANGED[2].month:
                    yield Listed(id, retailer.country, currency, price + 100, price * 85 // 100, CHANGED[2], None)

    def write_shelves(self) -> None:
        """What each retailer sends: a workbook a month, one for a quarter, one for all; and in `later` the corrected one."""
        sent = {one.name: [self._shelf(one, id, week) for week in WEEKS for id in self.products] for one in RETAILERS}
        for name, shelves in sent.items():
            self.rows[name], self.rejected[name] = len(shelves), 0
        months = sorted({f"{week:%Y-%m}" for week in WEEKS})
        for month in months:
            first = month == months[0]
            self._save("nordmarkt", month, [self._nordmarkt(_of(month, sent["nordmarkt"]), first=first)])
            self._save("zielona", month, [self._zielona(_of(month, sent["zielona"]), first=first)])
        self._save("alpina", "2025-26", [self._alpina(sent["alpina"])])
        notes = _Sheet("notes", [["Prices from the tills, checked by hand."]], hidden=True)
        sheets = [self._albion(_of(month, sent["albion"]), month) for month in months]
        self._save("albion", "all", [*sheets, notes], from_1904=True)
        self._save("balkan", "2025", [self._balkan(_of("2025", sent["balkan"]), "BGN", faulty=True)])
        january = _of("2026-01", sent["balkan"])
        self._save("balkan", "2026-01", [self._balkan(january, "BGN", faulty=False)])
        corrected = self._balkan([_in_euro(shelf) for shelf in january], "EUR", faulty=False)
        _write_workbook(_make_folder(self.folder / "later") / "balkan_2026-01.xlsx", [corrected])

    def _shelf(self, retailer: Retailer, id: str, week: date) -> Shelf:
        """A price near the recommended one: often the same, sometimes on the very edge, sometimes far off."""
        listed = [one for one in self.listed if (one.product, one.country) == (id, retailer.country)]
        known = [one for one in listed if one.valid_from <= week and one.currency == retailer.currency] or listed
        base = Decimal(known[-1].recommended if known else 1000)
        if known and known[-1].currency != retailer.currency:
            base *= Decimal("0.94")
        is_promotion = self.random.random() < 0.08
        factor = "0.85" if is_promotion else self.random.choice(
            ("1", "1", "1", "1", "0.99", "1.02", "0.97", "1.04", "0.95", "1.05", "0.92", "0.9", "1.06", "1.1", "1.15", "0.8", "0.75")
        )  # fmt: skip
        return Shelf(id, week, int(base * Decimal(factor)), self.random.randrange(5, 2500), is_promotion)

    # --- layouts ---------------------------------------------------------------------------------------

    def _nordmarkt(self, rows: Sequence[Shelf], *, first: bool) -> _Sheet:
        """A title block, dates of Sundays, a product nobody knows, a total below."""
        cells: list[list[Any]] = [
            ["Price report Nordmarkt"],
            ["Confidential"],
            [],
            ["Week ending", "Article", "Shelf price", "Units", "Promotion"],
        ]
        cells += [
            [s.week + timedelta(days=6), s.product, _money(s.price), s.units, "yes" if s.is_promotion else None]
            for s in rows
        ]
        if first:
            cells.append([WEEKS[0] + timedelta(days=6), UNKNOWN_PRODUCT, Decimal("1.99"), 3, None])
            self.rows["nordmarkt"] += 1
        cells.append(["Total", None, None, sum(s.units for s in rows), None])
        return _Sheet("Sell-out", cells)

    def _zielona(self, rows: Sequence[Shelf], *, first: bool) -> _Sheet:
        """Texts: dates, prices with a decimal comma, the header once more in the middle, a price that is none."""
        header = ["Od", "Kod", "Cena", "Sztuk", "Promocja"]
        cells: list[list[Any]] = [header]
        for number, s in enumerate(rows):
            if number == len(rows) // 2:
                cells.append(header)
            price = f"{_money(s.price)} PLN".replace(".", ",")
            cells.append(
                [
                    f"{s.week:%d.%m.%Y}",
                    s.product,
                    price,
                    f"{s.units:,}".replace(",", "."),
                    "tak" if s.is_promotion else "nie",
                ]
            )
        if first:
            cells[2][2] = "b.d."
            self.rejected["zielona"] += 1
        return _Sheet("Ceny", cells)

    def _alpina(self, rows: Sequence[Shelf]) -> _Sheet:
        """Weeks across below their months, two rows for each product."""
        weeks = sorted({s.week for s in rows})
        months = [f"{week:%b %Y}" for week in weeks]
        spans = [
            (months.index(month), months.index(month) + months.count(month) - 1) for month in dict.fromkeys(months)
        ]
        above = [month if months.index(month) == at else None for at, month in enumerate(months)]
        cells: list[list[Any]] = [
            ["Alpina AG"],
            [None, None, *above],
            [None, None, *(f"{week:%G-W%V}" for week in weeks)],
        ]
        for id in self.products:
            of = {s.week: s for s in rows if s.product == id}
            cells.append([id, "price", *(_money(of[week].price) for week in weeks)])
            cells.append([id, "promotion", *("x" if of[week].is_promotion else None for week in weeks)])
        merged = tuple(f"{_letter(2 + first)}2:{_letter(2 + last)}2" for first, last in spans)
        return _Sheet("KW", cells, merged=merged)

    def _albion(self, rows: Sequence[Shelf], name: str) -> _Sheet:
        """A sheet for each month, dates since 1904, a price below zero."""
        cells: list[list[Any]] = [["Week commencing", "Code", "Price GBP", "Offer"]]
        cells += [[s.week, s.product, _money(s.price), "Y" if s.is_promotion else None] for s in rows]
        if name == "2025-12":
            cells[3][2] = -cells[3][2]
            self.rejected["albion"] += 1
        return _Sheet(name, cells)

    def _balkan(self, rows: Sequence[Shelf], currency: str, *, faulty: bool) -> _Sheet:
        """A table that begins at C7, blank rows, cells with errors."""
        cells: list[list[Any]] = [
            ["Export"],
            [],
            [],
            [],
            [],
            [],
            [None, None, "Week", "Product", "Price", "Currency", "Offer"],
        ]
        for number, s in enumerate(rows):
            wrong = faulty and number in (4, 17)
            price: Any = _Error("#DIV/0!") if wrong else _money(s.price)
            self.rejected["balkan"] += wrong
            cells.append([None, None, s.week, s.product, price, currency, "yes" if s.is_promotion else "no"])
            if number % 10 == 9:
                cells.append([])
        return _Sheet("Data", cells)

    # --- writing ---------------------------------------------------------------------------------------

    def _save(self, name: str, stamp: str, sheets: Sequence[_Sheet], *, from_1904: bool = False) -> None:
        path = _make_folder(self.folder / "storage" / name / "incoming") / f"{name}_{stamp}.xlsx"
        _write_workbook(path, sheets, from_1904=from_1904)

    def _write(self, name: str, file: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path = _make_folder(self.folder / "storage" / name / "incoming") / file
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.rows[name] = self.rows.get(name, 0) + len(lines) - 1

    def manifest(self, seed: int) -> dict[str, Any]:
        """What came, what of it is no price, and what lacks a rate."""
        late = [week for week in WEEKS if week > date(2026, 1, 7)]  # the lev's last rate is that of 31 December
        return {
            "seed": seed,
            "products": len(self.products),
            "weeks": len(WEEKS),
            "received": {f"bronze.{name}": count for name, count in sorted(self.rows.items())},
            "rejected": {f"bronze.{name}": count for name, count in sorted(self.rejected.items())},
            "without_a_rate": len(late) * len(self.products),
        }


# --- workbooks ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Error:
    text: str


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    rows: list[list[Any]]
    hidden: bool = False
    merged: tuple[str, ...] = field(default=())


_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_XF = 'numFmtId="{}" fontId="0" fillId="0" borderId="0"'
_STYLES = (
    f'<styleSheet {_NS}><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    f'<cellStyleXfs count="1"><xf {_XF.format(0)}/></cellStyleXfs>'
    f'<cellXfs count="2"><xf {_XF.format(0)} xfId="0"/><xf {_XF.format(14)} xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def _write_workbook(path: Path, sheets: Sequence[_Sheet], *, from_1904: bool = False) -> None:
    """A workbook with as little in it as Excel needs; the same cells give the same bytes."""
    start = date(1904, 1, 1) if from_1904 else date(1899, 12, 30)
    numbers = range(1, len(sheets) + 1)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for n in numbers
    )
    listed = "".join(
        f'<sheet name="{escape(sheet.name)}" sheetId="{n}"{" state=" + chr(34) + "hidden" + chr(34) if sheet.hidden else ""} r:id="rId{n}"/>'
        for n, sheet in zip(numbers, sheets, strict=True)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_REL}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    package = 'xmlns="http://schemas.openxmlformats.org/package/2006/'
    parts = {
        "[Content_Types].xml": f'<Types {package}content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/styles.xml" '
        f'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships {package}relationships"><Relationship Id="rId1" Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {_NS} xmlns:r="{_REL}"><workbookPr{" date1904=" + chr(34) + "1" + chr(34) if from_1904 else ""}/>'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships {package}relationships">{links}<Relationship Id="rId0" Type="{_REL}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": _STYLES,
        **{f"xl/worksheets/sheet{n}.xml": _sheet_xml(sheet, start) for n, sheet in zip(numbers, sheets, strict=True)},
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            info = zipfile.ZipInfo(name, (2026, 2, 2, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>' + text)


def _sheet_xml(sheet: _Sheet, start: date) -> str:
    rows = []
    for number, row in enumerate(sheet.rows, 1):
        cells = "".join(
            _cell(f"{_letter(at)}{number}", value, start) for at, value in enumerate(row) if value is not None
        )
        rows.append(f'<row r="{number}">{cells}</row>' if cells else "")
    merged = "".join(f'<mergeCell ref="{area}"/>' for area in sheet.merged)
    merges = f'<mergeCells count="{len(sheet.merged)}">{merged}</mergeCells>' if merged else ""
    return f"<worksheet {_NS}><sheetData>{''.join(rows)}</sheetData>{merges}</worksheet>"


def _cell(at: str, value: Any, start: date) -> str:
    if isinstance(value, date):
        return f'<c r="{at}" s="1"><v>{(value - start).days}</v></c>'
    if isinstance(value, _Error):
        return f'<c r="{at}" t="e"><v>{value.text}</v></c>'
    if isinstance(value, str):
        return f'<c r="{at}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{at}"><v>{value}</v></c>'


def _letter(column: int) -> str:
    return chr(ord("A") + column)


# --- values ------------------------------------------------------------------------------------------


def _of(period: str, rows: Sequence[Shelf]) -> list[Shelf]:
    return [shelf for shelf in rows if str(shelf.week).startswith(period)]


def _in_euro(shelf: Shelf) -> Shelf:
    return Shelf(shelf.product, shelf.week, int(shelf.price / Decimal("1.95583")), shelf.units, shelf.is_promotion)


def _list_row(row: Listed) -> tuple[str, ...]:
    prices = (f"{_money(row.recommended)}", f"{_money(row.floor)}")
    return (row.product, row.country, row.currency, *prices, str(row.valid_from), str(row.valid_to or ""))


def _money(cents: int) -> Decimal:
    return Decimal(cents) / 100


def _make_folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
