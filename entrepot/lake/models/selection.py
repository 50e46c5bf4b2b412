"""Choosing datasets by patterns with plus signs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from entrepot.kernel.errors import UsageError
from entrepot.kernel.names import Dataset

_PATTERN = re.compile(r"(?:(?P<up>\d*)(?P<plus>\+))?(?P<core>[^+]+)(?:(?P<more>\+)(?P<down>\d*))?\Z")

Neighbours = Callable[[Dataset], Sequence[Dataset]]


def select_datasets(
    patterns: Sequence[str], everything: Sequence[Dataset], parents: Neighbours, children: Neighbours
) -> tuple[Dataset, ...]:
    """The datasets chosen by any of the patterns, in the order of `everything`. A number beside a plus limits the steps.

    Raises: UsageError when a pattern cannot be read or names nothing.
    """
    if not patterns:
        return tuple(everything)
    chosen: set[Dataset] = set()
    for pattern in patterns:
        match = _PATTERN.match(pattern)
        if match is None:
            raise UsageError(f"{pattern!r} is not a selection.", hint="Write for example silver.sales+ or +gold.*")
        found = _find_named(match["core"], everything)
        chosen.update(found)
        if match["plus"]:
            chosen |= _reach(found, parents, int(match["up"]) if match["up"] else None)
        if match["more"]:
            chosen |= _reach(found, children, int(match["down"]) if match["down"] else None)
    return tuple(name for name in everything if name in chosen)


def _find_named(core: str, everything: Sequence[Dataset]) -> set[Dataset]:
    found = {name for name in everything if fnmatchcase(str(name), core)}
    if not found:
        names = [str(name) for name in everything]
        near = get_close_matches(core, names, n=3)
        meant = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(names) or 'none'}."
        raise UsageError(f"{core!r} names no dataset.", hint=meant)
    return found


def _reach(start: set[Dataset], neighbours: Neighbours, steps: int | None) -> set[Dataset]:
    reached: set[Dataset] = set()
    frontier = start
    while frontier and (steps is None or steps > 0):
        frontier = {other for name in frontier for other in neighbours(name)} - reached
        reached |= frontier
        steps = None if steps is None else steps - 1
    return reached
