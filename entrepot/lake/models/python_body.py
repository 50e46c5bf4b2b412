"""A model's body in Python: a function marked with `@model(…)`, read without running anything of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from entrepot.kernel.errors import Place, ProjectError, raise_all
from entrepot.kernel.ids import hash_text
from entrepot.kernel.names import Dataset
from entrepot.lake.models.python_mark import Mark, find_mark, read_mark
from entrepot.lake.models.python_names import Names, find_volatile_calls, place_of
from entrepot.lake.models.python_sources import SourceText, collect_library, read_python


class InputForm(StrEnum):
    """As what a parameter gets its rows: its annotation."""

    TABLE = "pyarrow.Table"
    BATCHES = "pyarrow.RecordBatchReader"
    """Streamed: the function holds no more than it keeps."""
    POLARS = "polars.DataFrame"
    LAZY = "polars.LazyFrame"
    PANDAS = "pandas.DataFrame"


@dataclass(frozen=True, slots=True)
class PythonBody:
    """A function of named datasets. It is of kind `full`, always."""

    path: Path
    function: str
    line: int
    inputs: Mapping[str, Dataset]
    """Parameter → dataset."""
    forms: Mapping[str, InputForm]
    """Parameter → as what it gets the rows."""
    sources: tuple[SourceText, ...]
    """Its own file first, then what it imports of the project's library."""
    hash: str
    """Of what runs: the code without comments and layout, and the inputs; not of memory, time and description."""
    deterministic: bool = True
    memory_mb: int = 1024
    timeout_s: float = 600
    contract: Dataset | None = None
    description: str | None = None

    @property
    def place(self) -> Place:
        """Where the function stands."""
        return Place(self.path, self.line)


def load_python_body(path: Path, library: Path) -> PythonBody:
    """Read a model's file.

    Args: library: the project's folder of modules that models share; it need not exist.
    Raises: ProjectError, or ManyErrors, with line and column of what is wrong.
    """
    own = read_python(path)
    tree = own.tree()
    names = Names(tree)
    function, call = find_mark(tree, names, path)
    mark = read_mark(call, path)
    forms, errors = _read_parameters(function, mark, names, path)
    errors += _find_relative_imports(tree, path)
    raise_all(errors)
    sources = (own, *collect_library(tree, library))
    if mark.deterministic:
        raise_all(fault for source in sources for fault in find_volatile_calls(source.tree(), source.path))
    return PythonBody(
        path=path,
        function=function.name,
        line=function.lineno,
        inputs=mark.inputs,
        forms=forms,
        sources=sources,
        hash=_hash(function, call, mark, tree, sources),
        deterministic=mark.deterministic,
        memory_mb=mark.memory_mb,
        timeout_s=mark.timeout_s,
        contract=mark.contract,
        description=mark.description,
    )


def _read_parameters(
    function: ast.FunctionDef, mark: Mark, names: Names, path: Path
) -> tuple[dict[str, InputForm], list[ProjectError]]:
    parameters = {parameter.arg: parameter for parameter in (*function.args.args, *function.args.kwonlyargs)}
    errors = list(_find_misfits(function, parameters, mark, path))
    forms = {}
    for name in mark.inputs:
        try:
            if name in parameters:
                forms[name] = _read_form(parameters[name], names, path)
        except ProjectError as error:
            errors.append(error)
    return forms, errors


def _find_misfits(
    function: ast.FunctionDef, parameters: Mapping[str, ast.arg], mark: Mark, path: Path
) -> Iterator[ProjectError]:
    for odd in (*function.args.posonlyargs, function.args.vararg, function.args.kwarg):
        if odd is not None:
            said = f"the parameter {odd.arg} cannot be given by its name; inputs are."
            yield ProjectError(said, place=place_of(path, odd), hint="Name each input as a plain parameter.")
    optional = _with_default(function.args)
    for name, parameter in parameters.items():
        if name not in mark.inputs and name not in optional:
            yield ProjectError(
                f"the parameter {name} is not among the inputs.",
                place=place_of(path, parameter),
                hint=f'Add it to the mark: inputs={{"{name}": "layer.dataset"}}.',
            )
    for name in mark.inputs:
        if name not in parameters:
            said = f"{function.name}() has no parameter {name}, which is among the inputs."
            yield ProjectError(said, place=place_of(path, function))


def _with_default(arguments: ast.arguments) -> frozenset[str]:
    """Parameters that need not be given: a test may give them, the platform never does."""
    positional = arguments.args[len(arguments.args) - len(arguments.defaults) :] if arguments.defaults else []
    named = [name for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value is not None]
    return frozenset(parameter.arg for parameter in (*positional, *named))


def _read_form(parameter: ast.arg, names: Names, path: Path) -> InputForm:
    if parameter.annotation is None:
        return InputForm.TABLE
    meaning = names.find_meaning(parameter.annotation)
    if meaning in tuple(InputForm):
        return InputForm(meaning)
    raise ProjectError(
        f"the parameter {parameter.arg} is annotated {ast.unparse(parameter.annotation)}; allowed are {', '.join(InputForm)}.",
        place=place_of(path, parameter.annotation),
        hint="Import the type by its library, such as: import pyarrow as pa",
    )


def _find_relative_imports(tree: ast.Module, path: Path) -> Iterator[ProjectError]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield ProjectError(
                "a model's file is no part of a package, so it has nothing beside it to import.",
                place=place_of(path, node),
                hint="Put what models share into lib/, and import it by its name.",
            )


def _hash(
    function: ast.FunctionDef, call: ast.Call, mark: Mark, tree: ast.Module, sources: tuple[SourceText, ...]
) -> str:
    """Comments and layout do not count, nor does what the decorator says of memory, time and description."""
    function.decorator_list.remove(call)
    inputs = [part for name, dataset in mark.inputs.items() for part in (name, str(dataset))]
    library = [part for source in sources[1:] for part in (source.module, ast.unparse(source.tree()))]
    return hash_text("python", function.name, ast.unparse(tree), str(len(inputs)), *inputs, *library)
