"""Lineage: of a dataset one step to each side and the whole way as a picture; of the project all of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from entrepot.app.docs_site.chrome import Chrome, heading, link, relative
from entrepot.app.docs_site.facts import Entry, SiteFacts
from entrepot.app.docs_site.parts import dataset_address, dataset_link, kpi_address, source_address
from entrepot.catalog.lineage import Asset, AssetKind
from entrepot.catalog.picture import draw_lineage
from entrepot.contracts.docs.markup import NOTHING, Html, code, el, join, section, table
from entrepot.kernel.names import parse_dataset

LINEAGE = "lineage.html"
_SHOWN = 12


def lineage_section(site: SiteFacts, entry: Entry, at: str) -> Html:
    """What it is made from, itself, what is made from it."""
    before = [el("li", link(source_address(name), name, at=at)) for name in entry.sources]
    before += [el("li", dataset_link(name, at)) for name in entry.made_from]
    after = [el("li", dataset_link(name, at)) for name in entry.read_by]
    after += [el("li", link(kpi_address(entry.kpi), "the KPI", at=at))] if entry.kpi else []
    arrow = el("span", "→", class_="sign", aria_hidden="true")
    here = el("ul", el("li", code(entry.name), class_="here"))
    body = el(
        "div",
        _column("Made from", before, "nothing else"),
        arrow,
        el("div", el("h3", "This dataset"), here),
        arrow,
        _column("Read by", after, "nothing else"),
        class_="flow",
    )
    return section("Lineage", body, _whole_way(site, entry, at), id="lineage")


def _column(title: str, items: Sequence[Html], none: str) -> Html:
    shown = [*items[:_SHOWN], *([el("li", f"and {len(items) - _SHOWN} more")] if len(items) > _SHOWN else [])]
    return el("div", el("h3", title), el("ul", *(shown or [el("li", none, class_="soft")])))


def _whole_way(site: SiteFacts, entry: Entry, at: str) -> Html:
    if site.lineage.find(entry.name) is None:
        return NOTHING
    svg = draw_lineage(site.lineage, parse_dataset(entry.name), link=partial(_way_to, at))
    picture = _picture(svg, f"Lineage of {entry.name}")
    return el("details", el("summary", "The whole way, from the sources to the last that reads it"), picture)


def _way_to(at: str, asset: Asset) -> str:
    """Where a box of the picture leads."""
    address = source_address(asset.name) if asset.kind is AssetKind.SOURCE else dataset_address(asset.name)
    return relative(address, at)


def _picture(svg: str, label: str) -> Html:
    """The catalog escapes what it draws; the frame scrolls where the picture is wider."""
    return el("div", Html(svg), class_="frame picture", tabindex=0, role="region", aria_label=label)


def render_lineage(chrome: Chrome) -> str:
    """All datasets: as a picture, and as a table for those who do not see it."""
    site = chrome.site
    rows = [
        (
            dataset_link(entry.name, LINEAGE),
            join(
                [
                    *(link(source_address(name), name, at=LINEAGE) for name in entry.sources),
                    *(dataset_link(name, LINEAGE) for name in entry.made_from),
                ],
                el("br"),
            ),
            join((dataset_link(name, LINEAGE) for name in entry.read_by), el("br")),
        )
        for entry in site.entries
    ]
    svg = draw_lineage(site.lineage, link=partial(_way_to, LINEAGE))
    picture = _picture(svg, "Lineage of the project") if site.lineage.assets else NOTHING
    body = (
        heading("Lineage"),
        el("p", "What is made from what, from the sources at the left to what nothing else reads at the right."),
        picture,
        section("As a table", table("Lineage", ("Dataset", "Made from", "Read by"), rows)),
    )
    return chrome.page(LINEAGE, "Lineage", join((part for part in body if part), "\n"))
