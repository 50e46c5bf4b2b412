"""The pages of KPIs: definition, formula, target, values and a chart."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.app.docs_site.charts import draw_chart, draw_spark
from entrepot.app.docs_site.chrome import Chrome, heading, link, search_box
from entrepot.app.docs_site.facts import KpiEntry, PeriodFigures
from entrepot.app.docs_site.parts import dataset_link, grid, kpi_address, kpi_link, listing, status, told_columns
from entrepot.app.docs_site.words import kpi_change, kpi_value, kpi_value_with_unit, number, plural
from entrepot.contracts.docs.markup import NOTHING, Head, Html, badge, code, el, facts, join, plain, section, table
from entrepot.serve.kpis import Direction, Kpi

KPIS = "kpis.html"
_IN_TABLE = 14
_SIDE = {Direction.HIGHER: "or more", Direction.LOWER: "or less"}


def render_kpis(chrome: Chrome) -> str:
    """All KPIs and how they stand."""
    kpis = chrome.site.kpis
    rows = [_row(entry) for entry in kpis]
    heads = (
        "KPI",
        "Period",
        Head("Value", number=True),
        Head("Change", number=True),
        Head("Target", number=True),
        "Status",
        "Trend",
        "Owner",
        Head("Definition", wide=True),
    )
    body = (
        heading("KPIs"),
        el("p", f"{plural(len(kpis), 'KPI')}, each with its definition." if kpis else "There is no KPI yet."),
        search_box("Search", "kpis") if kpis else "",
        table("KPIs", heads, rows, id="kpis"),
    )
    return chrome.page(KPIS, "KPIs", join(body, "\n"), scripted=True)


def _row(entry: KpiEntry) -> tuple[object, ...]:
    kpi, now = entry.kpi, entry.standing
    figures: tuple[object, ...] = ("–", "–", "", "–", "")
    if now is not None:
        target = kpi_value_with_unit(kpi, now.target) if now.target is not None else "–"
        change = kpi_change(kpi, now.change, now.change_percent)
        figures = (_period(now), kpi_value_with_unit(kpi, now.value), change, target, status(now.status))
    return (kpi_link(entry, KPIS), *figures, draw_spark(entry), kpi.owner, kpi.definition)


def render_kpi(chrome: Chrome, entry: KpiEntry) -> str:
    """One KPI."""
    kpi, at = entry.kpi, kpi_address(entry.kpi.name)
    body = (
        heading(kpi.title, badge(kpi.unit), crumbs=(link(KPIS, "KPIs", at=at),)),
        el("p", kpi.definition, class_="lead"),
        el("p", "= ", el("b", kpi.formula)) if kpi.formula else NOTHING,
        grid(_cells(entry)),
        section("Over time", _chart(entry), _periods(entry)),
        section("Definition", facts("Definition", _definition(entry, at))),
        section("Edge cases", listing(el("span", text) for text in kpi.edge_cases)),
    )
    return chrome.page(at, kpi.title, join((part for part in body if part), "\n"))


def _cells(entry: KpiEntry) -> Iterator[tuple[object, object, object]]:
    kpi, now = entry.kpi, entry.standing
    if now is not None:
        yield _period(now), kpi_value_with_unit(kpi, now.value), now.reason if now.value is None else status(now.status)
        if now.change is not None:
            yield (
                "Against the period before",
                kpi_change(kpi, now.change, now.change_percent),
                f"it was {kpi_value_with_unit(kpi, now.previous)}",
            )
    if kpi.target is not None:
        yield "Target", kpi_value_with_unit(kpi, kpi.target), _of(kpi)
    if kpi.thresholds is not None:
        side = _SIDE[kpi.thresholds.direction]
        good, warning = (kpi_value_with_unit(kpi, value) for value in (kpi.thresholds.good, kpi.thresholds.warning))
        yield "Good", f"{good} {side}", f"warning: {warning} {side}; else critical"
    yield "Owner", kpi.owner, ""


def _of(kpi: Kpi) -> str:
    return "of the total" if kpi.adds_up else "of each row and of the total"


def _period(period: PeriodFigures) -> Html:
    return el("span", period.name if period.is_closed else f"{period.name} (open)", class_="when")


def _chart(entry: KpiEntry) -> Html:
    if not entry.kpi.has_total and entry.periods:
        return el(
            "p",
            "A total over all groups would mean nothing, and values of single groups are not shown here.",
            class_="soft",
        )
    chart = draw_chart(entry)
    return el("figure", chart, class_="frame") if chart else NOTHING


def _periods(entry: KpiEntry) -> Html:
    kpi = entry.kpi
    if not kpi.has_total:
        return NOTHING
    shown = list(reversed(entry.periods[-_IN_TABLE:]))
    cells: list[tuple[Head, list[Html]]] = [
        (Head("Period"), [_period(each) for each in shown]),
        (Head(f"Value ({kpi.unit})", number=True), [plain(kpi_value(kpi, each.value)) for each in shown]),
        (Head("Numerator", number=True), [plain(number(each.numerator) if kpi.is_rate else "") for each in shown]),
        (Head("Denominator", number=True), [plain(number(each.denominator) if kpi.is_rate else "") for each in shown]),
        (Head("Change", number=True), [plain(kpi_change(kpi, each.change, each.change_percent)) for each in shown]),
        (Head("Status"), [status(each.status) for each in shown]),
        (Head("Note"), [plain(each.reason) for each in shown]),
    ]
    return told_columns("The newest periods", cells)


def _definition(entry: KpiEntry, at: str) -> Iterator[tuple[str, object]]:
    kpi = entry.kpi
    yield "Name", code(kpi.name)
    yield "Of", dataset_link(str(kpi.model), at)
    yield "Values", dataset_link(str(kpi.dataset), at)
    yield "Grain", join(map(code, kpi.grain), ", ")
    yield "Period", f"each {kpi.every}"
    yield "Unit", kpi.unit
    if kpi.format:
        yield "Shown as", code(kpi.format)
    for word, aggregate in (("Measure", kpi.measure), ("Numerator", kpi.numerator), ("Denominator", kpi.denominator)):
        if aggregate is not None:
            yield word, code(" ".join(aggregate.text.split()))
    for name, aggregate in kpi.also.items():
        yield f"Also {name}", code(" ".join(aggregate.text.split()))
    if kpi.direction is not None:
        yield "Better is", "higher" if kpi.direction is Direction.HIGHER else "lower"
    yield "Defined in", code(entry.file)
