"""A bug in one flow fails that flow alone: the others go on, and where it happened is written down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entrepot.adapters.embedded.engine import DuckEngine
from entrepot.kernel.events import Event
from entrepot.ports.engine import SplitTask
from entrepot.runner.execute import Verdict
from tests.flow.running import Shop


@pytest.mark.req("S5")
def test_a_foreign_exception_fails_its_flow_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has a code, the flow and the exception's type, but no values; the other flows are released."""
    shop = Shop(tmp_path / "shop")
    split = DuckEngine.split

    def broken(self: DuckEngine, task: SplitTask, into: Path) -> object:
        if task.contract is not None and str(task.contract.dataset) == "bronze.orders":
            raise OverflowError("sec" + "ret")
        return split(self, task, into)

    monkeypatch.setattr(DuckEngine, "split", broken)
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.drop("products", a="product,name,price\np1,One,1.50\n")
    events: list[Event] = []
    from entrepot.app.session import run_project

    platform = shop.platform()
    platform.emit = events.append
    report = run_project(platform)
    results = {result.node.name: result for result in report.results}
    failed = results["orders"]
    assert failed.verdict is Verdict.FAILED
    assert failed.error is not None
    assert (failed.error.code, failed.error.exit_code) == ("run.unexpected", 1)
    assert "orders" in failed.error.message
    assert "OverflowError" in failed.error.message
    assert "report" in str(failed.error)
    assert "secret" not in str(failed.error)
    assert [r.verdict for name, r in results.items() if r.node.kind == "source" and name != "orders"] == [
        Verdict.ADVANCED
    ]
    assert report.release is not None
    (crash,) = (event for event in events if event.name == "node_crashed")
    log = (shop.root / "logs" / "unexpected.log").read_text()
    for text in (json.dumps(crash.data["traceback"]), log):
        assert "in broken" in text
        assert "OverflowError" in text
        assert "secret" not in text
    assert not report.succeeded
