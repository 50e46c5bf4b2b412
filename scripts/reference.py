"""Write docs/reference/: the commands from the Typer application, the connectors from their specs.

`--check` writes nothing and fails when a page is not current.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer.main

from entrepot.app.cli.commands import app
from entrepot.connectors import ConnectorSpec, FieldSpec, FormatSpec, load_connector

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by scripts/reference.py from the code; `make generate` writes it anew. -->\n"

EXIT_CODES = """
## Exit codes

| code | meaning |
|---|---|
| 0 | fine |
| 1 | data or a run failed |
| 2 | wrong usage, or the project's files are wrong |
| 3 | something outside is missing or cannot be reached |
"""


def render_cli() -> str:
    """Each command with its help, example, arguments and options."""
    root = typer.main.get_command(app)
    commands = [render_command(name, command) for name, command in walk(root, "entrepot")]
    return "".join([NOTE, "# Commands\n", *commands, EXIT_CODES])


def walk(command: Any, name: str) -> list[tuple[str, Any]]:
    """The command and those below it, by name."""
    found = [(name, command)]
    for key, child in sorted(getattr(command, "commands", {}).items()):
        if not child.hidden:
            found += walk(child, f"{name} {key}")
    return found


def render_command(name: str, command: Any) -> str:
    depth = "##" if name.count(" ") < 2 else "###"
    lines = [f"\n{depth} {name}\n\n", f"{plain(command.help)}\n"]
    example = plain(command.epilog).removeprefix("Example: ")
    if example:
        lines.append(f"\n```console\n{example}\n```\n")
    rows = [row for parameter in command.params if (row := render_parameter(parameter))]
    if rows:
        lines += ["\n| argument or option | meaning | default |\n|---|---|---|\n", *rows]
    return "".join(lines)


def render_parameter(parameter: Any) -> str | None:
    if getattr(parameter, "hidden", False) or "--help" in parameter.opts:
        return None
    is_option = any(opt.startswith("-") for opt in parameter.opts)
    names = ", ".join([*parameter.opts, *parameter.secondary_opts]) if is_option else parameter.name.upper()
    default = parameter.default if isinstance(parameter.default, str | int | float) else None
    shown = "" if default is None or default is False or default == "" else f"`{default}`"
    needed = " *(needed)*" if parameter.required else ""
    return f"| `{names}` | {cell(getattr(parameter, 'help', None))}{needed} | {shown} |\n"


def plain(text: str | None) -> str:
    """A help text as Markdown: the example stays as it is written."""
    return (text or "").replace("\b", "").replace("\f", "").strip()


def cell(text: Any) -> str:
    return " ".join(str(text or "").replace("|", "\\|").split())


def render_connectors() -> str:
    """Each built-in connector with its options, as its spec says."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        names = tomllib.load(file)["project"]["entry-points"]["entrepot.connectors"]
    return "".join([NOTE, "# Connectors\n", *(render_spec(name, load_connector(name)) for name in sorted(names))])


def render_spec(name: str, spec: ConnectorSpec) -> str:
    can = ", ".join(sorted(spec.capabilities)) or "reads"
    lines = [f"\n## {name}\n\n{plain(spec.summary)}\n\n{plain(spec.description)}\n\nCan: {can}.\n"]
    lines.append("\n| option | type | meaning | default |\n|---|---|---|---|\n")
    lines += render_fields(spec.fields, "")
    lines.append(f"\n```yaml\n{spec.example_yaml.strip()}\n```\n")
    lines += [render_format(one) for one in spec.formats]
    return "".join(lines)


def render_format(spec: FormatSpec) -> str:
    endings = ", ".join(f"`{extension}`" for extension in spec.extensions)
    lines = [f"\n### {spec.name}\n\n{plain(spec.summary)} Files: {endings}"]
    lines.append(", also with `.gz`, `.zst` or `.zip`" if spec.may_be_compressed else "")
    lines.append(f".\n\n{plain(spec.description)}\n")
    if spec.fields:
        lines.append("\n| option | type | meaning | default |\n|---|---|---|---|\n")
        lines += render_fields(spec.fields, f"{spec.name}.")
    lines.append(f"\n```yaml\n{spec.example_yaml.strip()}\n```\n")
    return "".join(lines)


def render_fields(fields: Iterable[FieldSpec], prefix: str) -> list[str]:
    """One line per option; options inside an option follow it as `outer.inner`."""
    lines = []
    for field in fields:
        kind = " or ".join(f"`{choice}`" for choice in field.choices) or field.type
        remarks = " *(needed)*" * field.required + " *(secret)*" * field.secret
        lines.append(
            f"| `{prefix}{field.name}` | {kind} | {cell(field.description)}{remarks} | {default_of(field)} |\n"
        )
        lines += render_fields(field.fields, f"{prefix}{field.name}.")
    return lines


def default_of(field: FieldSpec) -> str:
    if field.default is None or field.type in ("object", "objects", "mapping"):
        return ""
    if isinstance(field.default, tuple):
        return ", ".join(f"`{value}`" for value in field.default)
    return f"`{str(field.default).lower() if field.type == 'boolean' else field.default}`"


PAGES: dict[str, Callable[[], str]] = {"cli.md": render_cli, "connectors.md": render_connectors}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the pages are current")
    check = parser.parse_args().check
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, render in PAGES.items():
        page, text = FOLDER / name, render()
        if not check:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            sys.exit(f"docs/reference/{name} is not current. Write it anew with: make generate")


if __name__ == "__main__":
    main()
