"""Expectations at the gate: judged with each release against history and clock, shown, and accepted like other rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.app.quality_desk import QualityDesk
from entrepot.app.session import RunReport, run_project
from entrepot.app.wiring import Platform
from entrepot.contracts.expectations import Learned
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import ProjectError, UsageError
from entrepot.ports.quality import RuleResult
from entrepot.testing.clock import FakeClock
from tests.flow.running import Shop

ORDERS = "contracts/orders.odcs.yaml"
MONDAY = datetime(2026, 1, 5, 6, tzinfo=UTC)


class Days:
    """A shop to which one file comes a day; each run stands at an instant of its own."""

    def __init__(self, shop: Shop, expect: str, level: str = "") -> None:
        self.shop = shop
        custom = f"    customProperties: [{{property: entrepot.expect, value: {expect}}}]\n" if expect else ""
        shop.edit(ORDERS, "    properties:\n", f"{custom}    properties:\n")
        if level:
            shop.edit(ORDERS, "schema:\n", f"slaProperties:\n  - {level}\nschema:\n")
        for model in ("gold/turnover", "gold/daily", "silver/states", "silver/orders"):
            (shop.root / f"models/{model}.sql").unlink()
        self.number = 0

    def platform(self, at: datetime) -> Platform:
        platform = self.shop.platform()
        platform.__dict__["clock"] = FakeClock(at)
        return platform

    def run(self, at: datetime) -> RunReport:
        return run_project(self.platform(at))

    def deliver(self, at: datetime, rows: int, on: str | None = None) -> RunReport:
        day = on or f"{at:%Y-%m-%d}"
        lines = [f"{self.number + n},p1,{day},1" for n in range(rows)]
        self.number += rows
        self.shop.orders(f"{at:%Y%m%d%H}", *lines)
        return self.run(at)


def result(report: RunReport, rule: str) -> RuleResult:
    return {each.rule: each for judgement in report.judgements for each in judgement.results}[rule]


def released(days: Days) -> Mapping[str, int]:
    release = days.shop.platform().state.latest_release()
    return release.tables if release else {}


@pytest.mark.req("S12", "F2")
def test_an_odd_delivery_is_told_in_words_and_released_as_a_warning(shop: Shop) -> None:
    """Eight days of about 30 rows, then 2: the file, the day, the usual range; the same run again says the same."""
    days = Days(shop, "learned")
    for n in range(8):
        report = days.deliver(MONDAY + timedelta(days=n), 28 + n % 4)
        assert report.succeeded
        assert result(report, "volume").limit == f"not enough history yet ({n} of 8)"
    report = days.deliver(MONDAY + timedelta(days=8), 2)
    odd = result(report, "volume")
    assert report.succeeded and not odd.passed and odd.measured == "2"
    assert odd.detail is not None
    assert odd.detail.startswith("bronze.orders: 2 rows in orders_2026011306.csv on Tuesday 2026-01-13; usual ")
    assert "(8 observations)" in odd.detail
    version = released(days)["bronze.orders"]
    again = days.run(MONDAY + timedelta(days=8, hours=1))
    assert result(again, "volume") == odd and released(days)["bronze.orders"] == version
    standing = next(each for each in QualityDesk(shop.platform()).standings() if each.result.rule == "volume")
    assert standing.verdict == "warning" and standing.is_current
    assert result(days.deliver(MONDAY + timedelta(days=9), 30), "volume").passed


def test_with_severity_error_it_holds_the_release_until_somebody_accepts(shop: Shop) -> None:
    """Twice as much as usual is held; accepted, that version goes out, and stays accepted a day later."""
    days = Days(shop, "{severity: error, arrival: false}")
    for n in range(9):
        days.deliver(MONDAY + timedelta(days=n), 200 + n)
    before = released(days)["bronze.orders"]
    report = days.deliver(MONDAY + timedelta(days=9), 900)
    assert not report.succeeded and released(days)["bronze.orders"] == before
    assert "900 rows" in report.held["bronze.orders"] and "usual" in report.held["bronze.orders"]
    desk = QualityDesk(days.platform(MONDAY + timedelta(days=9)))
    version = next(each.version for each in desk.standings() if each.result.rule == "volume")
    desk.accept("bronze.orders", "volume", version, "a sale")
    assert days.run(MONDAY + timedelta(days=10)).succeeded
    assert released(days)["bronze.orders"] == version
    with pytest.raises(UsageError, match="about deliveries"):
        desk.broken_rows("bronze.orders", "volume", 10)


def test_a_source_that_does_not_come_is_late(shop: Shop) -> None:
    """Daily files, then none: nothing is said the same day, it is late the day after; a file makes it right."""
    days = Days(shop, "{volume: false}")
    for n in range(9):
        days.deliver(MONDAY + timedelta(days=n), 3)
    last = MONDAY + timedelta(days=8)
    assert result(days.run(last + timedelta(hours=20)), "arrival").passed
    late = days.run(last + timedelta(hours=40))
    found = result(late, "arrival")
    assert not found.passed and found.detail is not None and late.succeeded
    assert found.detail.startswith(
        "bronze.orders: nothing has come since Tue 2026-01-13 06:00; usual is the next one within 24 h"
    )
    assert result(days.run(last + timedelta(hours=41)), "arrival") == found
    assert result(days.deliver(last + timedelta(hours=48), 3), "arrival").passed


def test_rows_can_be_counted_by_a_day_column(shop: Shop) -> None:
    """A backlog in one file is a history of days; today is not over; a day that is missing counts 0; what came too late makes an old day odd."""
    days = Days(shop, "{by: ordered_on, arrival: false}")
    backlog = [f"{n}-{k},{n}" for n in range(20) for k in range(40 + n % 3)]
    lines = [f"{i},p1,{MONDAY + timedelta(days=int(line.split(',')[1])):%Y-%m-%d},1" for i, line in enumerate(backlog)]
    shop.orders("backlog", *lines)
    days.number = len(lines)
    today = MONDAY + timedelta(days=20, hours=4)
    assert result(days.run(today), "volume").passed
    days.deliver(today + timedelta(hours=1), 3)  # of today, which is not over
    assert result(days.run(today + timedelta(hours=2)), "volume").passed
    missing = days.deliver(today + timedelta(days=2), 41, on=f"{today + timedelta(days=1):%Y-%m-%d}")
    found = result(missing, "volume")
    assert not found.passed and found.detail is not None and "3 rows on Sunday 2026-01-25" in found.detail
    doubled = days.deliver(today + timedelta(days=3), 45, on=f"{MONDAY + timedelta(days=18):%Y-%m-%d}")
    detail = result(doubled, "volume").detail
    assert detail is not None and "85 rows on Friday 2026-01-23" in detail and "0 rows on Tuesday" not in detail


@pytest.mark.parametrize(
    ("level", "hours", "passed"),
    [
        ("{property: latency, value: 2, unit: d, element: orders.ordered_on}", 71, True),
        ("{property: latency, value: 2, unit: d, element: orders.ordered_on}", 73, False),
        ("{property: freshness, value: 12, unit: h, element: bronze.orders.ordered_on}", 37, False),
        ("{property: latency, value: 90, unit: minutes}", 7, True),
        ("{property: latency, value: 90, unit: minutes}", 8, False),
    ],
)
def test_stated_freshness_is_judged_when_it_is_released(shop: Shop, level: str, hours: int, passed: bool) -> None:
    """The newest day counts to its end; without element the newest arrival counts. A value in the future does not make old data fresh."""
    days = Days(shop, "", level)
    shop.orders("a", "1,p1,2026-01-05,1", "2,p1,2062-01-01,1")
    days.run(MONDAY)
    report = days.run(MONDAY.replace(hour=0) + timedelta(hours=hours))
    rule = "freshness:ordered_on" if "element" in level else "freshness"
    found = result(report, rule)
    assert found.passed is passed and report.succeeded
    assert passed or (found.detail is not None and "2026-01-05" in found.detail)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("expect: lerned", "expect is 'lerned'; allowed is learned"),
        ("expect: {by: day}", "unknown key 'by'"),
        ("expect: {severity: bad}", "severity is 'bad'"),
        ("expect: {least: 1}", "least is 1"),
        ("expect: {volume: 1}", "volume is 1"),
    ],
)
def test_a_wrong_default_is_told(shop: Shop, text: str, said: str) -> None:
    """With its line in entrepot.yaml."""
    shop.edit("entrepot.yaml", "time_zone: UTC", f"time_zone: UTC\n{text}")
    with pytest.raises(ProjectError, match=said) as caught:
        shop.platform()
    assert "entrepot.yaml:3" in str(caught.value)


def test_the_default_of_a_project_is_for_sources_whose_contracts_say_nothing(shop: Shop) -> None:
    """Products take the default, orders have decided otherwise, models are left out."""
    shop.edit("entrepot.yaml", "time_zone: UTC", "time_zone: UTC\nexpect: {severity: error, least: 9}")
    shop.edit(
        ORDERS,
        "    properties:\n",
        "    customProperties: [{property: entrepot.expect, value: {volume: false, arrival: false}}]\n    properties:\n",
    )
    contracts = shop.platform().project.contracts
    assert contracts["bronze.products"].expectations == (Learned(severity=Severity.ERROR, least=9),)
    assert contracts["bronze.orders"].expectations == ()


def test_judgements_of_a_state_from_before_are_kept(shop: Shop) -> None:
    """The state of the version before is brought up to date, with its judgements."""
    import sqlite3

    from entrepot.adapters.embedded.state.schema import load_migrations, migrate

    path = shop.root / "old.db"
    with sqlite3.connect(path) as connection:
        connection.isolation_level = None
        migrate(connection, path, load_migrations()[:2])
        connection.execute(
            "INSERT INTO judgements (dataset, version, kind, basis, run, first_at, at, results) VALUES ('a', 1, 'rules', 'b', 'r', 'x', 'y', '[]')"
        )
        migrate(connection, path, load_migrations())
        assert connection.execute("SELECT dataset, version, kind, basis FROM judgements").fetchall() == [
            ("a", 1, "rules", "b")
        ]
    connection.close()
