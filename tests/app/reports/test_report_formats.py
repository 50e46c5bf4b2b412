"""A report says the same in each format: definition, target, thresholds, numerator and denominator, how far it is complete."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import openpyxl
import pytest

from entrepot.app.reports.facts import ReportFacts, say_complete
from entrepot.app.reports.html import render_html
from entrepot.app.reports.render import render_report, write_report
from entrepot.kernel.errors import MissingExtra, UsageError

Needed = Callable[[str], ModuleType]


class _Text(HTMLParser):
    """Text and tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


def test_the_page_says_everything_and_runs_nothing(facts: ReportFacts) -> None:
    """All facts are text; names that look like markup are text; nothing is loaded and no script is there."""
    page = render_html(facts)
    read = _Text()
    read.feed(page)
    for said in (
        "How much of the wanted stock is there.", "Σ available ÷ Σ wanted", "Stock <b>availability</b> =1+1", "Läden & <Co>",
        "sum(available)", "sum(wanted)", "95.0%", "good: 95.0% or more; warning: 90.0% or more; else critical",
        "Complete to 2026-09-04, the newest closed day; 2026-09-05 is still open.", "nothing was wanted", "2026-09-05 (open)",
        "97", "100", "✖ critical", "Release 12 of", "2026-09-05 06:30", "Nothing wanted: no value 中",
    ):  # fmt: skip
        assert said in read.text, said
    assert "script" not in read.tags
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<polyline") == 3, (
        "a period without a value is not bridged: two lines in the chart, one in the small one"
    )


def test_a_report_says_how_far_it_is_complete(facts: ReportFacts) -> None:
    """All closed, none closed, nothing there."""
    (entry,) = facts.kpis
    assert say_complete(replace(entry, periods=entry.periods[:2])) == "Complete to 2026-09-02, the newest closed day."
    assert (
        say_complete(replace(entry, periods=entry.periods[4:])) == "No day is complete yet; 2026-09-05 is still open."
    )
    assert say_complete(replace(entry, periods=())) == "There are no values in this release."


def test_the_workbook_holds_numbers_and_dates_and_no_formula(facts: ReportFacts) -> None:
    """Values are numbers with the KPI's format, null is empty, a title that begins like a formula is text."""
    book = openpyxl.load_workbook(io.BytesIO(render_report(facts, "xlsx").body))
    assert len(book.sheetnames) == 2
    sheet = book[book.sheetnames[1]]
    rows = [list(row) for row in sheet.iter_rows()]
    heads = next(place for place, row in enumerate(rows) if row[0].value == "Period")
    values = {row[0].value: row for row in rows[heads + 1 :] if row[0].value}
    assert [values[f"2026-09-0{day}"][2].value for day in range(1, 6)] == [0.97, 0.91, None, 0.8, 0.99]
    assert values["2026-09-01"][2].number_format == "0.0%"
    assert [cell.value for cell in values["2026-09-01"][3:5]] == [97, 100]
    assert values["2026-09-01"][1].value == datetime(2026, 9, 1)  # noqa: DTZ001
    assert values["2026-09-05"][8].value == "no"
    assert values["2026-09-03"][9].value == "nothing was wanted"
    for each in book.worksheets:
        for row in each.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
    assert len(sheet._charts) == 1


def test_sheets_of_kpis_with_one_title_have_names_of_their_own(facts: ReportFacts) -> None:
    """Long and forbidden names, too."""
    (entry,) = facts.kpis
    long = replace(entry, kpi=replace(entry.kpi, title="History"))
    other = replace(entry, kpi=replace(entry.kpi, title="a/b:c*" + "x" * 60))
    report = replace(facts, kpis=(entry, entry, long, other, other))
    book = openpyxl.load_workbook(io.BytesIO(render_report(report, "xlsx").body))
    names = [name.lower() for name in book.sheetnames]
    assert len(set(names)) == 6
    assert all(len(name) <= 31 for name in names)
    assert "history" not in names


def test_the_pdf_says_the_same_and_is_the_same_each_time(facts: ReportFacts, needed: Needed) -> None:
    """All facts are in its text; a sign that the font has not is told of; two renderings give the same bytes."""
    needed("reportlab")
    rendered = render_report(facts, "pdf")
    assert rendered.body == render_report(facts, "pdf").body
    pypdf = needed("pypdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(rendered.body)).pages]
    text = " ".join(" ".join(pages).split())
    for said in (
        "How much of the wanted stock is there.", "sum available ÷ sum wanted", "Stock <b>availability</b> =1+1", "Läden & <Co>",
        "sum(available)", "sum(wanted)", "good: 95.0% or more", "Complete to 2026-09-04", "critical", "nothing was wanted",
        "shown as question marks", "no value ?",
    ):  # fmt: skip
        assert said in text, said


def test_a_file_is_written_whole_and_named_after_its_release(facts: ReportFacts, tmp_path: Path) -> None:
    """Into folders that are not there yet, over an older one, nothing left beside it."""
    rendered = render_report(facts, "html")
    assert rendered.name == "L-den----Co-kpis-release-12.html"
    path = tmp_path / "a" / "b" / rendered.name
    write_report(b"old", path)
    write_report(rendered.body, path)
    assert path.read_bytes() == rendered.body
    assert [each.name for each in path.parent.iterdir()] == [rendered.name]


def test_another_format_is_refused(facts: ReportFacts) -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="html, pdf, xlsx"):
        render_report(facts, "docx")


@pytest.mark.parametrize(("format", "library"), [("pdf", "reportlab"), ("xlsx", "xlsxwriter")])
def test_a_missing_library_names_its_extra(
    facts: ReportFacts, monkeypatch: pytest.MonkeyPatch, format: str, library: str
) -> None:
    """And how it is installed."""
    for name in [library, *(each for each in sys.modules if each.startswith(f"{library}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"pip install 'entrepot\[reports\]'"):
        render_report(facts, format)
