"""What flows of sources and of models have in common: targets of the lake, and the versions that a batch looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from entrepot.contracts.model import Contract
from entrepot.flow.rejects import quarantine_name
from entrepot.ports.engine import REJECT_SCHEMA
from entrepot.ports.state import State
from entrepot.ports.tables import Tables
from entrepot.ports.writer import Writer


@dataclass(frozen=True, slots=True)
class Targets:
    """Tables of the lake as flows write them."""

    state: State
    tables: Tables

    def writer(self, name: str, schema: pa.Schema, description: str | None, *, redefines: bool = False) -> Writer:
        """The writer of a table. Args: redefines: the next batch brings the columns with it."""
        from entrepot.adapters.embedded.delta import DeltaTables, DeltaWriter

        assert isinstance(self.tables, DeltaTables)
        return DeltaWriter(
            self.tables,
            name,
            schema,
            description,
            durable_version=partial(self.state.durable_version, name),
            redefines=redefines,
        )

    def quarantine(self, name: str) -> Writer:
        """The writer of a dataset's rejected records."""
        return self.writer(quarantine_name(name), REJECT_SCHEMA, f"Rejected records of {name}")

    def pins(self, dataset: str, contract: Contract) -> dict[str, int]:
        """Versions that a batch looks at: of its own table, and of those that foreign keys name."""
        names = [dataset, *map(str, contract.references)]
        return {name: self.state.durable_version(name) for name in names}

    def versions(self, names: tuple[str, ...]) -> dict[str, int]:
        """The newest durable version of each table."""
        return {name: self.state.durable_version(name) for name in names}
