"""`make crash SEEDS=N`: kill the real process many times; the last line says `kills N, lost 0, doubled 0`."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from tests.crash.harness import Tally


def one(seed: int, folder: str) -> Tally:
    """One trial, in a worker of its own."""
    from tests.crash.harness import Tally, trial

    tally = Tally()
    try:
        trial(seed, Path(folder), tally)
    except AssertionError as error:
        tally.wrong.append(f"seed {seed}: {error}")
    return tally


def main() -> None:
    """Run the trials side by side and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="number of trials; most hold one or two kills")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--kills", type=int, default=0, help="fail when there were fewer kills than this")
    arguments = parser.parse_args()
    from tests.crash.harness import Tally

    total, started = Tally(), time.monotonic()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="entrepot-crash-") as folder,
        ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=context) as pool,
    ):
        for tally in pool.map(one, seeds, [folder] * len(seeds)):
            total.add(tally)
            if total.trials % 20 == 0:
                print(f"{total.trials} trials, {total.kills} kills, {len(total.wrong)} wrong", flush=True)
    for line in total.wrong:
        print(line)
    for point, kills in sorted(total.points.items()):
        print(f"  {point:22} {kills:5}")
    print(f"{total.trials} trials in {time.monotonic() - started:.0f} s")
    print(f"kills {total.kills}, lost {total.lost}, doubled {total.doubled}")
    raise SystemExit(1 if total.wrong or total.kills < arguments.kills else 0)


if __name__ == "__main__":
    main()
