"""Write docs/reference/openapi.json, the document of the HTTP API, and docs/reference/http-api.md, its operations on one page.

`--check` writes nothing and fails when one of them is not current.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entrepot.app.http.openapi import describe
from entrepot.app.http.server import make_routes

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by scripts/openapi.py from the code; `make generate` writes it anew. -->\n"
HEAD = """# HTTP API

All operations under `/api/v1`. [The guide](../how-to/http-api.md) says how to ask; [openapi.json](openapi.json) has every shape.
"""


def render_document() -> tuple[str, dict[str, Any]]:
    """The document without the version of the package, so that a release alone does not change it."""
    document = describe(make_routes(None))
    document["info"]["version"] = "1"
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=False) + "\n", document


def render_page(document: dict[str, Any]) -> str:
    """A table for each kind of thing."""
    by_tag: dict[str, list[str]] = {}
    for path, method, operation in _operations(document):
        said = " ".join(str(operation.get("description") or operation.get("summary")).split())
        row = f"| `{method.upper()} {path.removeprefix('/api/v1')}` | {said.replace('|', chr(92) + '|')} | `{operation['operationId']}` |\n"
        by_tag.setdefault(operation["tags"][0], []).append(row)
    parts = [NOTE, HEAD]
    for tag, rows in by_tag.items():
        parts.append(f"\n## {tag.capitalize()}\n\n| ask | what it does | operation |\n|---|---|---|\n")
        parts += rows
    return "".join(parts)


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text, document = render_document()
    stale = []
    for path, wanted in ((FOLDER / "openapi.json", text), (FOLDER / "http-api.md", render_page(document))):
        if path.exists() and path.read_text(encoding="utf-8") == wanted:
            continue
        if check:
            stale.append(path.relative_to(ROOT).as_posix())
        else:
            path.write_text(wanted, encoding="utf-8")
    if stale:
        print(f"not current: {', '.join(stale)}. Write them with: make generate", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
