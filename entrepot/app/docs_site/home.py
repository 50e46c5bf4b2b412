"""The first page: what the project is, how fresh, what is held back, how the KPIs stand."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.app.docs_site.charts import draw_spark, layer_bars
from entrepot.app.docs_site.chrome import Chrome, heading, link
from entrepot.app.docs_site.facts import Entry, KpiEntry, SiteFacts
from entrepot.app.docs_site.parts import dataset_link, grid, kpi_link, source_address, status
from entrepot.app.docs_site.words import count, kpi_change, kpi_value, kpi_value_with_unit, percent, plural
from entrepot.contracts.docs.markup import NOTHING, Head, Html, el, join, section, table
from entrepot.kernel.names import LAYERS
from entrepot.serve.kpis import Kpi

ADDRESS = "index.html"
_MEANS = {
    "bronze": "typed and checked, as it came",
    "silver": "cleaned and conformed",
    "gold": "facts and figures",
}


def render_home(chrome: Chrome) -> str:
    """The page."""
    site = chrome.site
    body = (
        heading(site.project),
        el("p", site.description, class_="lead") if site.description else NOTHING,
        _freshness(chrome),
        section("How data flow", _chain(site)),
        section("Held back", _held(site)),
        section("KPIs", _scorecard(site)),
        section("What came in", _balance(site), _sources(site)),
    )
    return chrome.page(ADDRESS, site.project, join((part for part in body if part), "\n"))


def _freshness(chrome: Chrome) -> Html:
    site, release = chrome.site, chrome.site.release
    if release is None:
        text = (
            ("It has run, but nothing was released yet; ", el("code", "entrepot status"), " says why.")
            if site.has_run
            else (
                "Nothing has run yet: this is what the project says of itself. Bring data in with ",
                el("code", "entrepot run"),
                ".",
            )
        )
        return el("div", el("p", *text), class_="notice")
    held = sum(1 for entry in site.entries if entry.held)
    said = (
        el("b", f"Release {release.id}"),
        " of ",
        chrome.times.show(release.at),
        f": {plural(release.tables, 'table')} and {plural(release.views, 'view')}. ",
        f"{plural(held, 'dataset')} held back; the rest is as new as it can be." if held else "Nothing is held back.",
    )
    return el("div", el("p", *said), class_="notice bad" if held else "notice ok")


def _chain(site: SiteFacts) -> Html:
    """Sources, layers and KPIs in the order in which data pass them."""
    steps = [("source", "sources", plural(len(site.sources), "source"), _taken(site), "sources.html")]
    steps += [
        (layer, layer, plural(len(found), "dataset"), _rows(found) or _MEANS[layer], f"datasets.html#{layer}")
        for layer in LAYERS
        if (found := [entry for entry in site.entries if entry.layer == layer])
    ]
    steps += (
        [("kpi", "KPIs", plural(len(site.kpis), "KPI"), "with target and status", "kpis.html")] if site.kpis else []
    )
    items: list[Html] = []
    for layer, word, counted, more, to in steps:
        items += [el("li", "→", class_="sign", aria_hidden="true")] if items else []
        sign = layer_bars(layer) if layer != "kpi" else NOTHING
        items.append(
            el(
                "li",
                el("b", sign, word),
                el("span", link(to, counted, at=ADDRESS)),
                el("span", more, class_="soft small", style="display:block"),
                class_=f"of-{layer}",
            )
        )
    return el("ol", *items, class_="chain")


def _taken(site: SiteFacts) -> str:
    files = sum(source.files_taken for source in site.sources)
    return f"{plural(files, 'file')} taken" if files else "where data come from"


def _rows(entries: Iterable[Entry]) -> str:
    rows = [entry.figures.rows for entry in entries if entry.figures is not None and entry.figures.rows is not None]
    return f"{plural(sum(rows), 'row')}" if rows else ""


def _held(site: SiteFacts) -> Html:
    rows = [
        (
            dataset_link(entry.name, ADDRESS),
            entry.held,
            count(entry.figures.released if entry.figures else None),
            count(entry.figures.version if entry.figures else None),
        )
        for entry in site.entries
        if entry.held
    ]
    heads = ("Dataset", "Why", Head("Readers see version", number=True), Head("Newest version", number=True))
    return table("Held back", heads, rows)


def _scorecard(site: SiteFacts) -> Html:
    cards = [_card(entry) for entry in site.kpis]
    return el("ul", *(el("li", card, class_="card") for card in cards), class_="cards") if cards else NOTHING


def _card(entry: KpiEntry) -> Html:
    kpi, now = entry.kpi, entry.standing
    title = el("h3", kpi_link(entry, ADDRESS))
    if now is None:
        return join((title, el("p", kpi.definition, class_="soft small")))
    if now.value is None:
        why = now.reason or "there is no value"
        return join((title, el("p", "–", class_="big"), el("p", f"{now.name}: {why}", class_="soft small")))
    change = kpi_change(kpi, now.change, now.change_percent)
    target = f"target {kpi_value_with_unit(kpi, now.target)}" if now.target is not None else ""
    said = [
        now.name + ("" if now.is_closed else ", not closed yet"),
        *([change] if change else []),
        *([target] if target else []),
    ]
    return join(
        (
            title,
            _big(kpi, now.value),
            el("p", " · ".join(said), class_="soft small"),
            el("p", status(now.status)) if now.status else NOTHING,
            draw_spark(entry),
        )
    )


def _big(kpi: Kpi, value: float) -> Html:
    """The figure, and its unit smaller beside it."""
    said = kpi_value(kpi, value)
    unit = NOTHING if said.endswith(kpi.unit) else el("span", f" {kpi.unit}", class_="unit-of")
    return el("p", said, unit, class_="big")


def _balance(site: SiteFacts) -> Html:
    """Every record that came, and what became of it."""
    found = {each.dataset: each for source in site.sources for each in source.balance}.values()
    if not found:
        return NOTHING
    received = sum(each.received for each in found)
    live, rejected = sum(each.live for each in found), sum(each.rejected for each in found)
    cells = [
        ("Received", count(received), "records"),
        ("In the tables", count(live), percent(live, received)),
        ("Rejected", count(rejected), f"{percent(rejected, received)}, in quarantine"),
        ("Duplicate", count(sum(each.duplicate for each in found)), "of the same delivery"),
        ("Superseded", count(sum(each.superseded for each in found)), "a newer one came"),
        _rest([each.closes for each in found]),
    ]
    return grid(cells)


def _rest(closes: list[bool]) -> tuple[str, object, object]:
    open = closes.count(False)
    return (
        "All accounted for",
        status("no" if open else "yes"),
        "every record" if not open else f"{plural(open, 'dataset')} not",
    )


def _sources(site: SiteFacts) -> Html:
    rows = [
        (
            link(source_address(source.name), source.name, at=ADDRESS),
            source.connector,
            join((dataset_link(dataset, ADDRESS) for dataset, _ in source.feeds), el("br")),
            count(source.files_taken) if source.balance else "–",
            count(sum(each.received for each in source.balance)) if source.balance else "–",
            count(sum(each.rejected for each in source.balance)) if source.balance else "–",
        )
        for source in site.sources
    ]
    figures = [Head(word, number=True) for word in ("Files", "Received", "Rejected")]
    heads = [Head("Source"), Head("Connector"), Head("Feeds"), *figures]
    return table("Sources", heads, rows)
