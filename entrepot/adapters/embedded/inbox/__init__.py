"""The inbox in one SQLite file: records as received, and their outputs on the way to bronze."""

from entrepot.adapters.embedded.inbox.store import SqliteInbox

__all__ = ["SqliteInbox"]
