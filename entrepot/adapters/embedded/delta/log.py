"""Reading the Delta log: listing, commits, checkpoints, and the table as of a version.

Stricter than other readers on purpose: an empty or cut commit is damage here, where delta-rs and DuckDB take an
empty file for an empty commit and lose its rows without a word.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.adapters.embedded.delta import actions
from entrepot.adapters.embedded.delta.actions import Add, Commit, Metadata, Protocol
from entrepot.adapters.embedded.delta.layout import LOG, json_path
from entrepot.kernel.errors import DamageError

Identity = tuple[int, int, int]
_NAME = re.compile(r"(\d{20})\.(json|checkpoint\.parquet|checkpoint\.(\d{10})\.(\d{10})\.parquet|checkpoint\..+)\Z")
_CHECKPOINT_COLUMNS = (
    "txn.appId", "txn.version",
    "add.path", "add.size", "add.modificationTime", "add.dataChange", "add.partitionValues", "add.stats", "add.tags",
    "add.deletionVector",
    "remove.path", "remove.size", "remove.deletionTimestamp", "remove.deletionVector",
    "metaData", "protocol", "sidecar", "checkpointMetadata",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table as of one version. Never changed once made."""

    version: int
    protocol: Protocol
    metadata: Metadata
    files: Mapping[str, Add]
    tombstones: Mapping[str, int]
    """Key of a removed file → when it was removed, in milliseconds."""
    txns: Mapping[str, int]
    identity: Identity
    """Of the log entry itself: tells when somebody made the table anew."""
    unsure: tuple[int, ...] = ()
    """Versions on the way here whose writer may not have made them durable: of others, and the checkpoint's own."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What the log's folder holds."""

    commits: frozenset[int]
    checkpoints: Mapping[int, tuple[Path, ...]]
    """Version → the parts of its checkpoint, complete ones of the classic kind only."""
    newer_kind: frozenset[int] = frozenset()
    """Versions with a checkpoint of the kind "v2", which is not read here."""

    @property
    def newest(self) -> int:
        """The newest version; -1 when there is none."""
        return max((*self.commits, *self.checkpoints, *self.newer_kind), default=-1)


class TornCommit(DamageError):
    """A log entry that is not whole."""

    code = "lake.torn_commit"


class UnreadableLog(DamageError):
    """The log needs something that is not read here; other readers may know it."""

    code = "lake.unreadable_log"


def list_log(table: Path) -> Listing:
    """List the log's folder; empty when there is none."""
    commits: set[int] = set()
    parts: dict[int, dict[int, Path]] = {}
    wanted: dict[int, int] = {}
    newer: set[int] = set()
    try:
        names = os.listdir(table / LOG)
    except (FileNotFoundError, NotADirectoryError):
        return Listing(frozenset(), {})
    for name in names:
        found = _NAME.match(name)
        if found is None:
            continue
        version = int(found[1])
        if found[2] == "json":
            commits.add(version)
        elif found[2] == "checkpoint.parquet":
            parts[version], wanted[version] = {1: table / LOG / name}, 1
        elif found[3]:
            if wanted.get(version) != 1:
                parts.setdefault(version, {})[int(found[3])] = table / LOG / name
                wanted[version] = int(found[4])
        else:
            newer.add(version)
    whole = {
        version: tuple(found[number] for number in sorted(found))
        for version, found in parts.items()
        if len(found) == wanted[version]
    }
    return Listing(frozenset(commits), whole, frozenset(newer))


def read_lines(path: Path) -> list[Mapping[str, Any]]:
    """The actions of a log entry. Raises: TornCommit, FileNotFoundError."""
    content = path.read_bytes()
    if not content.strip():
        raise TornCommit(f"{_short(path)} is empty ({len(content)} bytes).")
    lines: list[Mapping[str, Any]] = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            action = json.loads(line)
        except ValueError as error:
            raise TornCommit(f"{_short(path)} line {number} is not JSON.") from error
        if not isinstance(action, dict):
            raise TornCommit(f"{_short(path)} line {number} is not an action.")
        lines.append(action)
    return lines


def read_commit(table: Path, version: int) -> Commit:
    """One log entry, checked to be whole as far as it says itself.

    Raises: TornCommit, FileNotFoundError.
    """
    path = json_path(table, version)
    lines = read_lines(path)
    try:
        commit = actions.parse_commit(version, lines)
    except (KeyError, TypeError, AttributeError) as error:
        raise TornCommit(f"{_short(path)} holds an action without {error}.") from error
    info = commit.info or {}
    expected = info.get(actions.COUNT_KEY)
    if expected is not None and expected != len(lines):
        raise TornCommit(f"{_short(path)} has {len(lines)} lines of {expected}.")
    if commit.plan is not None and not commit.txns:
        raise TornCommit(f"{_short(path)} holds a batch without its transaction.")
    return commit


def _short(path: Path) -> str:
    return f"{path.parent.parent.parent.name}/{path.parent.parent.name}/{LOG}/{path.name}"


def entry_identity(table: Path, version: int, listing: Listing | None = None) -> Identity | None:
    """What tells a log entry from another one of the same number; None when it is not there."""
    try:
        found = json_path(table, version).stat()
    except FileNotFoundError:
        parts = listing.checkpoints.get(version) if listing else None
        if not parts:
            return None
        found = parts[0].stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


@dataclass(slots=True)
class Replay:
    """Builds a snapshot by applying commits in order."""

    version: int = -1
    protocol: Protocol | None = None
    metadata: Metadata | None = None
    files: dict[str, Add] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)
    txns: dict[str, int] = field(default_factory=dict)
    unsure: list[int] = field(default_factory=list)

    @classmethod
    def continuing(cls, snapshot: Snapshot) -> Replay:
        """Go on from a snapshot, which stays as it is."""
        return cls(
            snapshot.version, snapshot.protocol, snapshot.metadata,
            dict(snapshot.files), dict(snapshot.tombstones), dict(snapshot.txns), list(snapshot.unsure),
        )  # fmt: skip

    def apply(self, commit: Commit) -> None:
        """Take in the next commit."""
        self.version = commit.version
        self.protocol = commit.protocol or self.protocol
        self.metadata = commit.metadata or self.metadata
        self.txns.update(commit.txns)
        if not commit.is_own:
            self.unsure.append(commit.version)
        for remove in commit.removes:
            self.files.pop(remove.key, None)
            self.tombstones[remove.key] = remove.deleted_at_ms
        for add in commit.adds:
            self.tombstones.pop(add.key, None)
            self.files[add.key] = add

    def snapshot(self, identity: Identity) -> Snapshot:
        """The table as it stands. Raises: DamageError when protocol or metadata never came."""
        if self.protocol is None or self.metadata is None:
            raise DamageError(f"the log up to version {self.version} has no protocol or no metadata.")
        return Snapshot(
            self.version,
            self.protocol,
            self.metadata,
            self.files,
            self.tombstones,
            self.txns,
            identity,
            tuple(self.unsure),
        )


def load_checkpoint(version: int, parts: Iterable[Path]) -> Replay:
    """The table as a checkpoint has it. Raises: OSError or pyarrow's errors when it is damaged, UnreadableLog."""
    replay = Replay(version, unsure=[version])
    for part in parts:
        file = pq.ParquetFile(part)
        columns = _present_columns(file.schema_arrow)
        for batch in file.iter_batches(columns=columns):
            _take_rows(replay, batch, part)
    if replay.protocol is None or replay.metadata is None:
        raise pa.ArrowInvalid(f"checkpoint {version} has no protocol or no metadata")
    return replay


def _present_columns(schema: pa.Schema) -> list[str]:
    present = []
    for column in _CHECKPOINT_COLUMNS:
        top, _, inner = column.partition(".")
        index = schema.get_field_index(top)
        if index >= 0 and (not inner or schema.field(index).type.get_field_index(inner) >= 0):
            present.append(column)
    return present


def _take_rows(replay: Replay, batch: pa.RecordBatch, part: Path) -> None:
    for name in ("sidecar", "checkpointMetadata"):
        if name in batch.schema.names and batch.column(name).null_count < batch.num_rows:
            raise UnreadableLog(f"{_short(part)} is a checkpoint of the kind v2.")
    if "add" in batch.schema.names:
        for row in _rows(batch, "add"):
            add = actions.parse_add(row)
            replay.files[add.key] = add
    for row in _rows(batch, "remove"):
        remove = actions.parse_remove(row)
        replay.tombstones[remove.key] = remove.deleted_at_ms
    for row in _rows(batch, "txn"):
        replay.txns[row["appId"]] = row["version"]
    for row in _rows(batch, "metaData"):
        replay.metadata = actions.parse_metadata(row)
    for row in _rows(batch, "protocol"):
        replay.protocol = actions.parse_protocol(row)


def _rows(batch: pa.RecordBatch, name: str) -> list[Mapping[str, Any]]:
    if name not in batch.schema.names:
        return []
    column = batch.column(name)
    return [row for row in column.drop_null().to_pylist() if row is not None]


def load_snapshot(table: Path, version: int | None = None, listing: Listing | None = None) -> Snapshot:
    """The table as of a version, newest by default.

    Raises: KeyError when there is no such table or version; DamageError when the log is damaged or has gaps.
    """
    listing = listing or list_log(table)
    top = listing.newest if version is None else version
    if top < 0 or top > listing.newest:
        raise KeyError(f"{table.parent.name}/{table.name} has no version {version if version is not None else 0}")
    replay, broken = _best_start(listing, top)
    if replay is None:
        raise _explain_gap(table, listing, top, broken)
    for number in range(replay.version + 1, top + 1):
        replay.apply(read_commit(table, number))
    identity = entry_identity(table, top, listing)
    if identity is None:
        raise DamageError(f"{_short(json_path(table, top))} vanished while it was read.")
    return replay.snapshot(identity)


def _best_start(listing: Listing, top: int) -> tuple[Replay | None, list[int]]:
    """The newest checkpoint that opens and from which all commits are there; version 0 counts as one."""
    broken: list[int] = []
    for start in sorted((version for version in listing.checkpoints if version <= top), reverse=True):
        if not listing.commits.issuperset(range(start + 1, top + 1)):
            break
        try:
            return load_checkpoint(start, listing.checkpoints[start]), broken
        except (OSError, pa.ArrowException, UnreadableLog, KeyError, TypeError):
            broken.append(start)
    if listing.commits.issuperset(range(top + 1)):
        return Replay(), broken
    return None, broken


def _explain_gap(table: Path, listing: Listing, top: int, broken: list[int]) -> DamageError:
    if any(version <= top for version in listing.newer_kind):
        return UnreadableLog(f"{table.parent.name}/{table.name}: version {top} needs a checkpoint of the kind v2.")
    missing = [number for number in range(top + 1) if number not in listing.commits]
    return DamageError(
        f"{table.parent.name}/{table.name}: version {top} cannot be built: log entries are missing "
        f"({len(missing)}, the last is {max(missing, default=-1)}), damaged checkpoints: {broken or 'none'}.",
        hint="Restore the table from a backup.",
    )
