"""The retail example's data: repeatable, and as dirty as its manifest says."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.examples import find_example, generate_data
from entrepot.kernel.ids import hash_file

SIZES = {"stores": 3, "products": 30, "days": 16}
SALES = "storage/sellout_data/incoming"
STOCK = "storage/stock_data/incoming"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A small shop and its manifest."""
    folder = tmp_path_factory.mktemp("shop")
    return folder, generate_data(find_example("retail"), folder, **SIZES)


def records(folder: Path, prefix: str) -> Iterator[tuple[Path, list[str]]]:
    """The values of every record as text, whatever the file's format; copies left out."""
    for path in sorted(folder.glob(f"{prefix}_*")):
        if path.stem.endswith("_copy"):
            continue
        if path.suffix == ".csv":
            with path.open(newline="") as file:
                rows = csv.reader(file)
                next(rows)
                yield from ((path, row) for row in rows)
        else:
            for row in pq.read_table(path).to_pylist():
                yield path, ["" if value is None else str(value) for value in row.values()]


def judge(row: list[str]) -> str | None:
    """What is wrong with a sales record, by the words of the manifest, told without the generator."""
    if len(row) != 9:
        return "ragged_short" if len(row) < 9 else "ragged_long"
    _, _, _, product, at, quantity, price, _, type = row
    if not product:
        return "missing_product_id"
    if not quantity.isdigit():
        return "wrong_quantity"
    if "." in at.split(" ")[0]:
        return "wrong_date"
    if price.startswith("-"):
        return "negative_price"
    return None if type in ("sale", "return", "cancellation") else "unknown_type"


def test_the_same_arguments_give_the_same_bytes(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """A number in the documentation holds for everybody."""
    folder, manifest = made
    assert generate_data(find_example("retail"), tmp_path, **SIZES) == manifest
    for path in (p for p in folder.rglob("*") if p.is_file()):
        assert hash_file(path) == hash_file(tmp_path / path.relative_to(folder)), path.name
    assert (
        generate_data(find_example("retail"), tmp_path / "other", seed=8, **SIZES)["net_sales"] != manifest["net_sales"]
    )


def test_the_manifest_counts_what_is_in_the_sales_files(made: tuple[Path, dict[str, Any]]) -> None:
    """Counted again from the files, by other code."""
    folder, manifest = made
    found: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    net, rows = Decimal(0), 0
    for _, row in records(folder / SALES, "sales"):
        rows += 1
        fault = judge(row)
        if fault is None and (row[0], row[1]) in seen:
            fault = "duplicate_key"
        if fault is not None:
            found[fault] += 1
            continue
        seen.add((row[0], row[1]))
        net += (1 if row[8] == "sale" else -1) * (int(row[5]) * Decimal(row[6]) - Decimal(row[7]))
    sales = manifest["first"]["bronze.sales"]
    assert dict(sorted(found.items())) == sales["rejected"]
    assert rows == sales["received"] == sales["accepted"] + sum(found.values())
    assert str(net) == manifest["net_sales"]["first"]
    assert set(found) == {
        "duplicate_key", "missing_product_id", "negative_price", "ragged_long", "ragged_short", "unknown_type", "wrong_date",
        "wrong_quantity",
    }  # fmt: skip


def test_the_manifest_counts_what_is_in_the_stock_files(made: tuple[Path, dict[str, Any]]) -> None:
    """Rows, negative stock, and the hours that are missing."""
    folder, manifest = made
    rows = [row for _, row in records(folder / STOCK, "stock")]
    stock = manifest["first"]["bronze.stock"]
    assert len(rows) == stock["received"]
    assert sum(int(row[3]) < 0 for row in rows) == stock["warnings"]["negative_on_hand"] > 0
    late = manifest["later"]["bronze.stock"]["received"]
    products_and_stores = len({(row[0], row[1]) for row in rows})
    assert products_and_stores * (24 * SIZES["days"] - 2) == len(rows) + late + manifest["missing_snapshots"]
    assert manifest["missing_snapshots"] > 0


def test_the_special_files_are_what_they_are_called(made: tuple[Path, dict[str, Any]]) -> None:
    """A copy has the bytes of its original, a corrected file the name of an earlier one, a broken one cannot be opened."""
    folder, manifest = made
    files = manifest["files"]
    for name in files["duplicate"]:
        assert hash_file(folder / SALES / name) == hash_file(folder / SALES / name.replace("_copy", ""))
    for name in files["corrected"]:
        assert hash_file(folder / "later" / name) != hash_file(folder / SALES / name)
        assert all(judge(row) is None for path, row in records(folder / "later", name[:16]) if path.name == name)
    for name in files["unreadable"]:
        with pytest.raises(pa.ArrowInvalid, match="Parquet"):
            pq.read_metadata(folder / "later" / name)
    assert all((folder / "later" / name).is_file() for name in files["late"])
    assert json.loads((folder / "dirt.json").read_text()) == manifest


def test_both_formats_and_all_types_of_receipts_occur(made: tuple[Path, dict[str, Any]]) -> None:
    """Otherwise the example would prove less than it says."""
    folder, _ = made
    assert (
        {path.suffix for path in (folder / SALES).iterdir()}
        == {".csv", ".parquet"}
        == {p.suffix for p in (folder / STOCK).iterdir()}
    )
    types = {row[8] for _, row in records(folder / SALES, "sales") if len(row) == 9}
    assert {"sale", "return", "cancellation"} <= types


def test_costs_change_and_trucks_come_several_times(made: tuple[Path, dict[str, Any]]) -> None:
    """Costs change within the time of the data, one is unknown at first; some deliveries follow within an hour, some hours later."""
    folder, manifest = made
    with (folder / "storage/master_data/costs/incoming/costs.csv").open(newline="") as file:
        costs = list(csv.DictReader(file))
    assert len(costs) == manifest["first"]["bronze.costs"]["received"]
    starts = Counter(row["product_id"] for row in costs)
    assert set(starts.values()) == {1, 2}
    assert [min(r["valid_from"] for r in costs if r["product_id"] == id) for id in ("P0004", "P0005")] == [
        "2026-01-01",
        "2026-06-09",
    ]
    hours: dict[tuple[str, ...], set[str]] = {}
    for _, row in records(folder / STOCK, "stock"):
        if int(row[5]):
            hours.setdefault((row[0], row[1], row[2][:10]), set()).add(row[2][11:13])
    assert {"05"} in hours.values()
    assert {"05", "06"} in hours.values()
    assert {"05", "16"} in hours.values()
    assert manifest["restock_events"]["first"] == sum(1 + ("16" in day) for day in hours.values())


def test_too_small_a_shop_is_refused(tmp_path: Path) -> None:
    """Sizes that cannot hold all dirt."""
    with pytest.raises(ValueError, match="at least"):
        generate_data(find_example("retail"), tmp_path, days=3)
