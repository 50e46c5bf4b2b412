"""Find and read a function's `@model(…)`. Its values are read as they are written, never computed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from entrepot.kernel.errors import Place, ProjectError
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.lake.models.python_names import Names, place_of

DECORATOR = "entrepot.models.model"
LEAST_MEMORY_MB = 16
_EXAMPLE = 'from entrepot.models import model, and above one function: @model(inputs={"sales": "silver.sales"})'


@dataclass(slots=True)
class Mark:
    """What the decorator says."""

    inputs: Mapping[str, Dataset] = field(default_factory=dict)
    kind: str = "full"
    contract: Dataset | None = None
    description: str | None = None
    deterministic: bool = True
    memory_mb: int = 1024
    timeout_s: float = 600


def find_mark(tree: ast.Module, names: Names, path: Path) -> tuple[ast.FunctionDef, ast.Call]:
    """The one function that is marked, and the call that marks it. Raises: ProjectError when there is not exactly one."""
    found: list[tuple[ast.FunctionDef, ast.Call]] = []
    for node in tree.body:
        for decorator in getattr(node, "decorator_list", ()):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if names.find_meaning(called) != DECORATOR:
                continue
            if not isinstance(decorator, ast.Call):
                raise ProjectError("@model says nothing about inputs.", place=place_of(path, decorator), hint=_EXAMPLE)
            if not isinstance(node, ast.FunctionDef):
                raise ProjectError("a model is a plain function (def).", place=place_of(path, node))
            found.append((node, decorator))
    if not found:
        raise ProjectError("no function here is marked as the model.", place=Place(path), hint=f"Write {_EXAMPLE}")
    if len(found) > 1:
        raise ProjectError(
            f"{found[1][0].name}() is marked as a model, and so is {found[0][0].name}(); a file holds one.",
            place=place_of(path, found[1][0]),
            hint="Give each a file of its own; what they share goes into lib/.",
        )
    return found[0]


def read_mark(call: ast.Call, path: Path) -> Mark:
    """Read the decorator's arguments. Raises: ProjectError with the place of the first that is wrong."""
    if call.args:
        raise ProjectError("@model takes arguments by name only.", place=place_of(path, call.args[0]), hint=_EXAMPLE)
    mark = Mark()
    for keyword in call.keywords:
        name = keyword.arg or "**"
        if name not in _READERS:
            near = get_close_matches(name, _READERS, n=1)
            meant = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(_READERS)}."
            raise ProjectError(f"@model has no argument {name}.", place=place_of(path, keyword), hint=meant)
        try:
            setattr(mark, name, _READERS[name](_literal(keyword, path)))
        except ValueError as error:
            raise ProjectError(f"@model: {name} {error}", place=place_of(path, keyword)) from error
    if not mark.inputs:
        raise ProjectError(
            "@model names no inputs, so nothing says when the model is to be computed.",
            place=place_of(path, call),
            hint='Add for example: inputs={"sales": "silver.sales"}',
        )
    return mark


def _literal(keyword: ast.keyword, path: Path) -> Any:
    try:
        return ast.literal_eval(keyword.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ProjectError(
            f"@model: {keyword.arg} is computed; the file is read without being run.",
            place=place_of(path, keyword.value),
            hint="Write the value out.",
        ) from error


def _inputs(value: Any) -> Mapping[str, Dataset]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for pair in value.items() for name in pair):
        raise ValueError('is a mapping of parameters to datasets, such as {"sales": "silver.sales"}.')
    for name in value:
        if not name.isidentifier():
            raise ValueError(f"holds {name!r}, which cannot be a parameter's name.")
    return {name: parse_dataset(dataset) for name, dataset in value.items()}


def _kind(value: Any) -> str:
    if value != "full":
        raise ValueError(
            f"is {value!r}; a model in Python is of kind full. Put what is to be incremental or a history into a SELECT over it."
        )
    return "full"


def _contract(value: Any) -> Dataset | None:
    return None if value is None else parse_dataset(str(value))


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("is a text.")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is True or False.")
    return value


def _memory(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < LEAST_MEMORY_MB:
        raise ValueError(f"is a whole number of megabytes, at least {LEAST_MEMORY_MB}.")
    return value


def _seconds(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < float("inf"):
        raise ValueError("is a number of seconds greater than 0.")
    return value


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "inputs": _inputs,
    "kind": _kind,
    "contract": _contract,
    "description": _text,
    "deterministic": _truth,
    "memory_mb": _memory,
    "timeout_s": _seconds,
}
