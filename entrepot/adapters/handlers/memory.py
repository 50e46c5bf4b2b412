"""The memory limit of a handler's process."""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")


def limit_memory(memory_mb: int) -> None:
    """Bound what comes from now on: so much beyond what is taken already."""
    # Of written memory where the system counts it, as Linux does; address space counts also what is reserved only.
    kind = resource.RLIMIT_DATA if _STATUS.exists() else resource.RLIMIT_AS
    hard = resource.getrlimit(kind)[1]
    wanted = (_taken_mb() + memory_mb) << 20
    resource.setrlimit(kind, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def lift_limit() -> None:
    """Let there be room to say that there was none."""
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        resource.setrlimit(kind, (resource.getrlimit(kind)[1],) * 2)


def _taken_mb() -> int:
    if not _STATUS.exists():
        return 1024
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmData:"))
