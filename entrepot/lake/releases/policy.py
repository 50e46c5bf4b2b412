"""What the next release holds: in come the last release and what has settled since, out comes one map, with reasons.

A release is the previous map plus settled changes. A dataset that failed its check or its model keeps its old version, and
so does everything that descends from it; the rest goes out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from entrepot.kernel.errors import DamageError
from entrepot.ports.state import Release

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Candidates:
    """What could be published now.

    `tables` are newest settled versions, of all datasets or only of those the run touched. After a rollback give only
    what this run settled: a version that was rolled back from would otherwise return.
    """

    tables: Mapping[str, int] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)
    """dataset → SELECT as the project has it now."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """dataset → why it may not be published: its check failed, its model failed."""
    retired: Collection[str] = ()
    """Datasets that the project no longer has: they leave the release."""


@dataclass(frozen=True, slots=True)
class ReleaseDecision:
    """The next map. `publish` is False when it says nothing new; `held` is worth showing all the same."""

    tables: Mapping[str, int]
    views: Mapping[str, str]
    held: Mapping[str, str]
    publish: bool


def decide_release(
    previous: Release | None, candidates: Candidates, inputs: Mapping[str, Collection[str]], *, always: bool = False
) -> ReleaseDecision:
    """Decide the next release.

    Args:
        inputs: dataset → the datasets it is made from, for all datasets of the project.
        always: publish also when nothing is new (somebody asked for it).

    Raises: DamageError when a dataset has settled at a version older than the released one: the lake went back.
    """
    old_tables = dict(previous.tables) if previous else {}
    old_views = dict(previous.views) if previous else {}
    _require_forward(old_tables, candidates.tables)
    held = explain_held(candidates.failed, inputs)
    gone = frozenset(candidates.retired)
    new_tables = _without(candidates.tables, held)
    # A dataset may change its kind: what is a view now is no longer a table, and the other way round.
    new_views = _without(_without(candidates.views, held), candidates.tables)
    tables = _without(old_tables | new_tables, gone | new_views.keys())
    kept_views = _without(old_views, gone | new_tables.keys())
    views, unready = _resolve_views(tables, kept_views, _without(new_views, gone), inputs)
    changed = tables != old_tables or views != old_views
    return ReleaseDecision(tables, views, _without(held | unready, gone), changed or always)


def decide_rollback(current: Release, target: Release, reason: str) -> ReleaseDecision:
    """Decide the release that shows again what an earlier one showed.

    It is the earlier map as a whole: datasets that came later are not in it. Every dataset whose version goes back is
    held, with the reason.
    """
    why = f"rolled back to release {target.id}: {reason}"
    back = {name for name in current.tables if target.tables.get(name) != current.tables[name]}
    back |= {name for name in current.views if target.views.get(name) != current.views[name]}
    changed = current.tables != target.tables or current.views != target.views
    return ReleaseDecision(dict(target.tables), dict(target.views), dict.fromkeys(sorted(back), why), changed)


def explain_held(failed: Mapping[str, str], inputs: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Failed datasets and all that descends from them, each with its reason; a failure of one's own counts first."""
    children: dict[str, list[str]] = {}
    for dataset in sorted(inputs):
        for needed in inputs[dataset]:
            children.setdefault(needed, []).append(dataset)
    held = dict(failed)
    for origin in sorted(failed):
        frontier = [origin]
        while frontier:
            for child in children.get(frontier.pop(), ()):
                if child not in held:
                    held[child] = f"it is made from {origin}, which is held: {failed[origin]}"
                    frontier.append(child)
    return held


def _resolve_views(
    tables: Mapping[str, int], old: Mapping[str, str], new: Mapping[str, str], inputs: Mapping[str, Collection[str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Views to publish, and those that cannot be read yet because the release lacks an input: they keep their old text."""
    ready, unready = dict(new), dict[str, str]()
    while True:
        views = dict(old) | ready
        lacking = {name: sorted(set(inputs.get(name, ())) - tables.keys() - views.keys()) for name in ready}
        found = {name: missing for name, missing in lacking.items() if missing}
        if not found:
            return views, unready
        for name, missing in found.items():
            del ready[name]
            unready[name] = f"the release has no {', '.join(missing)}, which it is made from"


def _require_forward(old: Mapping[str, int], new: Mapping[str, int]) -> None:
    for name in sorted(new):
        if new[name] < old.get(name, -1):
            raise DamageError(
                f"{name} has settled at version {new[name]}, but version {old[name]} is released: the lake went back.",
                hint="To show an earlier release on purpose, roll back; otherwise see entrepot doctor.",
            )


def _without(values: Mapping[str, Value], names: Collection[str]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name not in names}
