"""Every command that a page or a message names can be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from entrepot.app.cli.commands import app

SPAN = re.compile(r"`(entrepot [a-z][^`]*)`")
BLOCK = re.compile(r"```console\n(.*?)```", flags=re.DOTALL)
HINT = re.compile(
    r"(?:: |`)(entrepot (?:new|check|plan|run|status|query|rejects|connectors|contract|doctor|kpis|quality|explain|lineage|test|docs|macros)\b[^`\"'.,…\\]*)"
)


def find_in_pages(repository: Path) -> list[tuple[str, str]]:
    """Pairs of page and command."""
    found = []
    for page in [*repository.glob("*.md"), *(repository / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines() if line.startswith("entrepot ")]
        found += [(str(page.relative_to(repository)), line) for line in [*SPAN.findall(text), *lines]]
    return found


def find_in_messages(repository: Path) -> list[tuple[str, str]]:
    """Pairs of module and command, from hints and messages in the code."""
    return [
        (str(path.relative_to(repository)), match.group(1))
        for path in (repository / "entrepot").rglob("*.py")
        for match in HINT.finditer(path.read_text(encoding="utf-8"))
    ]


def find_fault(line: str) -> str | None:
    """What is wrong with a command: an unknown verb, an unknown option; None when it can be typed."""
    command: Any = typer.main.get_command(app)
    for word in split(line)[1:]:
        commands = getattr(command, "commands", None)
        if commands is not None and not word.startswith("-"):
            if word not in commands:
                return f"there is no command {word!r}"
            command = commands[word]
        elif word.startswith("--"):
            known = {opt for parameter in command.params for opt in (*parameter.opts, *parameter.secondary_opts)}
            if word.partition("=")[0] not in known | {"--help"}:
                return f"there is no option {word}"
    return None


def split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


@pytest.mark.parametrize("find", [find_in_pages, find_in_messages])
def test_every_named_command_can_be_typed(repository: Path, find: Any) -> None:
    """Pages and hints name only commands and options that exist."""
    named = find(repository)
    assert named
    faults = [f"{where}: {line}: {fault}" for where, line in named if (fault := find_fault(line))]
    assert faults == []


@pytest.mark.parametrize("line", ["entrepot fly", "entrepot run --again FILE --nonsense", "entrepot rejects burn X"])
def test_a_command_that_does_not_exist_is_found(line: str) -> None:
    """The check itself can fail."""
    assert find_fault(line) is not None
