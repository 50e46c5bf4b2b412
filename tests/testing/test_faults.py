"""Fault injection does to a real process what it says, and says what it did."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import entrepot
from entrepot.kernel.errors import UsageError
from entrepot.kernel.points import POINTS, clear_hooks, reached
from entrepot.testing.clock import START, FakeClock
from entrepot.testing.faults import (
    Action,
    Fault,
    InjectedFault,
    RandomFault,
    install_from_environment,
    parse_fault,
    parse_random_fault,
)
from entrepot.testing.processes import run_killed, run_stopped

ROOT = str(Path(entrepot.__file__).parent.parent)
PROGRAM = """
import sys, time
from entrepot.kernel.points import reached
from entrepot.testing.faults import install_from_environment
install_from_environment()
for number in range(3):
    reached("plan.after")
    print("passed", number, flush=True)
if "wait" in sys.argv:
    time.sleep(30)
"""


@pytest.fixture(autouse=True)
def _no_hooks() -> Iterator[None]:
    clear_hooks()
    yield
    clear_hooks()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *arguments]


ENV = {"PYTHONPATH": ROOT}


def test_the_process_dies_at_the_nth_time_it_reaches_the_point() -> None:
    """SIGKILL at the second occurrence: the first passed, nothing after it ran."""
    outcome = run_killed(command(), Fault("plan.after", 2), env=ENV)
    assert outcome.killed
    assert outcome.struck == "plan.after:2:kill"
    assert outcome.stdout == "passed 0\n"


def test_a_point_that_is_not_reached_kills_nobody() -> None:
    """A process that ends by itself is not reported as killed."""
    outcome = run_killed(command(), Fault("settle.after"), env=ENV)
    assert (outcome.killed, outcome.struck, outcome.returncode) == (False, None, 0)


def test_without_fault_the_variables_of_the_environment_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An undisturbed run is undisturbed even when the harness itself runs under a fault."""
    monkeypatch.setenv("ENTREPOT_FAULT", "plan.after:1:kill")
    assert run_killed(command(), None, env=ENV).returncode == 0


def test_a_random_instant_is_the_same_for_the_same_seed() -> None:
    """The seed decides when; another seed gives another instant; none is later than allowed."""
    delays = [RandomFault(seed, 500).delay_s() for seed in range(50)]
    assert delays == [RandomFault(seed, 500).delay_s() for seed in range(50)]
    assert len(set(delays)) == 50
    assert all(0 <= delay <= 0.5 for delay in delays)


def test_the_process_dies_at_a_random_instant() -> None:
    """The thread kills a process that would have gone on."""
    outcome = run_killed(command("wait"), RandomFault(1, 50), env=ENV)
    assert outcome.killed
    assert outcome.struck == "1:50"


def test_a_stopped_process_goes_on_when_told_to() -> None:
    """SIGSTOP holds it at the point; SIGCONT lets it do the rest."""
    with run_stopped(command(), Fault("plan.after", 2, Action.STOP), env=ENV) as stopped:
        assert stopped.stopped
        outcome = stopped.resume()
    assert outcome.returncode == 0
    assert outcome.stdout == "passed 0\npassed 1\npassed 2\n"


def test_a_process_that_ends_is_not_called_stopped() -> None:
    """A point never reached is told from one reached."""
    with run_stopped(command(), Fault("settle.after", 1, Action.STOP), env=ENV) as stopped:
        assert not stopped.stopped
        assert stopped.resume().returncode == 0


def test_raise_raises_once() -> None:
    """The fault is raised at its turn and never again."""
    install_from_environment({"ENTREPOT_FAULT": "main.before:2:raise"})
    reached("main.before")
    with pytest.raises(InjectedFault, match=r"main\.before:2:raise"):
        reached("main.before")
    reached("main.before")


def test_a_program_that_knows_nothing_of_faults_gets_them() -> None:
    """`python -m entrepot.testing.faults MODULE` installs them and runs the module with its arguments."""
    module = [sys.executable, "-m", "entrepot.testing.faults", "timeit", "-n1", "-r1", "pass"]
    assert "loop" in run_killed(module, None, env=ENV).stdout
    assert "no point" in run_killed(module, None, env=ENV | {"ENTREPOT_FAULT": "main.never:1:kill"}).stderr


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("action", Action)
def test_every_fault_survives_being_written_and_read(point: str, action: Action) -> None:
    """What the harness writes into the variable is what the process reads."""
    assert parse_fault(str(Fault(point, 3, action))) == Fault(point, 3, action)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("main.never:1:kill", r"'main\.never' is no point .* allowed are .*main\.linked"),
        ("main.linked:0:kill", "from 1 on"),
        ("main.linked:x:kill", "'x' is no whole number"),
        ("main.linked:1:explode", "allowed are kill, stop, raise"),
        ("main.linked", "allowed is point:nth:action"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_is_allowed(text: str, says: str) -> None:
    """A misspelt fault must not pass for a run without faults."""
    with pytest.raises(UsageError, match=says):
        install_from_environment({"ENTREPOT_FAULT": text})


@pytest.mark.parametrize("text", ["7", "7:0", "x:10", "7:10:1", "-1:10"])
def test_random_faults_that_cannot_be_read_are_refused(text: str) -> None:
    """As for named points."""
    with pytest.raises(UsageError, match="ENTREPOT_FAULT_RANDOM"):
        parse_random_fault(text)


def test_the_fake_clock_moves_only_when_told() -> None:
    """It stands still, moves by advancing and by sleeping, and is in UTC."""
    clock = FakeClock()
    assert clock.now() == clock.now() == START
    clock.sleep(1.5)
    assert (clock.advance(-0.5) - START).total_seconds() == 1.0
    assert clock.now().utcoffset() == START.utcoffset()
