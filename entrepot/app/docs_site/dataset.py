"""The page of one dataset."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.app.docs_site.charts import layer_bars
from entrepot.app.docs_site.chrome import Chrome, heading, link
from entrepot.app.docs_site.facts import ColumnFacts, Entry
from entrepot.app.docs_site.highlight import highlight
from entrepot.app.docs_site.lineage import lineage_section
from entrepot.app.docs_site.parts import (
    batch_table,
    contract_address,
    dataset_address,
    dataset_link,
    grid,
    kpi_address,
    listing,
    marks,
    source_address,
    standing_of,
    status,
    told_columns,
)
from entrepot.app.docs_site.quality import QualityPart
from entrepot.app.docs_site.words import count, percent, plural, size
from entrepot.contracts.docs.markup import NOTHING, Head, Html, badge, code, el, join, plain, section


class DatasetPage:
    """Renders one dataset."""

    def __init__(self, chrome: Chrome, entry: Entry) -> None:
        self._chrome, self._entry, self._times = chrome, entry, chrome.times
        self._at = dataset_address(entry.name)

    def render(self) -> str:
        """The whole text."""
        entry = self._entry
        crumbs = (link("datasets.html", "Datasets", at=self._at), join((layer_bars(entry.layer), entry.layer)))
        body = (
            heading(code(entry.name), badge(entry.kind), crumbs=crumbs),
            el("p", entry.description, class_="lead") if entry.description else NOTHING,
            self._hold(),
            grid(self._cells()),
            section("Columns", self._columns(), id="columns"),
            lineage_section(self._chrome.site, entry, self._at),
            section("Consumers", self._consumers(), id="consumers"),
            section("Quality", *QualityPart(entry, self._times).render(), id="quality"),
            section("Last batches", self._batches(), id="batches"),
            section("Tests", listing(code(name) for name in entry.tests), id="tests"),
            self._text(),
        )
        return self._chrome.page(self._at, entry.name, join((part for part in body if part), "\n"))

    def _hold(self) -> Html:
        held = self._entry.held
        return el("div", el("p", status("held"), f" back: {held}."), class_="notice bad") if held else NOTHING

    def _cells(self) -> Iterator[tuple[str, object, object]]:
        entry, figures = self._entry, self._entry.figures
        if figures is not None:
            yield (
                "Rows",
                count(figures.rows),
                "of the version that readers see" if figures.released is not None else "not released yet",
            )
            yield "Size", size(figures.size_bytes), plural(figures.files, "file")
            yield "Version", count(figures.version), status(standing_of(entry))
            yield (
                "Last change",
                self._times.show(figures.last_change),
                plural(figures.batches_in_all, "batch", "batches"),
            )
            if figures.balance is not None and (figures.balance.rejected or entry.sources):
                yield (
                    "Rejected",
                    count(figures.balance.rejected),
                    percent(figures.balance.rejected, figures.balance.received),
                )
        if entry.owner:
            yield "Owner", entry.owner, ""
        if entry.contract is not None:
            to = contract_address(entry.contract_name or entry.name)
            yield "Contract", link(to, f"version {entry.contract.version}", at=self._at), self._of_other()
        elif entry.model is not None:
            yield "Contract", "none", "columns as the SELECT gives them"
        if entry.classes or entry.inherited:
            yield "Classified", marks(entry.classes, entry.inherited), ""
        if entry.kpi:
            yield "KPI", link(kpi_address(entry.kpi), entry.kpi, at=self._at), ""
        if entry.file:
            yield "Defined in", code(entry.file), ""

    def _of_other(self) -> str:
        name = self._entry.contract_name
        return f"that of {name}" if name and name != self._entry.name else ""

    def _columns(self) -> Html:
        entry = self._entry
        note = el("p", entry.columns_note, class_="soft small") if entry.columns_note else NOTHING
        key = entry.contract.key if entry.contract is not None else ()
        cells: list[tuple[Head, list[Html]]] = [
            (Head("Column"), [code(column.row.column) for column in entry.columns]),
            (Head("Type"), [plain(column.row.type) for column in entry.columns]),
            (Head("Marks"), [_marks(column, key) for column in entry.columns]),
            (Head("Rules", wide=True), [_rules(column) for column in entry.columns]),
            (Head("Comes from"), [self._origins(column) for column in entry.columns]),
            (Head("What it means", wide=True), [plain(column.row.description) for column in entry.columns]),
        ]
        return join((told_columns("Columns", cells, always="Column"), note))

    def _origins(self, column: ColumnFacts) -> Html:
        said = []
        for origin in column.origins[:4]:
            dataset, _, name = origin.rpartition(".")
            to = (
                link(dataset_address(dataset), code(dataset), at=self._at)
                if self._chrome.site.find(dataset)
                else code(dataset)
            )
            said.append(join((to, " ", code(name))))
        more = len(column.origins) - len(said)
        return join([*said, *([f"and {more} more"] if more else [])], el("br"))

    def _consumers(self) -> Html:
        entry = self._entry
        items = [join((dataset_link(name, self._at), " reads it")) for name in entry.read_by]
        items += [
            join(("The KPI ", link(kpi_address(name), name, at=self._at), " is made of it")) for name in entry.kpis
        ]
        items += [join((dataset_link(name, self._at), " refers to its keys")) for name in entry.referred_by]
        return listing(items) or el("p", "Nothing in the project reads it.", class_="soft")

    def _batches(self) -> Html:
        figures = self._entry.figures
        return batch_table(figures.batches, self._times) if figures is not None else NOTHING

    def _text(self) -> Html:
        entry = self._entry
        parts = (
            [
                el(
                    "p",
                    "Brought by ",
                    join((link(source_address(name), name, at=self._at) for name in entry.sources), ", "),
                    ".",
                )
            ]
            if entry.sources
            else []
        )
        if entry.model is None:
            return section("Where it comes from", *parts) if parts else NOTHING
        text = highlight(entry.model)
        if entry.kpi or not entry.file.endswith(".sql"):
            text = el("details", el("summary", "Show the SELECT that is made of the definition"), text)
        return section("The model", text, id="model")


def _rules(column: ColumnFacts) -> Html:
    return join((rule for rule in column.row.rules if not rule.startswith("key")), el("br"))


def _marks(column: ColumnFacts, key: tuple[str, ...]) -> Html:
    words = [badge("key")] if column.row.column in key else []
    words += [badge("required")] if column.row.required and column.row.column not in key else []
    words += [marks([column.classification] if column.classification else [], column.inherited)]
    words += [badge(column.unit)] if column.unit else []
    return join(words)
