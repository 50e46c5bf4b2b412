"""Cuts the power of the file system under a running `entrepot run`, lets it recover, and compares every table.

The shop, the undisturbed run and the comparison are those of `tests.crash`; only the fault differs.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from entrepot.kernel.points import POINTS
from entrepot.testing.faults import Action, Fault
from entrepot.testing.processes import run_stopped
from tests.crash import harness, shop
from tests.powerloss.disks import KINDS, Disk, made, make_durable
from tests.powerloss.lies import LIES

_REPOSITORY = Path(__file__).resolve().parents[2]
_STATE_POLL_S = 0.001
_MOST_S = 180.0


@dataclass(slots=True)
class Cuts:
    """What many trials on one file system came to."""

    tally: harness.Tally = field(default_factory=harness.Tally)
    """`kills` and `points` count the cuts that hit a running process."""
    after_the_end: int = 0
    """Cuts just after the process had ended well: what it reported as done must be there without recovery."""
    wrong_trials: int = 0
    silent_trials: int = 0
    """Wrong trials in which every run ended with 0: nothing was said."""

    def add(self, other: Cuts) -> None:
        """Take another's figures in."""
        self.tally.add(other.tally)
        self.after_the_end += other.after_the_end
        self.wrong_trials += other.wrong_trials
        self.silent_trials += other.silent_trials


@dataclass(slots=True)
class _Trial:
    """One project on one file system, and what arrived so far."""

    seed: int
    disk: Disk
    folder: Path
    lie: str
    keep: Path | None
    dice: random.Random
    orders: dict[str, str] = field(default_factory=dict)
    products: dict[str, str] = field(default_factory=dict)
    quiet: bool = True
    """No run said that something is wrong."""

    @property
    def root(self) -> Path:
        return self.disk.root / "shop"

    def arrive(self, orders: dict[str, str]) -> None:
        """Put files of orders into the incoming folder, durably."""
        shop.drop(self.root, "orders", orders)
        self.orders |= orders
        make_durable(self.root, self.disk.root)

    def arm(self) -> None:
        """The lie, for a forked child."""
        LIES[self.lie]()


def trial(seed: int, kind: str, folder: Path, *, lie: str = "none", keep: Path | None = None) -> Cuts:
    """Cut once or twice, recover twice, compare with an undisturbed run; `keep` gets the disks as each cut left them."""
    cuts, dice = Cuts(), random.Random(f"{kind} {seed}")
    folder = folder / f"{kind}-{seed}"
    try:
        with made(KINDS[kind], folder) as disk:
            _disturb(_Trial(seed, disk, folder, lie, keep, dice), cuts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return cuts


def _disturb(trial: _Trial, cuts: Cuts) -> None:
    dice = trial.dice
    orders = shop.order_files(trial.seed, dice.randint(2, 6))
    trial.products = shop.product_files(trial.seed, dice.randint(1, 3))
    late = list(orders)[len(orders) // 2 :]
    shop.make_project(trial.root)
    shop.drop(trial.root, "products", trial.products)
    trial.arrive({name: text for name, text in orders.items() if name not in late})
    for attempt in range(2 if dice.random() < 0.7 else 1):
        if attempt == 1 or dice.random() < 0.3:
            trial.arrive({name: orders[name] for name in late})
            late = []
        with _syncing(trial):
            struck, ended = _run_and_cut(trial)
        _restart(trial, attempt)
        if ended == 0:
            cuts.after_the_end += 1
            _compare(trial, cuts, "before recovery, ")
        elif ended is None:
            cuts.tally.kills += 1
            cuts.tally.points[struck] += 1
        else:
            _blame(trial, cuts, f"a run ended with {ended} before any cut")
    trial.arrive({name: orders[name] for name in late})
    if _recover(trial, cuts):
        _compare(trial, cuts, "")
    cuts.tally.trials += 1
    if cuts.tally.wrong:
        cuts.wrong_trials += 1
        cuts.silent_trials += trial.quiet
    else:
        _forget(trial)


def _recover(trial: _Trial, cuts: Cuts) -> bool:
    for _ in range(2):
        code = harness.run_once(trial.root, trial.arm)
        if code != 0:
            trial.quiet = False
            log = trial.root / "child.log"
            _blame(trial, cuts, f"a clean run ended with {code}: {log.read_text()[-1500:]}")
            return False
    return True


def _compare(trial: _Trial, cuts: Cuts, when: str) -> None:
    tally = harness.Tally()
    expected = harness.undisturbed(trial.folder / "plain", trial.orders, trial.products)
    try:
        harness.compare(trial.seed, trial.root, expected, tally)
    except AssertionError as error:
        trial.quiet = False
        tally.wrong.append(f"seed {trial.seed}: {error}")
    tally.wrong += [f"seed {trial.seed}: {text}" for text in _find_broken_files(trial)]
    tally.wrong = [f"{trial.disk.kind.name}: {when}{text}" for text in tally.wrong]
    cuts.tally.add(tally)


def _find_broken_files(trial: _Trial) -> list[str]:
    """Files that arrived must lie in processed/ as they came; receipts must be whole."""
    processed = {path.name: path for path in trial.root.glob("storage/*/processed/*") if path.is_file()}
    broken = [
        f"{name} is not as it came"
        for name, text in {**trial.orders, **trial.products}.items()
        if name not in processed or processed[name].read_text() != text
    ]
    receipts = [path for name, path in processed.items() if ".receipt." in name]
    return broken + [f"{path.name} is empty" for path in receipts if not path.read_text().strip()]


def _blame(trial: _Trial, cuts: Cuts, text: str) -> None:
    cuts.tally.wrong.append(f"{trial.disk.kind.name}: seed {trial.seed}: {text}")


# --- the cut ----------------------------------------------------------------------------------------


def _run_and_cut(trial: _Trial) -> tuple[str, int | None]:
    """Where it was cut, and None; or how the process ended, when it was faster."""
    chance = trial.dice.random()
    if chance < 0.15:
        return "random instant", _cut_from_the_start(trial)
    point = trial.dice.choice(POINTS)
    fault = Fault(point, trial.dice.randint(1, 4), Action.STOP)
    delay = trial.dice.uniform(0, 0.04) if chance < 0.4 else None
    with run_stopped(_command(trial), fault, env=_environment(), timeout_s=_MOST_S) as stopped:
        if stopped.stopped and delay is not None:
            stopped.process.send_signal(signal.SIGCONT)  # cut while it runs, soon after the point
            time.sleep(delay)
        ended = _ended(stopped.process)
        trial.disk.cut()
        stopped.process.kill()
        stopped.process.communicate()
    return point if delay is None else "random instant", ended


def _cut_from_the_start(trial: _Trial) -> int | None:
    """Cut a little after the state appears, in its creation too; or when the process has run for a while."""
    state = trial.root / ".entrepot"
    wait = 0.0 if state.exists() else trial.dice.uniform(0, 0.1)
    most = trial.dice.uniform(0.2, 1.5) if state.exists() else _MOST_S
    process = subprocess.Popen(
        _command(trial), env={**os.environ, **_environment()}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with process:
        end = time.monotonic() + most
        existed = state.exists()
        while process.poll() is None and time.monotonic() < end and (existed or not state.exists()):
            time.sleep(_STATE_POLL_S)
        time.sleep(wait)
        ended = _ended(process)
        trial.disk.cut()
        process.kill()
    return ended


def _ended(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> int | None:
    """The exit code of a process that is faster than the cut; only peeked at, so that its owner still gets it."""
    if process.returncode is not None:
        return process.returncode
    info = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return info.si_status if info is not None else None


def _command(trial: _Trial) -> list[str]:
    return [
        sys.executable, "-m", "tests.powerloss.lies", trial.lie, "entrepot.app.cli", "run", "--project", str(trial.root),
    ]  # fmt: skip


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(_REPOSITORY)}


def _restart(trial: _Trial, attempt: int) -> None:
    trial.disk.unmount()
    if trial.keep is not None:
        trial.keep.mkdir(parents=True, exist_ok=True)
        name = f"{trial.disk.kind.name}-{trial.seed}-cut{attempt + 1}.img"
        subprocess.run(["cp", "--sparse=always", trial.disk.image, trial.keep / name], check=True)
    trial.disk.mount()


def _forget(trial: _Trial) -> None:
    if trial.keep is not None:
        for image in trial.keep.glob(f"{trial.disk.kind.name}-{trial.seed}-cut*.img"):
            image.unlink()


# --- somebody else's fsyncs -------------------------------------------------------------------------


@contextmanager
def _syncing(trial: _Trial) -> Iterator[None]:
    """In two trials of five another process fsyncs files of the lake at random, so that they reach the disk in another order."""
    pid = None
    if trial.dice.random() < 0.4:
        seed = trial.dice.random()
        pid = os.fork()
        if pid == 0:
            _sync_at_random(trial.root / ".entrepot" / "lake", random.Random(seed))
    try:
        yield
    finally:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _sync_at_random(lake: Path, dice: random.Random) -> None:
    while True:
        time.sleep(dice.uniform(0.001, 0.01))
        try:
            files = [path for path in lake.rglob("*") if path.is_file()]
            if files:
                descriptor = os.open(dice.choice(files), os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)
        except BaseException:
            if os.getppid() == 1:
                os._exit(0)
