"""The lineage of datasets as a picture: SVG of our own, inputs at the left, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from entrepot.catalog.layout import Layout, lay_out
from entrepot.catalog.lineage import Asset, AssetKind, LineageGraph
from entrepot.kernel.ids import hash_text
from entrepot.kernel.names import Dataset

_HEIGHT, _GAP, _PASSING = 42.0, 14.0, 16.0
"""Of a box; between two boxes; between two edges that pass a layer."""
_BETWEEN, _MARGIN, _PADDING = 72.0, 12.0, 12.0
_NARROWEST, _WIDEST = 110.0, 270.0
_LEGEND = 30.0
_BOLD = 1.14
"""How much wider bold letters are."""
_NARROW = frozenset("ijl.,:;|!'()[]fIt ")
_WIDE = frozenset("mwMWOQGD@%")

Link = Callable[[Asset], str | None]

_CLASSES = {AssetKind.SOURCE: "source", AssetKind.VIEW: "view", AssetKind.KPI: "kpi"}
_WORDS = {"source": "source", "bronze": "bronze", "silver": "silver", "gold": "gold", "kpi": "KPI"}

_STYLE = """
.entrepot-lineage{--ink:#1d2129;--soft:#5b6472;--line:#98a2b3;--paper:#ffffff;--source:#e8eaee;--source-edge:#7a8494;
--bronze:#f6e6d9;--bronze-edge:#a5612c;--silver:#e6ecf3;--silver-edge:#54708f;--gold:#fbf0cd;--gold-edge:#94720f;
--kpi:#dff0e6;--kpi-edge:#2f7a50;--mark:#1a56c4;font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
@media (prefers-color-scheme:dark){.entrepot-lineage{--ink:#e7eaf0;--soft:#a5afbf;--line:#68748a;--paper:#14171d;
--source:#262b34;--source-edge:#8a94a6;--bronze:#3a2819;--bronze-edge:#d1935f;--silver:#222d3a;--silver-edge:#8fabc9;
--gold:#38300f;--gold-edge:#d6b14a;--kpi:#17301f;--kpi-edge:#6cc08f;--mark:#7fb0ff}}
.entrepot-lineage .box{stroke-width:1.25}
.entrepot-lineage .name{font-size:13px;font-weight:600;fill:var(--ink)}
.entrepot-lineage .note{font-size:11px;fill:var(--soft)}
.entrepot-lineage .edge{fill:none;stroke:var(--line);stroke-width:1.4}
.entrepot-lineage .head{fill:var(--line)}
.entrepot-lineage .view .box{stroke-dasharray:5 3}
.entrepot-lineage .focus .box{stroke:var(--mark)!important;stroke-width:3}
.entrepot-lineage a:hover .box,.entrepot-lineage a:focus .box{stroke-width:3}
.entrepot-lineage a{cursor:pointer}
"""


def draw_lineage(graph: LineageGraph, focus: Dataset | str | None = None, *, link: Link | None = None) -> str:
    """SVG text of the graph; with a focus, which is marked, only what it comes from and what comes from it.

    The size is that of readable letters: put the picture where it can be scrolled sideways.

    Args: link: where a click on an asset leads to; None for one that leads nowhere.
    """
    shown = graph if focus is None else graph.around(focus)
    drawing = _Drawing(shown, None if focus is None else str(focus), link)
    return drawing.render()


class _Drawing:
    """One picture."""

    def __init__(self, graph: LineageGraph, focus: str | None, link: Link | None) -> None:
        self._graph = graph
        self._focus = focus
        self._link = link
        self._layout: Layout = lay_out(list(graph.assets), graph.edges(), step=_HEIGHT + _GAP, passing=_PASSING)
        self._widths = [max((self._width(name) for name in layer), default=0.0) for layer in self._layout.layers]
        self._left = [_MARGIN + sum(self._widths[:n]) + _BETWEEN * n for n in range(len(self._widths))]
        self._layer = {name: number for number, layer in enumerate(self._layout.layers) for name in layer}

    def render(self) -> str:
        """The whole text."""
        kinds = self._kinds()
        last = self._left[-1] + self._widths[-1] if self._widths else 0.0
        width = max(last + _MARGIN, _legend_width(kinds) + 2 * _MARGIN)
        height = self._layout.height + 2 * _MARGIN + _LEGEND
        edges = sorted(self._graph.edges())
        role = "img" if self._link is None else "group"  # what lies in an image cannot be reached by the keyboard
        key = hash_text(str(self._focus), *self._graph.assets, *map(str, edges))[:8]
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="entrepot-lineage" role="{role}" aria-labelledby="t{key} d{key}" '
            f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
            f'<title id="t{key}">{escape(self._title())}</title>',
            f'<desc id="d{key}">{escape(self._description())}</desc>',
            f"<style>{_STYLE}</style>",
            f'<defs><marker id="m{key}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path class="head" d="M0 0.5 8 4 0 7.5z"/></marker></defs>',
            *(self._edge(origin, target, f"m{key}") for origin, target in edges),
            *(self._node(self._graph.assets[name]) for layer in self._layout.layers for name in layer),
            _legend(kinds, height - _LEGEND / 2),
            "</svg>",
        ]
        return "\n".join(lines)

    def _title(self) -> str:
        return "Lineage of all datasets" if self._focus is None else f"Lineage of {self._focus}"

    def _description(self) -> str:
        """The picture in words, for those who do not see it."""
        said = [
            f"{name} is made from {', '.join(self._graph.inputs(name))}."
            for name in self._graph.assets
            if self._graph.inputs(name)
        ]
        return " ".join(said) or ("Nothing is made from another." if self._graph.assets else "There are no datasets.")

    def _kinds(self) -> list[str]:
        found = {_colour(asset) for asset in self._graph.assets.values()}
        return [kind for kind in _WORDS if kind in found]

    def _width(self, name: str) -> float:
        asset = self._graph.assets[name]
        own = measure(name, 13.0) * _BOLD + 2 * _PADDING
        needed = max(own, measure(_note(asset), 11.0) + 2 * _PADDING)
        return min(max(needed, _NARROWEST), max(_WIDEST, own))

    def _node(self, asset: Asset) -> str:
        layer = self._layer[asset.name]
        x, width = self._left[layer], self._widths[layer]
        y = _MARGIN + self._layout.middles[asset.name] - _HEIGHT / 2
        colour = _colour(asset)
        classes = [_CLASSES.get(asset.kind, "table"), *(["focus"] if asset.name == self._focus else [])]
        note = fit(_note(asset), 11.0, width - 2 * _PADDING)
        body = (
            f"<title>{escape(_tip(asset))}</title>"
            f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT:.1f}" rx="7" '
            f'style="fill:var(--{colour});stroke:var(--{colour}-edge)"/>'
            f'<text class="name" x="{x + _PADDING:.1f}" y="{y + 18:.1f}">{escape(asset.name)}</text>'
            f'<text class="note" x="{x + _PADDING:.1f}" y="{y + 33:.1f}">{escape(note)}</text>'
        )
        group = f'<g class="{" ".join(classes)}">{body}</g>'
        target = self._link(asset) if self._link is not None else None
        return group if target is None else f'<a href="{escape(target)}">{group}</a>'

    def _edge(self, origin: str, target: str, marker: str) -> str:
        """A line from the right side of one box to the left side of another, level where it passes a layer."""
        start, end = self._layer[origin], self._layer[target]
        points = [(self._left[start] + self._widths[start], _MARGIN + self._layout.middles[origin])]
        for number, middle in enumerate(self._layout.passes[origin, target], start + 1):
            points += [
                (self._left[number], _MARGIN + middle),
                (self._left[number] + self._widths[number], _MARGIN + middle),
            ]
        points.append((self._left[end] - 1, _MARGIN + self._layout.middles[target]))
        path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for number in range(1, len(points)):
            (x, y), (to_x, to_y) = points[number - 1], points[number]
            if number % 2 == 0:
                path += f"L{to_x:.1f} {to_y:.1f}"
            else:
                half = (x + to_x) / 2
                path += f"C{half:.1f} {y:.1f} {half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        return f'<path class="edge" d="{path}" marker-end="url(#{marker})"/>'


def _colour(asset: Asset) -> str:
    if asset.kind in (AssetKind.SOURCE, AssetKind.KPI):
        return asset.kind.value
    return asset.name.partition(".")[0]


def _note(asset: Asset) -> str:
    """The small line below the name."""
    if asset.kind is AssetKind.SOURCE:
        return asset.label
    if asset.kind is AssetKind.KPI and asset.label:
        return asset.label
    count = len(asset.columns)
    return f"{asset.kind.value} · {count} column{'' if count == 1 else 's'}"


def _tip(asset: Asset) -> str:
    """What is shown when the pointer rests."""
    parts = [f"{asset.name} ({asset.kind.value})", *([asset.label] if asset.label else [])]
    if asset.columns:
        parts.append("columns: " + ", ".join(column.name for column in asset.columns))
    return "\n".join(parts)


def _legend_width(kinds: list[str]) -> float:
    return sum(measure(_WORDS[kind], 11.0) + 36 for kind in kinds) + 90


def _legend(kinds: list[str], y: float) -> str:
    """What the colours mean; the names say it too."""
    x, parts = _MARGIN, []
    for kind in kinds:
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 6:.1f}" width="12" height="12" rx="3" style="fill:var(--{kind});stroke:var(--{kind}-edge)"/>'
            f'<text class="note" x="{x + 17:.1f}" y="{y + 4:.1f}">{_WORDS[kind]}</text>'
        )
        x += measure(_WORDS[kind], 11.0) + 36
    parts.append(f'<text class="note" x="{x:.1f}" y="{y + 4:.1f}">dashed: view</text>')
    return f'<g aria-hidden="true">{"".join(parts)}</g>'


def measure(text: str, size: float) -> float:
    """About how wide a text is in a wide sans-serif, in pixels: no box may be too narrow."""
    ems = (0.36 if c in _NARROW else 0.94 if c in _WIDE else 0.70 if c.isupper() else 0.61 for c in text)
    return sum(ems) * size


def fit(text: str, size: float, width: float) -> str:
    """The text, cut with an ellipsis where it is too wide."""
    if measure(text, size) <= width:
        return text
    while text and measure(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"
