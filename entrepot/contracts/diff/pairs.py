"""Which item of a list is which item of the other: by name, and for what changed its name by what stayed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from entrepot.contracts.odcs.custom import DATASET, HEADERS, find_custom
from entrepot.contracts.odcs.document import Listing, Node, Scalar, Section

_NAMES = (
    "name", "property", "server", "username", "role", "channel", "metric", "rule", "to", "value", "type", "url", "id",
)  # fmt: skip
"""What names an item of the standard's lists, the best first."""
_RENAMABLE = ("schema", "properties")


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list with the name it goes by; of several with one name the second is `name#2`."""

    name: str
    position: int
    node: Node


Pairs = list[tuple[Item | None, Item | None]]


def name_items(listing: Listing) -> list[Item]:
    """The items under names that are unique in the list."""
    seen: dict[str, int] = {}
    items = []
    for position, node in enumerate(listing.items):
        name = _name(node) or "item"
        seen[name] = seen.get(name, 0) + 1
        items.append(Item(name if seen[name] == 1 else f"{name}#{seen[name]}", position, node))
    return items


def pair_items(key: str, old: list[Item], new: list[Item]) -> Pairs:
    """Pair the items of two lists; one side is None where the other list has no such item.

    Schema objects and properties go by their `id` first, then by name, then by what they are called in sources; only where that is
    unambiguous on both sides, so that the answer is the same in both directions.
    """
    found: dict[int, Item] = {}
    steps: list[Callable[[Item], Iterable[str]]] = [lambda item: (item.name,)]
    if key in _RENAMABLE:
        steps = [_id, lambda item: (item.name,), _physical, _all_names]
    for names in steps:
        taken = {item.position for item in found.values()}
        left = [item for item in old if item.position not in taken]
        right = [item for item in new if item.position not in found]
        found |= _match(left, right, names)
    gone = {item.position for item in found.values()}
    pairs: Pairs = [(found.get(item.position), item) for item in new]
    return pairs + [(item, None) for item in old if item.position not in gone]


def _match(old: list[Item], new: list[Item], names: Callable[[Item], Iterable[str]]) -> dict[int, Item]:
    """New position to old item, where exactly one of each side shares a name."""
    candidates = {item.position: [other for other in old if set(names(item)) & set(names(other))] for item in new}
    claims = [other.position for others in candidates.values() for other in others]
    return {
        position: others[0]
        for position, others in candidates.items()
        if len(others) == 1 and claims.count(others[0].position) == 1
    }


def _name(node: Node) -> str | None:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Section):
        texts = (value.text for name in _NAMES if isinstance(value := node.get(name), Scalar) and value.text)
        return next(texts, None)
    return None


def _id(item: Item) -> Iterable[str]:
    text = item.node.text("id") if isinstance(item.node, Section) else None
    return (text,) if text else ()


def _physical(item: Item) -> Iterable[str]:
    if not isinstance(item.node, Section):
        return ()
    dataset = find_custom(item.node, DATASET)
    texts = [item.node.text("physicalName"), dataset.text if isinstance(dataset, Scalar) else None]
    return [text for text in texts if text]


def _all_names(item: Item) -> Iterable[str]:
    """Every name under which a source may bring a property."""
    headers = find_custom(item.node, HEADERS) if isinstance(item.node, Section) else None
    nodes = headers.items if isinstance(headers, Listing) else (headers,)
    return [item.name, *_physical(item), *(node.text for node in nodes if isinstance(node, Scalar))]
