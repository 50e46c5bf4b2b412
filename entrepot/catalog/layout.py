"""Where the nodes of a lineage stand in a picture: in layers from left to right, with few crossings and short ways.

The usual steps: layers by the longest way from an input, places to pass for edges over several layers, order by the middle of the
neighbours, and positions as near to the neighbours as the order allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

SWEEPS = 24
_Place = tuple[str, int]
"""A node in its layer, or the place where an edge (its name) passes a layer."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The layer of each node, its vertical middle, and by which middles each edge passes the layers between."""

    layers: tuple[tuple[str, ...], ...]
    middles: Mapping[str, float]
    passes: Mapping[tuple[str, str], tuple[float, ...]]
    height: float


def lay_out(nodes: Sequence[str], edges: Iterable[tuple[str, str]], *, step: float, passing: float) -> Layout:
    """Place the nodes of a graph without circles. The same graph always gets the same picture.

    Args: step: from the middle of a node to that of the next one in its layer. passing: likewise where an edge passes.
    """
    edges = sorted(set(edges))
    layer_of = _find_layers(sorted(nodes), edges)
    chains = {edge: _chain(edge, layer_of) for edge in edges}
    links = [link for chain in chains.values() for link in pairwise(chain)]
    layers = _order(_fill(layer_of, chains.values()), links)
    middles = _position(layers, links, step, passing)
    first = min(middles.values(), default=0.0)
    moved = {place: middle - first + step / 2 for place, middle in middles.items()}
    return Layout(
        tuple(tuple(name for name, number in layer if number < 0) for layer in layers),
        {name: middle for (name, number), middle in moved.items() if number < 0},
        {edge: tuple(moved[place] for place in chain[1:-1]) for edge, chain in chains.items()},
        max(moved.values(), default=0.0) + step / 2,
    )


def _find_layers(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way from an input; inputs are then pulled to what is made of them."""
    inputs: dict[str, list[str]] = {name: [] for name in nodes}
    outputs: dict[str, list[str]] = {name: [] for name in nodes}
    for origin, target in edges:
        inputs[target].append(origin)
        outputs[origin].append(target)
    layer: dict[str, int] = {}
    waiting = {name: len(inputs[name]) for name in nodes}
    ready = [name for name in nodes if not waiting[name]]
    for name in ready:
        layer[name] = max((layer[each] + 1 for each in inputs[name]), default=0)
        for each in outputs[name]:
            waiting[each] -= 1
            if not waiting[each]:
                ready.append(each)
    for name in nodes:
        if not inputs[name] and outputs[name]:
            layer[name] = min(layer[each] for each in outputs[name]) - 1
    return layer


def _chain(edge: tuple[str, str], layer_of: Mapping[str, int]) -> list[_Place]:
    origin, target = edge
    between = range(layer_of[origin] + 1, layer_of[target])
    return [(origin, -1), *((f"{origin} {target}", layer) for layer in between), (target, -1)]


def _fill(layer_of: Mapping[str, int], chains: Iterable[list[_Place]]) -> list[list[_Place]]:
    layers: list[list[_Place]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for name, layer in layer_of.items():
        layers[layer].append((name, -1))
    for chain in chains:
        for place in chain[1:-1]:
            layers[place[1]].append(place)
    return [sorted(layer) for layer in layers]


def _order(layers: list[list[_Place]], links: Sequence[tuple[_Place, _Place]]) -> list[list[_Place]]:
    """Sweep to and fro, each layer by the median of its neighbours; the order with the fewest crossings is kept."""
    before, after = _neighbours(links)
    best, fewest = [list(layer) for layer in layers], _count_crossings(layers, after)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        sides = before if forth else after
        order = range(1, len(layers)) if forth else range(len(layers) - 2, -1, -1)
        for number in order:
            beside = {place: rank for rank, place in enumerate(layers[number - 1 if forth else number + 1])}
            own = {place: rank for rank, place in enumerate(layers[number])}
            layers[number].sort(key=lambda place: (_middle(sides, place, beside, own[place]), own[place]))
        crossings = _count_crossings(layers, after)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _neighbours(
    links: Sequence[tuple[_Place, _Place]],
) -> tuple[dict[_Place, list[_Place]], dict[_Place, list[_Place]]]:
    before: dict[_Place, list[_Place]] = {}
    after: dict[_Place, list[_Place]] = {}
    for left, right in links:
        after.setdefault(left, []).append(right)
        before.setdefault(right, []).append(left)
    return before, after


def _middle(sides: Mapping[_Place, list[_Place]], place: _Place, beside: Mapping[_Place, int], own: int) -> float:
    ranks = [beside[each] for each in sides.get(place, ()) if each in beside]
    return median(ranks) if ranks else float(own)


def _count_crossings(layers: Sequence[Sequence[_Place]], after: Mapping[_Place, list[_Place]]) -> int:
    crossings = 0
    for left, right in pairwise(layers):
        rank = {place: number for number, place in enumerate(right)}
        seen: list[int] = []
        for place in left:
            ends = [rank[each] for each in after.get(place, ())]
            crossings += sum(1 for end in ends for other in seen if other > end)
            seen += ends
    return crossings


def _position(
    layers: Sequence[Sequence[_Place]], links: Sequence[tuple[_Place, _Place]], step: float, passing: float
) -> dict[_Place, float]:
    """Move each layer as near to the middle of its neighbours as order and distances allow, to and fro."""
    before, after = _neighbours(links)
    offsets = [_offsets(layer, step, passing) for layer in layers]
    tallest = max((offset[-1] for offset in offsets if offset), default=0.0)
    at: dict[_Place, float] = {}
    for layer, offset in zip(layers, offsets, strict=True):
        start = (tallest - offset[-1]) / 2 if offset else 0.0
        at.update((place, start + each) for place, each in zip(layer, offset, strict=True))
    for sweep in range(SWEEPS):
        pairs = list(zip(layers, offsets, strict=True))
        for layer, offset in pairs if sweep % 2 == 0 else reversed(pairs):
            wanted = [_wanted(place, before, after, at) for place in layer]
            placed = _isotonic([want - each for want, each in zip(wanted, offset, strict=True)])
            at.update((place, y + each) for place, y, each in zip(layer, placed, offset, strict=True))
    return at


def _offsets(layer: Sequence[_Place], step: float, passing: float) -> list[float]:
    """The least distances from the first place of a layer."""
    found, at = [], 0.0
    for number, place in enumerate(layer):
        if number:
            both_pass = place[1] >= 0 and layer[number - 1][1] >= 0
            one_passes = place[1] >= 0 or layer[number - 1][1] >= 0
            at += passing if both_pass else (step + passing) / 2 if one_passes else step
        found.append(at)
    return found


def _wanted(
    place: _Place,
    before: Mapping[_Place, list[_Place]],
    after: Mapping[_Place, list[_Place]],
    at: Mapping[_Place, float],
) -> float:
    beside = [at[each] for each in (*before.get(place, ()), *after.get(place, ()))]
    return fmean(beside) if beside else at[place]


def _isotonic(wanted: Sequence[float]) -> list[float]:
    """The rising sequence nearest to what is wanted: neighbours out of order are put together at their mean."""
    blocks: list[tuple[float, int]] = []
    for each in wanted:
        mean, count = each, 1
        while blocks and blocks[-1][0] > mean:
            last, size = blocks.pop()
            mean, count = (mean * count + last * size) / (count + size), count + size
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]
