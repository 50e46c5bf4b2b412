"""Currencies over real data, by the product itself: ECB rates, Online Retail in euro day by day, SAP's bicycles in euro."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_right
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.real.feeding import RealProject, money, read_csv

pytestmark = [pytest.mark.real, pytest.mark.req("F4", "A8")]


@pytest.fixture
def project(real_project: Callable[[str], RealProject], shared_data: Path) -> RealProject:
    """The project with rates, sales and orders taken."""
    found = real_project("currencies")
    found.drop("rates", shared_data / "finance/ecb_fx/eurofxref-hist_1999-2023.csv.gz")
    found.drop("sales", *sorted((shared_data / "retail/online_retail/monthly").glob("*.csv.gz")))
    found.drop("bikes", shared_data / "finance/sap_sample_content/Sample_Bikes_Sales_content/SalesOrders.csv")
    return found


class Rates:
    """The published file, read without the product: units of a currency per euro, the last earlier one."""

    def __init__(self, shared_data: Path, code: str) -> None:
        with gzip.open(shared_data / "finance/ecb_fx/eurofxref-hist_1999-2023.csv.gz", "rt", newline="") as file:
            rows = sorted((row["Date"], row[code]) for row in csv.DictReader(file) if row[code] != "N/A")
        self._days = [day for day, _ in rows]
        self._rates = [Decimal(rate) for _, rate in rows]

    def of(self, day: str) -> tuple[str, Decimal]:
        """The day whose rate holds, and the rate."""
        at = bisect_right(self._days, day) - 1
        return self._days[at], self._rates[at]


def test_sums_in_euro_are_the_known_ones(project: RealProject, shared_data: Path) -> None:
    """Online Retail 6,638,091.65 EUR, by days and by lines; bicycles 17,879,642.38 USD = 15,407,668.78 EUR; no row is lost or rejected."""
    report = project.run()
    counts = {b.dataset: (b.received, b.live, b.rejected) for b in report.balances}
    assert counts["bronze.sales"] == (320_705, 320_705, 0)
    assert counts["bronze.ecb_rates"] == (6_402, 6_402, 0)
    assert counts["silver.sales_eur"][1:] == (320_705, 0)
    days = project.rows("SELECT count(*) AS n, sum(gbp) AS gbp, sum(eur) AS eur FROM gold.daily_eur")[0]
    assert (days["n"], money(days["gbp"]), money(days["eur"])) == (219, Decimal("5761931.38"), Decimal("6638091.65"))
    lines = project.rows(
        "SELECT count(*) AS n, count(DISTINCT _record_id) AS ids, sum(amount_eur) AS eur FROM silver.sales_eur"
    )[0]
    assert (lines["n"], lines["ids"], money(lines["eur"])) == (320_705, 320_705, Decimal("6638091.65"))
    bikes = project.rows("SELECT count(*) AS n, sum(net) AS usd, sum(net_eur) AS eur FROM silver.bikes_eur")[0]
    assert (bikes["n"], money(bikes["usd"]), money(bikes["eur"])) == (
        334, Decimal("17879642.38"), Decimal("15407668.78"),
    )  # fmt: skip
    _check_each_day(project, shared_data)
    _check_each_order(project, shared_data)
    _check_each_month(project, shared_data)


def _check_each_day(project: RealProject, shared_data: Path) -> None:
    rates = Rates(shared_data, "GBP")
    known = {row["d"]: Decimal(row["revenue"]) for row in read_csv(shared_data / "expected/online_retail_daily.csv")}
    found = project.rows("SELECT * FROM gold.daily_eur")
    assert {str(row["day"]) for row in found} == known.keys()
    for row in found:
        day = str(row["day"])
        of, rate = rates.of(day)
        assert (str(row["rate_day"]), row["rate"]) == (of, rate), day
        assert abs(row["eur"] - known[day] / rate) < Decimal("0.00001"), day
    assert sum(row["day"] != row["rate_day"] for row in found) > 30  # Sundays and holidays


def _check_each_month(project: RealProject, shared_data: Path) -> None:
    """Days with rates and their mean, of both currencies, in 300 months."""
    wanted = read_csv(shared_data / "expected/ecb_monthly_mean.csv")
    found = {
        row["month"]: row
        for row in project.rows(
            "SELECT strftime(day, '%Y-%m') AS month, count(*) FILTER (currency = 'USD') AS days, "
            "avg(rate) FILTER (currency = 'USD') AS usd, avg(rate) FILTER (currency = 'GBP') AS gbp FROM silver.fx_rates GROUP BY month"
        )
    }
    assert len(found) == len(wanted) == 300
    for month in wanted:
        row = found[month["ym"]]
        assert row["days"] == int(month["n_days"])
        assert (row["usd"], row["gbp"]) == (
            pytest.approx(float(month["usd"]), abs=6e-7), pytest.approx(float(month["gbp"]), abs=6e-7),
        )  # fmt: skip


def _check_each_order(project: RealProject, shared_data: Path) -> None:
    rates = Rates(shared_data, "USD")
    orders = {
        row["SALESORDERID"]: row
        for row in read_csv(shared_data / "finance/sap_sample_content/Sample_Bikes_Sales_content/SalesOrders.csv")
    }
    for row in project.rows("SELECT * FROM silver.bikes_eur"):
        order = orders[row["order_id"]]
        made = order["CREATEDAT"]
        of, rate = rates.of(f"{made[:4]}-{made[4:6]}-{made[6:]}")
        assert (str(row["rate_day"]), row["rate"]) == (of, rate), row["order_id"]
        assert abs(row["net_eur"] - Decimal(order["NETAMOUNT"]) / rate) < Decimal("0.000001"), row["order_id"]


def test_a_missing_rate_is_a_reject(project: RealProject, shared_data: Path) -> None:
    """With the rates of 2019 alone, the orders of 2018 are rejects of the model, told by column; none is counted as zero."""
    incoming = project.root / "storage/rates/incoming"
    for file in incoming.iterdir():
        file.unlink()
    project.drop("rates", shared_data / "finance/ecb_fx/eurofxref-hist_2019.csv")
    for file in (project.root / "storage/sales/incoming").iterdir():
        file.unlink()
    report = project.run()
    balance = next(b for b in report.balances if b.dataset == "silver.bikes_eur")
    of_2018 = sum(
        row["CREATEDAT"] < "20190102"
        for row in read_csv(shared_data / "finance/sap_sample_content/Sample_Bikes_Sales_content/SalesOrders.csv")
    )
    assert 0 < of_2018 < 334
    assert (balance.received, balance.live, balance.rejected) == (334, 334 - of_2018, of_2018)
    first = project.rows(
        "SELECT min(rate_day)::VARCHAR AS first, count(*) FILTER (net_eur = 0) AS zero FROM silver.bikes_eur"
    )
    assert first == [{"first": "2019-01-02", "zero": 0}]
