"""Report the shape of the code: longest files, longest functions, size of rooms. For people to read; nothing fails."""

from __future__ import annotations

import ast
import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREES = ("entrepot", "tests", "benchmarks", "scripts", "examples")
SHOWN = 12


@dataclass(frozen=True, slots=True)
class File:
    """One Python file: path and number of lines."""

    path: Path
    lines: int


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method, docstring included."""

    name: str
    path: Path
    line: int
    lines: int


def find_files(tree: str) -> list[Path]:
    return sorted(path for path in (ROOT / tree).rglob("*.py") if "__pycache__" not in path.parts)


def find_functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(node.name, path, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)


def measure_file(path: Path) -> File:
    return File(path, len(path.read_text(encoding="utf-8").splitlines()))


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    depth = 3 if parts[:2] == ("entrepot", "adapters") else 2
    return "/".join(parts[: min(depth, len(parts) - 1)]) or parts[0]


def percentile(values: list[int], share: float) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def print_rooms(files: list[File], functions: list[Function]) -> None:
    sizes: dict[str, list[int]] = defaultdict(list)
    for file in files:
        sizes[room_of(file.path)].append(file.lines)
    per_room: dict[str, list[int]] = defaultdict(list)
    for function in functions:
        per_room[room_of(function.path)].append(function.lines)
    print(f"{'room':34} {'files':>6} {'lines':>7} {'longest':>8} {'functions':>10} {'median':>7} {'90th':>5}")
    for room in sorted(sizes):
        lengths = per_room[room]
        middle = int(statistics.median(lengths)) if lengths else 0
        print(
            f"{room:34} {len(sizes[room]):>6} {sum(sizes[room]):>7} {max(sizes[room]):>8} "
            f"{len(lengths):>10} {middle:>7} {percentile(lengths, 0.9):>5}"
        )


def print_longest(files: list[File], functions: list[Function]) -> None:
    print(f"\nlongest files (loved: 100-250 lines; {sum(file.lines > 250 for file in files)} are longer)")
    for file in sorted(files, key=lambda file: -file.lines)[:SHOWN]:
        print(f"  {file.lines:>5}  {file.path.relative_to(ROOT)}")
    print(f"\nlongest functions (loved: 5-30 lines; {sum(function.lines > 40 for function in functions)} have over 40)")
    for function in sorted(functions, key=lambda function: -function.lines)[:SHOWN]:
        print(f"  {function.lines:>5}  {function.path.relative_to(ROOT)}:{function.line} {function.name}")


def main() -> None:
    paths = [path for tree in TREES for path in find_files(tree)]
    files = [measure_file(path) for path in paths]
    functions = [function for path in paths for function in find_functions(path)]
    print_rooms(files, functions)
    print_longest(files, functions)


if __name__ == "__main__":
    main()
