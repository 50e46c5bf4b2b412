"""Killed in the middle of load, by several processes at once: each acknowledged record is there, once."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.app.clock import SystemClock
from entrepot.ports.inbox import RecordFilter, RecordStatus


@pytest.mark.crash
@pytest.mark.req("G1")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(3))
def test_kill_in_mid_load(tmp_path: Path, seed: int) -> None:
    """Two processes store and finish in one file and are killed at random; afterwards every acknowledged id is found once, and all counts close."""
    chance = random.Random(seed)
    database = tmp_path / "inbox.db"
    acknowledged: dict[str, str] = {}
    for turn in range(6):
        children = []
        for number in range(2):
            log = tmp_path / f"{turn}-{number}.log"
            with log.open("wb") as file:
                command = [sys.executable, "-m", "tests.gateway.inbox.inbox_load", str(database), f"{turn}-{number}"]
                children.append((subprocess.Popen(command, stdout=file), log))
        _wait_for_first(children[0][1])
        time.sleep(chance.uniform(0.1, 0.8))
        for child, log in children:
            child.send_signal(signal.SIGKILL)
            child.wait()
            lines = log.read_text(encoding="utf-8").split("\n")[:-1]  # A line that was cut off was not acknowledged.
            acknowledged |= dict(line.split(" ") for line in lines)
    inbox = SqliteInbox(database, SystemClock())
    with inbox._database.read() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        stored = connection.execute("SELECT count(*), count(DISTINCT reference) FROM records").fetchone()
        outputs = connection.execute("SELECT count(*), count(DISTINCT record), max(seq) FROM outputs").fetchone()
    assert stored[0] == stored[1] >= len(acknowledged) > 100
    for id, reference in acknowledged.items():
        record = inbox.get(id)
        assert record is not None
        assert (record.reference, record.body) == (reference, reference.encode())
    counts = inbox.counts("till").by_status
    assert sum(counts.values()) == stored[0] == inbox.count(RecordFilter())
    assert outputs[0] == outputs[1] == outputs[2] == counts[RecordStatus.PROCESSED]
    inbox.close()


def _wait_for_first(log: Path) -> None:
    for _ in range(2_000):
        if log.stat().st_size:
            return
        time.sleep(0.01)
    raise AssertionError("no record was stored within 20 seconds")
