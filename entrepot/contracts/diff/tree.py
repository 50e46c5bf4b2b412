"""Two documents side by side: in come their roots, out goes every difference with its path, not yet judged.

Items of a list are paired by what names them, not by their position; schema objects and properties that changed their name are found again
by `id`, by `physicalName`, or by a header that bears the other name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from entrepot.contracts.diff.change import ChangeKind
from entrepot.contracts.diff.pairs import Item, name_items, pair_items
from entrepot.contracts.odcs.document import Listing, Node, Scalar, Section, plain

_AS_ONE_VALUE = ("enum", "arguments")
"""Told as one change, whatever differs inside."""
_ORDERED = ("schema", "properties")
"""Lists whose order is told. In the others order means nothing."""
_PAIRED_ORDER = ("from", "to")
"""Lists of plain values in which the position counts."""

Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, by its steps from the root in both documents."""

    steps: Steps
    old_steps: Steps
    kind: ChangeKind
    old: Node | None
    new: Node | None
    old_item: Node | None = None
    """The nearest item of a list around it, in the old document: a check, a property."""
    new_item: Node | None = None

    @property
    def node(self) -> Node:
        """The side that is there, the new one before the old one."""
        node = self.new if self.new is not None else self.old
        assert node is not None
        return node


def compare_roots(old: Section, new: Section) -> Iterator[Difference]:
    """All differences of two documents, in the order of the new one; what is gone stands where it was in the old."""
    yield from _compare_sections(old, new, (), ())


def same(old: Node, new: Node) -> bool:
    """True when both mean the same value; quotes, order of keys and spelling of numbers do not count."""
    return bool(_comparable(plain(old)) == _comparable(plain(new)))


def _comparable(value: Any) -> Any:
    if isinstance(value, bool):
        return ("bool", value)  # True equals 1 in Python
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    return value


def _compare_sections(old: Section, new: Section, at: Steps, old_at: Steps) -> Iterator[Difference]:
    for key in dict.fromkeys([*new.entries, *old.entries]):
        yield from _compare(old.get(key), new.get(key), (*at, key), (*old_at, key))


def _compare(old: Node | None, new: Node | None, at: Steps, old_at: Steps) -> Iterator[Difference]:
    there = old if new is None else new
    if at[-1] not in _AS_ONE_VALUE and _is_kind(old, new, Section):
        empty = Section({}, there.place) if there is not None else None
        assert empty is not None
        yield from _compare_sections(_or(old, empty), _or(new, empty), at, old_at)
    elif at[-1] not in _AS_ONE_VALUE and _is_kind(old, new, Listing) and not _are_values(old, new):
        assert there is not None
        nothing = Listing((), there.place)
        yield from _compare_lists(_list_or(old, nothing), _list_or(new, nothing), at, old_at)
    elif old is None or new is None:
        kind = ChangeKind.ADDED if old is None else ChangeKind.REMOVED
        yield Difference(at, old_at, kind, old, new)
    elif not (_are_equal_sets(old, new, at[-1]) or same(old, new)):
        yield Difference(at, old_at, ChangeKind.CHANGED, old, new)


def _compare_lists(old: Listing, new: Listing, at: Steps, old_at: Steps) -> Iterator[Difference]:
    pairs = pair_items(at[-1], name_items(old), name_items(new))
    for before, after in pairs:
        steps = (*at, (after or before or _NOBODY).name)
        old_steps = (*old_at, (before or after or _NOBODY).name)
        if before is None or after is None:
            kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
            old_node, new_node = before.node if before else None, after.node if after else None
            yield Difference(steps, old_steps, kind, old_node, new_node, old_node, new_node)
            continue
        if before.name != after.name:
            names = _name_of(before), _name_of(after)
            yield Difference(steps, old_steps, ChangeKind.RENAMED, *names, before.node, after.node)
        yield from _inside(before, after, steps, old_steps)
    yield from _tell_order(pairs, old, new, at, old_at)


def _inside(before: Item, after: Item, at: Steps, old_at: Steps) -> Iterator[Difference]:
    renamed = before.name != after.name
    if isinstance(before.node, Section) and isinstance(after.node, Section):
        for found in _compare_sections(before.node, after.node, at, old_at):
            if renamed and found.steps == (*at, "name"):
                continue  # said as the renaming already
            outside = found.old_item is None and found.new_item is None
            yield replace(found, old_item=before.node, new_item=after.node) if outside else found
    elif not same(before.node, after.node):
        yield Difference(at, old_at, ChangeKind.CHANGED, before.node, after.node)


def _tell_order(
    pairs: list[tuple[Item | None, Item | None]], old: Listing, new: Listing, at: Steps, old_at: Steps
) -> Iterator[Difference]:
    """One difference for the list when what stayed stands in another order."""
    both = [(before, after) for before, after in pairs if before is not None and after is not None]
    by_old = sorted(both, key=lambda pair: pair[0].position)
    by_new = sorted(both, key=lambda pair: pair[1].position)
    if at[-1] in _ORDERED and by_old != by_new:
        first = replace(old, items=tuple(_name_of(pair[0]) for pair in by_old))
        second = replace(new, items=tuple(_name_of(pair[1]) for pair in by_new))
        yield Difference(at, old_at, ChangeKind.MOVED, first, second)


def _name_of(item: Item) -> Scalar:
    node = item.node.get("name") if isinstance(item.node, Section) else None
    return node if isinstance(node, Scalar) else Scalar(item.name, item.name, item.node.place)


def _is_kind(old: Node | None, new: Node | None, kind: type[Section | Listing]) -> bool:
    return all(node is None or isinstance(node, kind) for node in (old, new))


def _or(node: Node | None, other: Section) -> Section:
    return node if isinstance(node, Section) else other


def _list_or(node: Node | None, other: Listing) -> Listing:
    return node if isinstance(node, Listing) else other


def _are_values(old: Node | None, new: Node | None) -> bool:
    """True for lists of plain values: tags, examples, valid values; they are told as one change."""
    items = [item for node in (old, new) if isinstance(node, Listing) for item in node.items]
    return bool(items) and all(isinstance(item, Scalar) for item in items)


def _are_equal_sets(old: Node, new: Node, key: str) -> bool:
    if not (isinstance(old, Listing) and isinstance(new, Listing)) or key in _PAIRED_ORDER:
        return False
    first, second = ([repr(_comparable(plain(item))) for item in node.items] for node in (old, new))
    return sorted(first) == sorted(second)


_NOBODY = Item("", 0, Scalar(None, "", None))  # type: ignore[arg-type]
