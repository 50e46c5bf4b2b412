"""The bus on one SQLite file."""

from entrepot.adapters.embedded.bus.store import SqliteBus

__all__ = ["SqliteBus"]
