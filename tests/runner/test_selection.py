"""Patterns choose what runs: by name, dataset or source, with plus signs up and down."""

from __future__ import annotations

import pytest

from entrepot.flow.flow import Flow
from entrepot.kernel.errors import UsageError
from entrepot.runner.graph import Node, NodeKind
from entrepot.runner.selection import select


def never() -> Flow:
    raise AssertionError("choosing builds nothing")


def node(name: str, *needs: str, target: str | None = None, group: str = "") -> Node:
    kind = NodeKind.MODEL if needs else NodeKind.SOURCE
    return Node(name, kind, target or name, never, needs=frozenset(needs), group=group)


NODES = [
    node("till", target="bronze.sales"),
    node("kiosk", target="bronze.sales"),
    node("partners.bronze.prices", target="bronze.prices", group="partners"),
    node("partners.bronze.promos", target="bronze.promos", group="partners"),
    node("silver.sales", "bronze.sales"),
    node("silver.prices", "bronze.prices", "bronze.promos"),
    node("gold.a", "silver.sales", "silver.prices"),
    node("gold.b", "gold.a"),
]
PARTNERS = "partners.bronze.prices partners.bronze.promos"


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), " ".join(node.name for node in NODES)),
        (("silver.sales",), "silver.sales"),
        (("till",), "till"),
        (("bronze.sales",), "till kiosk"),
        (("partners",), PARTNERS),
        (("gold.*",), "gold.a gold.b"),
        (("silver.sales+",), "silver.sales gold.a gold.b"),
        (("silver.sales+1",), "silver.sales gold.a"),
        (("+silver.prices",), f"{PARTNERS} silver.prices"),
        (("1+gold.b",), "gold.a gold.b"),
        (("+silver.sales+",), "till kiosk silver.sales gold.a gold.b"),
        (("gold.b", "till"), "till gold.b"),
    ],
)
def test_selection(patterns: tuple[str, ...], expected: str) -> None:
    """Plus signs reach up and down, a number limits the steps, several patterns add up; the order stays."""
    assert [node.name for node in select(NODES, patterns)] == expected.split()


@pytest.mark.parametrize("pattern", ["gold.c", "gold.a++", "+", "", "gold.a+gold.b", "gold.x*"])
def test_a_selection_that_means_nothing_is_refused(pattern: str) -> None:
    """Nothing is run by mistake."""
    with pytest.raises(UsageError):
        select(NODES, [pattern])


def test_the_nearest_names_are_told() -> None:
    """A slip of the pen is answered with what is there."""
    with pytest.raises(UsageError) as caught:
        select(NODES, ["silver.sale"])
    assert "silver.sales" in str(caught.value.hint)
