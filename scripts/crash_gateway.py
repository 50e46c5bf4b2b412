"""`make crash-gateway RECORDS=N`: kill the running platform under load; the last line says `acknowledged N, lost 0, doubled 0`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    """Run one load and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000, help="how many records are sent")
    parser.add_argument("--seed", type=int, default=1, help="of the kills")
    parser.add_argument("--kills", type=int, default=0, help="fail when there were fewer kills than this")
    arguments = parser.parse_args()
    from tests.crash.gateway import run_load

    with tempfile.TemporaryDirectory(prefix="entrepot-gateway-") as folder:
        result = run_load(
            Path(folder) / "project", arguments.records, arguments.seed, lambda line: print(line, flush=True)
        )
    for text in result.wrong:
        print(f"WRONG: {text}")
    print(f"{result.kills} kills in {result.seconds:.0f} s")
    print(f"acknowledged {result.acknowledged}, lost {len(result.lost)}, doubled {len(result.doubled)}")
    if result.wrong or result.lost or result.doubled:
        raise SystemExit(1)
    if result.kills < arguments.kills:
        raise SystemExit(f"only {result.kills} kills, wanted {arguments.kills}")


if __name__ == "__main__":
    main()
