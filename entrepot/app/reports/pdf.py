"""A report as a PDF: the same figures on A4 pages, with its font inside; the same report gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from entrepot.app.docs_site.facts import KpiEntry
from entrepot.app.docs_site.words import kpi_change, kpi_value, kpi_value_with_unit, number
from entrepot.app.reports.facts import ReportFacts, newest_first, say_complete, say_thresholds
from entrepot.app.reports.pdf_chart import draw_pdf_chart
from entrepot.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

PERIODS = 14
_SIGNS = {"↑": "up", "↓": "down", "→": "same", "Σ": "sum"}
"""Words for signs that the font does not have."""
_STATUS = {"good": "#0f6650", "warning": "#855000", "critical": "#b0201f", "unknown": "#5a5272"}
_LINE = "#e2e6ea"


def render_pdf(report: ReportFacts) -> bytes:
    """The bytes of the document. Raises: MissingExtra."""
    try:
        import reportlab.platypus as platypus
        from reportlab.lib.pagesizes import A4
    except ImportError as error:
        raise MissingExtra("reportlab", "reports") from error
    held = io.BytesIO()
    title = f"KPIs of {report.project}"
    document = platypus.SimpleDocTemplate(
        held, pagesize=A4, leftMargin=48, rightMargin=48, topMargin=48, bottomMargin=54,
        title=title, author="Entrepôt", invariant=1,
    )  # fmt: skip
    page = _Page()
    story = page.story(report, title)
    footer = page.footer(f"{page.write(title)} · release {report.release}")
    document.build(story, onFirstPage=footer, onLaterPages=footer)
    return held.getvalue()


class _Page:
    """Fonts, styles, and the pieces that are made with them. Text that the font cannot show is told of, never left out."""

    def __init__(self) -> None:
        import reportlab
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont

        folder = Path(reportlab.__file__).parent / "fonts"
        for name, file in (("Report", "Vera.ttf"), ("Report-Bold", "VeraBd.ttf")):
            if name not in pdfmetrics.getRegisteredFontNames():
                pdfmetrics.registerFont(TTFont(name, str(folder / file)))
        faces = [pdfmetrics.getFont(name).face.charToGlyph for name in ("Report", "Report-Bold")]
        self._glyphs = faces[0].keys() & faces[1].keys()
        self.has_unknown = False
        self._plain = ParagraphStyle("plain", fontName="Report", fontSize=8.5, leading=12, textColor="#12181e")
        self._soft = ParagraphStyle("soft", parent=self._plain, textColor="#43505c")
        self._bold = ParagraphStyle("bold", parent=self._plain, fontName="Report-Bold")
        self._head = ParagraphStyle("head", parent=self._bold, fontSize=7.5)
        self._right = ParagraphStyle("right", parent=self._plain, alignment=2)
        self._title = ParagraphStyle("title", parent=self._bold, fontSize=17, leading=22, spaceAfter=4)
        self._heading = ParagraphStyle(
            "heading", parent=self._bold, fontSize=13, leading=17, spaceBefore=4, spaceAfter=3
        )

    def write(self, text: object) -> str:
        """A text in the characters that the font has."""
        found = []
        for sign in str(text):
            said = _SIGNS.get(sign, sign)
            known = all(ord(each) in self._glyphs for each in said)
            self.has_unknown |= not known
            found.append(said if known else "?")
        return "".join(found)

    def paragraph(self, text: object, style: Any = None, color: str | None = None) -> Flowable:
        """One paragraph; what looks like markup is text."""
        from reportlab.platypus import Paragraph

        said = escape(self.write(text))
        return Paragraph(f'<font color="{color}">{said}</font>' if color else said, style or self._plain)

    def story(self, report: ReportFacts, title: str) -> list[Flowable]:
        """All of it, in order."""
        from reportlab.platypus import PageBreak, Spacer

        local = report.released_at.astimezone(ZoneInfo(report.zone))
        found: list[Flowable] = [
            self.paragraph(title, self._title),
            self.paragraph(f"Release {report.release} of {local:%Y-%m-%d %H:%M}, clocks of {report.zone}.", self._soft),
            Spacer(1, 10),
        ]
        if report.held:
            names = ", ".join(dict.fromkeys(name for name, _ in report.held))
            found += [
                self.paragraph(f"Not up to date: {names} stay as an older release had them.", color="#855000"),
                Spacer(1, 8),
            ]
        found.append(self._summary(report))
        for entry in report.kpis:
            found += [PageBreak(), *self._kpi(entry)]
        if self.has_unknown:
            text = "Signs that the font of this PDF does not have are shown as question marks; the page (--format html) has them all."
            found[2:2] = [self.paragraph(text, color="#855000")]
        return found

    def _summary(self, report: ReportFacts) -> Flowable:
        rows: list[list[Flowable]] = []
        for entry in report.kpis:
            kpi, now = entry.kpi, entry.standing
            if now is None:
                rows.append([self.paragraph(kpi.title), *(self.paragraph("–") for _ in range(5))])
                continue
            rows.append(
                [
                    self.paragraph(kpi.title),
                    self.paragraph(now.name if now.is_closed else f"{now.name} (open)"),
                    self.paragraph(kpi_value_with_unit(kpi, now.value), self._right),
                    self.paragraph(kpi_change(kpi, now.change, now.change_percent), self._right),
                    self.paragraph("–" if now.target is None else kpi_value_with_unit(kpi, now.target), self._right),
                    self.paragraph(now.status or "", color=_STATUS.get(now.status or "")),
                ]
            )
        return self._table(
            ("KPI", "Period", "Value", "Change", "Target", "Status"), rows, (140, 75, 95, 75, 65, 49), {2, 3, 4}
        )

    def _kpi(self, entry: KpiEntry) -> Iterator[Flowable]:
        from reportlab.platypus import Spacer

        kpi = entry.kpi
        yield self.paragraph(f"{kpi.title} ({kpi.unit})", self._heading)
        yield self.paragraph(kpi.definition, self._soft)
        if kpi.formula:
            yield self.paragraph(f"= {kpi.formula}", self._bold)
        yield self.paragraph(say_complete(entry))
        yield Spacer(1, 8)
        if kpi.has_total and (chart := draw_pdf_chart(entry, self.write)) is not None:
            yield chart
            yield Spacer(1, 8)
        if kpi.has_total and entry.periods:
            yield self._periods(entry)
            yield Spacer(1, 10)
        elif not kpi.has_total:
            yield self.paragraph("A total over all groups would mean nothing here.", self._soft)
        yield self._table(
            ("Definition", ""),
            [[self.paragraph(word), self.paragraph(said)] for word, said in _definition(entry)],
            (90, 409),
            set(),
        )
        for text in kpi.edge_cases:
            yield self.paragraph(f"– {text}")

    def _periods(self, entry: KpiEntry) -> Flowable:
        kpi = entry.kpi
        heads = [
            "Period",
            f"Value ({kpi.unit})",
            *(("Numerator", "Denominator") if kpi.is_rate else ()),
            "Change",
            "Target",
            "Status",
            "Note",
        ]
        rows = []
        for each in newest_first(entry, PERIODS):
            parts = (number(each.numerator), number(each.denominator)) if kpi.is_rate else ()
            target = "" if each.target is None else kpi_value(kpi, each.target)
            figures = (kpi_value(kpi, each.value), *parts, kpi_change(kpi, each.change, each.change_percent), target)
            rows.append(
                [
                    self.paragraph(each.name if each.is_closed else f"{each.name} (open)"),
                    *(self.paragraph(figure, self._right) for figure in figures),
                    self.paragraph(each.status or "", color=_STATUS.get(each.status or "")),
                    self.paragraph(each.reason or ""),
                ]
            )
        figures_wide = 68 if kpi.is_rate else 85
        widths = (80, *(figures_wide for _ in range(2 + (2 if kpi.is_rate else 0))), 45, 48)
        rest = 499 - sum(widths)
        return self._table(heads, rows, (*widths, rest), set(range(1, len(heads) - 2)))

    def _table(
        self, heads: Sequence[str], rows: Sequence[Sequence[Flowable]], widths: Sequence[float], right: set[int]
    ) -> Flowable:
        from reportlab.platypus import Table, TableStyle

        from_style = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 3),
            ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
        at_right = self._head.clone("head-right", alignment=2)
        top = [self.paragraph(head, at_right if place in right else self._head) for place, head in enumerate(heads)]
        return Table([top, *rows], colWidths=list(widths), repeatRows=1, style=TableStyle(from_style), hAlign="LEFT")

    def footer(self, text: str) -> Any:
        """Draws the line below each page."""

        def draw(canvas: Any, document: Any) -> None:
            canvas.saveState()
            canvas.setFont("Report", 7.5)
            canvas.setFillColor("#43505c")
            canvas.drawString(48, 30, text)
            canvas.drawRightString(document.pagesize[0] - 48, 30, str(document.page))
            canvas.restoreState()

        return draw


def _definition(entry: KpiEntry) -> Iterator[tuple[str, str]]:
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
            yield word, " ".join(aggregate.text.split())
    yield "Made from", str(kpi.model)
