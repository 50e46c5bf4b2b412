"""Nothing in the repository ties it to one machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".sql", ".txt", ".cfg", ".json", ".csv", ".svg", ""}
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:home|Users|root|work|tmp/dev)/\w"),
    "the address of a package index": re.compile(r"(?:pypi|pythonhosted|npmjs)\.(?:org|com)|--(?:extra-)?index-url"),
}
ALLOWED = {"tests/architecture/test_no_strangers.py"}


def tracked(repository: Path) -> list[Path]:
    """Text files that git knows or would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    names = [name for name in done.stdout.splitlines() if name not in ALLOWED]
    return [repository / name for name in names if Path(name).suffix in TEXT and (repository / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names_a_machine(repository: Path, what: str) -> None:
    """No file holds a machine's path or a registry's host: a checkout works anywhere."""
    pattern = FORBIDDEN[what]
    found = [
        f"{path.relative_to(repository)}:{number}"
        for path in tracked(repository)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []
