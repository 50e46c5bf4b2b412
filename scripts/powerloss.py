"""`make powerloss`: cut the power of real file systems under the real process, and compare every table with an undisturbed run.

Needs root and loop devices; says what is missing and ends with 3 where it cannot be done. With `--lie` a durability
promise is broken on purpose: then the cuts must find wrong results, and it is a failure when they find none.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from tests.powerloss.cuts import Cuts

_MOST_TRIALS = 4
"""Trials for each wished cut, before it is said that cuts do not hit."""


def one(seed: int, kind: str, folder: str, lie: str, keep: str | None) -> Cuts:
    """One trial, in a worker."""
    from tests.powerloss.cuts import trial

    return trial(seed, kind, Path(folder), lie=lie, keep=Path(keep) if keep else None)


def cut(pool: ProcessPoolExecutor, kind: str, wanted: int, folder: str, arguments: argparse.Namespace) -> Cuts:
    """Trials on one file system until the power was cut often enough under a running process."""
    from tests.powerloss.cuts import Cuts

    total, seeds = Cuts(), iter(range(arguments.first, arguments.first + wanted * _MOST_TRIALS))

    def more(count: int) -> Iterator[Future[Cuts]]:
        for seed, _ in zip(seeds, range(count), strict=False):
            yield pool.submit(one, seed, kind, folder, arguments.lie, arguments.keep)

    running = set(more(arguments.workers))
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            total.add(future.result())
            if total.tally.trials % 10 == 0:
                print(
                    f"  {kind}: {total.tally.trials} trials, {total.tally.kills} cuts, {total.wrong_trials} wrong",
                    flush=True,
                )
        if total.tally.kills < wanted:
            running |= set(more(arguments.workers - len(running)))
    return total


def report(kind: str, found: Cuts, seconds: float) -> None:
    """What came of it on one file system."""
    for line in found.tally.wrong:
        print(line)
    for point, cuts in sorted(found.tally.points.items()):
        print(f"    {point:22} {cuts:5}")
    print(
        f"{kind}: power cut {found.tally.kills} times under a running process and {found.after_the_end} times just after its end, "
        f"in {found.tally.trials} trials, {seconds:.0f} s: {found.wrong_trials} wrong ({found.silent_trials} of them silently), "
        f"lost {found.tally.lost}, doubled {found.tally.doubled}",
        flush=True,
    )


def parse_cuts(text: str) -> dict[str, int]:
    """Read `ext4=60,xfs=30`."""
    from tests.powerloss.disks import KINDS

    try:
        wanted = {name: int(count) for name, count in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form ext4=60,xfs=30") from None
    if unknown := set(wanted) - set(KINDS):
        raise argparse.ArgumentTypeError(f"no such file system: {', '.join(unknown)}; allowed are {', '.join(KINDS)}")
    return wanted


def main() -> None:
    """Cut on each file system and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=parse_cuts, default="ext4=60,xfs=30,ext4wb=15", help="how often, on which")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1), help="trials side by side")
    parser.add_argument("--lie", default="none", help="none, fsync, data, log or state: what is not made durable")
    parser.add_argument("--keep", metavar="FOLDER", help="keep the disks of wrong trials, as each cut left them")
    parser.add_argument("--folder", help="where the disks lie; the system's folder for temporary files when not given")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was made is put away
    from tests.powerloss.disks import Missing, check_machine, isolate
    from tests.powerloss.lies import LIES

    if arguments.lie not in LIES:
        parser.error(f"no such lie: {arguments.lie}; allowed are {', '.join(LIES)}")
    try:
        check_machine(tuple(arguments.cuts))
        isolate()
        failed = run(arguments)
    except Missing as missing:
        print(f"Power cannot be cut on this machine; missing: {missing}.", file=sys.stderr)
        raise SystemExit(3) from None
    raise SystemExit(1 if failed else 0)


def run(arguments: argparse.Namespace) -> bool:
    """True when it failed: wrong results, too few cuts, or a lie that was not found."""
    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="entrepot-powerloss-", dir=arguments.folder) as folder,
        ProcessPoolExecutor(arguments.workers, multiprocessing.get_context("spawn")) as pool,
    ):
        for kind, wanted in arguments.cuts.items():
            started = time.monotonic()
            found = cut(pool, kind, wanted, folder, arguments)
            report(kind, found, time.monotonic() - started)
            as_it_should = found.wrong_trials == 0 if arguments.lie == "none" else found.wrong_trials > 0
            failed = failed or not as_it_should or found.tally.kills < wanted
    return failed


if __name__ == "__main__":
    main()
