"""A failed rule over a whole dataset keeps it and what descends from it at the old version; the rest goes out."""

from __future__ import annotations

import json

import pytest

from entrepot.app.quality_desk import QualityDesk
from entrepot.app.rejects_desk import RejectsDesk
from entrepot.app.session import RunReport
from entrepot.kernel.errors import ContractError, ManyErrors, UsageError
from entrepot.kernel.events import Event
from tests.flow.running import Shop

ORDERS = "contracts/orders.odcs.yaml"
DESCENDANTS = {"bronze.orders", "silver.orders", "silver.states", "gold.turnover", "gold.daily"}
GOOD = ["1,p1,2026-01-01,5", "2,p2,2026-01-02,5"]


def give_rules(shop: Shop, *checks: str, custom: str = "", file: str = ORDERS) -> None:
    """Add checks (YAML in one line each) to the schema object."""
    lines = ["    quality:", *(f"      - {check}" for check in checks)] if checks else []
    lines += [f"    customProperties: [{{property: entrepot.maxRejects, value: {custom}}}]"] if custom else []
    shop.edit(file, "    properties:\n", "\n".join([*lines, "    properties:\n"]))


def price(shop: Shop) -> None:
    shop.drop("products", p="product,price\np1,1.00\np2,2.00\n")


def released(shop: Shop) -> dict[str, int]:
    release = shop.platform().state.latest_release()
    return dict(release.tables) if release else {}


def results(report: RunReport) -> dict[str, tuple[bool, str | None]]:
    return {result.rule: (result.passed, result.measured) for each in report.judgements for result in each.results}


AT_LEAST = "{id: enough, metric: rowCount, mustBeGreaterThan: 2}"
AT_MOST = "{id: few, metric: rowCount, mustBeLessThan: 4}"


@pytest.mark.req("F2", "S12")
def test_a_failed_rule_holds_its_dataset_and_what_descends_from_it(shop: Shop) -> None:
    """Orders, silver and gold keep what was released; products go out; the run fails and says what, since when and where to look."""
    give_rules(shop, AT_MOST)
    price(shop)
    shop.orders("a", *GOOD)
    assert shop.run().succeeded
    before = released(shop)
    shop.orders("b", "3,p1,2026-01-03,1", "4,p1,2026-01-03,1")
    shop.drop("products", q="product,price\np3,3.00\n")
    report = shop.run()
    assert not report.succeeded
    after = released(shop)
    assert {name for name in after if after[name] != before[name]} == {"bronze.products"}
    assert set(report.held) == DESCENDANTS
    why = report.held["bronze.orders"]
    for word in ("version", "few", "4", "< 4", "since", "entrepot quality bronze.orders"):
        assert word in why
    assert "made from bronze.orders" in report.held["gold.turnover"]
    assert results(report)["few"] == (False, "4")
    assert shop.content().total() == 4, "the data stay in the lake"


def test_a_warning_is_shown_and_releases(shop: Shop) -> None:
    """Severity warning holds nothing."""
    give_rules(shop, "{id: enough, metric: rowCount, mustBeGreaterThan: 2, severity: warning}")
    price(shop)
    shop.orders("a", *GOOD)
    report = shop.run()
    assert report.succeeded
    assert results(report)["enough"] == (False, "2")
    assert "bronze.orders" in released(shop)


def test_nothing_is_released_before_the_first_good_version(shop: Shop) -> None:
    """A dataset that fails from the start is not in the release at all, and goes out once it is right."""
    give_rules(shop, AT_LEAST)
    price(shop)
    shop.orders("a", *GOOD)
    shop.run()
    assert set(released(shop)) == {"bronze.products"}
    shop.orders("b", "3,p1,2026-01-03,1")
    assert shop.run().succeeded
    assert {"bronze.orders", "silver.orders", "gold.turnover"} <= set(released(shop))


def test_a_version_is_measured_once(shop: Shop) -> None:
    """Nothing new: the same judgement is recalled; only the contract changed: judged again, and no row is made anew."""
    give_rules(shop, AT_LEAST)
    price(shop)
    shop.orders("a", *GOOD)
    first = shop.run()
    versions = shop.platform().flows.versions()
    second = shop.run()
    assert [j.run for j in second.judgements] == [first.id]
    shop.edit(ORDERS, "mustBeGreaterThan: 2", "mustBeGreaterThan: 1")
    third = shop.run()
    assert [j.run for j in third.judgements] == [third.id] and third.succeeded
    assert shop.platform().flows.versions() == versions
    assert released(shop) == versions
    shop.edit(ORDERS, "mustBeGreaterThan: 1", "mustBeGreaterThan: 2")
    fourth = shop.run()
    assert not fourth.succeeded and released(shop) == versions
    assert QualityDesk(shop.platform()).standings()[0].verdict == "failed"


def test_rules_of_models_and_kpis_are_judged(shop: Shop) -> None:
    """A contract of a model judges what the model made."""
    contract = (shop.root / ORDERS).read_text()
    gold = contract.split("schema:")[0].replace("id: orders", "id: turnover") + (
        "schema:\n  - name: turnover\n    physicalName: gold.turnover\n    quality: [{metric: rowCount, mustBeGreaterThan: 9}]\n"
        "    properties:\n      - {name: product, logicalType: string}\n      - {name: units, logicalType: integer}\n"
        "      - {name: orders, logicalType: integer}\n"
        '      - {name: turnover, logicalType: number, physicalType: "decimal(38,2)"}\n'
    )
    (shop.root / "contracts/turnover.odcs.yaml").write_text(gold)
    price(shop)
    shop.orders("a", *GOOD)
    report = shop.run()
    assert set(report.held) == {"gold.turnover"}
    assert "silver.orders" in released(shop)


SQL = """{id: priced, type: sql, mustBe: 0, query: "SELECT count(*) FROM ${object} o ANTI JOIN bronze.products p ON o.product = p.product"}"""


def test_a_rule_over_two_datasets_is_judged_when_either_changes(shop: Shop) -> None:
    """Orders without price are held; the price comes, orders did not change, and they go out."""
    give_rules(shop, SQL)
    shop.drop("products", p="product,price\np1,1.00\n")
    shop.orders("a", *GOOD)
    assert "bronze.orders" in shop.run().held
    price(shop)
    report = shop.run()
    assert report.succeeded and not report.held
    assert "bronze.orders" in released(shop)


def test_a_rule_sees_what_the_release_would_show(shop: Shop) -> None:
    """The products that would satisfy the rule are held themselves: so are the orders, for the release does not have those products."""
    give_rules(shop, SQL)
    give_rules(shop, "{id: cheap, metric: rowCount, mustBeLessThan: 2}", file="contracts/products.odcs.yaml")
    shop.drop("products", p="product,price\np1,1.00\n")
    shop.orders("a", GOOD[0])
    assert shop.run().succeeded
    price(shop)
    shop.orders("b", GOOD[1])
    report = shop.run()
    assert {"bronze.products", "bronze.orders"} <= set(report.held)
    assert "priced" in report.held["bronze.orders"]


def test_a_rule_that_cannot_be_evaluated_holds(shop: Shop) -> None:
    """Never passed silently: the reason is told, and it is tried again by the next run."""
    give_rules(shop, '{id: odd, type: sql, mustBe: 0, query: "SELECT max(quantity) FROM bronze.orders WHERE false"}')
    price(shop)
    shop.orders("a", *GOOD)
    report = shop.run()
    assert "cannot be evaluated: its SELECT gives null" in report.held["bronze.orders"]
    again = shop.run()
    assert [j.run for j in again.judgements] == [again.id]
    assert again.judgements[0].first_at == report.judgements[0].at


LEAKS = [
    ("SELECT count(*) FROM read_csv('/etc/passwd')", "read_csv"),
    ("SELECT count(*) FROM duckdb_secrets()", "duckdb_secrets"),
    ("SELECT length(current_setting('home_directory'))", "current_setting"),
    ("SELECT count(*) FROM bronze.unknown", "no dataset bronze.unknown"),
    ("COPY bronze.orders TO 'x.csv'", "COPY"),
    ("SELECT 1; SELECT 2", "second statement"),
    ("SELECT count(*) FROM ${property}", "stands on no property"),
    ("SELECT count(*) FROM ${server}", "means nothing here"),
]


@pytest.mark.parametrize(("query", "word"), LEAKS)
def test_a_rule_that_reaches_outside_is_refused_before_anything_runs(shop: Shop, query: str, word: str) -> None:
    """With the contract's file and the line of the query."""
    give_rules(shop, "id: leak", file=ORDERS)
    shop.edit(
        ORDERS, "- id: leak", f"- id: leak\n        type: sql\n        mustBe: 0\n        query: |\n          {query}"
    )
    line = (shop.root / ORDERS).read_text().splitlines().index(f"          {query}") + 1
    with pytest.raises((ContractError, ManyErrors)) as caught:
        shop.platform()
    assert word in str(caught.value)
    assert f"orders.odcs.yaml:{line}" in str(caught.value)


def test_a_person_lets_one_version_pass(shop: Shop) -> None:
    """Accepted with who, when and why: the next run releases that version, and holds the one after it."""
    give_rules(shop, AT_LEAST)
    price(shop)
    shop.orders("a", *GOOD[:1])
    shop.run()
    version = shop.platform().state.durable_version("bronze.orders")
    desk = QualityDesk(shop.platform())
    with pytest.raises(UsageError, match="reason"):
        desk.accept("bronze.orders", "enough", version, " ")
    with pytest.raises(UsageError, match="was not judged by enough at version 99"):
        desk.accept("bronze.orders", "enough", 99, "why")
    desk.accept("bronze.orders", "enough", version, "the shop is new")
    assert desk.holds() == {}
    report = shop.run()
    assert report.succeeded and released(shop)["bronze.orders"] == version
    (standing,) = QualityDesk(shop.platform()).standings("bronze.orders")
    assert (standing.verdict, standing.accepted and standing.accepted.reason) == ("accepted", "the shop is new")
    shop.orders("b", *GOOD[1:])
    later = shop.run()
    assert f"since {later.judgements[0].at:%Y-%m-%d %H:%M}" in later.held["bronze.orders"]
    with pytest.raises(UsageError, match="was not judged by enough at version"):
        QualityDesk(shop.platform()).accept("bronze.orders", "enough", version, "again")


def test_an_acceptance_covers_what_was_judged_and_nothing_else(shop: Shop) -> None:
    """Another limit under the same id, and other rows in a table that the rule reads, are questions nobody has answered."""
    give_rules(shop, SQL)
    shop.drop("products", p="product,price\np1,1.00\n")
    shop.orders("a", *GOOD)
    assert "bronze.orders" in shop.run().held
    version = shop.platform().state.durable_version("bronze.orders")
    QualityDesk(shop.platform()).accept("bronze.orders", "priced", version, "prices come on Monday")
    assert shop.run().succeeded
    shop.edit(ORDERS, "mustBe: 0", "mustBeLessThan: 1")
    assert "bronze.orders" in shop.run().held
    QualityDesk(shop.platform()).accept("bronze.orders", "priced", version, "still Monday")
    assert shop.run().succeeded
    shop.drop("products", q="product,price\np9,1.00\n")
    assert "bronze.orders" in shop.run().held


ON_THE_FIRST = """{id: first, type: sql, mustBe: 0, query: "SELECT max(CASE WHEN day(TIMESTAMPTZ '2026-01-01 23:30:00+00') = 1 THEN 0 ELSE 1 END) FROM ${object}"}"""


def test_another_time_zone_is_judged_anew(shop: Shop) -> None:
    """Rules' SQL stands in the project's zone: what passed in one is asked again in another, though no row and no contract changed."""
    shop.edit(
        ORDERS, "status: active\n", "status: active\ncustomProperties: [{property: entrepot.timeZone, value: UTC}]\n"
    )
    give_rules(shop, ON_THE_FIRST)
    price(shop)
    shop.orders("a", *GOOD)
    assert shop.run().succeeded
    shop.edit("entrepot.yaml", "time_zone: UTC", "time_zone: Asia/Tokyo")
    assert "bronze.orders" in shop.run().held


def test_a_changed_contract_lets_it_pass(shop: Shop) -> None:
    """The limit was wrong: with another one the same version goes out."""
    give_rules(shop, AT_LEAST)
    price(shop)
    shop.orders("a", *GOOD)
    shop.run()
    shop.edit(ORDERS, "mustBeGreaterThan: 2", "mustBeGreaterThan: 1")
    assert shop.run().succeeded
    assert "gold.turnover" in released(shop)


def test_the_rows_that_break_a_rule(shop: Shop) -> None:
    """At the version that was judged, with record id and origin; unknown rules and rules without rows say what there is."""
    give_rules(shop, AT_LEAST)
    shop.edit(
        ORDERS, "      - name: ordered_on\n        logicalType: date\n",
        "      - name: ordered_on\n        logicalType: date\n        quality: [{id: dated, metric: nullValues, mustBeLessThan: 10, unit: percent}]\n",
    )  # fmt: skip
    price(shop)
    shop.orders("a", *GOOD, "3,p1,,1")
    assert "dated" in shop.run().held["bronze.orders"]
    desk = QualityDesk(shop.platform())
    version, reader = desk.broken_rows("bronze.orders", "dated", 10)
    rows = reader.read_all().to_pylist()
    assert version == shop.platform().state.durable_version("bronze.orders")
    assert [(row["order_id"], row["_origin"]) for row in rows] == [(3, "orders_a.csv#3")]
    with pytest.raises(UsageError, match="it has: dated, enough"):
        desk.broken_rows("bronze.orders", "nonsense", 10)
    with pytest.raises(UsageError, match="no rule judges"):
        desk.broken_rows("bronze.nothing", "dated", 10)


BAD = ["3,p1,2026-01-03,many", "4,p1,2026-01-03,0", "5,p1,soon,1"]


@pytest.mark.req("S12")
def test_rows_that_broke_a_rule_are_kept(shop: Shop) -> None:
    """The doubled orders were mended since: the version that was held still shows them; rows of versions that broke nothing are not there."""
    give_rules(shop, "{id: once, metric: duplicateValues, arguments: {properties: [product]}, mustBeLessThan: 2}")
    shop.edit("sources/orders.yaml", "write: append", "write: replace")
    price(shop)
    shop.orders("a", "1,p1,2026-01-01,5", "2,p1,2026-01-02,5", "3,p1,2026-01-03,5")
    shop.run()
    desk = QualityDesk(shop.platform())
    held = desk.standings("bronze.orders")[0].version
    shop.orders("b", *GOOD)
    assert shop.run().succeeded
    version, rows = desk.broken_rows("bronze.orders", "once", 10, held)
    assert version == held and rows.read_all()["order_id"].to_pylist() == [1, 2, 3]
    with pytest.raises(UsageError, match=f"kept are versions: {held}"):
        desk.broken_rows("bronze.orders", "once", 10, held + 7)


def test_too_many_rejects_hold_the_release(shop: Shop) -> None:
    """More than the limit in one batch: the good rows stay in the lake, unreleased; the reasons are counted; later batches do not hide it."""
    give_rules(shop, custom="20%")
    price(shop)
    shop.orders("a", *GOOD)
    assert shop.run().succeeded
    before = released(shop)["bronze.orders"]
    shop.orders("b", *BAD, "6,p2,2026-01-03,1")
    report = shop.run()
    why = report.held["bronze.orders"]
    for word in (
        "max_rejects",
        "75 percent",
        "3 of 4",
        "<= 20",
        "type:quantity 1",
        "range:quantity 1",
        "type:ordered_on 1",
    ):
        assert word in why
    assert released(shop)["bronze.orders"] == before
    shop.orders("c", "7,p2,2026-01-04,1", "8,p2,2026-01-04,1")
    assert "75 percent" in shop.run().held["bronze.orders"]


def test_mended_and_discarded_rejects_let_it_go(shop: Shop) -> None:
    """Fixed and taken again, or discarded: then fewer wait than are allowed, and it goes out; what a retry rejects once more still counts."""
    give_rules(shop, custom="1")
    price(shop)
    shop.orders("a", *GOOD, *BAD)
    assert "3 of 5" in shop.run().held["bronze.orders"]
    desk = RejectsDesk(shop.platform())
    first, second, third = (reject.id for reject in desk.list("bronze.orders"))
    desk.discard([first], "a test order")
    assert "2 of 5" in shop.run().held["bronze.orders"]
    desk.fix(second, {"quantity": "none"}, "guess")
    desk.retry("bronze.orders")
    assert "2 of 5" in shop.run().held["bronze.orders"]
    desk.fix(third, {"ordered_on": "2026-01-03"}, "asked")
    desk.retry("bronze.orders")
    report = shop.run()
    assert report.succeeded, report.held
    assert released(shop)["bronze.orders"] == shop.platform().state.durable_version("bronze.orders")


def test_too_many_rejects_can_be_accepted(shop: Shop) -> None:
    """By the rule's name max_rejects, for this version; afterwards the batch is released and no longer counts."""
    give_rules(shop, custom="0")
    price(shop)
    shop.orders("a", *GOOD, *BAD)
    shop.run()
    version = shop.platform().state.durable_version("bronze.orders")
    QualityDesk(shop.platform()).accept("bronze.orders", "max_rejects", version, "known")
    assert shop.run().succeeded
    shop.orders("b", "9,p2,2026-01-04,1")
    assert shop.run().succeeded


def test_what_a_run_says_for_machines(shop: Shop) -> None:
    """Run JSON and marker hold every result, and events tell of judging and holding."""
    give_rules(shop, AT_LEAST)
    price(shop)
    shop.orders("a", *GOOD)
    events: list[Event] = []
    platform = shop.platform()
    platform.emit = events.append
    from entrepot.app.session import run_project

    report = run_project(platform)
    marker = json.loads((shop.root / "logs" / "refresh_completed" / f"{report.id}.json").read_text())
    for said in (json.loads(json.dumps(report.to_json())), marker):
        (judged,) = said["quality"]
        assert (judged["dataset"], judged["run"]) == ("bronze.orders", report.id)
        (result,) = judged["results"]
        assert (result["rule"], result["passed"], result["measured"], result["rows"], result["limit"]) == (
            "enough",
            False,
            "2",
            2,
            "> 2",
        )
        assert said["status"] == "failed" and set(said["held"]) == DESCENDANTS
    names = [(event.name, event.subject) for event in events]
    assert ("dataset_judged", "bronze.orders") in names and ("release_held", "bronze.orders") in names
    assert platform.state.runs(1)[0].summary["quality"] == marker["quality"]


@pytest.mark.parametrize("promise", ["quality: [{metric: rowCount, mustBeGreaterThan: 9}]", "tags: [x]"])
def test_a_view_cannot_be_judged_and_says_so(shop: Shop, promise: str) -> None:
    """A rule on a view is refused, over rows or over the whole: no row of it is ever judged, and it has no version to hold."""
    shop.edit("models/gold/turnover.sql", "kind: full", "kind: view")
    (shop.root / "contracts/turnover.odcs.yaml").write_text(
        "apiVersion: v3.2.0\nkind: DataContract\nid: t\nversion: 1.0.0\nstatus: active\nschema:\n- name: t\n  physicalName: gold.turnover\n"
        f"  {promise}\n  properties: [{{name: product, logicalType: string, required: {'true' if 'tags' in promise else 'false'}}}]\n"
    )
    with pytest.raises((ContractError, ManyErrors), match="is a view"):
        shop.platform()


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("SELECT max(nonsense) FROM ${object}", "nonsense"),
        ("SELECT product, quantity FROM ${object}", "2 columns"),
        ("SELECT max(product) FROM silver.orders", "string; allowed is one number"),
        ("SELECT max(price) FROM bronze.products", None),
    ],
)
def test_check_binds_rules_to_empty_tables(shop: Shop, query: str, word: str | None) -> None:
    """A column that is not there and a SELECT that gives no number are found before anything runs, at the contract's line."""
    from entrepot.app.statics import check_models

    give_rules(shop, f'{{id: bound, type: sql, mustBe: 0, query: "{query}"}}')
    faults = [str(fault) for fault in check_models(shop.platform())]
    assert bool(faults) is (word is not None)
    assert all(str(word) in fault and "orders.odcs.yaml:10 — rule bound" in fault for fault in faults), faults


def test_a_release_that_came_while_judging_is_not_undone(shop: Shop) -> None:
    """Another run brings a file and releases it while this one judges: this one looks again, and no release goes back."""
    from entrepot.kernel.points import clear_hooks, install_hook

    give_rules(shop, AT_MOST)
    price(shop)
    shop.orders("a", GOOD[0])

    def run_meanwhile(point: str) -> None:
        if point == "judge.after":
            clear_hooks()
            shop.orders("b", GOOD[1])
            shop.run()

    install_hook(run_meanwhile)
    try:
        shop.run()
    finally:
        clear_hooks()
    releases = shop.platform().state.releases()
    versions = [release.tables["bronze.orders"] for release in reversed(releases)]
    assert versions == sorted(versions)
    assert versions[-1] == shop.platform().state.durable_version("bronze.orders")


def test_a_batch_of_rejects_alone_holds(shop: Shop) -> None:
    """Not one good row came: the limit is broken all the same, and the batch after it does not hide that."""
    give_rules(shop, custom="50%")
    price(shop)
    shop.orders("a", *GOOD)
    assert shop.run().succeeded
    shop.orders("b", *BAD)
    assert "100 percent" in shop.run().held["bronze.orders"]
    shop.orders("c", "9,p2,2026-01-04,1")
    assert "3 of 3" in shop.run().held["bronze.orders"]


def test_a_replaced_table_forgets_the_rejects_of_what_it_replaced(shop: Shop) -> None:
    """A good delivery that takes the whole table's place goes out, though the one before was bad."""
    shop.edit("sources/orders.yaml", "write: append", "write: replace")
    give_rules(shop, custom="50%")
    price(shop)
    shop.orders("a", *BAD)
    assert "bronze.orders" in shop.run().held
    shop.orders("b", *GOOD)
    report = shop.run()
    assert report.succeeded, report.held
