"""The prices example from end to end: every status, rate and share as plain Python computes them, and some as paper does."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from prices_figures import Figures, compute

from entrepot.app.project import open_project
from entrepot.app.session import RunReport, run_project
from entrepot.app.wiring import Platform
from entrepot.examples import copy_example, find_example, generate_data
from entrepot.kernel.ids import hash_file
from entrepot.ports.relations import QueryScan, TableVersion

pytestmark = [pytest.mark.req("F2", "F4"), pytest.mark.timeout(300)]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A run, and what could be asked after it."""

    report: RunReport
    corridor: list[dict[str, Any]]
    shares: list[dict[str, Any]]
    below_floor: list[dict[str, Any]]
    expected: Figures

    def counts(self, dataset: str) -> tuple[int, int, int]:
        """Received, live, rejected."""
        return next((b.received, b.live, b.rejected) for b in self.report.balances if b.dataset == dataset)


@dataclass(frozen=True, slots=True)
class Story:
    """The project, its manifest and both deliveries."""

    folder: Path
    manifest: dict[str, Any]
    warnings: tuple[str, ...]
    first: Delivery
    later: Delivery


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Both deliveries as they come."""
    folder = tmp_path_factory.mktemp("prices") / "prices"
    manifest = generate_data(copy_example("prices", folder), folder)
    # Worked out before anything is taken: runs move the files.
    expected = [compute(folder, later=later) for later in (False, True)]
    first = deliver(folder, expected[0])
    for path in sorted((folder / "later").iterdir()):
        shutil.move(path, folder / "storage/balkan/incoming" / path.name)
    return Story(folder, manifest, open_project(folder).warnings, first, deliver(folder, expected[1]))


def deliver(folder: Path, expected: Figures) -> Delivery:
    """Run, and ask the release."""
    report = run_project(Platform(open_project(folder)))
    assert [(r.node.name, r.error) for r in report.results if r.error is not None] == []
    assert all(balance.closes for balance in report.balances)
    return Delivery(
        report,
        rows(folder, "SELECT * FROM gold.price_corridor"),
        rows(folder, "SELECT * FROM gold.kpi_share_in_corridor"),
        rows(folder, "SELECT * FROM gold.kpi_prices_below_floor"),
        expected,
    )


def rows(folder: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of the newest release."""
    platform = Platform(open_project(folder))
    release = platform.release_for(None)
    tables = {name: TableVersion(name, version) for name, version in release.tables.items()}
    found: list[dict[str, Any]] = (
        platform.engine.query(QueryScan(sql, tables, release.views)).batches().read_all().to_pylist()
    )
    return found


@pytest.mark.parametrize("when", ["first", "later"])
def test_every_cell_is_that_of_plain_python(story: Story, when: str) -> None:
    """Status, price, rate day, index and promotion of every product, retailer and week; nothing more, nothing less."""
    delivery: Delivery = getattr(story, when)
    found = {(str(row["week"]), row["retailer"], row["product_id"]): row for row in delivery.corridor}
    wanted = delivery.expected.verdicts
    assert len(delivery.corridor) == len(found)
    assert found.keys() == wanted.keys()
    for key, verdict in wanted.items():
        row = found[key]
        assert (row["status"], row["rate_day"], row["is_promotion"]) == (
            verdict.status, verdict.rate_day, verdict.is_promotion,
        ), key  # fmt: skip
        assert abs(Fraction(row["price_eur"]) - verdict.price_eur) < Fraction(1, 10**9), key
        if verdict.index is None:
            assert row["price_index"] is None
        else:
            assert abs(Fraction(row["price_index"]) - verdict.index) <= Fraction(51, 10**6), key
    assert set(Counter(row["status"] for row in delivery.corridor)) == {
        "below_floor", "below_corridor", "in_corridor", "above_corridor", "no_recommended_price",
    }  # fmt: skip


@pytest.mark.parametrize("when", ["first", "later"])
def test_shares_are_counted_from_the_cells(story: Story, when: str) -> None:
    """Prices in the corridor ÷ prices with a recommended price, by week and retailer; and how many lie below the floor."""
    delivery: Delivery = getattr(story, when)
    cells: dict[tuple[str, str], Counter[str]] = {}
    for (week, retailer, _), verdict in delivery.expected.verdicts.items():
        cells.setdefault((week, retailer), Counter())[verdict.status] += 1
    assert len(delivery.shares) == len(cells)
    for row in delivery.shares:
        count = cells[str(row["week"]), row["retailer"]]
        known = sum(count.values()) - count["no_recommended_price"]
        assert (row["numerator"], row["denominator"]) == (count["in_corridor"], known)
        assert row["value"] == pytest.approx(count["in_corridor"] / known)
        assert row["without_recommended_price"] == count["no_recommended_price"]
    for row in delivery.below_floor:
        assert row["value"] == cells[str(row["week"]), row["retailer"]]["below_floor"]


def test_a_price_without_a_rate_is_a_reject(story: Story) -> None:
    """The lev's last rate is that of 31 December: prices in lev of three weeks of January are rejects until a workbook in euro comes."""
    without = story.first.expected.without_rate
    assert {week for week, _, _ in without} == {"2026-01-12", "2026-01-19", "2026-01-26"}
    assert len(without) == story.manifest["without_a_rate"] == 36
    received, live, rejected = story.first.counts("silver.shelf_prices")
    assert (rejected, live) == (36, received - 36)
    assert story.later.expected.without_rate == frozenset()
    assert story.later.counts("silver.shelf_prices")[1] == live + 36
    release = story.later.report
    assert [b.rejected for b in release.balances if b.dataset == "silver.recommended_prices"] == [0]
    on_fifth = [r for r in story.first.corridor if str(r["week"]) == "2026-01-05" and r["retailer"] == "Balkan"]
    assert {(row["currency"], str(row["rate_day"])) for row in on_fifth} == {("BGN", "2025-12-31")}


def test_what_was_dirtied_is_what_was_found(story: Story) -> None:
    """Rows and rejects of each workbook as the manifest counts them; the unknown product is a warning and keeps its row."""
    for dataset, received in story.manifest["received"].items():
        rejected = story.manifest["rejected"].get(dataset, 0)
        assert story.first.counts(dataset) == (received, received - rejected, rejected), dataset
    unknown = [row for row in story.first.corridor if row["product"] == "(unknown product)"]
    assert [(row["product_id"], row["status"]) for row in unknown] == [("P99", "no_recommended_price")]
    assert story.warnings == ()


HAND = {
    # The list says 36.60 BGN: 31.11 ÷ 36.60 = 0.85, below 0.90 and above the floor of 29.28. 31.11 ÷ 1.9558 = 15.9065.
    ("2025-11-03", "Balkan", "P04"): ("31.11", "BGN", "15.9065", "0.8500", "below_corridor"),
    # On Monday 17 November 11.60 EUR holds; 12.60 begins on Thursday and holds on Monday 24: 12.85 ÷ 12.60 = 1.01984.
    ("2025-11-17", "Nordmarkt", "P02"): ("11.60", "EUR", "11.6000", "1.0000", "in_corridor"),
    ("2025-11-24", "Nordmarkt", "P02"): ("12.85", "EUR", "12.8500", "1.0198", "in_corridor"),
    # The list states 12.55 EUR for Switzerland: 13.35 ÷ 0.9293 = 14.3657, ÷ 12.55 = 1.14467, more than 10 % above.
    ("2025-12-29", "Alpina", "P03"): ("13.35", "CHF", "14.3657", "1.1447", "above_corridor"),
    # 43.20 PLN hold through 15 December: 49.68 ÷ 43.20 = 1.15, more than 6 % above. A week later nothing holds.
    ("2025-12-15", "Zielona", "P08"): ("49.68", "PLN", "11.7683", "1.1500", "above_corridor"),
    ("2025-12-22", "Zielona", "P08"): ("44.92", "PLN", "10.6602", "", "no_recommended_price"),
    # Not in the list: 10.20 ÷ 0.8676 = 11.7566.
    ("2026-01-05", "Albion", "P09"): ("10.20", "GBP", "11.7566", "", "no_recommended_price"),
    # In lev at the rate of 31 December: 25 ÷ 1.9558 = 12.7825, ÷ 13.16 EUR = 0.97132.
    ("2026-01-05", "Balkan", "P01"): ("25.00", "BGN", "12.7825", "0.9713", "in_corridor"),
}
"""Computed on paper, from the workbook's price, the list's and the ECB's rate of that Monday."""


def test_some_cells_on_paper(story: Story) -> None:
    """Price, currency, price in euro, index and status of cells that were worked out by hand."""
    found = {(str(row["week"]), row["retailer"], row["product_id"]): row for row in story.first.corridor}
    for key, (price, currency, euro, index, status) in HAND.items():
        row = found[key]
        assert (row["price"], row["currency"], row["status"]) == (Decimal(price), currency, status), key
        assert row["price_eur"].quantize(Decimal("0.0001")) == Decimal(euro), key
        assert row["price_index"] == (Decimal(index) if index else None), key


def test_the_edge_belongs_to_the_corridor(story: Story) -> None:
    """Prices exactly on an edge, of which there are some, lie in the corridor although euros have only ten decimals; the floor is not below itself."""
    width = {"DE": 5, "PL": 8, "CH": 5, "GB": 6, "BG": 10}
    upper = {"DE": 5, "PL": 6, "CH": 10, "GB": 6, "BG": 10}
    countries = {row["retailer"]: row["country"] for row in story.first.corridor}
    on_edge = Counter[str]()
    for (_, retailer, _), verdict in story.first.expected.verdicts.items():
        country = countries[retailer]
        if verdict.index in (1 - Fraction(width[country], 100), 1 + Fraction(upper[country], 100)):
            on_edge[country] += 1
            assert verdict.status == "in_corridor"
        if verdict.index == Fraction(4, 5):
            on_edge["floor"] += 1
            assert verdict.status == "below_corridor"
    assert on_edge["floor"]
    assert len(on_edge) > 2, on_edge


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """A number in the documentation holds for everybody; another seed gives other prices."""
    example = find_example("prices")
    one = generate_data(example, tmp_path / "one", products=10)
    assert generate_data(example, tmp_path / "two", products=10) == one
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) > 12
    for path in files:
        assert hash_file(path) == hash_file(tmp_path / "two" / path.relative_to(tmp_path / "one")), path.name
    generate_data(example, tmp_path / "three", products=10, seed=8)
    name = "storage/albion/incoming/albion_all.xlsx"
    assert hash_file(tmp_path / "one" / name) != hash_file(tmp_path / "three" / name)
    assert json.loads((tmp_path / "one" / "dirt.json").read_text()) == one
    with pytest.raises(ValueError, match="at least 10"):
        generate_data(example, tmp_path / "four", products=3)


def test_workbooks_are_as_messy_as_said(tmp_path: Path) -> None:
    """As another reader sees them: a hidden sheet, dates since 1904, merged months, a table at C7, cells with errors."""
    generate_data(find_example("prices"), tmp_path, products=10)
    storage = tmp_path / "storage"
    albion = openpyxl.load_workbook(storage / "albion/incoming/albion_all.xlsx")
    assert albion.epoch.year == 1904
    assert [(s.title, s.sheet_state) for s in albion.worksheets][-2:] == [("2026-01", "visible"), ("notes", "hidden")]
    alpina: Any = openpyxl.load_workbook(storage / "alpina/incoming/alpina_2025-26.xlsx")["KW"]
    assert sorted(map(str, alpina.merged_cells.ranges)) == ["C2:F2", "G2:K2", "L2:O2"]
    balkan: Any = openpyxl.load_workbook(storage / "balkan/incoming/balkan_2025.xlsx")["Data"]
    assert balkan["C7"].value == "Week"
    assert sum(cell.data_type == "e" for row in balkan.iter_rows() for cell in row) == 2
