"""What the running platform says: lines of JSON in `logs/up.ndjson`, and short lines on the terminal."""

from __future__ import annotations

import json
import logging
import logging.handlers
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from entrepot.kernel.events import Event

_FILE_BYTES = 16 << 20
_FILES = 8
_SILENT = frozenset(
    {"rows_read", "node_started", "node_ended", "batch_planned", "batch_settled", "table_tended", "records_processed"}
)
"""Facts of every micro-batch: too many for people; they stand in the logs of runs."""
_FOR_THE_LOG = frozenset({"model_said", "messages_changed", "records_changed"})
"""Facts of single records and messages: in the log, not on the terminal."""


class UpLog:
    """An `Emit`. Called from any thread. Args: say: prints a line for people; None: nothing is printed."""

    def __init__(self, folder: Path, say: Callable[[str], None] | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._say = say
        self._handler = logging.handlers.RotatingFileHandler(
            folder / "up.ndjson", maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8"
        )
        self._handler.setFormatter(logging.Formatter("%(message)s"))

    def __call__(self, event: Event) -> None:
        """Write an event down."""
        if event.name in _SILENT and not event.data.get("failed"):
            return
        at = datetime.now(UTC)
        line = {"at": at.isoformat(), "event": event.name, "subject": event.subject, **event.data}
        text = json.dumps(line, ensure_ascii=False, default=str)
        self._handler.handle(logging.makeLogRecord({"msg": text, "levelno": logging.INFO}))
        if self._say is not None and event.name not in _FOR_THE_LOG:
            self._say(f"{at:%H:%M:%S} {event.name.replace('_', ' ')}  {event.subject}{_shown(event)}")

    def close(self) -> None:
        """Close the file."""
        self._handler.close()


def _shown(event: Event) -> str:
    shown = ", ".join(f"{key} {value}" for key, value in event.data.items() if key != "traceback")
    return f"  {shown}" if shown else ""
