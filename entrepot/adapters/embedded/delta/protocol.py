"""What of Delta's protocol we know: which tables may be written and read without delta-rs, and why others not."""

from __future__ import annotations

from typing import Any

from entrepot.adapters.embedded.delta.actions import Metadata, Protocol
from entrepot.adapters.embedded.delta.log import Snapshot
from entrepot.adapters.embedded.delta.schema import fields_of

PLAIN = Protocol(1, 2)
LOCAL_TIMES = Protocol(3, 7, frozenset({"timestampNtz"}), frozenset({"timestampNtz", "appendOnly", "invariants"}))
PROPERTIES = {"delta.enableExpiredLogCleanup": "false"}
"""Of tables we create: other writers must not delete log entries that a pinned release still needs."""

_WRITER_FEATURES = {"timestampNtz", "appendOnly", "invariants"}
_HARMLESS = {
    "delta.enableExpiredLogCleanup", "delta.logRetentionDuration", "delta.deletedFileRetentionDuration",
    "delta.checkpointInterval", "delta.checkpoint.writeStatsAsJson", "delta.checkpoint.writeStatsAsStruct",
    "delta.dataSkippingNumIndexedCols", "delta.dataSkippingStatsColumns", "delta.targetFileSize",
    "delta.tuneFileSizesForRewrites", "delta.autoOptimize.optimizeWrite", "delta.autoOptimize.autoCompact",
    "delta.autoOptimize", "delta.parquet.compression.codec", "delta.minReaderVersion", "delta.minWriterVersion",
    "delta.setTransactionRetentionDuration", "delta.isolationLevel", "delta.randomizeFilePrefixes",
}  # fmt: skip
_OFF = {
    "delta.appendOnly": "false", "delta.enableChangeDataFeed": "false", "delta.columnMapping.mode": "none",
    "delta.enableDeletionVectors": "false", "delta.enableRowTracking": "false", "delta.enableInCommitTimestamps": "false",
    "delta.feature.timestampNtz": "supported",
}  # fmt: skip


def protocol_for(schema_string: str, current: Protocol | None = None) -> Protocol:
    """The protocol that a table of ours needs for its columns."""
    if '"timestamp_ntz"' not in schema_string:
        return current or PLAIN
    if current is None or current.reader < 3:
        return LOCAL_TIMES
    return Protocol(
        current.reader,
        current.writer,
        current.reader_features | LOCAL_TIMES.reader_features,
        current.writer_features | LOCAL_TIMES.writer_features,
    )


def why_not_written(snapshot: Snapshot) -> str | None:
    """Why our committer must not write this table; None when it may."""
    protocol, metadata = snapshot.protocol, snapshot.metadata
    if reason := why_not_read(snapshot):
        return reason
    if protocol.writer > 2 and protocol.writer != 7:
        return f"writer version {protocol.writer}"
    if unknown := protocol.writer_features - _WRITER_FEATURES:
        return f"writer features {', '.join(sorted(unknown))}"
    if metadata.partition_columns:
        return "partition columns"
    if reason := _odd_property(metadata):
        return reason
    if any(_is_constrained(each) for each in fields_of(metadata.schema_string)):
        return "columns with invariants, generated values or NOT NULL"
    return None


def _odd_property(metadata: Metadata) -> str | None:
    for key, value in metadata.configuration.items():
        if key.startswith("delta.") and key not in _HARMLESS and _OFF.get(key) != str(value).lower():
            return f"the property {key}={value}"
    return None


def _is_constrained(column: dict[str, Any]) -> bool:
    """True when values of a column must be checked or made by the writer."""
    if column.get("nullable") is False:
        return True
    return any(str(key).startswith("delta.") for key in (column.get("metadata") or {}))


def why_not_read(snapshot: Snapshot) -> str | None:
    """Why the Parquet files alone are not the table; None when they are."""
    protocol, metadata = snapshot.protocol, snapshot.metadata
    if protocol.reader not in (1, 3):
        return f"reader version {protocol.reader}"
    if unknown := protocol.reader_features - {"timestampNtz"}:
        return f"reader features {', '.join(sorted(unknown))}"
    mode = metadata.configuration.get("delta.columnMapping.mode", "none")
    if mode != "none":
        return f"column mapping by {mode}"
    if any(add.vector for add in snapshot.files.values()):
        return "deletion vectors"
    return None
