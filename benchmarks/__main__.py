"""`python -m benchmarks --size small|full [--cases a,b] [--peers]`: measure, print a table, write `results/latest.json`."""

from __future__ import annotations

import argparse
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import peers
from benchmarks.case import SIZES, Case
from benchmarks.cases import CASES
from benchmarks.measure import ProcessFailed
from benchmarks.results import Journal, Result, open_journal, write_latest
from benchmarks.rounds import Measuring, Places
from benchmarks.table import print_results


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for; 1 when something failed or a result was wrong."""
    options = _parser().parse_args(arguments)
    if options.detach:
        return _detach(options)
    chosen = _choose(options.cases, peers=options.peers)
    results = options.into / "results"
    with _alone(options.into):
        journal = open_journal(results, options.size, peers=options.peers)
        if options.fresh:
            journal.close()
        found, failures = _measure_all(chosen, options, journal)
        if found:
            path = write_latest(results, found)
            _say("")
            print_results(found)
            _say(f"written to {os.path.relpath(path)}")
        if not failures:
            journal.close()
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="small", help="small: under two minutes; full: 10 M rows")
    parser.add_argument("--cases", help=f"some of {','.join(CASES)}; all when not said")
    parser.add_argument("--peers", action="store_true", help="other tools too, in an environment of their own")
    parser.add_argument("--fresh", action="store_true", help="measure again what a stopped run had finished")
    parser.add_argument("--detach", action="store_true", help="go on in the background, with a log")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, help="folder of .data, .peers and results")
    return parser


def _choose(names: str | None, *, peers: bool) -> list[Case]:
    """The cases asked for; with peers only those that have some. Exits on a name that is not known."""
    wanted = names.split(",") if names else list(CASES)
    unknown = [name for name in wanted if name not in CASES]
    if unknown:
        raise SystemExit(f"unknown case {', '.join(unknown)}; there are {', '.join(CASES)}")
    cases = [CASES[name] for name in wanted]
    return [case for case in cases if not peers or any(subject.peer for subject in case.subjects)]


def _measure_all(
    cases: Sequence[Case], options: argparse.Namespace, journal: Journal
) -> tuple[list[Result], list[str]]:
    """Every case at every number of rows; what an earlier, stopped run has is taken from its journal."""
    names = {s.environment for case in cases for s in case.subjects if s.peer} if options.peers else set()
    pythons = {name: peers.ensure_environment(options.into.resolve() / ".peers", name) for name in sorted(names)}
    data = options.into.resolve() / ".data"
    places = Places(data / "shared", data / "work", pythons)
    finished, found, failures = journal.finished(), [], []
    for case in cases:
        for rows in case.sizes[options.size]:
            if (case.name, rows) in finished:
                _say(f"{case.name}, {rows:,} rows: measured before this run was stopped; --fresh measures again")
                found += finished[(case.name, rows)]
                continue
            try:
                results = Measuring(case, rows, options.size, places, _say).measure(peers=options.peers)
            except ProcessFailed as error:
                failures.append(f"{case.name}, {rows:,} rows: {error}")
                _say("  failed")
                continue
            journal.add(case.name, rows, results)
            found += results
    return found, failures


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two runs at once would measure each other."""
    data = folder / ".data"
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(
                "another run of the benchmarks is going on; two at once would measure each other"
            ) from None
        yield


def _detach(options: argparse.Namespace) -> int:
    """Start the same run in a session of its own."""
    results = options.into / "results"
    results.mkdir(parents=True, exist_ok=True)
    log = results / f"{options.size}.log"
    command = [sys.executable, "-m", "benchmarks", "--size", options.size, "--into", str(options.into)]
    command += ["--cases", options.cases] if options.cases else []
    command += [f"--{name}" for name in ("peers", "fresh") if getattr(options, name)]
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    print(f"process {process.pid} measures; it writes to {os.path.relpath(log)}. Stop it when you like: it resumes.")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
