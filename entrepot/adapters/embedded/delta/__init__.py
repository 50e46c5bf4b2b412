"""Delta Lake on the local disk: tables, the writer of one table, and how DuckDB reads a version."""

from entrepot.adapters.embedded.delta.reader import delta_relation, table_resolver
from entrepot.adapters.embedded.delta.tables import DeltaTables
from entrepot.adapters.embedded.delta.writer import DeltaWriter

__all__ = ["DeltaTables", "DeltaWriter", "delta_relation", "table_resolver"]
