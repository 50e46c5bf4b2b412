"""A report as one page: nothing is loaded from elsewhere, no script; readable on a phone, in the dark, and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from zoneinfo import ZoneInfo

from entrepot.app.docs_site.charts import draw_chart, draw_spark
from entrepot.app.docs_site.chrome import stylesheet
from entrepot.app.docs_site.facts import KpiEntry, PeriodFigures
from entrepot.app.docs_site.parts import grid, listing, status, told_columns
from entrepot.app.docs_site.words import Times, kpi_change, kpi_value, kpi_value_with_unit, number
from entrepot.app.reports.facts import ReportFacts, newest_first, say_complete, say_thresholds
from entrepot.contracts.docs.markup import NOTHING, Head, Html, badge, el, facts, join, plain, table

PERIODS = 14
"""In a table; the chart shows all that were read."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def render_html(report: ReportFacts) -> str:
    """The whole page."""
    times = Times(ZoneInfo(report.zone), report.zone)
    title = f"KPIs of {report.project}"
    body = join(
        (
            el("h1", title),
            el(
                "p",
                f"Release {report.release} of ",
                times.show(report.released_at),
                f", clocks of {report.zone}.",
                class_="soft",
            ),
            _held(report),
            _summary(report),
            *(_kpi(entry) for entry in report.kpis),
            el(
                "footer",
                "Values over all groups, as this release holds them. Made by ",
                el("code", "entrepot report"),
                ".",
            ),
        ),
        "\n",
    )
    own = (files(__package__) / "report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{plain(title)} · release {report.release}</title>\n<style>\n{stylesheet()}{own}</style>\n</head>\n"
        f'<body class="report">\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )


def _held(report: ReportFacts) -> Html:
    if not report.held:
        return NOTHING
    said = ", ".join(dict.fromkeys(title for title, _ in report.held))
    return el("p", el("b", "Not up to date: "), f"{said} stay as an older release had them.", class_="note")


def _summary(report: ReportFacts) -> Html:
    rows = []
    for entry in report.kpis:
        kpi, now = entry.kpi, entry.standing
        name = el("a", kpi.title, href=f"#{kpi.name}")
        if now is None:
            rows.append((name, "–", "–", "", "–", "", ""))
            continue
        target = "–" if now.target is None else kpi_value_with_unit(kpi, now.target)
        change = kpi_change(kpi, now.change, now.change_percent)
        value = kpi_value_with_unit(kpi, now.value)
        rows.append((name, _period(now), value, change, target, status(now.status), draw_spark(entry)))
    heads = (
        "KPI", "Period", Head("Value", number=True), Head("Change", number=True), Head("Target", number=True), "Status", "Trend",
    )  # fmt: skip
    return table("How the KPIs stand", heads, rows)


def _kpi(entry: KpiEntry) -> Html:
    kpi = entry.kpi
    chart = draw_chart(entry) if kpi.has_total else NOTHING
    no_total = (
        el("p", "A total over all groups would mean nothing here.", class_="soft") if not kpi.has_total else NOTHING
    )
    return el(
        "section",
        el("h2", kpi.title, " ", badge(kpi.unit)),
        el("p", kpi.definition, class_="lead"),
        el("p", "= ", el("b", kpi.formula)) if kpi.formula else NOTHING,
        el("p", say_complete(entry), class_="complete"),
        grid(_cells(entry)),
        el("figure", chart, class_="frame") if chart else no_total,
        _periods(entry),
        facts(f"Definition of {kpi.title}", _definition(entry)),
        el("h3", "Edge cases") if kpi.edge_cases else NOTHING,
        listing(plain(text) for text in kpi.edge_cases),
        id=kpi.name,
        class_="kpi",
    )


def _period(period: PeriodFigures) -> Html:
    return el("span", period.name if period.is_closed else f"{period.name} (open)", class_="when")


def _cells(entry: KpiEntry) -> Iterator[tuple[object, object, object]]:
    kpi, now = entry.kpi, entry.standing
    if now is None:
        return
    yield (now.name if now.is_closed else f"{now.name} (open)"), kpi_value_with_unit(kpi, now.value), now.reason or ""
    yield "Against the period before", kpi_change(kpi, now.change, now.change_percent), now.trend or ""
    if now.target is not None:
        yield "Target", kpi_value_with_unit(kpi, now.target), ""
    if now.status:
        yield "Status", status(now.status), ""


def _periods(entry: KpiEntry) -> Html:
    kpi = entry.kpi
    if not kpi.has_total:
        return NOTHING
    shown = newest_first(entry, PERIODS)
    cells: list[tuple[Head, list[Html]]] = [
        (Head("Period"), [_period(each) for each in shown]),
        (Head(f"Value ({kpi.unit})", number=True), [plain(kpi_value(kpi, each.value)) for each in shown]),
        (Head("Numerator", number=True), [plain(number(each.numerator) if kpi.is_rate else "") for each in shown]),
        (Head("Denominator", number=True), [plain(number(each.denominator) if kpi.is_rate else "") for each in shown]),
        (Head("Change", number=True), [plain(kpi_change(kpi, each.change, each.change_percent)) for each in shown]),
        (
            Head("Target", number=True),
            [plain("" if each.target is None else kpi_value(kpi, each.target)) for each in shown],
        ),
        (Head("Status"), [status(each.status) for each in shown]),
        (Head("Note"), [plain(each.reason) for each in shown]),
    ]
    return told_columns(f"The newest periods of {kpi.title}", cells)


def _definition(entry: KpiEntry) -> Iterator[tuple[str, object]]:
    kpi = entry.kpi
    yield "Unit", kpi.unit
    yield "Period", f"each {kpi.every}"
    yield "Owner", kpi.owner
    if kpi.target is not None:
        yield "Target", kpi_value_with_unit(kpi, kpi.target)
    if thresholds := say_thresholds(kpi):
        yield "Thresholds", thresholds
    for word, aggregate in (("Measure", kpi.measure), ("Numerator", kpi.numerator), ("Denominator", kpi.denominator)):
        if aggregate is not None:
            yield word, el("code", " ".join(aggregate.text.split()))
    yield "Made from", el("code", str(kpi.model))
