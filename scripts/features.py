"""Write docs/features.md: each requirement, what is done of it, and what proves it.

Requirements come from docs/requirements.yaml, proofs from the tests' `@pytest.mark.req("ID")`, read without running them.
`--check` writes nothing and fails when the page is not current.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "docs" / "requirements.yaml"
PAGE = ROOT / "docs" / "features.md"
TESTS = ROOT / "tests"

HEAD = """\
<!-- Written by scripts/features.py from docs/requirements.yaml and the tests' marks; `make generate` writes it anew. -->
# What is done, and what proves it

Each requirement has an id. Tests name the ids they prove, and this page is made from them.
**done**: all of the sentence is proved. **partly**: some of it is, and the note says which. **not yet**: nothing proves it.

"""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that the product must do."""

    id: str
    group: str
    text: str
    note: str | None
    whole: bool
    proofs: tuple[str, ...]


def load_requirements(path: Path = LIST) -> list[Requirement]:
    groups = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    return [read_requirement(id, group["group"], item) for group in groups for id, item in group["items"].items()]


def read_requirement(id: str, group: str, item: Mapping[str, Any]) -> Requirement:
    unknown = set(item) - {"text", "note", "whole", "proofs"}
    if unknown:
        sys.exit(f"{LIST.name}: {id} has the unknown keys {', '.join(sorted(unknown))}")
    proofs = tuple(item.get("proofs", ()))
    return Requirement(id, group, item["text"], item.get("note"), item.get("whole", False), proofs)


def find_marks(tests: Path = TESTS) -> dict[str, list[str]]:
    """Map each id to the tests that name it, as `tests/x/test_y.py::test_z`."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for name, id in marks_in(tree):
            where = path.relative_to(tests.parent).as_posix()
            found[id].append(f"{where}::{name}" if name else where)
    return found


def marks_in(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Pairs of test and id; the test is empty for a mark of the whole file (`pytestmark`)."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in node.targets):
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            yield from (("", id) for mark in marks for id in ids_of(mark))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from ((node.name, id) for mark in node.decorator_list for id in ids_of(mark))


def ids_of(mark: ast.expr) -> list[str]:
    if not isinstance(mark, ast.Call) or ast.unparse(mark.func) not in ("pytest.mark.req", "mark.req"):
        return []
    return [arg.value for arg in mark.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]


def status_of(requirement: Requirement, tests: Sequence[str]) -> str:
    if not tests:
        return "not yet"
    return "done" if requirement.whole else "partly"


def find_faults(requirements: Sequence[Requirement], marks: Mapping[str, Sequence[str]]) -> list[str]:
    """What cannot be true: ids that nobody asked for, and whole things without a test."""
    known = {requirement.id for requirement in requirements}
    faults = [f"{test} names {id}, which is no requirement" for id in marks if id not in known for test in marks[id]]
    return faults + [
        f"{r.id} is said to be whole, but no test names it" for r in requirements if r.whole and not marks.get(r.id)
    ]


def render_proofs(tests: Sequence[str], others: Sequence[str]) -> str:
    """Tests by file, so that a cell stays readable; then commands."""
    names: dict[str, list[str]] = {}
    for test in tests:
        path, _, name = test.partition("::")
        names.setdefault(path, []).append(name)
    cells = [f"`{path}`" + (f" ({len(found)} tests)" if len(found) > 1 else "") for path, found in names.items()]
    return "<br>".join(cells + [f"`{other}`" for other in others])


def render_page(requirements: Sequence[Requirement], marks: Mapping[str, Sequence[str]]) -> str:
    lines = [HEAD]
    group = None
    counts = {"done": 0, "partly": 0, "not yet": 0}
    for requirement in requirements:
        tests = marks.get(requirement.id, [])
        status = status_of(requirement, tests)
        counts[status] += 1
        if requirement.group != group:
            group = requirement.group
            lines.append(f"\n## {group}\n\n| id | what | status | proofs |\n|---|---|---|---|\n")
        shown = tests or requirement.whole
        note = f" *{requirement.note}*" if requirement.note and shown else ""
        proofs = render_proofs(tests, requirement.proofs if shown else ())
        lines.append(f"| {requirement.id} | {requirement.text}{note} | {status} | {proofs} |\n")
    lines.insert(1, ", ".join(f"{count} {status}" for status, count in counts.items()) + ".\n")
    return "".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the page is current")
    arguments = parser.parse_args()
    requirements, marks = load_requirements(), find_marks()
    faults = find_faults(requirements, marks)
    if faults:
        sys.exit("\n".join(faults))
    page = render_page(requirements, marks)
    if not arguments.check:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        sys.exit("docs/features.md is not current. Write it anew with: make generate")


if __name__ == "__main__":
    main()
