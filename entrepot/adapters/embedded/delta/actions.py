"""Actions of the Delta log as values, and their JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ENGINE = "entrepot"
PLAN_KEY = "entrepot"
"""Key in commitInfo: the batch's plan with flow, sequence, added, removed. Only batches have it."""
COUNT_KEY = "entrepotActions"
"""Key in commitInfo: number of lines of the commit, so that a commit cut at a line's end is known as torn."""
COLUMNS_TAG = "entrepot.columns"

_NO_COLUMNS = '{"type":"struct","fields":[]}'
"""Some writers create a table before they know its columns."""


@dataclass(frozen=True, slots=True)
class Add:
    """A data file that becomes part of the table. `path` is as in the log, URL-encoded."""

    path: str
    size: int
    modification_time: int
    partition_values: Mapping[str, str | None] = field(default_factory=dict)
    stats: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    vector: str | None = None
    """Identity of its deletion vector, when it has one."""
    data_change: bool = True

    @property
    def key(self) -> str:
        """What a remove must name."""
        return self.path if self.vector is None else f"{self.path}\0{self.vector}"

    @property
    def rows(self) -> int | None:
        """Number of rows, when the writer said so."""
        if not self.stats:
            return None
        rows = json.loads(self.stats).get("numRecords")
        return int(rows) if rows is not None else None


@dataclass(frozen=True, slots=True)
class Remove:
    """A data file that is no longer part of the table."""

    path: str
    deleted_at_ms: int
    size: int | None = None
    vector: str | None = None
    data_change: bool = True

    @property
    def key(self) -> str:
        """The key of the add that it undoes."""
        return self.path if self.vector is None else f"{self.path}\0{self.vector}"


@dataclass(frozen=True, slots=True)
class Protocol:
    """What readers and writers must know."""

    reader: int
    writer: int
    reader_features: frozenset[str] = frozenset()
    writer_features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Metadata:
    """The table's identity, schema and properties."""

    id: str
    schema_string: str
    partition_columns: tuple[str, ...] = ()
    configuration: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    name: str | None = None
    created_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of the log, read."""

    version: int
    info: Mapping[str, Any] | None
    adds: tuple[Add, ...] = ()
    removes: tuple[Remove, ...] = ()
    changes: tuple[str, ...] = ()
    """Paths of change data files."""
    txns: Mapping[str, int] = field(default_factory=dict)
    protocol: Protocol | None = None
    metadata: Metadata | None = None

    @property
    def is_own(self) -> bool:
        """True when our committer wrote it: its data were durable before it could be seen."""
        return self.info is not None and COUNT_KEY in self.info

    @property
    def plan(self) -> Mapping[str, Any] | None:
        """The batch's plan; None for upkeep and foreign commits."""
        found = self.info.get(PLAN_KEY) if self.info else None
        return found if isinstance(found, Mapping) else None

    @property
    def at(self) -> datetime | None:
        """When it was written, by its writer's clock."""
        stamp = self.info.get("timestamp") if self.info else None
        return datetime.fromtimestamp(stamp / 1000, UTC) if isinstance(stamp, int) else None

    @property
    def operation(self) -> str:
        """What its writer called it."""
        return str(self.info.get("operation", "UNKNOWN")) if self.info else "UNKNOWN"


def _vector(action: Mapping[str, Any]) -> str | None:
    vector = action.get("deletionVector")
    if not vector:
        return None
    offset = vector.get("offset")
    return f"{vector['storageType']}{vector['pathOrInlineDv']}" + (f"@{offset}" if offset is not None else "")


def parse_add(action: Mapping[str, Any]) -> Add:
    """An add action of a JSON commit or of a checkpoint's row."""
    return Add(
        path=action["path"],
        size=action["size"],
        modification_time=action.get("modificationTime") or 0,
        partition_values=dict(action.get("partitionValues") or {}),
        stats=action.get("stats"),
        tags={key: value for key, value in dict(action.get("tags") or {}).items() if value is not None},
        vector=_vector(action),
        data_change=bool(action.get("dataChange", True)),
    )


def parse_remove(action: Mapping[str, Any]) -> Remove:
    """A remove action."""
    return Remove(
        path=action["path"],
        deleted_at_ms=action.get("deletionTimestamp") or 0,
        size=action.get("size"),
        vector=_vector(action),
        data_change=bool(action.get("dataChange", True)),
    )


def parse_protocol(action: Mapping[str, Any]) -> Protocol:
    """A protocol action."""
    return Protocol(
        action["minReaderVersion"],
        action["minWriterVersion"],
        frozenset(action.get("readerFeatures") or ()),
        frozenset(action.get("writerFeatures") or ()),
    )


def parse_metadata(action: Mapping[str, Any]) -> Metadata:
    """A metaData action."""
    return Metadata(
        id=action["id"],
        schema_string=action.get("schemaString") or _NO_COLUMNS,
        partition_columns=tuple(action.get("partitionColumns") or ()),
        configuration=dict(action.get("configuration") or {}),
        description=action.get("description"),
        name=action.get("name"),
        created_at_ms=action.get("createdTime"),
    )


def parse_commit(version: int, lines: list[Mapping[str, Any]]) -> Commit:
    """All actions of one commit. Unknown actions are left to the protocol's features."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        for kind, action in line.items():
            found.setdefault(kind, []).append(action)
    infos, protocols, metadata = (found.get(kind) for kind in ("commitInfo", "protocol", "metaData"))
    return Commit(
        version=version,
        info=infos[0] if infos else None,
        adds=tuple(map(parse_add, found.get("add", ()))),
        removes=tuple(map(parse_remove, found.get("remove", ()))),
        changes=tuple(action["path"] for action in found.get("cdc", ())),
        txns={action["appId"]: action["version"] for action in found.get("txn", ())},
        protocol=parse_protocol(protocols[-1]) if protocols else None,
        metadata=parse_metadata(metadata[-1]) if metadata else None,
    )


def render_add(add: Add) -> dict[str, Any]:
    """JSON of an add action."""
    action: dict[str, Any] = {
        "path": add.path,
        "partitionValues": dict(add.partition_values),
        "size": add.size,
        "modificationTime": add.modification_time,
        "dataChange": add.data_change,
    }
    if add.stats is not None:
        action["stats"] = add.stats
    if add.tags:
        action["tags"] = dict(add.tags)
    return {"add": action}


def render_remove(remove: Remove) -> dict[str, Any]:
    """JSON of a remove action."""
    action: dict[str, Any] = {
        "path": remove.path,
        "deletionTimestamp": remove.deleted_at_ms,
        "dataChange": remove.data_change,
        "extendedFileMetadata": True,
        "partitionValues": {},
        "size": remove.size,
    }
    return {"remove": action}


def render_protocol(protocol: Protocol) -> dict[str, Any]:
    """JSON of a protocol action."""
    action: dict[str, Any] = {"minReaderVersion": protocol.reader, "minWriterVersion": protocol.writer}
    if protocol.reader >= 3:
        action["readerFeatures"] = sorted(protocol.reader_features)
    if protocol.writer >= 7:
        action["writerFeatures"] = sorted(protocol.writer_features)
    return {"protocol": action}


def render_metadata(metadata: Metadata) -> dict[str, Any]:
    """JSON of a metaData action."""
    action = {
        "id": metadata.id,
        "name": metadata.name,
        "description": metadata.description,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": metadata.schema_string,
        "partitionColumns": list(metadata.partition_columns),
        "createdTime": metadata.created_at_ms,
        "configuration": dict(metadata.configuration),
    }
    return {"metaData": action}
