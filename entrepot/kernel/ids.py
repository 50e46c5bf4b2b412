"""Identifiers and content hashes."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
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
