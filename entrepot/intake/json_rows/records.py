"""Records on their way from text to columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Fault(NamedTuple):
    """What is wrong with a record as a whole, and where."""

    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class Records:
    """Consecutive records: their numbers, lines, texts and values. One with a fault has no value."""

    numbers: Sequence[int]
    lines: Sequence[int]
    texts: Sequence[str]
    values: Sequence[Any]
    faults: Mapping[int, Fault] = field(default_factory=dict)
    """By place in the sequences."""
