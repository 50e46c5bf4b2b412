"""The pages of sources."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.app.docs_site.chrome import Chrome, heading, link
from entrepot.app.docs_site.facts import SourceEntry
from entrepot.app.docs_site.parts import batch_table, dataset_link, grid, source_address, status
from entrepot.app.docs_site.words import NONE, count, percent, plural, size
from entrepot.contracts.docs.markup import NOTHING, Head, Html, badge, code, el, join, section, table

SOURCES = "sources.html"


def render_sources(chrome: Chrome) -> str:
    """All sources."""
    sources = chrome.site.sources
    rows = [
        (
            link(source_address(each.name), each.name, at=SOURCES),
            each.connector,
            join((dataset_link(dataset, SOURCES) for dataset, _ in each.feeds), el("br")),
            count(each.files_taken) if each.batches else NONE,
            size(each.bytes_taken) if each.batches else NONE,
            chrome.times.show(each.batches[0].at) if each.batches else NONE,
            each.description or each.summary,
        )
        for each in sources
    ]
    heads = (
        "Source",
        "Connector",
        "Feeds",
        Head("Files taken", number=True),
        Head("Size", number=True),
        "Last batch",
        Head("What it is", wide=True),
    )
    said = f"{plural(len(sources), 'source')}: where data come from." if sources else "There is no source yet."
    body = (heading("Sources"), el("p", said), table("Sources", heads, rows))
    return chrome.page(SOURCES, "Sources", join(body, "\n"))


def render_source(chrome: Chrome, source: SourceEntry) -> str:
    """One source."""
    at = source_address(source.name)
    body = (
        heading(source.name, badge(source.connector), crumbs=(link(SOURCES, "Sources", at=at),)),
        el("p", source.description, class_="lead") if source.description else NOTHING,
        grid(_cells(chrome, source)),
        section(
            "Feeds",
            table(
                "Feeds", ("Dataset", "How it is written"), [(dataset_link(name, at), how) for name, how in source.feeds]
            ),
        ),
        section("What came", _balances(source, at)),
        section(
            "Storage area",
            grid((f"{name}/", count(files), "file" if files == 1 else "files") for name, files in source.folders),
        ),
        section("Options", _options(source)),
        section("Last batches", batch_table(source.batches, chrome.times)),
    )
    return chrome.page(at, source.name, join((part for part in body if part), "\n"))


def _cells(chrome: Chrome, source: SourceEntry) -> Iterator[tuple[str, object, object]]:
    yield "Connector", source.connector, source.summary
    if source.files_taken:
        yield "Files taken", count(source.files_taken), size(source.bytes_taken)
    if source.batches:
        yield "Last batch", chrome.times.show(source.batches[0].at), ""
    yield "Defined in", code(source.file), ""


def _balances(source: SourceEntry, at: str) -> Html:
    rows = [
        (
            dataset_link(each.dataset, at),
            *map(count, (each.received, each.live, each.rejected, each.duplicate, each.superseded)),
            percent(each.rejected, each.received),
            status("yes" if each.closes else "no"),
        )
        for each in source.balance
    ]
    words = ("Received", "In the table", "Rejected", "Duplicate", "Superseded", "Rejected, share")
    return table("What came", ("Dataset", *(Head(word, number=True) for word in words), "All accounted for"), rows)


def _options(source: SourceEntry) -> Html:
    rows = [(code(option.name), option.value, option.meaning) for option in source.options]
    return table("Options", ("Option", "Value", Head("What it means", wide=True)), rows)
