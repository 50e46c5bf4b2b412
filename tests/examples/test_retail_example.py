"""The retail example from end to end, through the command line: what the generator dirtied is what the platform finds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from retail_figures import find_files, read_csv
from retail_questions import STREAM_QUESTIONS, TILL_QUESTIONS, ask_kpis, find_differences
from retail_streams import Rows, Streams, compute
from retail_tills import compute_all

from entrepot.examples import copy_example, generate_data

pytestmark = [pytest.mark.req("S1", "S2", "S6"), pytest.mark.timeout(300)]

RULES = {
    "type:quantity": "wrong_quantity",
    "type:sold_at": "wrong_date",
    "range:unit_price": "negative_price",
    "required:product_id": "missing_product_id",
    "one_of:type": "unknown_type",
    "key:sale_id,line": "duplicate_key",
    "ragged_record": "ragged",
    "range:rating": "wrong_rating",
}
"""The first reason of a reject, in the manifest's words."""

AREAS = {
    "products": "master_data/products", "sales": "sellout_data", "stock": "stock_data", "web_traffic": "web_traffic",
    "interactions": "interactions", "loyalty": "loyalty",
}  # fmt: skip
"""Where a file of the second delivery belongs, by its name."""

QUESTIONS = {
    "net": "SELECT CAST(sum(value) AS VARCHAR) FROM gold.kpi_total_sales",
    "units": "SELECT CAST(sum(units) AS BIGINT) FROM gold.kpi_total_sales",
    "days": "SELECT count(DISTINCT day) FROM gold.kpi_total_sales",
    "unnamed": "SELECT count(*) FROM gold.kpi_total_sales WHERE product = '(unknown product)' AND product_id <> 'P9999'",
    "unknown_store": "SELECT count(*) FROM bronze.sales WHERE list_contains(_warnings, 'foreign_key:store_id')",
    "unknown_product": "SELECT count(*) FROM bronze.sales WHERE list_contains(_warnings, 'foreign_key:product_id')",
    "negative_on_hand": "SELECT count(*) FROM bronze.stock WHERE list_contains(_warnings, 'range:on_hand')",
    "warned": "SELECT (SELECT count(*) FROM bronze.sales WHERE _warnings <> []) + (SELECT count(*) FROM bronze.stock WHERE _warnings <> [])",
    "corrected": "SELECT count(*) FROM bronze.sales WHERE _origin LIKE 'sales_2026-06-03.csv#%'",
    "copied": "SELECT count(*) FROM bronze.sales WHERE _origin LIKE '%_copy%'",
    "silver_rows": "SELECT count(*) FROM silver.sales",
    "silver_ids": "SELECT count(DISTINCT _record_id) FROM silver.sales",
    "strangers": "SELECT count(*) FROM silver.sales ANTI JOIN bronze.sales USING (_record_id, _origin)",
    "restocks": "SELECT CAST(sum(numerator) AS BIGINT) FROM gold.kpi_restock_frequency",
    "scored": "SELECT count(DISTINCT kpi) FROM gold.kpi_scorecard WHERE (value IS NULL) = (status = 'unknown')",
    "late": "SELECT count(*) FROM gold.stockout_episodes WHERE late_change IS NOT NULL",
    "unexplained": "SELECT count(*) FROM gold.kpi_stock_availability WHERE (value IS NULL) <> (reason IS NOT NULL)",
    "out_of_bounds": "SELECT count(*) FROM gold.kpi_stock_availability WHERE NOT (numerator BETWEEN 0 AND denominator)",
}
"""Asked in one query, since each call of the command line costs a second."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the command line said after a run."""

    exit_code: int
    report: dict[str, Any]
    rejects: list[dict[str, Any]]
    answers: dict[str, Any]
    figures: Rows
    """All rows of the twelve KPIs, by KPI, period and group."""
    expected: Rows
    """The same, worked out in plain Python."""

    def counts(self, dataset: str) -> dict[str, int]:
        """What the run's report counts for a dataset, over all its sources."""
        names = ("received", "accepted", "rejected", "duplicate")
        flows = [flow for flow in self.report["flows"] if flow["dataset"] == dataset]
        return {name: sum(flow[name] for flow in flows) for name in names}


@dataclass(frozen=True, slots=True)
class Story:
    """A shop, its manifest and both deliveries."""

    folder: Path
    manifest: dict[str, Any]
    first: Delivery
    later: Delivery


def entrepot(folder: Path, *arguments: str) -> tuple[int, Any]:
    """Run a command in a process of its own; exit code and what it printed as JSON."""
    command = [sys.executable, "-m", "entrepot.app.cli", *arguments, "--project", str(folder), "--json"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, "TZ": "America/New_York"}
    )
    try:
        return done.returncode, json.loads(done.stdout)
    except json.JSONDecodeError:
        pytest.fail(f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def deliver(folder: Path, expected: Rows) -> Delivery:
    """Run, then ask everything."""
    code, report = entrepot(folder, "run")
    asked = ", ".join(f"({sql}) AS {name}" for name, sql in QUESTIONS.items())
    failed = {flow["flow"]: flow["error"] for flow in report["flows"] if flow["error"]}
    assert not failed, failed
    answers = entrepot(folder, "query", f"SELECT {asked}")[1][0]
    figures = ask_kpis(lambda sql: entrepot(folder, "query", sql)[1], {**TILL_QUESTIONS, **STREAM_QUESTIONS})
    return Delivery(code, report, entrepot(folder, "rejects", "list")[1], answers, figures, expected)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Both deliveries of a small shop."""
    folder = tmp_path_factory.mktemp("retail") / "shop"
    manifest = generate_data(copy_example("retail", folder), folder, stores=3, products=30, days=16, customers=60)
    # Worked out before anything is taken: runs move the files.
    expected = [work_out(folder, later=later) for later in (False, True)]
    first = deliver(folder, expected[0])
    for path in sorted((folder / "later").iterdir()):
        area = next(area for name, area in AREAS.items() if path.name.startswith(name))
        shutil.move(path, folder / "storage" / area / "incoming" / path.name)
    return Story(folder, manifest, first, deliver(folder, expected[1]))


def work_out(folder: Path, *, later: bool) -> Rows:
    """The twelve KPIs in plain Python, from the files of the first delivery or of both."""
    master = folder / "storage/master_data"
    deliveries = [sorted((folder / "storage/stock_data/incoming").glob("stock_*"))]
    if later:
        deliveries.append(sorted((folder / "later").glob("stock_*")))
    tills = compute_all(
        find_files(folder, later=later),
        deliveries,
        master / "regions/incoming/regions.csv",
        master / "stores/incoming/stores.csv",
    )
    return tills | compute(read_streams(folder, later=later))


def read_streams(folder: Path, *, later: bool) -> Streams:
    """The events in the files, as they were served."""

    def read(stream: str) -> list[dict[str, Any]]:
        folders = [folder / "storage" / stream / "incoming", *([folder / "later"] if later else [])]
        paths = [path for place in folders for path in sorted(place.glob(f"{stream}_*"))]
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]

    master = folder / "storage/master_data"
    customers = read_csv(master / "customers/incoming/customers.csv")
    return Streams(
        read("web_traffic"),
        read("interactions"),
        read("loyalty"),
        {row["customer_id"]: row["segment"] for row in customers},
        [row["pattern"] for row in read_csv(master / "bots/incoming/bots.csv")],
    )


def merged(found: dict[str, int]) -> dict[str, int]:
    """Both kinds of ragged records as one."""
    whole: Counter[str] = Counter()
    for name, count in found.items():
        whole["ragged" if name.startswith("ragged") else name] += count
    return dict(whole)


@pytest.mark.parametrize("dataset", ["bronze.sales", "bronze.interactions"])
def test_every_dirty_record_is_rejected_for_its_reason(story: Story, dataset: str) -> None:
    """Rejects by first reason are the manifest's, no more and no fewer."""
    found = Counter(
        RULES.get(reject["reasons"][0]["rule"], reject["reasons"][0]["rule"])
        for reject in story.first.rejects
        if reject["dataset"] == dataset
    )
    assert dict(found) == merged(story.manifest["first"][dataset]["rejected"])


@pytest.mark.parametrize("when", ["first", "later"])
def test_resolutions_before_the_beginning_are_rejected(story: Story, when: str) -> None:
    """Each once, by the contract of the model that can tell; nothing else is rejected by a model."""
    delivery: Delivery = getattr(story, when)
    found = [reject for reject in delivery.rejects if reject["dataset"].startswith("silver.")]
    assert {reject["dataset"] for reject in found} == {"silver.interaction_events"}
    assert {reject["reasons"][0]["rule"] for reject in found} == {"range:seconds_to_resolve"}
    assert len(found) == story.manifest["resolved_before_opened"][when] > 0


def test_counts_close(story: Story) -> None:
    """Received = accepted + rejected + duplicate for each dataset, as the manifest has them; the run says so too."""
    assert story.first.exit_code == 0
    for dataset, made in story.manifest["first"].items():
        expected = {
            "received": made["received"],
            "accepted": made["accepted"],
            "rejected": sum(made["rejected"].values()),
            "duplicate": made["duplicate"],
        }
        assert story.first.counts(dataset) == expected, dataset
    assert all(balance["closes"] for balance in story.first.report["balances"])


def test_unknown_ids_are_kept_with_a_warning(story: Story) -> None:
    """Foreign keys warn; negative stock warns; nothing of it is lost."""
    made = story.manifest["first"]
    warned = made["bronze.sales"]["warnings"] | made["bronze.stock"]["warnings"]
    assert {name: story.first.answers[name] for name in warned} == warned
    assert story.first.answers["warned"] == sum(warned.values())


@pytest.mark.parametrize("when", ["first", "later"])
def test_total_sales_are_those_that_were_made(story: Story, when: str) -> None:
    """To the cent, over all regions and products, unknown ones included; also after a corrected file."""
    answers = getattr(story, when).answers
    assert Decimal(answers["net"]) == Decimal(story.manifest["net_sales"][when])
    assert answers["units"] == story.manifest["units"][when]
    assert answers["days"] == story.manifest["days"]


def test_the_copy_is_taken_once(story: Story) -> None:
    """A file with the content of another one brings no row, and goes out of the way."""
    assert story.first.answers["copied"] == 0
    assert not list((story.folder / "storage/sellout_data/incoming").iterdir())


def test_the_corrected_file_replaces_what_it_corrects(story: Story) -> None:
    """The day's rows are those of the second file; those of the first are gone."""
    assert story.first.answers["corrected"] == story.manifest["rows_replaced_by_corrected_file"]
    assert story.later.answers["corrected"] == story.manifest["later"]["bronze.sales"]["received"]


def test_the_unreadable_file_is_refused_and_the_rest_goes_on(story: Story) -> None:
    """It lies in rejected/ with a receipt; the run says so by its exit code."""
    assert story.later.exit_code == 1
    (name,) = story.manifest["files"]["unreadable"]
    lying = [path.name for path in (story.folder / "storage/sellout_data/rejected").rglob("*") if path.is_file()]
    assert any(name in found for found in lying)
    assert len(lying) > 1, "no receipt beside it"


def test_a_late_product_gets_its_name(story: Story) -> None:
    """Sales of a product that nobody knew are shown under its name once master data have it."""
    assert story.first.answers["unnamed"] > 0
    assert story.later.answers["unnamed"] == 0


def test_late_snapshots_are_told(story: Story) -> None:
    """Nothing is late in the first delivery; the second one's six hours change episodes and say so."""
    assert story.first.answers["late"] == 0
    assert story.later.answers["late"] > 0


@pytest.mark.parametrize("when", ["first", "later"])
def test_silver_rows_are_records_of_bronze(story: Story, when: str) -> None:
    """Each silver row has the id and origin of one bronze row, and no id twice."""
    answers = getattr(story, when).answers
    assert answers["strangers"] == 0
    assert answers["silver_rows"] == answers["silver_ids"] > 0


@pytest.mark.parametrize("when", ["first", "later"])
def test_availability_is_a_rate_with_its_reason(story: Story, when: str) -> None:
    """Between 0 and 1, and where there is no value there is a reason."""
    answers = getattr(story, when).answers
    assert answers["unexplained"] == 0
    assert answers["out_of_bounds"] == 0


@pytest.mark.parametrize("when", ["first", "later"])
@pytest.mark.parametrize("kpi", [*TILL_QUESTIONS, *STREAM_QUESTIONS])
def test_all_twelve_are_those_of_plain_python(story: Story, when: str, kpi: str) -> None:
    """Every row and column, and the totals of all periods, worked out from the files without SQL; also after a second delivery."""
    delivery: Delivery = getattr(story, when)
    expected = {key: row for key, row in delivery.expected.items() if key[0] == kpi}
    found = {key: row for key, row in delivery.figures.items() if key[0] == kpi}
    if kpi in ("product_turnover_rate", "inventory_turnover", "restock_frequency"):
        found = {key: row for key, row in found.items() if key[2]}  # their totals are not worked out
    assert find_differences(found, expected) == []
    assert any(row["value"] for row in expected.values()), "nothing was compared"


def test_a_wrong_figure_would_be_found(story: Story) -> None:
    """Of each KPI one value a thousandth off, one row too many, one too few."""
    for kpi in (*TILL_QUESTIONS, *STREAM_QUESTIONS):
        rows = {key: row for key, row in story.first.expected.items() if key[0] == kpi}
        least = 10 if kpi == "time_to_resolution" else 0
        key = next(key for key, row in rows.items() if (row["value"] or 0) > least)
        changed = {**rows[key], "value": (rows[key]["value"] or 0) * 1.001}
        assert find_differences({**rows, key: changed}, rows), kpi
        assert find_differences({**rows, (kpi, "2026-01-01", "x"): changed}, rows), kpi
        assert find_differences({other: row for other, row in rows.items() if other != key}, rows), kpi


@pytest.mark.parametrize("when", ["first", "later"])
def test_restocks_are_those_that_were_made(story: Story, when: str) -> None:
    """As the generator counted its trucks; the late afternoon's come with the second delivery."""
    assert getattr(story, when).answers["restocks"] == story.manifest["restock_events"][when]


def test_every_kpi_stands_in_the_scorecard(story: Story) -> None:
    """All twelve, each with a status, unknown where there is no value."""
    assert story.later.answers["scored"] == 12
