"""What a handler prints."""

from __future__ import annotations

import threading
from collections import deque
from typing import IO


class Prints(threading.Thread):
    """Reads what a handler prints, and keeps only the last lines: they may hold values, and tell why a process ended."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(name="handler-prints", daemon=True)
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=20)

    @property
    def last_lines(self) -> tuple[str, ...]:
        """What was printed last."""
        return tuple(self._lines)

    def run(self) -> None:
        """Read to the end, whatever comes."""
        held = b""
        with self._stream:
            while piece := self._stream.read(1 << 16):
                *lines, held = (held + piece).split(b"\n")
                held = held[-2_000:]
                self._lines.extend(line[:2_000].decode(errors="replace").rstrip() for line in lines[-20:])
        if held:
            self._lines.append(held.decode(errors="replace"))
