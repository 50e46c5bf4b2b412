"""The memory limit of a model's process."""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_LOADING_MB = 2048
"""What imports may take: libraries reserve more than they use."""


def limit_loading() -> None:
    """Bound what importing the model's file may take."""
    _limit(_taken_mb() + _LOADING_MB)


def limit_working(memory_mb: int) -> None:
    """Bound what comes now: `memory_mb` beyond what is taken already."""
    _limit(_taken_mb() + memory_mb)


def lift_limit() -> None:
    """Let there be room to say that there was none."""
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        resource.setrlimit(kind, (resource.getrlimit(kind)[1],) * 2)


def peak_mb() -> int:
    """The most that the process ever held."""
    if _STATUS.exists():
        return _status_mb("VmHWM")  # unlike the other, it does not begin with what the parent held
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _limit(megabytes: int) -> None:
    # Of written memory where the system counts it, as Linux does; address space counts also what is reserved only.
    kind = resource.RLIMIT_DATA if _STATUS.exists() else resource.RLIMIT_AS
    hard = resource.getrlimit(kind)[1]
    wanted = megabytes << 20
    resource.setrlimit(kind, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def _taken_mb() -> int:
    if not _STATUS.exists():
        return 1024
    return _status_mb("VmData")


def _status_mb(name: str) -> int:
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(f"{name}:"))
