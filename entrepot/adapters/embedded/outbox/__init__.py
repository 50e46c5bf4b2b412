"""The outbox in one SQLite file."""

from entrepot.adapters.embedded.outbox.store import SqliteOutbox
from entrepot.adapters.embedded.outbox.writer import OutboxWriter

__all__ = ["OutboxWriter", "SqliteOutbox"]
