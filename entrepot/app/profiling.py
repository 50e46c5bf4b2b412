"""Counting a file or a table of the lake, to draft its contract; a file needs no project."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entrepot.app.clock import SystemClock
from entrepot.app.wiring import Platform
from entrepot.contracts.infer.profile import TableProfile
from entrepot.kernel.errors import EntrepotError, ProjectError
from entrepot.ports.relations import QueryScan, TableVersion

_MEMORY_MB = 1024


def profile_file(path: Path, options: Mapping[str, Any], most_rows: int | None, zone: str) -> TableProfile:
    """Count a file's columns. `options` are those of the connector files; instants are shown in `zone`.

    Raises: ProjectError for wrong options; DataError when the file cannot be read.
    """
    from entrepot.adapters.embedded.engine import DuckEngine
    from entrepot.adapters.files.source import build_opener
    from entrepot.connectors import ReaderContext, load_connector, read_options

    filled = read_options(load_connector("files"), {"path": str(path.parent), **options})
    with tempfile.TemporaryDirectory(prefix="entrepot-infer-") as folder:
        scratch = Path(folder)
        context = ReaderContext(flow="infer", root=path.parent, clock=SystemClock(), scratch=scratch)
        parts = build_opener(filled, context).parts(path, path.name)
        engine = DuckEngine(_no_tables, threads=2, memory_mb=_MEMORY_MB, temp=scratch, zone=zone)
        return engine.profile(parts, most_rows=most_rows)


def profile_table(platform: Platform, name: str, most_rows: int | None) -> TableProfile:
    """Count a table's columns at its newest settled version. Raises: ProjectError when there is none."""
    version = platform.state.durable_version(name) if platform.lake_exists() else -1
    if version < 0:
        raise ProjectError(
            f"there is no table {name}.", hint="See which there are: entrepot status. Make it: entrepot run."
        )
    scan = QueryScan("SELECT * FROM q.t", {"q.t": TableVersion(name, version)})
    return platform.engine.profile(scan, most_rows=most_rows)


def time_zone_of(folder: Path) -> str:
    """The project's time zone; UTC where there is no project, or one that cannot be opened."""
    from entrepot.app.project import find_project, open_project

    try:
        return open_project(find_project(folder.resolve())).time_zone
    except EntrepotError:
        return "UTC"


def _no_tables(*_: object) -> str:
    raise AssertionError("a file reads no table")
