"""How a plan writes its target, as values that can stand in the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.positions import Versions
from entrepot.ports.writer import Append, Merge, Replace, ReplaceKeys, WriteMode

WRITE_KINDS = ("append", "replace", "merge")


def mode_to_json(mode: WriteMode) -> dict[str, Any]:
    """A write mode as plain JSON."""
    match mode:
        case Append():
            return {"kind": "append"}
        case Replace():
            return {"kind": "replace", "where": mode.where} | ({"redefines": True} if mode.redefines else {})
        case Merge():
            return {"kind": "merge", "key": list(mode.key)}
        case ReplaceKeys():
            return {"kind": "keys", "key": list(mode.key)}


def mode_from_json(value: Mapping[str, Any]) -> WriteMode:
    """Read what `mode_to_json` wrote."""
    match value.get("kind"):
        case "append":
            return Append()
        case "replace":
            return Replace(value.get("where"), bool(value.get("redefines")))
        case "merge":
            return Merge(tuple(value["key"]))
        case "keys":
            return ReplaceKeys(tuple(value["key"]))
    raise ValueError(f"unknown write mode {value!r}")


def base_mode(write: str, key: tuple[str, ...], target: str) -> WriteMode:
    """The mode that `write:` in a source's or model's file asks for.

    Raises: ProjectError when a merge has no key.
    """
    match write:
        case "append":
            return Append()
        case "replace":
            return Replace(None)
        case "merge":
            if not key:
                raise ProjectError(
                    f"{target} is written by merge, but its contract names no primary key.",
                    hint="Mark the key's columns with `primaryKey: true` in the contract.",
                )
            return Merge(key)
    raise ProjectError(f"{target}: write is {write!r}; allowed are {', '.join(WRITE_KINDS)}.")


def model_mode(position: Versions, *, redefines: bool) -> WriteMode:
    """The mode that a model's range asks for. Args: redefines: the table's columns go or change with it."""
    match position.way:
        case "insert":
            return Append()
        case "keys":
            return ReplaceKeys(position.keys)
    return Replace(None, redefines)
