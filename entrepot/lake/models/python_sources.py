"""The Python text that a model runs: its own file, and the modules of the project's `lib/` that it imports."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

from entrepot.kernel.errors import Place, ProjectError
from entrepot.lake.models.python_names import imported_modules, parse_python

_TAKEN = sys.stdlib_module_names | {"entrepot", "pyarrow"}


@dataclass(frozen=True, slots=True)
class SourceText:
    """One Python file as it was read: this text runs, whatever becomes of the file meanwhile."""

    module: str
    """Its name in imports; that of the model's own file is empty."""
    path: Path
    text: str
    is_package: bool = False

    def tree(self) -> ast.Module:
        """The text parsed."""
        return parse_python(self.text, self.path)


def read_python(path: Path, module: str = "") -> SourceText:
    """Read a file. Raises: ProjectError when it is not UTF-8, or no Python."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProjectError(f"the file is not UTF-8 (byte {error.start}).", place=Place(path)) from error
    source = SourceText(module, path, text, is_package=path.name == "__init__.py" and bool(module))
    source.tree()
    return source


def collect_library(tree: ast.Module, library: Path) -> tuple[SourceText, ...]:
    """Read every module below `library` that a file imports, and that those import; of a package all its files.

    What is not found here comes from what is installed. Raises: ProjectError.
    """
    found: dict[str, SourceText] = {}
    waiting, seen = sorted(imported_modules(tree)), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for source in _read_module(name, library):
            found[source.module] = source
            waiting += sorted(imported_modules(source.tree()) - seen)
    return tuple(found[module] for module in sorted(found))


def _read_module(name: str, library: Path) -> list[SourceText]:
    file, folder = library / f"{name}.py", library / name
    paths = sorted(folder.rglob("*.py")) if folder.is_dir() else []
    if not paths and not file.is_file():
        return []
    if name in _TAKEN:
        raise ProjectError(
            f"{name} is the name of a module that is there already, so an import of it could mean either.",
            place=Place(file if file.is_file() else folder),
            hint="Rename it.",
        )
    if not paths:
        return [read_python(file, name)]
    if file.is_file() or folder / "__init__.py" not in paths:
        raise ProjectError(
            f"{name} is both a file and a folder." if file.is_file() else f"the folder {name} is no package.",
            place=Place(folder),
            hint="Take one of them away." if file.is_file() else "Add an empty __init__.py to it.",
        )
    return [read_python(path, _module_name(path, library)) for path in paths]


def _module_name(path: Path, library: Path) -> str:
    parts = path.relative_to(library).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
