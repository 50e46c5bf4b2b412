"""The lake as a target: one table, as the loop sees it."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from entrepot.adapters.embedded.delta.tables import DeltaTables
from entrepot.ports.writer import Batch, Committed, Replace


class DeltaWriter:
    """Implements `ports.writer.Writer` for one table. Called by one thread at a time, under the flow's lease.

    Args:
        durable_version: gives the highest version known to be durable, below which a damaged log is not touched; -1 when none.
        redefines: the next batch brings the schema with it; until then the table keeps the columns it has.
    """

    def __init__(
        self,
        tables: DeltaTables,
        name: str,
        schema: pa.Schema,
        description: str | None = None,
        *,
        durable_version: Callable[[], int] = lambda: -1,
        redefines: bool = False,
    ) -> None:
        self.name = name
        self._tables = tables
        self._schema = schema
        self._description = description
        self._durable_version = durable_version
        self._redefines = redefines

    def prepare(self) -> None:
        """Put aside what a crash tore; create the table, or add the columns that are new.

        Raises: ProjectError when a column changed its type; DamageError when the log is damaged below the durable mark.
        """
        self._tables.repair(self.name, self._durable_version())
        if self._redefines and self._tables.exists(self.name):
            return
        self._tables.create(self.name, self._schema, description=self._description)

    def last_sequence(self, flow: str) -> int:
        """The highest sequence of this flow that the table holds durably; 0 when none."""
        return self._tables.last_sequence(self.name, flow)

    def find_commit(self, flow: str, sequence: int) -> Committed | None:
        """What the commit of that sequence did, from the table's own history; None when it cannot be found."""
        return self._tables.find_commit(self.name, flow, sequence)

    def commit(self, batch: Batch) -> Committed:
        """Write rows and (flow, sequence) in one durable commit; do nothing when the table has it already.

        Raises: ConflictError when somebody else's commit came between; ask again, then do it again.
        """
        redefines = isinstance(batch.mode, Replace) and batch.mode.redefines
        return self._tables.commit(self.name, batch, schema=self._schema if redefines else None)

    def version(self) -> int:
        """The newest version; -1 when there is no table."""
        return self._tables.version(self.name)

    def identity(self) -> str:
        """The id the table was created with."""
        return self._tables.table_id(self.name)
