"""Identifiers and content hashes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any


def hash_text(*parts: str) -> str:
    """Hash texts to 16 hexadecimal digits; the border between parts counts."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()[:16]


def hash_json(value: Mapping[str, Any]) -> str:
    """Hash a JSON-like mapping independently of the order of its keys."""
    return hash_text(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str))


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_run_id(now: datetime) -> str:
    """A run's id: sorts by time and is readable, `20261121T131502-3f9c2a`."""
    return f"{now:%Y%m%dT%H%M%S}-{os.urandom(3).hex()}"


def new_token() -> str:
    """A random name for a file or a lease holder."""
    return uuid.uuid4().hex[:12]


class RecordIds:
    """UUIDs of version 7: they sort by time, also within a millisecond and when the clock goes back. One per process; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def new(self, now_us: int) -> str:
        """A new id. Args: now_us: microseconds since 1970."""
        # 48 bits of milliseconds, then 12 bits of the microseconds within, as RFC 9562 §6.2 allows (method 3)
        millis, micros = divmod(now_us, 1000)
        at = (millis << 12) | (micros * 4096 // 1000)
        with self._lock:
            at = self._last = max(at, self._last + 1)
        number = ((at >> 12) << 80) | (0x7 << 76) | ((at & 0xFFF) << 64) | (0b10 << 62) | secrets.randbits(62)
        text = f"{number:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def several(self, times_us: Sequence[int]) -> list[bytes]:
        """New ids as 16 bytes each, in order: many at once are cheap. Args: times_us: microseconds since 1970."""
        chance = os.urandom(8 * len(times_us))
        found = []
        with self._lock:
            last = self._last
            for start, now_us in enumerate(times_us):
                millis, micros = divmod(now_us, 1000)
                last = max((millis << 12) | (micros * 4096 // 1000), last + 1)
                bits = int.from_bytes(chance[start * 8 : start * 8 + 8], "big") >> 2
                number = ((last >> 12) << 80) | (0x7 << 76) | ((last & 0xFFF) << 64) | (0b10 << 62) | bits
                found.append(number.to_bytes(16, "big"))
            self._last = last
        return found


_record_ids = RecordIds()


def new_record_id(now_us: int) -> str:
    """An id for a record or a message, later ones sort after earlier ones of this process. Args: now_us: microseconds since 1970."""
    return _record_ids.new(now_us)


def new_record_ids(times_us: Sequence[int]) -> list[bytes]:
    """As `new_record_id`, many at once and as 16 bytes each."""
    return _record_ids.several(times_us)
