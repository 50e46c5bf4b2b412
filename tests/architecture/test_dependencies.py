"""What the package says it needs is what it uses."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

IMPORT_NAMES = {
    "prometheus-client": "prometheus_client",
    "python-multipart": "python_multipart",
    "ruamel.yaml": "ruamel",
    "open-data-contract-standard": "open_data_contract_standard",
    "duckdb-extensions": "duckdb_extensions",
    "duckdb-extension-delta": "duckdb_extension_delta",
}
NEVER_IMPORTED = {"tzdata"}
"""Data only: read by the standard library."""


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    """The `[project]` table of pyproject.toml."""
    with (repository / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


def names_of(requirements: list[str]) -> set[str]:
    """Names in a list of requirements, without versions and extras."""
    found = (re.match(r"[A-Za-z0-9._-]+", text) for text in requirements)
    return {match.group() for match in found if match}


def imported_by(package: Path) -> set[str]:
    """Top-level names that the package imports from outside itself and the standard library."""
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"entrepot"}


def test_every_imported_library_is_declared(repository: Path, project: dict[str, Any]) -> None:
    """No library comes in by accident, as somebody else's dependency."""
    extras = [
        text
        for name, texts in project["optional-dependencies"].items()
        if name not in ("dev", "docs")
        for text in texts
    ]
    declared = {IMPORT_NAMES.get(name, name) for name in names_of(project["dependencies"] + extras)}
    assert imported_by(repository / "entrepot") - declared == set()


@pytest.mark.parametrize("lock", ["base", "dev", "docs"])
def test_every_declared_library_is_locked_with_hashes(repository: Path, project: dict[str, Any], lock: str) -> None:
    """Each lock pins each direct dependency, each pin has a hash, and no index address stands in it."""
    text = (repository / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    wanted = project["dependencies"] + (project["optional-dependencies"].get(lock, []) if lock != "base" else [])
    pins = re.findall(r"^([A-Za-z0-9._-]+)==.*\\$", text, flags=re.MULTILINE)
    locked = {name.lower().replace(".", "-") for name in pins}
    assert {name.lower().replace(".", "-") for name in names_of(wanted)} - locked - {"entrepot"} == set()
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text


def test_optional_names_are_true(repository: Path) -> None:
    """The lists of exceptions above name only what is declared."""
    declared = (repository / "pyproject.toml").read_text(encoding="utf-8")
    assert [name for name in {*IMPORT_NAMES, *NEVER_IMPORTED} if f'"{name}' not in declared] == []
