"""At most so many flows use an outside system at once, over threads, runs and processes; others do not wait for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.adapters.embedded.schedule import SqliteSchedule
from entrepot.app.wiring import Platform
from entrepot.flow.flow import Flow
from entrepot.kernel.errors import RunError
from entrepot.runner.cancel import CancelToken
from entrepot.runner.execute import Verdict, execute
from entrepot.runner.graph import Node, NodeKind
from entrepot.runner.limits import SlotGate
from tests.flow.running import Shop


class Meter:
    """Nodes whose turn is a short wait; counts how many are at it at once."""

    def __init__(self, seconds: float = 0.1) -> None:
        self.seconds = seconds
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.order: list[str] = []
        self.lock = threading.Lock()

    def node(self, name: str, system: str = "", on_turn: Callable[[], None] = lambda: None) -> Node:
        def build() -> Flow:
            with self.lock:
                self.order.append(name)
                self.now[system] = self.now.get(system, 0) + 1
                self.most[system] = max(self.most.get(system, 0), self.now[system])
            on_turn()
            time.sleep(self.seconds)
            with self.lock:
                self.now[system] -= 1
            raise RunError("enough.")

        return Node(name, NodeKind.SOURCE, f"bronze.{name}", build, system=system)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Shop(tmp_path / "shop").platform()


def _gate(path: Path, holder: str, most: int = 2) -> SlotGate:
    return SlotGate(SqliteSchedule(path), {"erp": most}, holder, lambda holder: holder != "dead")


@pytest.mark.req("S5")
def test_a_system_is_never_used_by_more_than_its_limit(platform: Platform, tmp_path: Path) -> None:
    """Two runs with four workers each share one limit of two; flows without a system go on beside them."""
    meter = Meter()
    nodes = [[meter.node(f"{run}{place}", "erp") for place in range(4)] + [meter.node(f"{run}free")] for run in "ab"]
    threads = [
        threading.Thread(
            target=execute,
            args=(nodes[place], platform.services),
            kwargs={"workers": 4, "gate": _gate(tmp_path / "s.db", run)},
        )
        for place, run in enumerate("ab")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert meter.most["erp"] == 2
    assert len(meter.order) == 10
    assert SqliteSchedule(tmp_path / "s.db").slots() == []


def test_a_flow_that_waits_for_a_system_keeps_no_worker_from_others(platform: Platform, tmp_path: Path) -> None:
    """With one worker and a busy system, the flow that needs none has its turn first."""
    path = tmp_path / "s.db"
    slot = SqliteSchedule(path).enter("erp", 1, "other", lambda _: True)
    assert slot is not None
    meter = Meter(0)
    nodes = [meter.node("a", "erp"), meter.node("b", on_turn=lambda: SqliteSchedule(path).leave(slot))]
    results = execute(nodes, platform.services, workers=1, gate=_gate(path, "me", 1))
    assert meter.order == ["b", "a"]
    assert [result.verdict for result in results] == [Verdict.FAILED, Verdict.FAILED]


def test_a_dead_process_holds_no_system(platform: Platform, tmp_path: Path) -> None:
    """Its slot is taken over at once."""
    SqliteSchedule(tmp_path / "s.db").enter("erp", 1, "dead", lambda _: True)
    meter = Meter(0)
    execute([meter.node("a", "erp")], platform.services, gate=_gate(tmp_path / "s.db", "me", 1))
    assert meter.order == ["a"]


def test_a_cancelled_run_does_not_wait_for_a_system(platform: Platform, tmp_path: Path) -> None:
    """What has not begun is cancelled, with the reason."""
    SqliteSchedule(tmp_path / "s.db").enter("erp", 1, "other", lambda _: True)
    token = CancelToken()
    threading.Timer(0.3, token.cancel, ("enough",)).start()
    (result,) = execute(
        [Meter().node("a", "erp")], platform.services, cancel=token, gate=_gate(tmp_path / "s.db", "me", 1)
    )
    assert (result.verdict, result.held_by) == (Verdict.CANCELLED, "enough")


def test_limits_and_systems_are_read_from_the_project(tmp_path: Path) -> None:
    """`limits:` of entrepot.yaml and `system:` of a source meet in the run's gate; a wrong limit is refused with its place."""
    shop = Shop(tmp_path / "shop")
    with (shop.root / "entrepot.yaml").open("a") as file:
        file.write("limits: {erp: 1}\n")
    with (shop.root / "sources" / "orders.yaml").open("a") as file:
        file.write("system: erp\n")
    platform = shop.platform()
    assert {node.name: node.system for node in platform.nodes}["orders"] == "erp"
    leave = platform.gate.try_enter("erp")
    assert leave is not None
    assert platform.gate.try_enter("erp") is None
    assert platform.gate.try_enter("crm") is not None
    leave()
    shop.edit("entrepot.yaml", "erp: 1", "erp: many")
    with pytest.raises(Exception, match=r"entrepot.yaml:\d+:.*allowed are whole numbers from 1"):
        shop.platform()
