"""What a connector says about itself; reference page, JSON Schema, form and option check are made from it.

A third party's package offers a `ConnectorSpec` under the entry-point group `entrepot.connectors`; the built-in ones enter by
the same door.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from entrepot.intake.sources.base import ReaderContext
from entrepot.kernel.errors import Place, ProjectError
from entrepot.ports.reader import Reader

ENTRY_POINT_GROUP = "entrepot.connectors"

FieldType = Literal["string", "strings", "integer", "number", "boolean", "scalar", "object"]
"""`strings` is a text or a list of texts; `scalar` a text or a number; `object` has fields of its own."""

KeyPath = tuple[str | int, ...]
Places = Callable[[KeyPath], Place | None]
"""Finds where in the user's file the value of a key path stands, `("csv", "delimiter")`."""

Options = Mapping[str, Any]
"""Options as `read_options` gives them: checked, defaults filled in."""


class Capability(StrEnum):
    """What a source can do."""

    FILES = "files"
    """Brings whole files; the same content is taken once."""
    CURSOR = "cursor"
    """Brings what grew since last time."""
    MOVES = "moves"
    """Changes the source when it acknowledges: moves files, commits offsets."""
    LANDS = "lands"
    """Keeps what it read until it is settled, since the source itself may change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One option. A required option has no default."""

    name: str
    type: FieldType
    description: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    """The value never appears in an error, a log or a page."""
    minimum: float | None = None
    fields: tuple[FieldSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """One connector: what people read about it, its options, and how a reader is built from them."""

    name: str
    summary: str
    """One sentence."""
    description: str
    example_yaml: str
    fields: tuple[FieldSpec, ...]
    factory: Callable[[Options, ReaderContext], Reader]
    capabilities: frozenset[Capability] = frozenset()
    check: Callable[[Options, Places], list[ProjectError]] | None = None
    """What cannot be said of one option alone; called with options that are right one by one."""


def nowhere(path: KeyPath) -> Place | None:
    """The places of options that stand in no file."""
    return None
