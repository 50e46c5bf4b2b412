"""`entrepot contract diff`: two contracts side by side, by dataset, with who stumbles over each change."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.markup import escape

from entrepot.app.cli.output import console, print_json, print_table, say
from entrepot.contracts.diff.change import Change, ChangeKind, Verdict
from entrepot.contracts.diff.compare import Comparison, Side, compare_contracts, read_side
from entrepot.contracts.odcs.document import Document
from entrepot.contracts.odcs.reading import parse_document, read_document
from entrepot.kernel.errors import UsageError

_SIGNS = {
    ChangeKind.ADDED: "+",
    ChangeKind.REMOVED: "-",
    ChangeKind.CHANGED: "~",
    ChangeKind.RENAMED: ">",
    ChangeKind.MOVED: "=",
}
_LONGEST = 60
"""Characters of a value that a person is shown."""


def diff_files(old: str, new: Path, *, breaking_only: bool, as_json: bool) -> None:
    """Print the changes from one contract to another; exit code 1 when one is breaking or unclear."""
    first = read_side(_read_old(old, new))
    second = read_side(read_document(new))
    comparison = compare_contracts(first, second)
    changes = [c for c in comparison.changes if not breaking_only or c.verdict is not Verdict.COMPATIBLE]
    if as_json:
        print_json(_to_json(comparison, changes, first, second))
    else:
        _print(comparison, changes, first, second)
    if comparison.verdict is not Verdict.COMPATIBLE:
        raise SystemExit(1)


def _read_old(old: str, new: Path) -> Document:
    if Path(old).exists():
        return read_document(Path(old))
    if old == "released":
        raise UsageError(
            "a release holds the hash of a contract, not its text.",
            hint="Name a file, or the revision that was released: git:REV.",
        )
    revision, colon, path = old.partition(":")
    if not colon:
        raise UsageError(
            f"there is no file {old}.", hint="Name a file, git:REV for the new file as of then, or REV:path."
        )
    if revision == "git":
        revision, path = path, f"./{new.name}"
        return _read_revision(revision, path, new.parent)
    return _read_revision(revision, path, Path())


def _read_revision(revision: str, path: str, folder: Path) -> Document:
    """A file as of a revision. Raises: UsageError with what git says;"""
    if revision.startswith("-") or not revision:
        raise UsageError(f"{revision!r} is no revision.", hint="Write for example git:main or HEAD~1:contracts/a.yaml.")
    name = f"{revision}:{path}"
    try:
        done = subprocess.run(
            ["git", "show", "--end-of-options", name],
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=60,
        )
    except FileNotFoundError as error:
        raise UsageError("git is not installed.", hint="Name the old contract as a file.") from error
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise UsageError(f"git knows no {name}: {reason}.", hint="See what there is: git log --oneline -- FILE.")
    shown = Path(f"{revision}:{path.removeprefix('./')}")
    return Document(shown, done.stdout, parse_document(shown, done.stdout))


def _print(comparison: Comparison, changes: Sequence[Change], old: Side, new: Side) -> None:
    for side in (old, new):
        if side.problems:
            console.print(
                f"{side.document.path} has {side.problems} problem(s) of its own (entrepot contract lint); "
                "what they touch is judged by its text.",
                markup=False,
                soft_wrap=True,
            )
    for dataset, group in _by_dataset(changes):
        title = dataset or "The contract as a whole"
        if console.is_terminal:  # path and values share a cell, so that 80 columns are enough
            cells = [(_SIGNS[c.kind], _say_cell(c, dataset), _say_verdict(c), c.judgement.reason) for c in group]
            shown = [tuple(map(escape, row)) for row in cells]  # a pattern's [a-z] is no markup
            print_table(escape(title), ("", "change", "verdict", "why"), shown)
        else:
            lines = [
                (c.kind.value, _short_path(c, dataset), _say_values(c), _say_verdict(c), c.judgement.reason)
                for c in group
            ]
            print_table(title, ("kind", "change", "old → new", "verdict", "why"), lines)
        say()
    say(_summary(comparison))
    if comparison.changes:
        console.print(comparison.version.text, markup=False, soft_wrap=True)


def _say_cell(change: Change, dataset: str | None) -> str:
    values = _say_values(change)
    return f"{_short_path(change, dataset)}\n{values}" if values else _short_path(change, dataset)


def _say_verdict(change: Change) -> str:
    """`breaking for readers`: the word first, so that colour is not needed."""
    for_whom = f" for {' and '.join(change.breaks_for)}" if change.breaks_for else ""
    return f"{change.verdict.value}{for_whom}"


def _short_path(change: Change, dataset: str | None) -> str:
    """The path inside of its dataset, as a person says it: `order_date.logicalType`."""
    path = change.path
    if dataset is not None:
        path = path.removeprefix(f"schema.{dataset}").removeprefix(".") or "the dataset"
        path = path.removeprefix("properties.")
    return path.replace(".logicalTypeOptions.", ".")


def _say_values(change: Change) -> str:
    match change.kind:
        case ChangeKind.RENAMED:
            return f"was {_say(change.old)}"
        case ChangeKind.ADDED | ChangeKind.REMOVED:
            value = change.new if change.kind is ChangeKind.ADDED else change.old
            return "" if isinstance(value, dict) else _say(value)
        case _:
            return f"{_say(change.old)} → {_say(change.new)}"


def _say(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        text = ", ".join(_say(item.get("value", item) if isinstance(item, dict) else item) for item in value)
    elif isinstance(value, dict):
        text = ", ".join(f"{key}: {_say(item)}" for key, item in value.items())
    else:
        text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _by_dataset(changes: Iterable[Change]) -> list[tuple[str | None, list[Change]]]:
    """Changes of the contract as a whole first, then dataset by dataset."""
    groups: dict[str | None, list[Change]] = {None: []}
    for change in changes:
        groups.setdefault(change.dataset, []).append(change)
    return [(dataset, group) for dataset, group in groups.items() if group]


def _summary(comparison: Comparison) -> str:
    if not comparison.changes:
        return "The contracts are the same."
    counts = {verdict: sum(c.verdict is verdict for c in comparison.changes) for verdict in Verdict}
    said = [f"{counts[verdict]} {verdict.value}" for verdict in reversed(Verdict) if counts[verdict]]
    total = len(comparison.changes)
    return f"{total} change{'' if total == 1 else 's'}: {', '.join(said)}."


def _to_json(comparison: Comparison, changes: Sequence[Change], old: Side, new: Side) -> dict[str, Any]:
    version = comparison.version
    return {
        "old": {"file": str(old.document.path), "problems": old.problems, "version": version.old},
        "new": {"file": str(new.document.path), "problems": new.problems, "version": version.new},
        "verdict": comparison.verdict.value,
        "version": {
            "needed": version.needed,
            "suggested": version.suggested,
            "fits": version.fits,
            "text": version.text,
        },
        "changes": [
            {
                "path": change.path,
                "old_path": change.old_path,
                "dataset": change.dataset,
                "kind": change.kind.value,
                "old": _to_numbers(change.old),
                "new": _to_numbers(change.new),
                "verdict": change.verdict.value,
                "readers": change.judgement.readers.value,
                "senders": change.judgement.senders.value,
                "level": change.judgement.level.value,
                "reason": change.judgement.reason,
                "line": change.place.line if change.place else None,
                "column": change.place.column if change.place else None,
            }
            for change in changes
        ],
    }


def _to_numbers(value: Any) -> Any:
    """Decimals as numbers of JSON where that changes nothing, as text where it would."""
    if isinstance(value, list):
        return [_to_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_numbers(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    return value
