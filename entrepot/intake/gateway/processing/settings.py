"""How the records of one integration are processed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OnError(StrEnum):
    """What a record that ends in error means to the later ones of its key."""

    WAIT = "wait"
    """They wait until it is replayed."""
    GO_ON = "go_on"


@dataclass(frozen=True, slots=True)
class ProcessingSettings:
    """Of one integration."""

    integration: str
    handler: str | None = None
    """The name of `handlers/NAME.py`; None: each JSON object is a row as it is."""
    on_error: OnError = OnError.GO_ON
    workers: int = 1
    """Processes side by side."""
    timeout_s: float = 30.0
    """Of one record."""
    memory_mb: int = 512
    """Of one process, beyond what its imports take."""
