"""Counting a file or a table of the lake, to draft its contract; a file needs no project."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from entrepot.app.clock import SystemClock
from entrepot.app.wiring import Platform
from entrepot.contracts.infer.profile import TableProfile
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import EntrepotError, ProjectError
from entrepot.ports.relations import Part, QueryScan, Stream, TableVersion

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
        if _states_numbers(filled):
            # a reader rewrites numbers of columns that a contract calls numbers; here every column may be one
            context = replace(context, columns=_as_numbers(parts))
            parts = build_opener(filled, context).parts(path, path.name)
        engine = DuckEngine(_no_tables, threads=2, memory_mb=_MEMORY_MB, temp=scratch, zone=zone)
        return engine.profile(parts, most_rows=most_rows)


def _states_numbers(options: Mapping[str, Any]) -> bool:
    """True when the options of a format say how numbers are written."""
    formats = (value for value in options.values() if isinstance(value, Mapping))
    return any(one.get("decimal") or one.get("thousands") for one in formats)


def _as_numbers(parts: Sequence[Part]) -> tuple[Column, ...]:
    names = dict.fromkeys(name for part in parts if isinstance(part.rows, Stream) for name in part.rows.schema.names)
    return tuple(Column(name, ColumnType(Kind.DOUBLE)) for name in names)


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
