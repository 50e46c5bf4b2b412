"""A scheduler that is killed again and again loses no firing and makes none twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.app.scheduling.scheduler import Scheduler
from entrepot.app.session import RunReport
from entrepot.ports.schedule import FiringStatus
from tests.flow.running import Shop

CHILD = """
import os, sys, threading, time
from pathlib import Path
from entrepot.app.project import open_project
from entrepot.app.scheduling.scheduler import Scheduler
from entrepot.app.session import RunReport
from entrepot.app.wiring import Platform
root = Path(sys.argv[1])
def run(selection, reason, firing, cancel):
    with open(root / "begun.txt", "a") as file:
        file.write(firing.id + chr(10))
    time.sleep(0.03)
    return RunReport("run-" + firing.id, [], [], None, 0.0)
scheduler = Scheduler(Platform(open_project(root)), run)
print("up", flush=True)
scheduler.serve(threading.Event(), poll_s=0.02)
"""


def _start(root: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(root)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    return child


def _kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.req("D5")
@pytest.mark.parametrize("seed", [1, 2])
def test_no_firing_is_lost_or_doubled_over_kills(tmp_path: Path, seed: int) -> None:
    """Two processes at once, each killed a dozen times: every due time has one firing, and each of these ended well."""
    rng = random.Random(seed)
    shop = Shop(tmp_path / "shop")
    (shop.root / "triggers").mkdir()
    (shop.root / "triggers" / "often.yaml").write_text(
        "when: {every: 1s}\ncatch_up: all\nhooks: [{on: completed, command: ['true']}]\n"
    )
    children: list[subprocess.Popen[str]] = []
    try:
        for _ in range(14):
            children.append(_start(shop.root))
            if len(children) > 2:
                _kill(children.pop(rng.randrange(2)))
            time.sleep(rng.uniform(0.05, 0.8))
    finally:
        for child in children:
            _kill(child)
    platform = shop.platform()
    scheduler = Scheduler(platform, lambda selection, reason, firing, cancel: RunReport(firing.id, [], [], None, 0.0))
    for _ in range(100):
        scheduler.tick()
        scheduler.drain()
        if all(f.status is FiringStatus.SUCCEEDED for f in platform.schedule.firings(limit=1000)):
            break
    scheduler.close()
    firings = platform.schedule.firings(limit=1000)
    dues = sorted(f.due for f in firings if f.due is not None)
    assert len(dues) == len(firings) >= 5
    assert dues == [dues[0] + timedelta(seconds=place) for place in range(len(dues))]
    assert {f.status for f in firings} == {FiringStatus.SUCCEEDED}
    calls = platform.schedule.calls(limit=1000)
    assert sorted(call.trigger + json.dumps(call.body["firing"]) for call in calls) == sorted(
        "often" + json.dumps(f.id) for f in firings
    ), "one call of the hook for each firing, however often it was carried out"
