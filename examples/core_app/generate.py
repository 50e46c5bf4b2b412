"""Make what the core_app example needs beside its files: secrets, anew for each project, readable by their owner alone."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

TEXTS = ("webshop/signature", "marketplace/token")
HOOKS = ("webshop/hook", "marketplace/hook")


def generate(into: Path) -> dict[str, int]:
    """Write the secrets of both shops; what is there is kept."""
    folder = into / ".entrepot" / "secrets"
    made = [_write(folder / name, secrets.token_urlsafe(32)) for name in TEXTS]
    made += [_write(folder / name, "whsec_" + base64.b64encode(os.urandom(32)).decode()) for name in HOOKS]
    return {"secrets": sum(made)}


def _write(path: Path, text: str) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        return False
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return True
