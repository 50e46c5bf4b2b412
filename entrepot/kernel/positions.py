"""How far a flow has come: the five kinds of range that one plan covers.

A position is the range of *one* batch, whole enough to read it again: files with their hashes, a
cursor's two ends, the offsets of a topic's partitions, the versions of input tables, the set of rejects to take again. `follows` is the
compare-and-swap of planning: a range may only be planned when it continues the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

CursorValue = int | float | str | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The half-open range (after, upto] of a growing column; `after` is None for the first."""

    after: CursorValue
    upto: CursorValue
    kind: Literal["cursor"] = "cursor"

    def follows(self, previous: Position | None) -> bool:
        """True when this range starts where the previous one ended."""
        if previous is None:
            return self.after is None
        return isinstance(previous, Cursor) and self.after == previous.upto


@dataclass(frozen=True, slots=True)
class Offsets:
    """The half-open ranges [after, upto) of a topic's partitions, by the partition's number as text. Both name the same partitions."""

    after: Mapping[str, int]
    upto: Mapping[str, int]
    kind: Literal["offsets"] = "offsets"

    def follows(self, previous: Position | None) -> bool:
        """True when each partition that was known goes on where it ended; new ones start where they will."""
        if self.after.keys() != self.upto.keys() or any(self.after[name] > upto for name, upto in self.upto.items()):
            return False
        if previous is None:
            return True
        return isinstance(previous, Offsets) and all(
            self.after.get(name) == upto for name, upto in previous.upto.items()
        )


@dataclass(frozen=True, slots=True)
class FileItem:
    """One claimed file: its name as it arrived, where it stands now (relative to the storage area), its content."""

    name: str
    claimed: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FileSet:
    """The files of one batch, in the order in which they are read."""

    files: tuple[FileItem, ...]
    kind: Literal["files"] = "files"

    def follows(self, previous: Position | None) -> bool:
        """Always: files are a set; that no content is planned twice is the state's unique index."""
        return True


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions of the input tables of a model; `after` are those of the plan before, empty at first.

    `way` says how the target comes from there to here: `full` all rows anew; `insert` only rows are added; `keys` the rows of
    all keys that may have changed are computed anew. It is part of the plan, so that doing it again goes the same way.
    """

    upto: Mapping[str, int]
    after: Mapping[str, int] = field(default_factory=dict)
    way: Literal["full", "insert", "keys"] = "full"
    why: str = ""
    """In words for people: why this way."""
    keys: tuple[str, ...] = ()
    """With `keys`: the columns by which rows of the target are replaced."""
    kind: Literal["versions"] = "versions"

    def follows(self, previous: Position | None) -> bool:
        """True when this range starts at the versions where the previous one ended."""
        if previous is None:
            return not self.after
        return isinstance(previous, Versions) and dict(self.after) == dict(previous.upto)


@dataclass(frozen=True, slots=True)
class RejectSet:
    """Rejected records to be taken again, with their fixes as of planning."""

    rejects: tuple[int, ...]
    fixes: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    """record id as text → column → corrected text (None: null). Kept here so that a redo reads the same."""
    approved: tuple[int, ...] = ()
    kind: Literal["rejects"] = "rejects"

    def follows(self, previous: Position | None) -> bool:
        """Always: a retry leaves the source's position where it is."""
        return True


Position = Cursor | Offsets | FileSet | Versions | RejectSet


def position_to_json(position: Position) -> dict[str, Any]:
    """A position as plain JSON, tagged by `kind`; `position_from_json` gives it back."""
    match position:
        case Cursor():
            return {"kind": "cursor", "after": position.after, "upto": position.upto}
        case Offsets():
            return {"kind": "offsets", "after": dict(position.after), "upto": dict(position.upto)}
        case FileSet():
            files = [
                {"name": f.name, "claimed": f.claimed, "sha256": f.sha256, "size_bytes": f.size_bytes}
                for f in position.files
            ]
            return {"kind": "files", "files": files}
        case Versions():
            return {
                "kind": "versions",
                "upto": dict(position.upto),
                "after": dict(position.after),
                "way": position.way,
                "why": position.why,
                "keys": list(position.keys),
            }
        case RejectSet():
            return {
                "kind": "rejects",
                "rejects": list(position.rejects),
                "fixes": {key: dict(value) for key, value in position.fixes.items()},
                "approved": list(position.approved),
            }


def position_from_json(value: Mapping[str, Any]) -> Position:
    """Read what `position_to_json` wrote."""
    match value["kind"]:
        case "cursor":
            return Cursor(value["after"], value["upto"])
        case "offsets":
            return Offsets(dict(value["after"]), dict(value["upto"]))
        case "files":
            return FileSet(tuple(FileItem(**item) for item in value["files"]))
        case "versions":
            # before ways were kept, a model was written as a whole or by batches: only where it ended counts on
            keys = tuple(value.get("keys", ()))
            return Versions(value["upto"], value["after"], value.get("way", "full"), value.get("why", ""), keys)
        case "rejects":
            return RejectSet(tuple(value["rejects"]), value["fixes"], tuple(value["approved"]))
    raise ValueError(f"unknown kind of position: {value['kind']!r}")
