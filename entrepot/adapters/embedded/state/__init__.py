"""The state of flows in one SQLite file: leases, plans, releases, pins, runs."""

from entrepot.adapters.embedded.state.store import SqliteState

__all__ = ["SqliteState"]
