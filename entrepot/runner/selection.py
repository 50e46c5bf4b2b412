"""Choosing what runs: nodes by name, dataset or source, with what they need and what needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from entrepot.kernel.errors import UsageError
from entrepot.runner.graph import Node

_PATTERN = re.compile(r"(?:(?P<up>\d*)(?P<plus>\+))?(?P<core>[^+]+)(?:(?P<more>\+)(?P<down>\d*))?\Z")


def select(nodes: Sequence[Node], patterns: Iterable[str]) -> list[Node]:
    """The nodes that any of the patterns chooses, in their order; no pattern: all.

    `silver.sales`, `gold.*`, `+x` with what x needs, `x+` with what needs x; a number beside the plus limits the steps: `x+1`.

    Raises: UsageError when a pattern cannot be read or names nothing.
    """
    wanted = list(patterns)
    if not wanted:
        return list(nodes)
    chosen: set[str] = set()
    for pattern in wanted:
        match = _PATTERN.match(pattern)
        if match is None:
            raise UsageError(f"{pattern!r} is not a selection.", hint="Write for example silver.sales+ or +gold.*")
        found = _find_named(match["core"], nodes)
        chosen |= _names(found)
        if match["plus"]:
            chosen |= _reach(found, lambda at: [n for n in nodes if n.target in at.needs], match["up"])
        if match["more"]:
            chosen |= _reach(found, lambda at: [n for n in nodes if at.target in n.needs], match["down"])
    return [node for node in nodes if node.name in chosen]


def _find_named(core: str, nodes: Sequence[Node]) -> list[Node]:
    found = [node for node in nodes if any(fnmatchcase(name, core) for name in _called(node))]
    if not found:
        names = list(dict.fromkeys(name for node in nodes for name in _called(node)))
        near = get_close_matches(core, names, n=3)
        meant = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(names) or 'none'}."
        raise UsageError(f"nothing is named {core!r}.", hint=meant)
    return found


def _called(node: Node) -> list[str]:
    return [name for name in (node.name, node.target, node.group) if name]


def _reach(start: Sequence[Node], neighbours: Callable[[Node], Sequence[Node]], limit: str) -> set[str]:
    """Names of the nodes that so many steps lead to; no limit: all the way."""
    steps = int(limit) if limit else None
    reached: dict[str, Node] = {}
    frontier = list(start)
    while frontier and (steps is None or steps > 0):
        found = {other.name: other for node in frontier for other in neighbours(node) if other.name not in reached}
        reached |= found
        frontier = list(found.values())
        steps = None if steps is None else steps - 1
    return set(reached)


def _names(nodes: Iterable[Node]) -> set[str]:
    return {node.name for node in nodes}
