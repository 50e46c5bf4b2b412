"""What a connector says about itself; reference page, JSON Schema, form and option check are made from it.

A third party's package offers a `ConnectorSpec` under the entry-point group `entrepot.connectors`; the built-in ones enter by
the same door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.fields import FieldSpec, Options, Places
from entrepot.intake.sources.formats import FormatSpec
from entrepot.kernel.errors import ProjectError
from entrepot.ports.reader import Reader

ENTRY_POINT_GROUP = "entrepot.connectors"


class Capability(StrEnum):
    """What a source can do."""

    FILES = "files"
    """Brings whole files; the same content is taken once."""
    CURSOR = "cursor"
    """Brings what grew since last time."""
    MOVES = "moves"
    """Changes the source when it acknowledges: moves files, commits offsets."""
    STREAM = "stream"
    """Brings records as they come; `entrepot up` takes them in micro-batches. `find_next` is cheap."""
    LANDS = "lands"
    """Keeps what it read until it is settled, since the source itself may change."""


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
    formats: tuple[FormatSpec, ...] = ()
    """File formats that it reads; `entrepot connectors show` has a page for each."""
    check: Callable[[Options, Places], list[ProjectError]] | None = None
    """What cannot be said of one option alone; called with options that are right one by one."""

    @property
    def all_fields(self) -> tuple[FieldSpec, ...]:
        """The connector's own options, and those of each format under the format's name."""
        formats = (
            FieldSpec(name=one.name, type="object", default={}, fields=one.fields, description=one.summary)
            for one in self.formats
            if one.fields
        )
        return (*self.fields, *formats)
