"""Running a real process that is to be killed or stopped by a fault, and saying what became of it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from entrepot.testing.faults import FAULT, FAULT_RANDOM, FAULT_REPORT, Fault, RandomFault


@dataclass(frozen=True, slots=True)
class KillOutcome:
    """How the process ended."""

    returncode: int
    struck: str | None
    """The fault that struck, as text; None when its point was never reached."""
    stdout: str
    stderr: str

    @property
    def killed(self) -> bool:
        """True when the fault struck and the process died of SIGKILL: not of an error, a time-out or another signal."""
        return self.struck is not None and self.returncode == -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class StoppedProcess:
    """A process that may stand still at its point."""

    process: subprocess.Popen[str]
    stopped: bool
    """False when it ended without reaching the point."""

    def resume(self, timeout_s: float = 60.0) -> KillOutcome:
        """Let it go on to its end."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGCONT)
        stdout, stderr = self.process.communicate(timeout=timeout_s)
        return KillOutcome(self.process.returncode, "stopped" if self.stopped else None, stdout, stderr)


def run_killed(
    command: Sequence[str],
    fault: Fault | RandomFault | None,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 60.0,
) -> KillOutcome:
    """Run a command under a fault (None: undisturbed) and wait for its end.

    The command must be a Python program that calls `faults.install_from_environment`, or start with
    `python -m entrepot.testing.faults MODULE`. `env` is added to the present environment.

    Raises: subprocess.TimeoutExpired, after killing it.
    """
    with tempfile.TemporaryDirectory(prefix="entrepot-fault-") as folder:
        report = Path(folder) / "struck"
        done = subprocess.run(
            list(command),
            env=_environment(fault, report, env),
            cwd=cwd,
            timeout=timeout_s,
            capture_output=True,
            text=True,
            check=False,
        )
        struck = report.read_text().strip() if report.exists() else None
    return KillOutcome(done.returncode, struck, done.stdout, done.stderr)


@contextmanager
def run_stopped(
    command: Sequence[str],
    fault: Fault,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 60.0,
) -> Iterator[StoppedProcess]:
    """Run a command until a fault with the action `stop` has stopped it; the process does not outlive the block.

    Raises: TimeoutError when it neither stops nor ends.
    """
    with tempfile.TemporaryDirectory(prefix="entrepot-fault-") as folder:
        process = subprocess.Popen(
            list(command),
            env=_environment(fault, Path(folder) / "struck", env),
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield StoppedProcess(process, _wait_until_stopped(process, timeout_s))
            finally:
                if process.poll() is None:
                    process.kill()


def _wait_until_stopped(process: subprocess.Popen[str], timeout_s: float) -> bool:
    """Ask the kernel; an end is only peeked at, so that `Popen` still gets it."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        info = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if info is not None:
            return info.si_code == os.CLD_STOPPED
        time.sleep(0.01)
    raise TimeoutError(f"the process {process.pid} neither stopped nor ended within {timeout_s:g} s")


def _environment(fault: Fault | RandomFault | None, report: Path, more: Mapping[str, str] | None) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in (FAULT, FAULT_RANDOM)}
    environment |= {FAULT_REPORT: str(report)}
    if fault is not None:
        environment[FAULT if isinstance(fault, Fault) else FAULT_RANDOM] = str(fault)
    return environment | dict(more or {})
