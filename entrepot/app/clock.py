"""The real clock, and who this process is."""

from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

from entrepot.kernel.ids import new_token


class SystemClock:
    """`ports.clock.Clock` of the machine."""

    def now(self) -> datetime:
        """The present instant in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def process_holder() -> str:
    """This process as a holder of leases: host, process id, its start, a token."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_started(pid)}/{new_token()}"


def is_alive(holder: str) -> bool:
    """Tell whether a holder may still be at work; of another host we cannot know, so it may."""
    parts = holder.split("/")
    if len(parts) != 4 or parts[0] != socket.gethostname():
        return True
    if not parts[1].isdigit():
        return True
    started = _started(int(parts[1]))
    return started == parts[2] if started or parts[2] else _exists(int(parts[1]))


def _started(pid: int) -> str:
    """The process's start in kernel ticks, where the system tells it; a zombie (already dead) has none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in ("Z", "X") else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
