"""Pages in HTML about contracts: plain, readable on a phone, in light and dark, with nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from entrepot.contracts.docs.facts import DatasetFacts, Link, is_classified
from entrepot.contracts.docs.markup import (
    NOTHING,
    Head,
    Html,
    badge,
    code,
    el,
    facts,
    join,
    page_name,
    plain,
    section,
    table,
)
from entrepot.contracts.docs.style import BASE, TOKENS
from entrepot.contracts.render import ColumnRow

__all__ = ["page_name", "render_column_table", "render_index", "render_index_body", "render_page", "render_page_body"]


def render_index(pages: Sequence[DatasetFacts], project: str) -> str:
    """The list of all datasets, as a page of its own."""
    return _page(f"Contracts of {project}", render_index_body(pages, project))


def render_index_body(pages: Sequence[DatasetFacts], project: str) -> Html:
    """What stands in the list of all datasets."""
    rows = [
        (
            el("a", code(page.dataset), href=page_name(page.dataset)),
            page.paragraphs[0][1] if page.paragraphs else "",
            len(page.columns),
            ", ".join(page.key),
            join(badge(word, _kind(word)) for word in sorted(set(page.classified.values()))),
        )
        for page in pages
    ]
    said = f"{len(pages)} datasets and what is promised of each." if pages else "No contract yet."
    heads = ("Dataset", Head("What it is", wide=True), Head("Columns", number=True), "Key", "Classified")
    return join((el("h1", f"Contracts of {project}"), el("p", said), table("Contracts", heads, rows)), "\n")


def render_page(page: DatasetFacts) -> str:
    """The page of one dataset, on its own."""
    back = el("nav", el("a", "All datasets", href="index.html"), aria_label="Contracts")
    return _page(page.dataset, join((back, render_page_body(page)), "\n"))


def render_page_body(page: DatasetFacts) -> Html:
    """What stands on the page of one dataset."""
    written = ("Written from ", code(page.file), ", which is the contract; this page only shows it.")
    parts = [
        el("h1", code(page.dataset)),
        *(
            el("p", el("b", f"{word}.") if word else None, " " if word else None, text)
            for word, text in page.paragraphs
        ),
        facts("The contract", page.facts),
        section("Columns", render_column_table(page.columns, page.key, page.classified)),
        section("Rules over the whole dataset", _set_rules(page)),
        section("Rules that are not judged", _pairs(page.not_run, ("Rule", "Why"))),
        section("Refers to", _links(page.refers_to)),
        section("Referred to by", _links(page.referred_by)),
        section("Service levels", _pairs(page.service_levels, ("Level", "Value"))),
        section("Contact", _pairs(page.contacts, ("Channel", "Where"))),
        el("p", *written, class_="soft small"),
    ]
    return join((part for part in parts if part), "\n")


def render_column_table(columns: Iterable[ColumnRow], key: Sequence[str], classified: Mapping[str, str]) -> Html:
    """Columns with their types, marks, rules and meaning. `classified`: column → classification."""
    rows = []
    for column in columns:
        word = classified.get(column.column)
        marks = [badge("key")] if column.column in key else []
        marks += [badge("required")] if column.required else []
        marks += [badge(word, _kind(word))] if word else []
        rules = join((rule for rule in column.rules if not rule.startswith("key")), el("br"))
        rows.append((code(column.column), column.type, join(marks), rules, column.description or ""))
    return table(
        "Columns", ("Column", "Type", "Marks", Head("Rules", wide=True), Head("What it means", wide=True)), rows
    )


def _kind(classification: str) -> str:
    return "personal" if is_classified(classification) else ""


def _set_rules(page: DatasetFacts) -> Html:
    rows = [
        (code(rule), demand, badge("holds the release", "error") if severity == "error" else badge("warns"), text)
        for rule, demand, severity, text in page.set_rules
    ]
    return table(
        "Rules over the whole dataset",
        ("Rule", Head("Demands", wide=True), "When broken", Head("Why", wide=True)),
        rows,
    )


def _pairs(rows: Iterable[tuple[str, str]], head: tuple[str, str]) -> Html:
    return table(head[0], head, [(code(first), second) for first, second in rows])


def _links(links: Iterable[Link]) -> Html:
    items = [el("li", el("a", link.text, href=page_name(link.dataset))) for link in links]
    return el("ul", *items) if items else NOTHING


def _page(title: str, body: Html) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{plain(title)}</title>\n<style>\n{TOKENS}{BASE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
