"""What tells a table's version from every other one, also from one of the same name and number in a lake that was rebuilt or put back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from entrepot.adapters.embedded.delta.layout import json_path
from entrepot.adapters.embedded.delta.tables import DeltaTables
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.relations import TableVersion

Identify = Callable[[TableVersion], str | None]
"""A text that follows from the content of a table's version; None where it cannot be told, so that nothing is kept of it."""


def lake_identity(tables: DeltaTables) -> Identify:
    """Tell versions by the bytes of their log entries: these name the data files, whose names are random, and when they were committed."""

    def identify(table: TableVersion) -> str | None:
        try:
            entry = json_path(tables.handle(table.name).path, table.version).read_bytes()
        except (OSError, EntrepotError):  # only a checkpoint is left of it, or there is none: whoever reads it says so
            return None
        return f"{table.name}@{table.version}:{hashlib.sha256(entry).hexdigest()}"

    return identify
