"""Power that is cut anywhere loses nothing and doubles nothing; and the test that says so can fail. More of it: `make powerloss`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def cut(repository: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the script, in a process of its own: it changes what its process has mounted."""
    command = [sys.executable, str(repository / "scripts" / "powerloss.py"), *arguments]
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") if path is None else path}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_what_is_missing_is_said(repository: Path) -> None:
    """Without the programs that it needs it says so, and ends with 3."""
    done = cut(repository, "--cuts", "ext4=1,xfs=1", path="/nonexistent")
    assert done.returncode == 3, done.stderr
    assert "mkfs.ext4 (package e2fsprogs)" in done.stderr
    assert "mkfs.xfs (package xfsprogs)" in done.stderr


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.req("X3")
@pytest.mark.parametrize("lie", ["none", "fsync"])
def test_power_cuts(repository: Path, lie: str) -> None:
    """With every fsync nothing is wrong at the end; with none of them the comparison finds it."""
    done = cut(repository, "--cuts", "ext4=6", "--lie", lie)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
