"""The picture is valid SVG that names everything, hides nothing behind something else, and is the same every time."""

from __future__ import annotations

import re
from itertools import combinations
from random import Random
from xml.etree import ElementTree as ET

import pytest

from entrepot.catalog.layout import lay_out
from entrepot.catalog.lineage import Asset, AssetKind, LineageGraph
from entrepot.catalog.picture import draw_lineage, fit, measure
from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.values import ColumnLineage

SVG = "{http://www.w3.org/2000/svg}"


def make_graph(seed: int, size: int) -> LineageGraph:
    """Sources, layers and KPIs at random, of about so many nodes."""
    dice = Random(seed)
    assets = [Asset(f"till_{n}", AssetKind.SOURCE, label="files: <storage> & more") for n in range(max(1, size // 8))]
    for layer, part in (("bronze", 4), ("silver", 3), ("gold", 3)):
        known = [asset.name for asset in assets]
        for number in range(max(1, size // part)):
            kind = dice.choice([AssetKind.TABLE, AssetKind.VIEW, AssetKind.KPI if layer == "gold" else AssetKind.TABLE])
            inputs = tuple(dice.sample(known, min(len(known), dice.randint(1, 3))))
            columns = tuple(ColumnLineage(name) for name in "abc")
            assets.append(Asset(f"{layer}.dataset_number_{number}", kind, inputs, columns, label=f"{layer} & co"))
    return LineageGraph(assets)


def boxes(svg: str) -> dict[str, tuple[float, float, float, float]]:
    """Name → left, top, right, bottom."""
    found = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        rect, name = group.find(f"{SVG}rect[@class='box']"), group.find(f"{SVG}text[@class='name']")
        if rect is not None and name is not None:
            x, y, width, height = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
            found[str(name.text)] = (x, y, x + width, y + height)
    return found


@pytest.mark.parametrize(("seed", "size"), [(1, 1), (2, 5), (3, 20), (4, 60), (5, 60), (6, 120)])
def test_every_node_stands_alone_inside_the_picture(seed: int, size: int) -> None:
    graph = make_graph(seed, size)
    svg = draw_lineage(graph)
    root, found = ET.fromstring(svg), boxes(svg)
    assert set(found) == set(graph.assets)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for left, top, right, bottom in found.values():
        assert left >= 0 and top >= 0 and right <= width and bottom <= height
    for one, other in combinations(found.values(), 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("seed", range(5))
def test_edges_go_from_left_to_right(seed: int) -> None:
    graph = make_graph(seed, 40)
    svg = draw_lineage(graph)
    found = boxes(svg)
    edges = [path for path in ET.fromstring(svg).iter(f"{SVG}path") if path.get("class") == "edge"]
    assert len(edges) == len(set(graph.edges()))
    for origin, target in graph.edges():
        assert found[origin][2] < found[target][0]


@pytest.mark.parametrize("seed", range(5))
def test_no_edge_runs_through_a_box(seed: int) -> None:
    """Where an edge passes a layer, it passes between its boxes."""
    graph = make_graph(seed, 60)
    layout = lay_out(list(graph.assets), graph.edges(), step=56, passing=16)
    for (origin, _), middles in layout.passes.items():
        start = next(number for number, layer in enumerate(layout.layers) if origin in layer)
        for layer, middle in zip(layout.layers[start + 1 :], middles, strict=False):
            assert all(abs(layout.middles[name] - middle) >= 28 for name in layer)


def test_a_focus_shows_what_it_comes_from_and_goes_to() -> None:
    graph = make_graph(7, 30)
    focus = Dataset("silver", "dataset_number_1")
    svg = draw_lineage(graph, focus)
    assert set(boxes(svg)) == {str(focus), *graph.up(focus), *graph.down(focus)}
    assert svg.count(" focus") >= 1
    assert f"Lineage of {focus}" in svg


def test_it_can_be_read_without_seeing_it() -> None:
    """A title and a description that says every edge; each box has its own title; colour never says something alone."""
    graph = make_graph(8, 12)
    root = ET.fromstring(draw_lineage(graph))
    ids = root.attrib["aria-labelledby"].split()
    title, description = (next(node for node in root.iter() if node.get("id") == each) for each in ids)
    assert root.get("role") == "img"
    assert title.text
    for name in graph.assets:
        if graph.inputs(name):
            assert f"{name} is made from {', '.join(graph.inputs(name))}." in str(description.text)
    titles = [group.findtext(f"{SVG}title") for group in root.iter(f"{SVG}g")]
    assert sum(title is not None for title in titles) == len(graph.assets)


def test_light_and_dark_are_both_there() -> None:
    svg = draw_lineage(make_graph(9, 5))
    light, _, dark = svg.partition("@media (prefers-color-scheme:dark)")
    names = set(re.findall(r"(--[a-z-]+):#", light))
    assert names
    assert names == set(re.findall(r"(--[a-z-]+):#", dark))
    assert set(re.findall(r"var\((--[a-z-]+)\)", svg)) <= names


def test_the_same_graph_gives_the_same_picture() -> None:
    graph = make_graph(10, 40)
    other = LineageGraph(reversed(list(graph.assets.values())))
    assert boxes(draw_lineage(graph)) == boxes(draw_lineage(other))
    assert draw_lineage(graph) == draw_lineage(graph)


def test_nothing_in_it_can_break_out() -> None:
    """Names and labels are text, whatever stands in them."""
    bad = Asset("gold.x", AssetKind.KPI, label='"><script>alert(1)</script>', columns=(ColumnLineage("<b>"),))
    svg = draw_lineage(LineageGraph([bad]), link=lambda asset: 'x"onclick="y')
    ET.fromstring(svg)
    assert "<script" not in svg
    assert 'onclick="y' not in svg


def test_boxes_can_be_links() -> None:
    svg = draw_lineage(make_graph(11, 6), link=lambda asset: None if "." not in asset.name else f"{asset.name}.html")
    assert ' role="group" ' in draw_lineage(make_graph(11, 6), link=lambda asset: "x")
    links = {node.attrib["href"] for node in ET.fromstring(svg).iter(f"{SVG}a")}
    assert "bronze.dataset_number_0.html" in links
    assert not any(link.startswith("till") for link in links)


def test_an_empty_graph_is_a_picture_too() -> None:
    assert "There are no datasets." in draw_lineage(LineageGraph([]))


def test_long_labels_are_cut() -> None:
    text = "a very long label " * 10
    assert measure(fit(text, 11, 200), 11) <= 200
    assert fit("short", 11, 200) == "short"
