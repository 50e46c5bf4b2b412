"""An interrupt ends a run at once, however long its queries take, and the next run goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.flow.running import Shop

LONG = "SELECT count(*) AS n FROM range(1000000) AS a(i), range(1000000) AS b(j) WHERE i * j % 7 = 3\n"


START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from entrepot.app.cli import main
main()
"""
"""Tests that run in the background would pass on that interrupts are ignored."""


def test_an_interrupt_ends_a_long_model(tmp_path: Path) -> None:
    """The process ends within seconds, and without the long model everything is right."""
    shop = Shop(tmp_path / "shop")
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    model = shop.root / "models/gold/long.sql"
    model.write_text(LONG)
    command = [sys.executable, "-c", START, "run", "--project", str(shop.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        _wait_for_plan(shop)
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert running.returncode == 130
    assert "goes on where this one was" in said
    model.unlink()
    shop.run()


def _wait_for_plan(shop: Shop) -> None:
    for _ in range(200):
        if shop.platform().state.open_plan("gold.long") is not None:
            return
        time.sleep(0.1)
    raise AssertionError("the model was never begun")
