"""Facts that stages announce; the command line, the log and later the catalog listen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One short past-tense fact, `batch_settled`, with counts, names and ids; never a record's values."""

    name: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)


Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener that does not listen."""
