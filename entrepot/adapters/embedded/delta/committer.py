"""The own committer for local disks: a commit is whole and durable before anybody can see it.

The log entry is written aside, fsynced and then linked to its number; `link` fails when the number is taken, which is
the atomic "put if absent". So there is no torn state to repair, and no version that a power loss takes away again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from entrepot.adapters.embedded.delta import actions
from entrepot.adapters.embedded.delta.actions import Add, Commit, Metadata, Protocol, Remove
from entrepot.adapters.embedded.delta.layout import LOG, fsync_dir, fsync_file, json_path
from entrepot.adapters.embedded.delta.log import read_commit
from entrepot.kernel.errors import ConflictError
from entrepot.kernel.ids import new_token
from entrepot.kernel.points import reached


class Reads(Enum):
    """What a commit's content rests on, and so what another commit must not have changed meanwhile."""

    NOTHING = "nothing"
    """A blind append."""
    FILES = "files"
    """The files it removes (compaction)."""
    TABLE = "table"
    """All rows, or the schema."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A commit to be written."""

    operation: str
    at_ms: int
    reads: Reads
    txn: tuple[str, int] | None = None
    adds: tuple[Add, ...] = ()
    removes: tuple[Remove, ...] = ()
    plan: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    protocol: Protocol | None = None
    metadata: Metadata | None = None

    def render(self, after: int) -> bytes:
        """The log entry's content. `after` is the version on which it rests."""
        lines: list[Mapping[str, Any]] = []
        if self.protocol is not None:
            lines.append(actions.render_protocol(self.protocol))
        if self.metadata is not None:
            lines.append(actions.render_metadata(self.metadata))
        if self.txn is not None:
            app, version = self.txn
            lines.append({"txn": {"appId": app, "version": version, "lastUpdated": self.at_ms}})
        lines.extend(map(actions.render_remove, self.removes))
        lines.extend(map(actions.render_add, self.adds))
        head = {"commitInfo": self._info(after, len(lines) + 1)}
        texts = (
            json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for line in (head, *lines)
        )
        return "".join(f"{text}\n" for text in texts).encode()

    def _info(self, after: int, count: int) -> dict[str, Any]:
        info: dict[str, Any] = {
            "timestamp": self.at_ms,
            "operation": self.operation,
            "operationParameters": dict(self.parameters),
            "isBlindAppend": self.reads is Reads.NOTHING,
            "engineInfo": actions.ENGINE,
            actions.COUNT_KEY: count,
        }
        if after >= 0:
            info["readVersion"] = after
        if self.plan is not None:
            info[actions.PLAN_KEY] = dict(self.plan)
        return info


def write_commit(table: Path, draft: Draft, after: int) -> int:
    """Write the next log entry durably; return its version. The draft's data files must be durable already.

    Raises: ConflictError when a commit that came first leaves this one without ground.
    """
    aside = table / LOG / f".entrepot-{os.getpid()}-{new_token()}.tmp"
    is_batch = draft.plan is not None
    try:
        _write_durably(aside, draft.render(after))
        if is_batch:
            reached("main.log_written")
        version = _link(table, aside, draft, after + 1)
        if is_batch:
            reached("main.linked")
        fsync_dir(table / LOG)
    finally:
        aside.unlink(missing_ok=True)
    return version


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _link(table: Path, aside: Path, draft: Draft, version: int) -> int:
    while True:
        try:
            os.link(aside, json_path(table, version))
            return version
        except FileExistsError:
            winner = read_commit(table, version)
            if reason := find_conflict(draft, winner):
                raise ConflictError(
                    f"table {table.parent.name}/{table.name}: version {version} was committed first and {reason}.",
                    hint="Load the table again, ask it what it has, then do the batch again.",
                ) from None
            # We build on it: it must not be lost below us. Its own writer may not be that far yet, or may not fsync.
            fsync_file(json_path(table, version))
            version += 1


def find_conflict(draft: Draft, winner: Commit) -> str | None:
    """Why a draft cannot follow a commit it did not know of; None when it can."""
    if draft.txn is not None and draft.txn[0] in winner.txns:
        return f"is of the same flow ({draft.txn[0]})"
    if winner.protocol is not None or winner.metadata is not None:
        return "changed schema or properties"
    touched = {remove.key for remove in winner.removes}
    match draft.reads:
        case Reads.NOTHING:
            return None
        case Reads.FILES:
            mine = {remove.key for remove in draft.removes}
            return "removed files that this one rests on" if mine & touched else None
        case Reads.TABLE:
            return "added or removed rows" if winner.adds or winner.removes else None
