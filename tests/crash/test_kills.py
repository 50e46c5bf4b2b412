"""Killed anywhere, nothing is lost and nothing doubled; and the test that says so can fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import sabotage
from tests.crash.harness import Tally, kill_at, run_once, trial
from tests.crash.shop import drop, make_project, order_files, product_files

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]


@pytest.mark.req("X3")
@pytest.mark.parametrize("first", [0, 1000])
def test_kills_lose_and_double_nothing(tmp_path: Path, first: int) -> None:
    """Random points and instants, some killed again while they recover: every table equals an undisturbed run's."""
    tally = Tally()
    for seed in range(first, first + 5):
        trial(seed, tmp_path, tally)
    assert tally.wrong == []
    assert tally.kills > 0


@pytest.mark.req("X3")
@pytest.mark.parametrize(
    ("order", "points"),
    [
        ("settle first", ["main.before", "stage.before", "main.linked"]),
        ("no transaction check", ["main.after", "settle.before", "quarantine.after"]),
        ("no plan", ["main.after", "quarantine.after", "settle.before"]),
    ],
)
def test_broken_orders_are_found(tmp_path: Path, order: str, points: list[str]) -> None:
    """A protocol that settles first, does not ask the table, or has no plan loses or doubles rows, and the comparison shows it."""
    found: list[str] = []
    # Which of the flows, that run side by side, comes to the point as the second one is chance: others are tried, too.
    for number, (nth, point) in enumerate((nth, point) for nth in (2, 1, 3, 4) for point in points):
        found += _disturbed(tmp_path / str(number), order, point, nth)
        if found and number >= len(points) - 1:
            break
    assert found, f"{order}: the comparison found nothing"


def _disturbed(folder: Path, order: str, point: str, nth: int) -> list[str]:
    from tests.crash.harness import compare, undisturbed

    orders, products = order_files(5, 4), product_files(5, 1)
    root = make_project(folder / "shop")
    source = root / "sources/orders.yaml"
    source.write_text(
        source.read_text().replace("max_files: 2", "max_files: 50")
    )  # so that a range can grow while down
    drop(root, "products", products)
    drop(root, "orders", dict(list(orders.items())[:2]))
    arm: dict[str, Callable[[], None]] = {
        "settle first": sabotage.settle_first,
        "no transaction check": sabotage.skip_transaction_check,
        "no plan": sabotage.skip_reconciliation,
    }
    fault = kill_at(point, nth)

    def both() -> None:
        arm[order]()
        fault()

    run_once(root, both)
    if order == "no plan":
        sabotage.forget_plans(root)
    drop(root, "orders", dict(list(orders.items())[2:]))
    for _ in range(2):
        run_once(root, arm[order])
    tally = Tally()
    try:
        compare(0, root, undisturbed(folder / "plain", orders, products), tally)
    except AssertionError as error:
        return [str(error)]
    return tally.wrong
