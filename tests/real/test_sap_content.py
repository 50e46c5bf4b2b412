"""SAP's sample content, in the several dialects of one delivery: right to the cent by contracts and options, without code."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.files.csv_reading import faults, read_rows
from tests.real.feeding import RealProject, money

pytestmark = pytest.mark.real
FOLDERS = {
    "sales": "SAP_Sample_Content/Sales",
    "finance": "SAP_Sample_Content/FI",
    "bikes": "Sample_Bikes_Sales_content",
}


@pytest.fixture
def content(shared_data: Path) -> Path:
    return shared_data / "finance/sap_sample_content"


@pytest.fixture
def sap(real_project: Callable[[str], RealProject], content: Path) -> RealProject:
    """The project with all files in their areas; those that no source asks for stay where they are."""
    project = real_project("sap_content")
    for area, folder in FOLDERS.items():
        project.drop(area, *sorted((content / folder).glob("*.csv")))
    return project


@pytest.mark.req("F3", "F4")
def test_every_figure_to_the_cent(sap: RealProject) -> None:
    """Orders, items, regions and the smaller sample equal the published figures; nothing is rejected."""
    report = sap.run()
    received = {b.dataset: (b.received, b.live, b.rejected) for b in report.balances}
    assert received["bronze.orders"] == (5_166, 5_166, 0)
    assert received["bronze.items"] == (17_818, 17_818, 0)
    assert received["bronze.bikes_orders"] == (334, 334, 0)
    assert received["bronze.bikes_items"] == (1_930, 1_930, 0)
    assert sum(rejected for _, _, rejected in received.values()) == 0
    _check_orders(sap)
    _check_items(sap)
    _check_bikes(sap)
    assert {
        (r["region"], r["currency"]): (r["orders"], money(r["net"]))
        for r in sap.rows("SELECT * FROM gold.orders_by_region")
    } == {
        ("EMEA", "USD"): (2_590, Decimal("68680323.69")),
        ("APJ", "USD"): (1_339, Decimal("34334456.98")),
        ("AMER", "USD"): (1_237, Decimal("31412722.40")),
    }


def _check_orders(sap: RealProject) -> None:
    orders = sap.rows(
        "SELECT count(*) AS n, count(DISTINCT SALESORDERID) AS ids, sum(GROSSAMOUNT) AS gross, sum(NETAMOUNT) AS net, sum(TAXAMOUNT) AS tax, "
        "min(CREATEDAT)::VARCHAR AS first, max(CREATEDAT)::VARCHAR AS last, count(*) FILTER (CREATEDAT > DATE '2025-12-31') AS later "
        "FROM bronze.orders"
    )[0]
    assert (orders["n"], orders["ids"], orders["later"]) == (
        5_166,
        3_699,
        2_452,
    )  # SOURCE.txt leaves out 1 January 2026
    assert (money(orders["gross"]), money(orders["net"]), money(orders["tax"])) == (
        Decimal("153631419.00"), Decimal("134427503.07"), Decimal("19203938.82"),
    )  # fmt: skip
    assert (orders["first"], orders["last"]) == ("2015-01-01", "2035-09-23")
    assert sap.rows("SELECT FISCALYEARPERIOD AS p FROM bronze.orders ORDER BY _record_id LIMIT 1") == [{"p": "2015001"}]


def _check_items(sap: RealProject) -> None:
    items = sap.rows(
        "SELECT count(*) AS n, count(DISTINCT PRODUCTID) AS products, sum(QUANTITY) AS quantity, sum(NETAMOUNT) AS net, "
        "count(*) FILTER (len(_warnings) > 0) AS warned FROM bronze.items"
    )[0]
    assert (items["n"], items["products"], items["quantity"]) == (17_818, 34, 98_456)
    assert money(items["net"]) == Decimal("31936892.25")
    assert items["warned"] == 4_878


def _check_bikes(sap: RealProject) -> None:
    orders = sap.rows(
        "SELECT sum(GROSSAMOUNT) AS gross, sum(NETAMOUNT) AS net, min(CREATEDAT)::VARCHAR AS first, max(CREATEDAT)::VARCHAR AS last, "
        "min(SALESORDERID) AS id, min(len(SALESORDERID)) AS short FROM bronze.bikes_orders"
    )[0]
    assert (money(orders["gross"]), money(orders["net"])) == (Decimal("20433877.00"), Decimal("17879642.38"))
    assert (orders["first"], orders["last"]) == ("2018-01-11", "2019-06-27")
    assert (orders["id"], orders["short"]) == ("0500000000", 10)  # zero-padded keys stay text
    items = sap.rows("SELECT sum(QUANTITY) AS quantity, sum(NETAMOUNT) AS net FROM bronze.bikes_items")[0]
    assert (items["quantity"], money(items["net"])) == (10_663, Decimal("3224839.62"))


@pytest.mark.req("F3")
def test_master_data(sap: RealProject) -> None:
    """Blank in a file's name, unnamed columns, another encoding, the unassigned key as null, hierarchies whose parents are all there."""
    sap.run()
    counts = {
        name: sap.rows(f"SELECT count(*) AS n FROM bronze.{name}")[0]["n"]
        for name in (
            "gl_accounts",
            "employees",
            "addresses",
            "partners",
            "customers",
            "gl_hierarchy",
            "product_hierarchy",
            "profit_hierarchy",
        )
    }
    assert counts == {
        "gl_accounts": 21, "employees": 14, "addresses": 54, "partners": 40, "customers": 53, "gl_hierarchy": 21, "product_hierarchy": 43,
        "profit_hierarchy": 60,
    }  # fmt: skip
    assert sap.rows("SELECT NAME_FIRST AS f, NAME_LAST AS l FROM bronze.employees WHERE EMPLOYEEID = '0000000008'") == [
        {"f": "Pénélope", "l": "Duperré"}
    ]
    unassigned = sap.rows("SELECT CUSTOMERID, CUSTOMERTYPEID, COUNTRY FROM bronze.customers WHERE CUSTOMERID IS NULL")
    assert unassigned == [{"CUSTOMERID": None, "CUSTOMERTYPEID": None, "COUNTRY": None}]
    assert sap.rows("SELECT count(*) AS n FROM bronze.product_hierarchy WHERE HIERARCHYID = '#'") == [{"n": 1}]
    assert sap.rows("SELECT DISTINCT CREATEDBY AS b FROM bronze.partners WHERE len(CREATEDBY) <> 10") == []
    origin = sap.rows("SELECT min(_origin) AS o FROM bronze.gl_accounts")[0]["o"]
    assert origin.startswith("GL Accounts.csv#")
    for name in ("gl_hierarchy", "product_hierarchy", "profit_hierarchy"):
        orphans = sap.rows(
            f"SELECT DISTINCT LEVEL AS parent FROM bronze.{name} WHERE LEVEL NOT IN (SELECT HIERARCHYID FROM bronze.{name}) ORDER BY ALL"
        )
        assert [row["parent"] for row in orphans] == ["<root>"], name


def test_the_id_is_no_key(sap: RealProject) -> None:
    """A contract that takes the id for a key rejects what stands under one id again, and says so; it drops nothing."""
    path = sap.root / "contracts/sales.odcs.yaml"
    text = path.read_text()
    path.write_text(
        text.replace(
            "{name: SALESORDERID, logicalType: string, required: true}",
            "{name: SALESORDERID, logicalType: string, primaryKey: true}",
        )
    )
    orders = next(b for b in sap.run().balances if b.dataset == "bronze.orders")
    assert (orders.received, orders.live, orders.rejected) == (5_166, 3_699, 1_467)


def test_without_the_option_a_decimal_comma_is_refused(sap: RealProject) -> None:
    """The file would be rejected row by row; it is refused as a whole, and the option is named."""
    source = sap.root / "sources/orders.yaml"
    source.write_text(source.read_text().replace('  csv: {decimal: ","}\n', ""))
    assert not sap.run().succeeded
    receipt = (sap.root / "storage/sales/rejected/SalesOrders.csv.receipt.txt").read_text()
    assert "seem to have a decimal comma" in receipt
    assert "csv.decimal" in receipt


def test_all_thirty_files_are_whole(content: Path, tmp_path: Path) -> None:
    """Every file of the delivery is read with as many records as SOURCE.txt counts lines below the header; three are ragged."""
    wanted: dict[str, int] = {}
    for entry in (content / "SOURCE.txt").read_text().rpartition("Files: ")[2].split("; "):
        name, count, _ = entry.strip().rsplit(" ", 2)
        wanted[name] = int(count) - 1
    assert len(wanted) == 30
    ragged: dict[str, list[int]] = {}
    for name, count in wanted.items():
        options: dict[str, Any] = (
            {"encoding": "cp1252"} if "Employees" in name else {"decimal": ","} if "/Sales/" in name else {}
        )
        rows = read_rows(tmp_path, (content / name).read_bytes(), **options)
        assert (name, len(rows)) == (name, count)
        ragged |= {name: sorted(wrong)} if (wrong := faults(rows)) else {}
    assert ragged == {"SAP_Sample_Content/FI/ProductTexts.csv": [37, 40, 41]}  # a comma is missing at the end
