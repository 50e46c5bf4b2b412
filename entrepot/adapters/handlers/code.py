"""The Python text of a handler, and whether it has changed since."""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass
from pathlib import Path

from entrepot.adapters.handlers.frames import Code
from entrepot.kernel.errors import Place, ProjectError
from entrepot.kernel.ids import hash_text
from entrepot.lake.models.python_sources import SourceText, collect_library, read_python

LOOK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class HandlerCode:
    """What a handler's processes run: its own file, and the modules of `lib/` that it imports."""

    name: str
    codes: tuple[Code, ...]
    hash: str


def load_handler(root: Path, name: str) -> HandlerCode:
    """Read `handlers/NAME.py` of a project without running it.

    Raises: ProjectError when it is not there, is no Python, or has no function `handle`.
    """
    path = handler_path(root, name)
    if not path.is_file():
        raise ProjectError(
            f"there is no handlers/{name}.py, which the integration names as its handler.",
            place=Place(path),
            hint="Write it with a function `handle(record)`, or take `handler` out: then each JSON object is a row as it is.",
        )
    own = read_python(path)
    if not any(getattr(node, "name", None) == "handle" for node in own.tree().body) and "handle" not in own.text:
        raise ProjectError(
            "the handler has no function handle(record).", place=Place(path), hint="Add: def handle(record): …"
        )
    codes = tuple(_code(source, root) for source in (own, *collect_library(own.tree(), root / "lib")))
    return HandlerCode(name, codes, hash_text(*(str(part) for code in codes for part in astuple(code))))


def handler_path(root: Path, name: str) -> Path:
    """The file of a handler."""
    return root / "handlers" / f"{name}.py"


def _code(source: SourceText, root: Path) -> Code:
    shown = source.path.relative_to(root).as_posix()
    return Code(source.module, shown, source.text, source.is_package, str(source.path))


class WatchedHandler:
    """A handler's text as it stands on disk now; read anew only when a file of it, or of `lib/`, changed. For one thread."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root
        self._name = name
        self._looked_at = float("-inf")
        self._seen: tuple[object, ...] = ()
        self._code: HandlerCode | None = None

    def load(self) -> HandlerCode:
        """The newest text. Raises: as `load_handler`."""
        if self._code is not None and time.monotonic() - self._looked_at < LOOK_AGAIN_S:
            return self._code
        seen = self._look()
        if self._code is None or seen != self._seen:
            self._code = None
            self._code = load_handler(self._root, self._name)
        self._seen, self._looked_at = seen, time.monotonic()
        return self._code

    def _look(self) -> tuple[object, ...]:
        paths = [handler_path(self._root, self._name), *sorted((self._root / "lib").rglob("*.py"))]
        return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino
