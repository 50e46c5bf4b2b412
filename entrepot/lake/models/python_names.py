"""What names in a Python file mean, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from entrepot.kernel.errors import Place, ProjectError

VOLATILE_CALLS = frozenset(
    [
        "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
        "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "uuid.uuid1", "uuid.uuid4",
        "os.urandom", "os.getpid", "secrets.token_hex", "secrets.token_bytes", "secrets.token_urlsafe",
        "secrets.randbelow", "secrets.choice", "pandas.Timestamp.now", "pandas.Timestamp.today",
        "pandas.Timestamp.utcnow",
    ]
)  # fmt: skip
"""Calls that answer differently from day to day, which two runs of the same minute would not show."""


class Names:
    """The names that a file's imports bind, wherever in it they stand."""

    def __init__(self, tree: ast.Module) -> None:
        self._meanings: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.asname or alias.name.partition(".")[0]
                    self._meanings[bound] = alias.name if alias.asname else bound
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                for alias in node.names:
                    self._meanings[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def find_meaning(self, node: ast.expr) -> str | None:
        """The full name of `pa.Table`, `Table` or `"pa.Table"`; None when it is no name from an import."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                node = ast.parse(node.value, mode="eval").body
            except SyntaxError:
                return None
        if isinstance(node, ast.Name):
            return self._meanings.get(node.id)
        if isinstance(node, ast.Attribute):
            before = self.find_meaning(node.value)
            return None if before is None else f"{before}.{node.attr}"
        return None


def parse_python(text: str, path: Path) -> ast.Module:
    """Parse a file. Raises: ProjectError with line and column of what is no Python."""
    try:
        return ast.parse(text, filename=str(path))
    except SyntaxError as error:
        raise ProjectError(
            f"this is not Python: {error.msg}.", place=Place(path, error.lineno, error.offset)
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:  # a null byte, or brackets without end
        raise ProjectError("the file cannot be read as Python.", place=Place(path)) from error


def imported_modules(tree: ast.Module) -> frozenset[str]:
    """The first names of all modules that a file imports, `a` of `import a.b`; relative imports stay in their package."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return frozenset(found)


def find_volatile_calls(tree: ast.Module, path: Path) -> Iterator[ProjectError]:
    """Calls of the clock and their kin, each with its place."""
    names = Names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (meaning := names.find_meaning(node.func)) in VOLATILE_CALLS:
            yield ProjectError(
                f"{meaning}() gives another value at every run, so the same rows would give other results.",
                place=Place(path, node.lineno, node.col_offset + 1),
                hint="Take the moment from a column of the data; measure times with time.perf_counter(); or say deterministic=False.",
            )


def place_of(path: Path, node: ast.expr | ast.stmt | ast.arg | ast.keyword) -> Place:
    """Where a node stands."""
    return Place(path, node.lineno, node.col_offset + 1)
