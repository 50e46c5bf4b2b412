"""Small durable documents, one file each: operations, receipts, previews. Several processes may write side by side."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from entrepot.intake.landing.durable import make_folder, sync_folder, write_durably
from entrepot.kernel.errors import SystemError_
from entrepot.kernel.ids import new_token

Paper = Mapping[str, Any]
_HIDDEN = "."


class Papers:
    """A folder of JSON documents. Called from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, paper: Paper) -> None:
        """Keep a document durably, over an older one. Raises: SystemError_ when the disk refuses."""
        with _translated(self._folder):
            make_folder(self._folder)
            write_durably(self._path(name), _text(paper))

    def add(self, names: Callable[[int], str], make: Callable[[str], Paper]) -> str:
        """Keep a document under the first name after those that are taken; return the name.

        Args: names: the name of a number. make: the document, once its name is known.
        """
        with _translated(self._folder):
            make_folder(self._folder)
            number = self._highest() + 1
            while not self._link(names(number), make(names(number))):
                number += 1
            return names(number)

    def read(self, name: str) -> Paper | None:
        """The document of that name; None when there is none that can be read."""
        try:
            found = json.loads(self._path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def take(self, name: str) -> bool:
        """Remove a document; True for the one caller who did."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            return False
        with _translated(self._folder):
            sync_folder(self._folder)
        return True

    def names(self) -> list[str]:
        """All names, the greatest first."""
        return sorted((path.stem for path in self._files()), reverse=True)

    def _files(self) -> Iterator[Path]:
        if self._folder.is_dir():
            yield from (path for path in self._folder.glob("*.json") if not path.name.startswith(_HIDDEN))

    def _highest(self) -> int:
        """The greatest number in use: one that was given is never given again, though its document was taken away."""
        return max((int("".join(filter(str.isdigit, path.stem)) or 0) for path in self._files()), default=0)

    def _link(self, name: str, paper: Paper) -> bool:
        aside = self._folder / f".{new_token()}.tmp"
        with aside.open("wb") as file:
            file.write(_text(paper))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, self._path(name))
        except FileExistsError:
            return False
        finally:
            aside.unlink()
        sync_folder(self._folder)
        return True

    def _path(self, name: str) -> Path:
        if not name or "/" in name or "\\" in name or "\0" in name or name.startswith(_HIDDEN) or len(name) > 100:
            return self._folder / ".none" / "none.json"
        return self._folder / f"{name}.json"


class _translated:
    """The disk's refusals as ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise SystemError_(
                f"{self._folder.name} cannot be written: {error.strerror}.",
                hint="Look at free space and permissions of .entrepot/.",
            ) from error


def _text(paper: Paper) -> bytes:
    return json.dumps(paper, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
