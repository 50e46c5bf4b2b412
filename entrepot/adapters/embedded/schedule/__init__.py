"""The schedule's memory in SQLite, `.entrepot/schedule.db`."""

from entrepot.adapters.embedded.schedule.store import SqliteSchedule

__all__ = ["SqliteSchedule"]
