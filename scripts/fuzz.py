"""`make fuzz`: mutated inputs for every reader; what is not read or refused in our own words is a finding.

Each target runs in a process of its own, so that a crash of a library or an endless loop is a finding too. Findings are
written to a folder, one for each kind, with what was said beside them.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

if TYPE_CHECKING:
    from tests.fuzz.judge import Judgement

_STUCK_S = 60
"""When a library does not even answer a signal, or waits."""
_MEMORY_GB = 6


def main() -> None:
    """Fuzz all targets in turn and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=2, help="for all targets together")
    parser.add_argument("--targets", help="some of them, with commas between")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first process")
    parser.add_argument("--findings", default="build/fuzz", help="folder for what is found")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was made is put away
    if arguments.only:
        work(arguments.only, arguments.minutes * 60, arguments.seed, Path(arguments.findings))
        return
    from tests.fuzz import judge  # noqa: F401  # what cannot be imported is said once
    from tests.fuzz.targets import targets

    names = arguments.targets.split(",") if arguments.targets else list(targets())
    found = {name: fuzz(name, arguments.minutes * 60 / len(names), arguments) for name in names}
    for name, inputs in found.items():
        print(f"{name:10} {inputs:10,} inputs")
    kinds = sorted(Path(arguments.findings).glob("*/*.txt")) if Path(arguments.findings).exists() else []
    for path in kinds:
        print(f"FINDING {path}: {path.read_text().strip().splitlines()[-1][:200]}")
    print(f"{sum(found.values()):,} inputs, {len(kinds)} kinds of findings (first seed {arguments.seed})")
    raise SystemExit(1 if kinds else 0)


def fuzz(name: str, seconds: float, arguments: argparse.Namespace) -> int:
    """Run one target's process, again when it dies, until the time is over; returns the number of inputs."""
    end, total, seed = time.monotonic() + seconds, 0, arguments.seed
    while (left := end - time.monotonic()) > 0.5:
        with tempfile.TemporaryDirectory(prefix="entrepot-fuzz-") as folder:
            command = [sys.executable, __file__, "--only", name, "--minutes", str(left / 60), "--seed", str(seed)]
            command += ["--findings", arguments.findings]
            environment = {**os.environ, "TMPDIR": folder}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            count = Path(folder) / "count"
            total += int(count.read_text() or 0) if count.exists() else 0
            if done.returncode != 0:
                said = f"the process died with {done.returncode}\n{done.stderr[-3000:]}"
                keep(Path(arguments.findings) / name, last_input(Path(folder)), f"died-{done.returncode}", said)
                if not count.exists():
                    break  # it cannot even start
        seed += 1
    print(f"{name}: {total:,} inputs", flush=True)
    return total


def work(name: str, seconds: float, seed: int, findings: Path) -> None:
    """Mutate and judge until the time is over."""
    from tests.fuzz.judge import Corpus, Verdict, judge
    from tests.fuzz.targets import targets

    folder = Path(tempfile.gettempdir())
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_GB << 30, resource.RLIM_INFINITY))
    target = targets()[name]
    corpus, dice = Corpus(target, shared_data()), random.Random(seed)
    (folder / "count").write_text("0")
    for data in corpus.real:  # first as they are
        found = judge(target, data, folder, 0)
        corpus.learn(data, found)
        if found.verdict is Verdict.FINDING:
            keep(findings / name, data, label(found), found.text)
    end, count = time.monotonic() + seconds, len(corpus.real)
    while time.monotonic() < end:
        faulthandler.dump_traceback_later(_STUCK_S, exit=True)
        data, choice = corpus.next(dice), dice.randrange(1000)
        found = judge(target, data, folder, choice)
        count += 1
        if corpus.learn(data, found) and found.verdict is Verdict.FINDING:
            keep(findings / name, data, label(found), f"choice {choice}\n{found.text}")
        if count % 20 == 0:
            (folder / "count").write_text(str(count))
    faulthandler.cancel_dump_traceback_later()
    (folder / "count").write_text(str(count))


def label(found: Judgement) -> str:
    """A short name for a kind of finding."""
    import hashlib

    return hashlib.sha256(found.key.encode()).hexdigest()[:12]


def keep(folder: Path, data: bytes, name: str, text: str) -> None:
    """Write a finding down; the shortest input of its kind stays."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.input"
    if not path.exists() or path.stat().st_size > len(data):
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(text)


def last_input(folder: Path) -> bytes:
    """What a process that died was reading."""
    files = [path for path in folder.iterdir() if path.name.startswith(("fuzzed", "entrepot"))]
    return files[0].read_bytes() if files else b""


def shared_data() -> Path | None:
    """The public data sets, when they are here."""
    folder = Path(os.environ.get("ENTREPOT_DATA") or REPOSITORY.parent / "shared" / "data")
    return folder if folder.is_dir() else None


if __name__ == "__main__":
    main()
