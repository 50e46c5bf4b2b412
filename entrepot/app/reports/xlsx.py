"""A report as a workbook: numbers are numbers, dates are dates, a text is never a formula; a chart of each KPI."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from entrepot.app.docs_site.facts import KpiEntry, PeriodFigures
from entrepot.app.reports.facts import ReportFacts, say_complete, say_thresholds
from entrepot.kernel.errors import MissingExtra
from entrepot.serve.kpis import Every, Kpi

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

_HEADS = ("Period", "Begins", "Value", "Numerator", "Denominator", "Change", "Target", "Status", "Complete", "Note")
_FORBIDDEN = "[]:*?/\\'"


def render_xlsx(report: ReportFacts) -> bytes:
    """The bytes of the workbook. Raises: MissingExtra."""
    try:
        from xlsxwriter import Workbook
    except ImportError as error:
        raise MissingExtra("xlsxwriter", "reports") from error
    held = io.BytesIO()
    safe = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with Workbook(held, safe) as book:
        book.set_properties({"title": f"KPIs of {report.project}", "created": report.released_at.replace(tzinfo=None)})
        formats = _Formats(book)
        names = list(_sheet_names(report))
        _write_summary(book, report, names, formats)
        for entry, name in zip(report.kpis, names, strict=True):
            _write_kpi(book, book.add_worksheet(name), entry, name, formats)
    return held.getvalue()


class _Formats:
    """Formats of cells, each made once."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._numbers: dict[str, Any] = {}
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        self.word = book.add_format({"bold": True, "valign": "top"})
        self.date = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
        self.time = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})

    def number(self, pattern: str | None) -> Any:
        """Of a KPI's pattern."""
        wanted = pattern or "General"
        if wanted not in self._numbers:
            self._numbers[wanted] = self._book.add_format({"num_format": wanted})
        return self._numbers[wanted]


def _sheet_names(report: ReportFacts) -> Iterator[str]:
    """Excel takes 31 characters, some not at all, and each name once whatever its case; `History` it keeps for itself."""
    used = {"summary", "history"}
    for entry in report.kpis:
        plain = (
            "".join(" " if sign in _FORBIDDEN or ord(sign) < 32 else sign for sign in entry.kpi.title)[:31].strip()
            or entry.kpi.name[:31]
        )
        name, number = plain, 1
        while name.lower() in used:
            number += 1
            name = f"{plain[: 30 - len(str(number))]} {number}"
        used.add(name.lower())
        yield name


def _write_summary(book: Workbook, report: ReportFacts, names: list[str], formats: _Formats) -> None:
    sheet = book.add_worksheet("Summary")
    sheet.write_string(0, 0, f"KPIs of {report.project}", formats.title)
    sheet.write_string(1, 0, f"Release {report.release} of {report.released_at:%Y-%m-%d %H:%M} UTC")
    for column, head in enumerate(("KPI", "Unit", "Period", "Value", "Before", "Target", "Status", "Complete to")):
        sheet.write_string(3, column, head, formats.head)
    for row, (entry, name) in enumerate(zip(report.kpis, names, strict=True), start=4):
        kpi, now = entry.kpi, entry.standing
        sheet.write_url(row, 0, f"internal:'{name}'!A1", string=kpi.title)
        sheet.write_string(row, 1, kpi.unit)
        sheet.write_string(row, 7, say_complete(entry))
        if now is None:
            continue
        sheet.write_string(row, 2, now.name if now.is_closed else f"{now.name} (open)")
        for column, value in ((3, now.value), (4, now.previous), (5, now.target)):
            _write_number(sheet, row, column, value, formats.number(kpi.format))
        sheet.write_string(row, 6, now.status or "")
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 6, 14)
    sheet.set_column(7, 7, 60)
    sheet.freeze_panes(4, 1)
    for row, (title, _) in enumerate(dict.fromkeys(report.held), start=len(report.kpis) + 5):
        sheet.write_string(row, 0, f"Not up to date: {title} stays as an older release had it.")


def _write_kpi(book: Workbook, sheet: Worksheet, entry: KpiEntry, name: str, formats: _Formats) -> None:
    kpi = entry.kpi
    sheet.write_string(0, 0, kpi.title, formats.title)
    row = 1
    for word, said in _definition(entry):
        sheet.write_string(row, 0, word, formats.word)
        sheet.merge_range(row, 1, row, 9, "", formats.wrapped)
        sheet.write_string(row, 1, said, formats.wrapped)
        sheet.set_row(row, 15 * max(1, -(-len(said) // 110)))
        row += 1
    first = row + 2
    for column, head in enumerate(_HEADS):
        sheet.write_string(first - 1, column, f"{head} ({kpi.unit})" if head == "Value" else head, formats.head)
    for place, period in enumerate(entry.periods):
        _write_period(sheet, first + place, kpi, period, formats)
    sheet.set_column(0, 9, 15)
    if len(entry.periods) > 1 and kpi.has_total:
        _add_chart(book, sheet, entry, name, first)


def _write_period(sheet: Worksheet, row: int, kpi: Kpi, period: PeriodFigures, formats: _Formats) -> None:
    sheet.write_string(row, 0, period.name)
    begins = period.start.replace(tzinfo=None) if hasattr(period.start, "tzinfo") else period.start  # type: ignore[call-arg]
    sheet.write_datetime(row, 1, begins, formats.time if kpi.every is Every.HOUR else formats.date)
    plain, own = formats.number(None), formats.number(kpi.format)
    for column, value, shown in (
        (2, period.value, own), (3, period.numerator, plain), (4, period.denominator, plain), (5, period.change, own), (6, period.target, own),
    ):  # fmt: skip
        _write_number(sheet, row, column, value, shown)
    sheet.write_string(row, 7, period.status or "")
    sheet.write_string(row, 8, "yes" if period.is_closed else "no")
    sheet.write_string(row, 9, period.reason or "")


def _write_number(sheet: Worksheet, row: int, column: int, value: float | None, shown: Any) -> None:
    if value is None:
        sheet.write_blank(row, column, None, shown)
    else:
        sheet.write_number(row, column, value, shown)


def _definition(entry: KpiEntry) -> Iterator[tuple[str, str]]:
    kpi = entry.kpi
    yield "Definition", kpi.definition
    if kpi.formula:
        yield "Formula", kpi.formula
    yield "Unit", kpi.unit
    yield "Owner", kpi.owner
    if thresholds := say_thresholds(kpi):
        yield "Thresholds", thresholds
    for word, aggregate in (("Measure", kpi.measure), ("Numerator", kpi.numerator), ("Denominator", kpi.denominator)):
        if aggregate is not None:
            yield word, " ".join(aggregate.text.split())
    yield "Complete", say_complete(entry)


def _add_chart(book: Workbook, sheet: Worksheet, entry: KpiEntry, name: str, first: int) -> None:
    last = first + len(entry.periods) - 1
    chart = book.add_chart({"type": "line"})
    chart.add_series(
        {
            "name": entry.kpi.title,
            "categories": [name, first, 0, last, 0],
            "values": [name, first, 2, last, 2],
            "marker": {"type": "circle", "size": 4},
        }
    )
    if any(each.target is not None for each in entry.periods):
        chart.add_series(
            {
                "name": "Target",
                "categories": [name, first, 0, last, 0],
                "values": [name, first, 6, last, 6],
                "line": {"dash_type": "dash"},
            }
        )
    chart.set_y_axis({"name": entry.kpi.unit})
    chart.show_blanks_as("gap")
    chart.set_size({"width": 720, "height": 300})
    sheet.insert_chart(first - 1, len(_HEADS) + 1, chart)
