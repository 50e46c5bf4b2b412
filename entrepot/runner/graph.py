"""What a run consists of: nodes (sources, models, KPIs) and what each one needs first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from entrepot.flow.flow import Flow


class NodeKind(StrEnum):
    """What stands behind a node."""

    SOURCE = "source"
    MODEL = "model"
    KPI = "kpi"


@dataclass(frozen=True, slots=True)
class Node:
    """One flow of the run. `needs` are datasets whose nodes come first; `build` makes the flow when its turn has come."""

    name: str
    kind: NodeKind
    target: str
    build: Callable[[], Flow]
    needs: frozenset[str] = frozenset()
    prefers: frozenset[str] = field(default_factory=frozenset)
    """Datasets that should come first, but whose failure does not hold this node (foreign keys)."""
    group: str = ""
    """The source that the node is a part of, where a source feeds several datasets."""
    waits_for: Callable[[], str | None] = lambda: None
    """What must be there before the node can run at all, in words; None when nothing is missing."""
    system: str = ""
    """The outside system that it uses, where the source names one: at most so many flows use it at once."""


def order(nodes: Sequence[Node]) -> list[Node]:
    """Nodes so that each follows those it needs; the order of unrelated nodes is kept.

    Raises: ValueError on a cycle (models are checked for cycles when they are loaded).
    """
    placed: list[Node] = []
    rest = list(nodes)
    while rest:
        waiting = {node.target for node in rest}
        ready = [node for node in rest if not _others((node.needs | node.prefers) & waiting, node)]
        if not ready:
            ready = [node for node in rest if not _others(node.needs & waiting, node)][:1]
        if not ready:
            raise ValueError("the flows need each other in a circle: " + ", ".join(node.name for node in rest))
        placed.extend(ready)
        rest = [node for node in rest if node not in ready]
    return placed


def _others(needed: frozenset[str], node: Node) -> frozenset[str]:
    return needed - {node.target}
