"""Two processes on one project, one of them asleep for longer than its lease: nothing is lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.points import POINTS, install_hook
from tests.crash.harness import Tally, compare, run_once, undisturbed
from tests.crash.shop import drop, make_project, order_files, product_files

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

SHORT_LEASE_S = 0.6
REFUSED = {0, 1, 3}
"""A run may fail loudly: busy, fenced, or (asleep inside a transaction of the state) locked out. What counts are the tables."""
STOPS = [point for point in POINTS if not point.startswith("release")]


def short_leases() -> None:
    """Leases that end while a process sleeps."""
    import entrepot.flow.lease as lease

    lease.LEASE_S = SHORT_LEASE_S  # type: ignore[attr-defined]


def stop_at(point: str) -> None:
    """Fall asleep, once, when the point is reached."""
    asleep: list[str] = []

    def hook(name: str) -> None:
        if name == point and not asleep:
            asleep.append(name)
            os.kill(os.getpid(), signal.SIGSTOP)

    install_hook(hook)


def start(root: Path, point: str | None = None) -> int:
    """Start a run in a child and return its process id."""
    pid = os.fork()
    if pid == 0:

        def arm() -> None:
            short_leases()
            if point is not None:
                stop_at(point)

        os._exit(_run_here(root, arm))
    return pid


def _run_here(root: Path, arm) -> int:  # type: ignore[no-untyped-def]
    import traceback

    from entrepot.app.project import open_project
    from entrepot.app.session import run_project
    from entrepot.app.wiring import Platform

    try:
        log = os.open(root / "child.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        arm()
        report = run_project(Platform(open_project(root), threads=1), workers=1)
        return 1 if any(r.error for r in report.results) else 0
    except EntrepotError as error:
        traceback.print_exc()
        return error.exit_code
    except BaseException:
        traceback.print_exc()
        return 9


@pytest.mark.req("X3")
@pytest.mark.parametrize("point", STOPS)
def test_a_sleeper_wakes_up_too_late(tmp_path: Path, point: str) -> None:
    """A stops at the point; B takes over with new files there; A goes on: every table equals an undisturbed run's."""
    orders, products = order_files(11, 4), product_files(11, 2)
    root = make_project(tmp_path / "shop")
    drop(root, "orders", dict(list(orders.items())[:2]))
    drop(root, "products", products)
    sleeper = start(root, point)
    _, status = os.waitpid(sleeper, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        time.sleep(SHORT_LEASE_S * 1.5)
        drop(root, "orders", dict(list(orders.items())[2:]))
        _, taken_over = os.waitpid(start(root), 0)
        os.kill(sleeper, signal.SIGCONT)
        _, woken = os.waitpid(sleeper, 0)
        assert {os.WEXITSTATUS(taken_over), os.WEXITSTATUS(woken)} <= REFUSED, (root / "child.log").read_text()
    drop(root, "orders", {name: text for name, text in list(orders.items())[2:] if os.WIFEXITED(status)})
    for _ in range(2):
        assert run_once(root) == 0, (root / "child.log").read_text()[-2000:]
    tally = Tally()
    compare(0, root, undisturbed(tmp_path / "plain", orders, products), tally)
    assert tally.wrong == []


@pytest.mark.req("X3")
@pytest.mark.parametrize("round_", range(3))
def test_two_start_at_once(tmp_path: Path, round_: int) -> None:
    """Two runs begun together: one may find the other busy, the tables are right."""
    orders, products = order_files(20 + round_, 5), product_files(20 + round_, 2)
    root = make_project(tmp_path / "shop")
    drop(root, "orders", orders)
    drop(root, "products", products)
    for pid in (start(root), start(root)):
        _, status = os.waitpid(pid, 0)
        assert os.WEXITSTATUS(status) in REFUSED, (root / "child.log").read_text()
    for _ in range(2):
        assert run_once(root) == 0, (root / "child.log").read_text()[-2000:]
    tally = Tally()
    compare(0, root, undisturbed(tmp_path / "plain", orders, products), tally)
    assert tally.wrong == []
