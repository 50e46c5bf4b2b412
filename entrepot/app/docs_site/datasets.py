"""The lists to search in: all datasets, and all columns."""

from __future__ import annotations

from entrepot.app.docs_site.chrome import Chrome, heading, search_box
from entrepot.app.docs_site.facts import Entry
from entrepot.app.docs_site.parts import dataset_link, marks, standing_of, status, told_columns
from entrepot.app.docs_site.words import NONE, count, plural, size
from entrepot.contracts.docs.markup import NOTHING, Head, Html, code, el, join, plain, table
from entrepot.kernel.names import LAYERS

DATASETS, COLUMNS = "datasets.html", "columns.html"
NOTHING_YET = "There is no dataset yet: describe a source or write a model."


def render_datasets(chrome: Chrome) -> str:
    """Every dataset with what it is, how large and how fresh."""
    entries = chrome.site.entries
    cells: list[tuple[Head, list[Html]]] = [
        (Head("Dataset", wide=True), [_name(place, entry, entries) for place, entry in enumerate(entries)]),
        (Head("Kind"), [plain(entry.kind) for entry in entries]),
        (Head("Rows", number=True), [_rows(entry) for entry in entries]),
        (Head("Size", number=True), [_size(entry) for entry in entries]),
        (Head("Last change"), [_change(chrome, entry) for entry in entries]),
        (Head("Owner"), [plain(entry.owner) for entry in entries]),
        (Head("Classified"), [marks(entry.classes, entry.inherited) for entry in entries]),
        (Head("Readers see"), [status(standing_of(entry)) for entry in entries]),
    ]
    said = f"{plural(len(entries), 'dataset')}. The search also looks into column names." if entries else NOTHING_YET
    body = (
        heading("Datasets"),
        el("p", said),
        search_box("Search", "datasets") if entries else "",
        told_columns("Datasets", cells, id="datasets"),
    )
    return chrome.page(DATASETS, "Datasets", join(body, "\n"), scripted=bool(entries))


def _rows(entry: Entry) -> Html:
    return plain(count(entry.figures.rows)) if entry.figures is not None else NOTHING


def _size(entry: Entry) -> Html:
    """Sorted by bytes."""
    figures = entry.figures
    return el("span", size(figures.size_bytes), data_sort=figures.size_bytes) if figures is not None else NOTHING


def _change(chrome: Chrome, entry: Entry) -> Html:
    return plain(chrome.times.show(entry.figures.last_change)) if entry.figures is not None else NOTHING


def _name(place: int, entry: Entry, entries: tuple[Entry, ...]) -> Html:
    """The first of each layer is what links to the layer lead to."""
    first = entry.layer in LAYERS and (place == 0 or entries[place - 1].layer != entry.layer)
    named = el("span", dataset_link(entry.name, DATASETS), id=entry.layer if first else None)
    return join((named, el("br"), el("span", entry.description, _words(entry), class_="soft small")))


def _words(entry: Entry) -> Html:
    """Column names, for the search alone."""
    names = " ".join(column.row.column for column in entry.columns)
    return el("span", f" {names}", class_="hidden", aria_hidden="true")


def render_columns(chrome: Chrome) -> str:
    """Every column of every dataset: where is `customer_id`, what is personal."""
    found = sorted(
        ((column.row.column.lower(), entry.name, column) for entry in chrome.site.entries for column in entry.columns),
        key=lambda each: each[:2],
    )
    rows = [
        (
            code(column.row.column),
            dataset_link(dataset, COLUMNS),
            column.row.type or NONE,
            marks([column.classification] if column.classification else [], column.inherited),
            column.row.description or "",
        )
        for _, dataset, column in found
    ]
    said = f"{plural(len(rows), 'column')} of {plural(len(chrome.site.entries), 'dataset')}."
    body = (
        heading("Columns"),
        el("p", said),
        search_box("Search", "columns") if rows else "",
        table(
            "Columns", ("Column", "Dataset", "Type", "Classified", Head("What it means", wide=True)), rows, id="columns"
        ),
    )
    return chrome.page(COLUMNS, "Columns", join(body, "\n"), scripted=True)
