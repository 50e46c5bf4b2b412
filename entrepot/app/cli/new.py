"""`entrepot new`: a project to start from."""

from __future__ import annotations

from pathlib import Path

from entrepot.app.cli.output import print_table, say
from entrepot.app.project import PROJECT_FILE
from entrepot.kernel.errors import UsageError

EMPTY = """\
name: {name}
namespace: {name}
time_zone: UTC
profiles:
  local: {{}}
"""
FOLDERS = ("contracts", "sources", "models/silver", "models/gold", "kpis", "storage")


def new_project(folder: Path | None, example: str | None, *, list_examples: bool) -> None:
    """Make the folder; with an example also its data."""
    from entrepot import examples

    if list_examples:
        print_table(None, ("example", "what it shows"), [(e.name, e.title) for e in examples.list_examples()])
        return
    if folder is None:
        raise UsageError(
            "which folder shall be made?", hint="entrepot new shop --example retail, or entrepot new --list"
        )
    if example is None:
        _make_empty(folder)
        say(
            f"made {folder}/. Describe a source in {folder}/sources/, a contract in {folder}/contracts/; then: entrepot check"
        )
        return
    found = examples.copy_example(example, folder)
    made = examples.generate_data(found, folder)
    say(f"made {folder}/ — {found.title}")
    for line in _describe(made):
        say(f"  {line}")
    say(f"\nNext:\n  cd {folder}\n  entrepot plan\n  entrepot run")


def _make_empty(folder: Path) -> None:
    if (folder / PROJECT_FILE).exists():
        raise UsageError(f"{folder} is a project already.", hint="Look at it with: entrepot check")
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / PROJECT_FILE).write_text(EMPTY.format(name=folder.resolve().name.lower().replace("-", "_")))
    (folder / ".gitignore").write_text(".entrepot/\nstorage/\nlogs/\nsite/\n")


def _describe(made: dict[str, object]) -> list[str]:
    """The generator's figures, those that are plain numbers."""
    return [f"{name.replace('_', ' ')}: {value:,}" for name, value in made.items() if isinstance(value, int)]
