"""What a handler's process is doing just now, in memory that the platform sees too: so it knows which record ended or held it."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time

_FORM = struct.Struct("=qd")
IDLE = -1
LOADING = -2


class Slot:
    """The number of the record that is being handled, and when that began (monotonic seconds, which all processes of a machine share)."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, _FORM.size)

    @classmethod
    def make(cls) -> Slot:
        """A new one, on a file without a name."""
        with tempfile.TemporaryFile() as file:
            file.truncate(_FORM.size)
            slot = cls(os.dup(file.fileno()))
        slot.begin(LOADING)
        return slot

    def begin(self, number: int) -> None:
        """Note what is done from now on."""
        _FORM.pack_into(self._memory, 0, number, time.monotonic())

    def read(self) -> tuple[int, float]:
        """The number, and since when."""
        while (found := _FORM.unpack_from(self._memory)) != _FORM.unpack_from(self._memory):
            pass
        return int(found[0]), float(found[1])

    def close(self) -> None:
        """Let it go."""
        self._memory.close()
        os.close(self.descriptor)
