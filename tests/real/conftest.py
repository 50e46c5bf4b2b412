"""Projects over real data are copied aside before they run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.feeding import RealProject


@pytest.fixture
def real_project(tmp_path: Path) -> Callable[[str], RealProject]:
    """Copy the project of that name aside."""

    def copy(name: str) -> RealProject:
        root = tmp_path / name
        shutil.copytree(Path(__file__).parent / name, root)
        return RealProject(root)

    return copy
