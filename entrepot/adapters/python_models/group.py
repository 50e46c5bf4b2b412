"""The process that runs a model, and the processes that it starts itself: they live and end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO

_CHILD = "entrepot.adapters.python_models.child"
_LONGEST_PAUSE_S = 0.05


class ProcessGroup:
    """Started at once; ended at the latest when the block ends. `end` may be called from any thread."""

    def __init__(self, environment: Mapping[str, str], folder: str, descriptors: Sequence[int]) -> None:
        self._lock = threading.Lock()
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", _CHILD],
            pass_fds=descriptors,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
        assert self._child.stdin is not None and self._child.stdout is not None and self._child.stderr is not None
        self._stdin: IO[bytes] = self._child.stdin
        self._stdout: IO[bytes] = self._child.stdout
        self.stderr: IO[bytes] = self._child.stderr

    @property
    def code(self) -> int:
        """How the process ended: 0 or more by itself, less by a signal."""
        assert self._child.returncode is not None
        return self._child.returncode

    def tell(self, line: str) -> None:
        """Send one line. A process that is gone already does not hear it."""
        try:
            self._stdin.write(line.encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            pass

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended; False when it is still there after so long.

        It is not collected yet: its number stays its own until `end` has ended its group.
        """
        deadline, pause = time.monotonic() + seconds, 0.001
        while not self._has_ended():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        return True

    def read_answer(self) -> bytes:
        """What an ended process left on its standard output; what it started may still hold the other end."""
        os.set_blocking(self._stdout.fileno(), False)
        return self._stdout.read() or b""

    def end(self) -> None:
        """Kill what is left of the group, and collect the process. Repeatable."""
        with self._lock:
            if self._child.returncode is not None:
                return
            try:
                os.killpg(self._child.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
            self._child.wait()

    def _has_ended(self) -> bool:
        with self._lock:
            if self._child.returncode is not None:
                return True
            if not hasattr(os, "waitid"):  # macOS before Python 3.13: what it started itself may outlive it there
                return self._child.poll() is not None
            return os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def __enter__(self) -> ProcessGroup:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        try:
            self._stdin.close()
        except BrokenPipeError:
            pass
        self._stdout.close()
