"""The administrator's token: made once, shown once, kept as a hash.

The token has 256 random bits, so that a plain hash of it tells nothing and needs no salt. The file is looked at for each request
(and read when it is another one), so that a new or revoked token counts at once in every process.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.ids import new_token as new_name
from entrepot.ports.access import Principal

FILE = "administrator.json"
PREFIX = "entrepot_"
ADMINISTRATOR = Principal("administrator", is_administrator=True)


class AdministratorToken:
    """The token of one project. Called from several threads and processes."""

    def __init__(self, runtime: Path) -> None:
        """Args: runtime: the project's `.entrepot/`."""
        self._path = runtime / FILE
        self._seen: tuple[tuple[int, int, int], str | None] | None = None

    @property
    def exists(self) -> bool:
        """True when a token was made once, be it revoked since."""
        return self._path.exists()

    def ensure(self, now: datetime) -> str | None:
        """Make a token if there never was one; return its text, which nobody can ask for again, or None when there was one."""
        if self.exists:
            return None
        token = _new_text()
        return token if self._write(token, now, replace=False) else None

    def renew(self, now: datetime) -> str:
        """Make another token in place of the present one; return its text."""
        token = _new_text()
        self._write(token, now, replace=True)
        return token

    def revoke(self, now: datetime) -> None:
        """Let nobody in until the next `renew`."""
        self._write(None, now, replace=True)

    def __call__(self, headers: Mapping[str, str]) -> Principal | None:
        """`ports.access.Authenticate`: the administrator behind `Authorization: Bearer …`."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        known = self._hash()
        if known is None or scheme.lower() != "bearer":
            return None
        return ADMINISTRATOR if hmac.compare_digest(_digest(token.strip()), known) else None

    def _hash(self) -> str | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        print_of_file = (found.st_ino, found.st_mtime_ns, found.st_size)
        if self._seen is None or self._seen[0] != print_of_file:
            self._seen = (print_of_file, self._read())
        return self._seen[1]

    def _read(self) -> str | None:
        try:
            value = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # what cannot be read lets nobody in
            return None
        digest = value.get("sha256") if isinstance(value, dict) else None
        return digest if isinstance(digest, str) else None

    def _write(self, token: str | None, now: datetime, *, replace: bool) -> bool:
        """Write the hash for the owner's eyes only; False when another process was first and may not be replaced."""
        content = {"sha256": None if token is None else _digest(token), "at": now.isoformat()}
        folder = self._path.parent
        aside = folder / f".{new_name()}.tmp"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
            if not _place(aside, self._path, replace=replace):
                return False
        except OSError as error:
            raise ProjectError(
                f"the administrator's token cannot be kept in {folder}: {error.strerror}.",
                hint="Look at free space and permissions of the folder.",
            ) from error
        _sync(folder)
        return True


def _place(aside: Path, path: Path, *, replace: bool) -> bool:
    if replace:
        aside.replace(path)
        return True
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    return True


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _new_text() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
