"""Typed options: what one is called, what it may be; pages, JSON Schema, forms and checks are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from entrepot.kernel.errors import Place

FieldType = Literal["string", "strings", "integer", "number", "boolean", "scalar", "object", "objects", "mapping"]
"""`strings` is a text or a list of texts; `scalar` a text or a number; `object` has fields of its own,
`objects` is a list of such, or a single one; `mapping` goes from names to texts."""

KeyPath = tuple[str | int, ...]
Places = Callable[[KeyPath], Place | None]
"""Finds where in the user's file the value of a key path stands, `("csv", "delimiter")`."""

Options = Mapping[str, Any]
"""Options as `read_options` gives them: checked, defaults filled in."""


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
    words: tuple[str, ...] = ()
    """With `object` and `objects`: texts that may stand in their place, `none` for one."""
    fields: tuple[FieldSpec, ...] = ()


def nowhere(path: KeyPath) -> Place | None:
    """The places of options that stand in no file."""
    return None
