"""Example projects that come with the package: a folder of files each, and a generator of its data.

In a checkout they stand in `examples/` beside the package; in a wheel they are put into this folder.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from entrepot.kernel.errors import SystemError_, UsageError

GENERATOR = "generate.py"
_LEFT_OUT = shutil.ignore_patterns(GENERATOR, "__pycache__", "*.pyc", ".entrepot", "storage", "later", "dirt.json")


@dataclass(frozen=True, slots=True)
class Example:
    """One example project. `title` is its description in entrepot.yaml."""

    name: str
    title: str
    folder: Path


def list_examples() -> tuple[Example, ...]:
    """All examples, by name."""
    folders = sorted(path.parent for path in _root().glob("*/entrepot.yaml"))
    return tuple(Example(folder.name, _title(folder), folder) for folder in folders)


def find_example(name: str) -> Example:
    """The example of that name. Raises: UsageError that lists what there is."""
    examples = list_examples()
    for example in examples:
        if example.name == name:
            return example
    names = ", ".join(example.name for example in examples)
    raise UsageError(f"there is no example {name!r}.", hint=f"There are: {names}.")


def copy_example(name: str, into: Path) -> Example:
    """Copy an example's files into a folder, which is made or must be empty. Its data are made by `generate_data`.

    Raises: UsageError when there is no such example, or the folder holds something.
    """
    example = find_example(name)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UsageError(f"{into} is not empty.", hint="Name a folder that does not exist yet.")
    shutil.copytree(example.folder, into, ignore=_LEFT_OUT, dirs_exist_ok=True)
    return example


def generate_data(example: Example, into: Path, **sizes: int) -> dict[str, Any]:
    """Make the example's data in a project's folder; the same sizes give the same bytes.

    Args: sizes: for retail: seed, stores, products, days.
    Returns: what was made, and what is wrong with it, in numbers; nothing when the example has no generator.
    """
    path = example.folder / GENERATOR
    spec = spec_from_file_location(f"entrepot_example_{example.name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        return {}
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
        made: dict[str, Any] = module.generate(into, **sizes)
    finally:
        del sys.modules[spec.name]
    return made


def _root() -> Path:
    """The folder of examples: this one in a wheel, `examples/` beside the package in a checkout."""
    here = Path(__file__).resolve().parent
    for root in (here, here.parent.parent / "examples"):
        if any(root.glob("*/entrepot.yaml")):
            return root
    raise SystemError_("the example projects are not installed.", hint="Install the package again.")


def _title(folder: Path) -> str:
    from entrepot.kernel.documents import load_document

    return str(load_document(folder / "entrepot.yaml").value.get("description", folder.name))
