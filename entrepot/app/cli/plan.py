"""`entrepot plan`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from entrepot.app.cli.opening import open_platform
from entrepot.app.cli.output import console, print_json, print_table, say
from entrepot.app.planning import Outlook, RowDifference, Step, foresee

_WAYS = {"full": "all", "insert": "adds", "keys": "in part", None: ""}


def show_plan(folder: Path, selection: Sequence[str], *, as_json: bool, compare: bool = True) -> None:
    """Print what `run` would do."""
    outlook = foresee(open_platform(folder), selection, compare=compare)
    if as_json:
        print_json(_to_json(outlook))
        return
    rows = [
        (s.flow, s.dataset if s.dataset != s.flow else None, _say_run(s), _WAYS[s.way] or None, _cell(s.why))
        for s in outlook.steps
    ]
    print_table(None, ("flow", "into", "runs", "rows", "why"), rows)
    _say_changes(outlook)
    _say_losses(outlook)
    _say_next(outlook)


def _cell(text: str) -> str:
    """A text whose brackets a terminal shows."""
    return escape(text) if console.is_terminal else text


def _say_run(step: Step) -> str:
    return "no" if not step.will_run else "new" if step.is_new else "yes"


def _say_changes(outlook: Outlook) -> None:
    for step in outlook.steps:
        if step.difference is not None:
            say(
                f"\n{step.dataset}, by its new definition over the inputs that it was made of: {escape(str(step.difference))}."
            )
    changed = [s for s in outlook.steps if s.contract_changed_since is not None]
    for s in changed:
        say(f"\n{s.dataset}: its contract is another than the one that judged batch {s.contract_changed_since}.")
    if changed:
        say("What that means for readers and senders: entrepot contract diff git:REV contracts/FILE")


def _say_losses(outlook: Outlook) -> None:
    for step in outlook.steps:
        if step.needs_allowing is not None:
            say(
                f"\n[yellow]taken away[/] {step.dataset}: {step.needs_allowing}. Only with: entrepot run --allow {step.dataset}"
            )
    for name in outlook.leaving:
        say(f"\n[yellow]no longer in the project[/] {name}: it stays in the release until: entrepot run --allow {name}")
    for text in outlook.breaks:
        say(f"\n[red]would break[/] {escape(text)}")


def _say_next(outlook: Outlook) -> None:
    if outlook.breaks:
        say("\nMend what would break first: a run fails there, and what descends from it is held.")
    elif any(step.will_run for step in outlook.steps):
        allowing = [f"--allow {step.dataset}" for step in outlook.steps if step.needs_allowing]
        say("\nDo it: " + " ".join(["entrepot run", *allowing]))
    else:
        say("\nEverything is up to date.")


def _to_json(outlook: Outlook) -> dict[str, Any]:
    return {
        "steps": [_step_to_json(step) for step in outlook.steps],
        "breaks": list(outlook.breaks),
        "leaving": list(outlook.leaving),
    }


def _step_to_json(s: Step) -> dict[str, Any]:
    return {
        "flow": s.flow,
        "dataset": s.dataset,
        "runs": s.will_run,
        "new": s.is_new,
        "way": s.way,
        "why": s.why,
        "contract_changed_since_batch": s.contract_changed_since,
        "needs_allowing": s.needs_allowing,
        "difference": None if s.difference is None else _difference_to_json(s.difference),
    }


def _difference_to_json(difference: RowDifference) -> dict[str, Any]:
    return {
        "rows": difference.rows,
        "came": difference.came,
        "went": difference.went,
        "changed": difference.changed,
        "columns": {name: rows for name, rows in difference.columns.items() if rows},
        "new_columns": list(difference.new_columns),
        "one_in": difference.one_in,
    }
