"""Running one process and measuring it from outside: how long it took, and the most memory it had.

This process stays small on purpose (no library is imported here): a child's peak begins with that of its parent.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
LIMIT_S = 3600.0
_TAIL = 2000


class ProcessFailed(Exception):
    """A measured process ended with an error, or took too long."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used. Units: seconds; MB are 1,000,000 bytes."""

    seconds: float
    peak_mb: float


def run_process(command: Sequence[str], log: Path) -> Usage:
    """Run to the end.

    Raises: ProcessFailed with the end of what it said.
    """
    environment = dict(os.environ, PYTHONPATH=str(REPOSITORY))
    with log.open("wb") as said:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=environment, cwd=REPOSITORY)
        limit = threading.Timer(LIMIT_S, process.kill)
        limit.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            limit.cancel()
        seconds = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        end = log.read_text(errors="replace")[-_TAIL:]
        raise ProcessFailed(f"{' '.join(command[1:5])} ended with {process.returncode} after {seconds:.0f} s:\n{end}")
    return Usage(seconds, usage.ru_maxrss * _maxrss_unit() / 1e6)


def _maxrss_unit() -> int:
    return 1 if sys.platform == "darwin" else 1024
