"""Opening the project that a command is about."""

from __future__ import annotations

from pathlib import Path

from entrepot.app.project import find_project, open_project
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import ProjectError
from entrepot.kernel.events import Emit, ignore


def open_platform(folder: Path, emit: Emit = ignore) -> Platform:
    """The platform of the project at or above `folder`."""
    return Platform(open_project(find_project(folder.resolve())), emit)


def open_platform_with_data(folder: Path) -> Platform:
    """As `open_platform`.

    Raises: ProjectError when the project has not run yet.
    """
    platform = open_platform(folder)
    if not platform.lake_exists():
        raise ProjectError("the project has not run yet.", hint="Bring data in with: entrepot run.")
    return platform
