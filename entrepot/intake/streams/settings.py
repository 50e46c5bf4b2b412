"""The options of `connector: topic` as values."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.intake.sources.fields import Options, Places
from entrepot.kernel.errors import ProjectError

METADATA = ("topic", "partition", "offset", "key", "published_at", "record_id")
"""What a message says beside its value."""


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """How a topic is read."""

    topic: str
    format: str = "json"
    is_latest: bool = False
    batch_rows: int = 20_000
    to_dead: bool = False
    """Messages that cannot be read go to the dead-letter topic."""
    metadata: tuple[str, ...] | None = None
    """None: all that the contract has; an object with such a name is a fault."""

    @staticmethod
    def of(options: Options) -> TopicOptions:
        """As they were read."""
        stated = options["metadata"]
        return TopicOptions(
            options["topic"],
            options["format"],
            options["start"] == "latest",
            options["batch_rows"],
            options["on_unreadable"] == "dead_letter",
            None if stated is None else _names(stated),
        )

    @staticmethod
    def check(options: Options, places: Places) -> list[ProjectError]:
        """Names of metadata that there are not."""
        wrong = [name for name in _names(options["metadata"] or ()) if name not in METADATA]
        if not wrong:
            return []
        message = f"metadata names {', '.join(map(repr, wrong))}; allowed are {', '.join(METADATA)}."
        return [ProjectError(message, place=places(("metadata",)))]


def _names(stated: object) -> tuple[str, ...]:
    if isinstance(stated, str):
        return (stated,)
    return tuple(map(str, stated)) if isinstance(stated, (list, tuple)) else ()
