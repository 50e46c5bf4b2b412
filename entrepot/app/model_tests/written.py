"""Values as they are written into a file of tests."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo


class Plain(str):
    """A text that stands in YAML without quotes: a number, a date, an instant."""

    __slots__ = ()


def to_yaml(value: Any, zone: str) -> Any:
    """A value of a row as YAML writes it; its column's type reads it back."""
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return Plain(f"{value:f}")
        case float():
            return Plain(repr(value))
        case datetime(tzinfo=None):
            return Plain(value.isoformat(sep=" "))
        case datetime():
            return Plain(value.astimezone(ZoneInfo(zone)).isoformat(sep=" "))
        case date():
            return Plain(value.isoformat())
        case Mapping():
            return {key: to_yaml(each, zone) for key, each in value.items()}
        case [(_, _), *_] if all(isinstance(each, tuple) for each in value):
            return {str(key): to_yaml(each, zone) for key, each in value}
        case Sequence() if not isinstance(value, bytes):
            return [to_yaml(each, zone) for each in value]
    return str(value)


def rows_to_yaml(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], zone: str) -> Any:
    """Rows as a list with one line for each."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    found = CommentedSeq()
    for row in rows:
        line = CommentedMap((name, to_yaml(row[name], zone)) for name in columns)
        line.fa.set_flow_style()
        found.append(line)
    if not rows:
        found.fa.set_flow_style()
    return found


def open_yaml() -> Any:
    """A reader and writer that keeps comments, quotes, long lines, and every number and date as it is written."""
    from ruamel.yaml import YAML, ScalarNode
    from ruamel.yaml.constructor import RoundTripConstructor
    from ruamel.yaml.representer import RoundTripRepresenter

    class AsWritten(RoundTripConstructor):
        """A number of thirty digits would come back as another one."""

    class Plainly(RoundTripRepresenter):
        """What stood without quotes stands so again."""

    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = AsWritten
    yaml.Representer = Plainly
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.indent(mapping=2, sequence=4, offset=2)

    def represent(representer: Any, value: Plain) -> Any:
        tag = yaml.resolver.resolve(ScalarNode, str(value), (True, False))
        return representer.represent_scalar(str(tag), str(value))

    Plainly.add_representer(Plain, represent)
    for kind in ("int", "float", "timestamp"):
        AsWritten.add_constructor(f"tag:yaml.org,2002:{kind}", lambda constructor, node: Plain(node.value))
    return yaml


def replace_file(path: Path, text: str) -> None:
    """Write aside, sync, rename: a crash leaves the old file or the new one."""
    aside = path.with_name(f".{path.name}.tmp")
    with aside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
