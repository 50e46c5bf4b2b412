"""Names of datasets: `layer.name` inside a project."""

from __future__ import annotations

import re
from dataclasses import dataclass

LAYERS = ("bronze", "silver", "gold")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True, order=True)
class Dataset:
    """A dataset's name. `str()` gives `layer.name`."""

    layer: str
    name: str

    def __str__(self) -> str:
        return f"{self.layer}.{self.name}"


def parse_dataset(text: str) -> Dataset:
    """Read `layer.name`.

    Raises: ValueError with what is allowed.
    """
    layer, dot, name = text.partition(".")
    if not dot or layer not in LAYERS or not _NAME.match(name):
        raise ValueError(
            f"{text!r} is not a dataset name; allowed is layer.name with layer one of "
            f"{', '.join(LAYERS)} and a name of lower-case letters, digits and _."
        )
    return Dataset(layer, name)
