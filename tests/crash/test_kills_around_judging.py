"""Killed before, while or after a dataset is judged: nothing is ever released that was not judged good."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.harness import kill_at, run_once
from tests.crash.shop import ORDERS_CONTRACT, drop, make_project

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

RULE = "    quality: [{id: few, metric: rowCount, mustBeLessThan: 4}]\n    properties:\n"
HEADER = "order_id,product,ordered_on,quantity\n"
ROWS = [f"{number},p1,2026-01-01,1\n" for number in range(6)]


def make_shop(folder: Path) -> Path:
    """A project whose first file is good; the second brings too many rows."""
    root = make_project(folder)
    (root / "contracts/orders.odcs.yaml").write_text(ORDERS_CONTRACT.replace("    properties:\n", RULE))
    drop(root, "products", {"p.csv": "product,price\np1,1.00\n"})
    drop(root, "orders", {"orders_a.csv": HEADER + "".join(ROWS[:2])})
    return root


def find_unjudged(root: Path) -> list[str]:
    """Releases that show a version of the orders which no judgement found good; read straight from the file."""
    with closing(sqlite3.connect(root / ".entrepot" / "state.db")) as connection:
        good = {
            version
            for version, results in connection.execute(
                "SELECT version, results FROM judgements WHERE dataset = 'bronze.orders'"
            )
            if all(result["passed"] for result in json.loads(results))
        }
        shown = [json.loads(text).get("bronze.orders") for (text,) in connection.execute("SELECT tables FROM releases")]
    return [f"version {version}" for version in shown if version is not None and version not in good]


def released(root: Path) -> dict[str, int]:
    with closing(sqlite3.connect(root / ".entrepot" / "state.db")) as connection:
        (text,) = connection.execute("SELECT tables FROM releases ORDER BY id DESC LIMIT 1").fetchone()
    found: dict[str, int] = json.loads(text)
    return found


def forget_the_gate() -> None:
    """Deliberately broken: what the last run did not touch is taken for judged."""
    import entrepot.app.session as session
    from entrepot.lake.quality.gate import Passage

    session.pass_gate = lambda *_: Passage()  # type: ignore[assignment]


@pytest.mark.req("X3", "S12")
@pytest.mark.parametrize(
    "point",
    [
        "main.after",
        "settle.before",
        "settle.after",
        "acknowledge.after",
        "judge.before",
        "judge.after",
        "release.before",
        "release.after",
    ],
)
def test_no_version_is_released_unjudged(tmp_path: Path, point: str) -> None:
    """Killed between the write and the judging, or between the judging and the release, in a run that breaks a rule and in one that does not."""
    root = make_shop(tmp_path / "shop")
    killed = run_once(root, kill_at(point, 1))
    assert killed == -signal.SIGKILL
    assert run_once(root) == 0 and find_unjudged(root) == []
    before = released(root)
    assert "bronze.orders" in before
    drop(root, "orders", {"orders_b.csv": HEADER + "".join(ROWS[2:])})
    # With release.* nothing would be reached: nothing may go out.
    drop(root, "products", {"q.csv": "product,price\np2,1.00\n"})
    assert run_once(root, kill_at(point, 1)) == -signal.SIGKILL
    assert find_unjudged(root) == []
    for _ in range(2):
        assert run_once(root) == 0
    assert find_unjudged(root) == []
    assert {name for name, version in released(root).items() if version != before[name]} == {"bronze.products"}


@pytest.mark.parametrize("arm", [None, forget_the_gate], ids=["as it is", "without the gate"])
def test_the_check_itself_can_fail(tmp_path: Path, arm: Callable[[], None] | None) -> None:
    """Without the gate the bad version is released, and the check sees it."""
    root = make_shop(tmp_path / "shop")
    assert run_once(root) == 0
    drop(root, "orders", {"orders_b.csv": HEADER + "".join(ROWS[2:])})
    assert run_once(root, arm) == 0
    assert bool(find_unjudged(root)) is (arm is not None)
