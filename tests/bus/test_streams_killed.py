"""A process that forwards and takes messages is killed anywhere: each row stands once in both datasets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from entrepot.testing.faults import Fault, RandomFault
from entrepot.testing.processes import run_killed
from tests.bus.test_forwarding import CONTRACT, Shop

_FAULTS = (
    *map(Fault, ("forward.put", "plan.after", "main.linked", "settle.before", "acknowledge.moved")),
    Fault("main.after", 2),
    RandomFault(800, 2500),
)


@pytest.mark.crash
@pytest.mark.req("S4", "X3")
@pytest.mark.timeout(300)
def test_each_row_once(tmp_path: Path) -> None:
    """Kills at named and random instants, each followed by a new start with more rows."""
    shop = Shop(tmp_path)
    shop.integrate("topic: events", "batch_rows: 7")
    shop.write(
        "sources/events.yaml", "connector: topic\ndataset: bronze.events\noptions: {topic: events, batch_rows: 9}\n"
    )
    shop.write("contracts/events.odcs.yaml", CONTRACT.format(name="events"))
    killed = 0
    sent: list[str] = []
    for fault in (*_FAULTS, None):
        sent += shop.post.post([f'{{"n": {len(sent) + n}}}' for n in range(20)])
        module = [sys.executable, "-m", "entrepot.testing.faults", "tests.bus.streaming", str(tmp_path)]
        done = run_killed(module, fault, cwd=Path(__file__).parents[2])
        assert done.killed or done.returncode == 0, done.stderr
        killed += done.killed
        if done.killed:  # a batch that ends its process again and again is blocked, rightly
            sent += shop.post.post([f'{{"n": {len(sent)}}}'])
            done = run_killed(module, None, cwd=Path(__file__).parents[2])
            assert done.returncode == 0, done.stderr
        shop.tidy()
    assert killed >= 5
    shop.open()
    for name in ("orders", "events"):
        assert [(n, id) for n, id, _ in shop.bronze(name)] == list(enumerate(sent)), name
    bus = shop.platform.stores.bus()
    assert sum(bus.ends("events").values()) == len(sent)
    assert not shop.platform.stores.inbox().outputs("orders", 0, 1 << 60)
    shop.platform.stores.close()
