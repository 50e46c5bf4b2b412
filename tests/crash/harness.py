"""Kills a real process at named points and random instants of a run, lets it recover, and compares every table.

The parent only imports; each run happens in a forked child, which is as real as a process can be and starts in milliseconds.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash import shop

# everything a run needs is imported once, before the forks
import duckdb  # noqa: F401  # isort: skip
import pyarrow.parquet  # noqa: F401  # isort: skip
import entrepot.adapters.embedded.delta
import entrepot.adapters.embedded.engine
import entrepot.adapters.embedded.state
import entrepot.adapters.files
import entrepot.app.cli.run
import entrepot.connectors  # noqa: F401
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.kernel.points import POINTS, clear_hooks, install_hook
from entrepot.lake.quality.balance import balance
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import PlanStatus

DATASETS = (
    "bronze.orders",
    "bronze.products",
    "silver.orders",
    "silver.states",
    "gold.turnover",
    "gold.daily",
)
COLUMNS = {
    "bronze.orders": "order_id, product, ordered_on, quantity, _origin",
    "bronze.products": "product, price",
    "silver.orders": "order_id, product, ordered_on, quantity, _origin",
    "gold.turnover": "product, units, orders, turnover",
    "gold.daily": "ordered_on, units, turnover",
    "silver.states": "product, most, valid_from, valid_to, is_current",
    "quarantine.bronze.orders": '"row", reasons, _origin',
}


@dataclass(slots=True)
class Tally:
    """What many trials came to."""

    trials: int = 0
    kills: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    points: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Take another tally's figures in."""
        self.trials += other.trials
        self.kills += other.kills
        self.wrong += other.wrong
        self.lost += other.lost
        self.doubled += other.doubled
        self.points += other.points


def run_once(root: Path, arm: Callable[[], None] | None = None) -> int:
    """Run the project in a child; returns the exit status, negative for the signal that killed it."""
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            log = os.open(root / "child.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, 1)
            os.dup2(log, 2)
            clear_hooks()
            if arm is not None:
                arm()
            platform = Platform(open_project(root), threads=1)
            report = run_project(platform)
            failed = [f"{r.node.name}: {r.error!r}" for r in report.results if r.error is not None]
            for line in failed:
                print(line, flush=True)
            code = 1 if failed else 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def kill_at(point: str, nth: int) -> Callable[[], None]:
    """Arm the child to kill itself when it reaches `point` for the nth time."""

    def arm() -> None:
        left = [nth]

        def hook(name: str) -> None:
            if name == point:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        install_hook(hook)

    return arm


def kill_after(seconds: float) -> Callable[[], None]:
    """Arm the child to be killed at an instant, wherever it is then: a helper process does it."""

    def arm() -> None:
        victim = os.getpid()
        if os.fork() == 0:
            time.sleep(seconds)
            try:
                os.kill(victim, signal.SIGKILL)
            finally:
                os._exit(0)

    return arm


def trial(seed: int, folder: Path, tally: Tally, *, sabotage: Callable[[], None] | None = None) -> None:
    """One project, killed once or twice, compared with an undisturbed run of the same files."""
    dice = random.Random(seed)
    orders, products = shop.order_files(seed, dice.randint(2, 6)), shop.product_files(seed, dice.randint(1, 3))
    late = dict(list(orders.items())[len(orders) // 2 :])
    early = {name: text for name, text in orders.items() if name not in late}
    root = shop.make_project(folder / f"trial-{seed}")
    shop.drop(root, "orders", early)
    shop.drop(root, "products", products)
    for attempt in range(2 if dice.random() < 0.7 else 1):
        if attempt == 1 or dice.random() < 0.3:
            shop.drop(root, "orders", late)
            late = {}
        arm, name = _random_fault(dice)
        if run_once(root, _both(arm, sabotage)) == -signal.SIGKILL:
            tally.kills += 1
            tally.points[name] += 1
    shop.drop(root, "orders", late)
    for _ in range(2):
        code = run_once(root, sabotage)
        if code != 0:
            tally.wrong.append(f"seed {seed}: a clean run ended with {code}: {_tail(root)}")
            break
    tally.trials += 1
    compare(seed, root, undisturbed(folder / f"plain-{seed}", orders, products), tally)
    shutil.rmtree(root, ignore_errors=True)


def undisturbed(root: Path, orders: dict[str, str], products: dict[str, str]) -> dict[str, Counter[str]]:
    """The tables of a run that nobody disturbed."""
    shop.make_project(root)
    shop.drop(root, "orders", orders)
    shop.drop(root, "products", products)
    code = run_once(root)
    assert code == 0, _tail(root)
    tables = read_tables(root)
    shutil.rmtree(root)
    return tables


def compare(seed: int, root: Path, expected: dict[str, Counter[str]], tally: Tally) -> None:
    """Row for row, and that nothing is left lying about."""
    found = read_tables(root)
    for name, rows in expected.items():
        missing, extra = rows - found.get(name, Counter()), found.get(name, Counter()) - rows
        if missing or extra:
            tally.lost += missing.total()
            tally.doubled += extra.total()
            tally.wrong.append(f"seed {seed}: {name}: {missing.total()} missing, {extra.total()} too many")
    tally.wrong.extend(f"seed {seed}: {text}" for text in leftovers(root))


def read_tables(root: Path) -> dict[str, Counter[str]]:
    """Every table of the project as a multiset of rows, without what may differ between runs (times, batch numbers).

    Read in a child: DuckDB's and delta-rs' threads must not be there when the parent forks.
    """
    out = root / "tables.json"
    pid = os.fork()
    if pid == 0:
        try:
            out.write_text(json.dumps(_dump(root)))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WEXITSTATUS(status) == 0, f"the tables of {root} cannot be read"
    loaded = json.loads(out.read_text())
    return {name: Counter(rows) for name, rows in loaded.items()}


def _dump(root: Path) -> dict[str, list[str]]:
    platform = Platform(open_project(root), threads=1)
    found: dict[str, list[str]] = {"leftovers": _leftovers(platform, root)}
    for name, columns in COLUMNS.items():
        if not platform.tables.exists(name):
            found[name] = []
            continue
        scan = QueryScan(f"SELECT {columns} FROM q.t", {"q.t": TableVersion(name, platform.tables.version(name))})
        rows = platform.engine.query(scan).batches().read_all().to_pylist()
        found[name] = [json.dumps(row, default=str, sort_keys=True) for row in rows]
    return found


def leftovers(root: Path) -> list[str]:
    """What should not be there after clean runs, as `read_tables` saw it."""
    found: list[str] = json.loads((root / "tables.json").read_text())["leftovers"]
    return found


def _leftovers(platform: Platform, root: Path) -> list[str]:
    found = []
    for plan in platform.state.plans(status=PlanStatus.OPEN):
        found.append(f"batch {plan.sequence} of {plan.flow} is open")
    for folder in ("incoming", "claimed"):
        for path in root.glob(f"storage/*/{folder}/**/*"):
            if path.is_file():
                found.append(f"{path.relative_to(root)} is left")
    for name in DATASETS:
        version = TableVersion(name, platform.tables.version(name))
        scan = QueryScan("SELECT count(*) AS n FROM q.t", {"q.t": version})
        live = platform.engine.query(scan).batches().read_all()["n"][0].as_py()
        figures = balance(name, platform.state.totals(name), live)
        if not figures.closes:
            found.append(f"the balance does not close: {figures}")
    release = platform.state.latest_release()
    for name in DATASETS:
        if release is None or release.tables.get(name) != platform.state.durable_version(name):
            found.append(f"{name} is not released at its newest version")
    return found


def _random_fault(dice: random.Random) -> tuple[Callable[[], None], str]:
    if dice.random() < 0.35:
        return kill_after(dice.uniform(0.02, 0.6)), "random instant"
    point = dice.choice(POINTS)
    return kill_at(point, dice.randint(1, 4)), point


def _both(first: Callable[[], None], second: Callable[[], None] | None) -> Callable[[], None]:
    def arm() -> None:
        if second is not None:
            second()
        first()

    return arm


def _tail(root: Path) -> str:
    log = root / "child.log"
    return log.read_text()[-1500:] if log.exists() else "(no log)"
