"""Pieces that several pages show: links to things, statuses, batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from entrepot.app.docs_site.charts import layer_bars
from entrepot.app.docs_site.chrome import link
from entrepot.app.docs_site.facts import BatchFigures, Entry, KpiEntry
from entrepot.app.docs_site.words import NONE, Times, count
from entrepot.contracts.docs.facts import is_classified
from entrepot.contracts.docs.markup import NOTHING, Head, Html, badge, code, el, join, page_name, table

_STATUS = {
    "good": ("ok", "● good"),
    "warning": ("warn", "▲ warning"),
    "critical": ("bad", "✖ critical"),
    "unknown": ("wait", "? unknown"),
    "passed": ("ok", "● passed"),
    "failed": ("bad", "✖ failed"),
    "yes": ("ok", "● yes"),
    "no": ("bad", "✖ no"),
    "accepted": ("warn", "▲ accepted"),
    "held": ("bad", "✖ held"),
    "current": ("ok", "● current"),
    "waiting": ("wait", "○ not released yet"),
    "settled": ("ok", "● settled"),
    "open": ("wait", "○ not finished"),
    "voided": ("warn", "▲ voided"),
}


def status(word: str | None) -> Html:
    """A status with a sign of its own: the colour only repeats it."""
    if not word:
        return NOTHING
    kind, text = _STATUS.get(word, ("", word))
    return el("span", text, class_=f"status {kind}".strip())


def standing_of(entry: Entry) -> str:
    """A dataset's status in one word; nothing where it has not run."""
    if entry.held:
        return "held"
    figures = entry.figures
    if figures is None:
        return ""
    return "current" if figures.released == figures.version else "waiting"


def dataset_address(name: str) -> str:
    """Where a dataset's page lies."""
    return f"datasets/{page_name(name)}"


def kpi_address(name: str) -> str:
    """Where a KPI's page lies."""
    return f"kpis/{page_name(name)}"


def source_address(name: str) -> str:
    """Where a source's page lies."""
    return f"sources/{page_name(name)}"


def contract_address(dataset: str) -> str:
    """Where the page of a dataset's contract lies."""
    return f"contracts/{page_name(dataset)}"


def dataset_link(name: str, at: str) -> Html:
    """A dataset's name with the sign of its layer."""
    return el("span", layer_bars(name.partition(".")[0]), link(dataset_address(name), code(name), at=at), class_="ds")


def kpi_link(entry: KpiEntry, at: str) -> Html:
    """A KPI's title."""
    return link(kpi_address(entry.kpi.name), entry.kpi.title, at=at)


def listing(items: Iterable[Html]) -> Html:
    """Items below each other; nothing when there are none."""
    found = [el("li", item) for item in items]
    return el("ul", *found) if found else NOTHING


def marks(classes: Iterable[str], inherited: Iterable[str] = ()) -> Html:
    """Classifications: its own, and those of what it is computed from."""
    own = [badge(word, "personal" if is_classified(word) else "") for word in classes]
    return join([*own, *(badge(f"from {word}", "personal") for word in inherited)])


def batch_table(batches: Sequence[BatchFigures], times: Times, *, with_flow: bool = True) -> Html:
    """Batches, newest first."""
    heads = [
        *([Head("Flow")] if with_flow else []),
        Head("Batch", number=True),
        Head("Settled"),
        *(
            Head(word, number=True)
            for word in ("Received", "Accepted", "Rejected", "Duplicate", "Superseded", "Version")
        ),
        Head("State"),
    ]
    rows = [
        (
            *([code(each.flow)] if with_flow else []),
            count(each.sequence),
            times.show(each.at, seconds=True),
            *map(count, (each.received, each.accepted, each.rejected, each.duplicate)),
            count(each.superseded),
            count(each.version),
            status(each.status),
        )
        for each in batches
    ]
    return table("Last batches", heads, rows)


def grid(cells: Iterable[tuple[object, object, object]]) -> Html:
    """Facts beside each other: what, the value, and a smaller line below it."""
    found = [
        el("div", el("dt", what), el("dd", value if value != "" else NONE), el("dd", more) if more else None)
        for what, value, more in cells
    ]
    return el("dl", *found, class_="grid") if found else NOTHING


def told_columns(
    label: str, cells: Sequence[tuple[Head, Sequence[Html]]], *, id: str | None = None, always: str = ""
) -> Html:
    """A table, column by column, without the columns in which nothing stands; `always` is kept all the same."""
    told = [(head, column) for head, column in cells if head.text == always or any(column)]
    rows = list(zip(*(column for _, column in told), strict=True))
    return table(label, [head for head, _ in told], rows, id=id)
