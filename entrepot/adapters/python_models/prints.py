"""What a model's function prints, handed to the run's log line by line."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import IO

Log = Callable[[str], None]
"""Called from a thread of its own, for each line as it comes."""

MOST_LINES = 1_000
MOST_CHARACTERS = 2_000


class Prints(threading.Thread):
    """Reads to the end, whatever comes; keeps the last lines, to tell why a process ended."""

    def __init__(self, stream: IO[bytes] | None, log: Log) -> None:
        super().__init__(name="prints", daemon=True)
        assert stream is not None
        self._stream = stream
        self._log = log
        self._lines: deque[str] = deque(maxlen=40)

    @property
    def last_lines(self) -> tuple[str, ...]:
        """What was printed last."""
        return tuple(self._lines)

    def run(self) -> None:
        """Read all."""
        count = 0
        with self._stream:
            while raw := self._stream.readline(MOST_CHARACTERS):
                line = raw.decode(errors="replace").rstrip()
                self._lines.append(line)
                count += 1
                if count <= MOST_LINES:
                    self._log(line)
        if count > MOST_LINES:
            self._log(f"({count - MOST_LINES:,} more lines were printed)")
