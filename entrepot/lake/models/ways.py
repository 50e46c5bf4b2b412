"""Which way a model comes up to date: all rows anew, new rows added, or the rows of touched keys replaced — and why, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from entrepot.kernel.positions import Versions
from entrepot.lake.models.model import Incremental
from entrepot.lake.models.recipe import Recipe
from entrepot.ports.tables import Difference, Tables

QUICK_ROWS = 5_000_000
"""With fewer rows in all inputs, computing all of them takes less time than finding out what is touched."""
MOST_CHANGED = 0.3
"""With a larger share of the inputs' rows changed, nearly everything is touched."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to a model's inputs since it was built."""

    tables: Mapping[str, Difference] = field(default_factory=dict)
    """Those in which rows came or went."""
    unknown: str | None = None
    """Why it cannot be told; None when it can."""

    @property
    def removed_from(self) -> tuple[str, ...]:
        """Tables that lost rows."""
        return tuple(name for name, difference in self.tables.items() if difference.rows_removed)


def find_changes(tables: Tables, after: Mapping[str, int], upto: Mapping[str, int]) -> Changes:
    """Compare the versions of all inputs by their logs."""
    found: dict[str, Difference] = {}
    for name, version in upto.items():
        before = after.get(name, -1)
        if before == version:
            continue
        if before < 0:
            return Changes(unknown=f"{name} is read for the first time")
        difference = tables.difference(name, before, version)
        if difference is None:
            return Changes(unknown=f"what changed in {name} can no longer be told")
        if not difference.same_columns:
            return Changes(unknown=f"{name} has other columns now")
        if not difference.is_empty:
            found[name] = difference
    return Changes(found)


def say_changes(changes: Changes) -> str:
    """`bronze.sales: 1,204 rows came, 3 went`."""
    if changes.unknown is not None:
        return changes.unknown
    return "; ".join(f"{name}: {_count(difference)}" for name, difference in sorted(changes.tables.items()))


def choose_way(
    recipe: Recipe | None,
    changes: Changes,
    after: Mapping[str, int],
    upto: Mapping[str, int],
    tables: Tables,
    *,
    incremental: Incremental,
    hindrance: str | None = None,
) -> Versions:
    """Decide how the target comes from `after` to `upto`; inputs have changed.

    Args: hindrance: why all must be computed for a reason that lies in the target, not in the inputs.
    """
    said = say_changes(changes)

    def full(why: str) -> Versions:
        return Versions(upto, after, "full", f"{said}; all is computed: {why}" if why else said)

    if recipe is None or incremental is Incremental.NEVER:
        return full("")
    changed, removed_from = tuple(changes.tables), changes.removed_from
    if changes.unknown is None and recipe.takes_only_new(changed, removed_from):
        return Versions(upto, after, "insert", f"{said}; they are added")
    reason = changes.unknown or hindrance or recipe.why_full
    if reason is not None:
        return Versions(upto, after, "full", f"all is computed: {reason}")
    reason = _why_not_pay(changes, upto, tables) if incremental is Incremental.AUTO else None
    if reason is not None:
        return full(reason)
    touched = recipe.touched(changed, removed_from)
    if touched.everything:
        return full(touched.reason or "every key may be touched")
    return Versions(
        upto, after, "keys", f"{said}; what they touch is computed by {', '.join(recipe.keys)}", recipe.keys
    )


def _why_not_pay(changes: Changes, upto: Mapping[str, int], tables: Tables) -> str | None:
    rows = sum(tables.rows(name, version) for name, version in upto.items())
    if rows < QUICK_ROWS:
        return f"with {rows:,} rows that is quicker"
    changed = sum(difference.rows_added + difference.rows_removed for difference in changes.tables.values())
    if changed > rows * MOST_CHANGED:
        return f"{changed / rows:.0%} of the rows changed"
    return None


def _count(difference: Difference) -> str:
    parts = [f"{difference.rows_added:,} rows came"] if difference.rows_added else []
    parts += [f"{difference.rows_removed:,} went"] if difference.rows_removed else []
    return ", ".join(parts)
