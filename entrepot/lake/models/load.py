"""Read `models/<layer>/<name>.sql` and `.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from entrepot.kernel.errors import EntrepotError, Place, ProjectError, raise_all
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.lake.models.head import read_head
from entrepot.lake.models.model import Model, make_model, make_python_model
from entrepot.lake.models.python_body import load_python_body
from entrepot.sql.checks import find_faults
from entrepot.sql.macros.expand import expand_macros
from entrepot.sql.query import parse_query

MODEL_LAYERS = ("silver", "gold")
LIBRARY = "lib"
"""The project's folder of Python modules that models share."""


def load_models(folder: Path) -> tuple[Model, ...]:
    """Read all models below `folder`, ordered by path; none when there is no such folder.

    Raises: ProjectError, or ManyErrors with everything that is wrong in all files.
    """
    models: list[Model] = []
    errors: list[EntrepotError] = []
    for path in _find_files(folder):
        try:
            models.append(load_model(path, folder))
        except EntrepotError as error:
            errors.extend(getattr(error, "errors", None) or [error])
    raise_all(errors)
    return tuple(models)


def load_model(path: Path, folder: Path) -> Model:
    """Read one model's file; its name follows from its place below `folder`.

    Raises: ProjectError, or ManyErrors.
    """
    name = _name_of(path, folder)
    if path.suffix == ".py":
        return make_python_model(name, load_python_body(path, folder.parent / LIBRARY))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProjectError(f"the file is not UTF-8 (byte {error.start}).", place=Place(path)) from error
    head = read_head(text, path)
    if head.name is not None and head.name != name:
        raise head.document.error(
            f"the head says {head.name}, but the file's place says {name}.", "name", hint="Rename one of them."
        )
    query = parse_query(expand_macros(text, path), path)
    raise_all(find_faults(query))
    model = make_model(
        name,
        head.kind,
        query,
        path,
        driving=head.driving,
        partition=head.partition,
        history=head.history,
        incremental=head.incremental,
        contract=head.contract,
        description=head.description,
    )
    if head.driving is not None and head.driving not in model.inputs:
        names = ", ".join(map(str, model.inputs)) or "nothing"
        raise head.document.error(f"the SELECT does not read {head.driving}; it reads {names}.", "driving")
    return model


def _find_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        if path.is_file() and path.suffix in (".sql", ".py") and not hidden:
            yield path


def _name_of(path: Path, folder: Path) -> Dataset:
    layer = path.relative_to(folder).parts[0]
    if layer not in MODEL_LAYERS:
        raise ProjectError(
            f"a model stands in a folder of its layer ({', '.join(MODEL_LAYERS)}); this one stands in {layer!r}.",
            place=Place(path),
            hint=f"Move it to models/silver/{path.name}. What sources bring becomes bronze by itself.",
        )
    try:
        return parse_dataset(f"{layer}.{path.stem}")
    except ValueError as error:
        raise ProjectError(str(error), place=Place(path), hint="Rename the file.") from error
