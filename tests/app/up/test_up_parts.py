"""Parts go on after trouble and end when told; runs that want the same flows take turns, in the order in which they asked."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from entrepot.app.up.busy import BusyNodes
from entrepot.app.up.parts import Loop, Supervisor
from entrepot.app.up.settings import read_live
from entrepot.kernel.documents import parse_document
from entrepot.kernel.errors import ProjectError, SystemError_
from entrepot.kernel.events import Event, ignore

WAIT_S = 10.0


def test_a_loop_goes_on_after_trouble() -> None:
    """An error is told once, also an unexpected one; the next turns go on, and when one succeeds nothing is wrong any more."""
    told: list[Event] = []
    hidden = " ".join(["hidden", "value"])
    turns: list[int] = []
    done = threading.Event()

    def turn() -> float:
        turns.append(1)
        if len(turns) <= 2:
            raise SystemError_("the disk is full.")
        if len(turns) == 3:
            raise RuntimeError(hidden)
        done.set()
        return 60.0

    loop = Loop("part", turn, told.append)
    thread = threading.Thread(target=loop.run)
    thread.start()
    while not done.is_set():
        loop.wake()
        time.sleep(0.01)
    loop.stop()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    assert loop.trouble() is None
    assert [event.data["error"] for event in told] == ["the disk is full.", "unexpected error, RuntimeError"]
    assert hidden not in str(told)


def test_a_supervisor_names_what_hangs() -> None:
    """Parts that end in time are waited for; the one that does not is named, and its trouble is told."""
    release = threading.Event()
    quick = Loop("quick", lambda: 0.01, ignore)

    def wait() -> float:
        release.wait(WAIT_S)
        return 0.0

    stuck = Loop("stuck", wait, ignore)
    supervisor = Supervisor([quick, stuck], ignore)
    supervisor.start()
    assert supervisor.troubles() == {}
    assert supervisor.stop(0.3) == ["stuck"]
    assert "quick" in supervisor.troubles()
    release.set()
    assert supervisor.stop(WAIT_S) == []


def test_runs_that_share_a_flow_take_turns() -> None:
    """Disjoint runs go side by side; of two that want the same, the one that asked first goes first."""
    busy = BusyNodes()
    order: list[str] = []
    threads = []

    def run(name: str, names: set[str]) -> None:
        with busy.using(names):
            order.append(name)

    with busy.using({"a", "b"}):
        run("beside", {"c"})
        for name, names in (("first", {"b", "c"}), ("second", {"c"}), ("third", {"a"})):
            thread = threading.Thread(target=run, args=(name, names))
            thread.start()
            threads.append(thread)
            time.sleep(0.05)
        assert order == ["beside"]  # second wants only c, which is free, but first waits for it
    for thread in threads:
        thread.join(WAIT_S)
    assert sorted(order) == ["beside", "first", "second", "third"]
    assert order.index("first") < order.index("second")


def test_a_run_that_fails_gives_its_flows_back() -> None:
    """An exception inside ends the claim."""
    busy = BusyNodes()
    with pytest.raises(ValueError, match="inside"), busy.using({"a"}):
        raise ValueError("inside")
    with busy.using({"a"}):
        pass


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("live: often\n", "live is a mapping"),
        ("live: {interval: soon}\n", "interval: 'soon' is no length of time"),
        ("live: {interval: 1ms}\n", "allowed is 0.1s to 1h"),
        ("live: {intervall: 1s}\n", "intervall"),
    ],
)
def test_wrong_intervals_are_refused(text: str, said: str) -> None:
    """What is wrong with `live:` is said with its line."""
    with pytest.raises(ProjectError, match=said) as caught:
        read_live(parse_document(text, Path("entrepot.yaml")))
    assert "entrepot.yaml:1" in str(caught.value)


def test_intervals_are_read() -> None:
    """Lengths of time as people write them; what is not stated has its default."""
    live = read_live(parse_document("live: {interval: 250ms}\n", Path("entrepot.yaml")))
    assert (live.interval_s, live.files_every_s) == (0.25, 5.0)
