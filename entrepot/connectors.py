"""Connectors by name: find one, describe it, check its options, build its reader.

Built-in connectors enter by the same door as those of other packages: entry points of the group `entrepot.connectors`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from entrepot.intake.sources.base import ReaderContext
from entrepot.intake.sources.describe import format_text, options_schema, reference_text
from entrepot.intake.sources.fields import FieldSpec, Options, Places, nowhere
from entrepot.intake.sources.formats import FormatSpec
from entrepot.intake.sources.options import check_options, read_options
from entrepot.intake.sources.spec import ENTRY_POINT_GROUP, Capability, ConnectorSpec
from entrepot.kernel.errors import SystemError_, UsageError
from entrepot.ports.reader import Reader

__all__ = [
    "BUILT_IN",
    "Capability",
    "ConnectorSpec",
    "FieldSpec",
    "FormatSpec",
    "Options",
    "ReaderContext",
    "build_reader",
    "check_options",
    "connector_names",
    "find_format",
    "format_text",
    "load_connector",
    "options_schema",
    "read_options",
    "reference_text",
]

BUILT_IN = {
    "files": "entrepot.adapters.files.source:SPEC",
    "http": "entrepot.adapters.http.spec:SPEC",
    "inbox": "entrepot.intake.gateway.source:SPEC",
    "sqlite": "entrepot.adapters.sqlite.source:SPEC",
    "topic": "entrepot.intake.streams.source:SPEC",
}
"""What our own package registers; used as it stands when the package is not installed (a checkout on the path)."""


def connector_names() -> tuple[str, ...]:
    """Names of all connectors that are installed, sorted."""
    return tuple(sorted(_addresses()))


def load_connector(name: str) -> ConnectorSpec:
    """The connector of that name.

    Raises: UsageError with the names there are; SystemError_ when its package cannot be loaded.
    """
    addresses = _addresses()
    if name not in addresses:
        near = difflib.get_close_matches(name, addresses, n=1)
        raise UsageError(
            f"there is no connector {name!r}; installed are {', '.join(sorted(addresses))}.",
            hint=f"Did you mean {near[0]!r}?" if near else "See: entrepot connectors list",
        )
    module, _, attribute = addresses[name].partition(":")
    try:
        spec = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SystemError_(f"the connector {name} cannot be loaded from {addresses[name]}: {error}.") from error
    if not isinstance(spec, ConnectorSpec):
        raise SystemError_(f"{addresses[name]} is a {type(spec).__name__}; allowed is a ConnectorSpec.")
    return spec


def find_format(name: str) -> tuple[ConnectorSpec, FormatSpec] | None:
    """The file format of that name, and the connector that reads it."""
    for connector in map(load_connector, connector_names()):
        for one in connector.formats:
            if one.name == name:
                return connector, one
    return None


def build_reader(name: str, options: Mapping[str, Any], context: ReaderContext, places: Places = nowhere) -> Reader:
    """Check the options and build the reader of one flow.

    Raises: UsageError when there is no such connector; ProjectError when an option is wrong.
    """
    spec = load_connector(name)
    return spec.factory(read_options(spec, options, places), context)


def _addresses() -> dict[str, str]:
    found: dict[str, str] = dict(BUILT_IN)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if found.setdefault(point.name, point.value) != point.value:
            raise SystemError_(
                f"two packages offer a connector {point.name!r}: {found[point.name]} and {_owner(point)}.",
                hint="Uninstall one of them.",
            )
    return found


def _owner(point: EntryPoint) -> str:
    return f"{point.value} ({point.dist.name})" if point.dist is not None else point.value
