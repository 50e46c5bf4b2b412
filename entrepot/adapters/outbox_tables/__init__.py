"""Relays: from the outbox tables of applications' databases to the outbox."""

from __future__ import annotations

from collections.abc import Callable, Collection

from entrepot.adapters.outbox_tables.relay import Relay, Table
from entrepot.ports.outbox import Outbox
from entrepot.ports.secrets import Secret
from entrepot.serve.publish.keys import SecretName
from entrepot.serve.publish.settings import OutboxTable

__all__ = ["Relay", "open_relay"]


def open_relay(
    name: str,
    settings: OutboxTable,
    outbox: Outbox,
    integrations: Collection[str],
    find_secret: Callable[[SecretName], Secret],
) -> Relay:
    """The relay of one `connector: outbox_table`. Args: integrations: those that messages may be for."""
    table: Table
    if settings.path is not None:
        from entrepot.adapters.outbox_tables.sqlite import SqliteTable

        table = SqliteTable(settings.path, settings.table)
    else:
        from entrepot.adapters.outbox_tables.postgres import PostgresTable

        assert settings.dsn is not None
        table = PostgresTable(find_secret(settings.dsn), settings.table)
    return Relay(name, table, outbox, frozenset(integrations))
