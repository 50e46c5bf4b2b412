"""A KPI's periods as a drawing for the PDF: the same scale, gaps and target line as the chart of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from entrepot.app.docs_site.charts import find_ticks
from entrepot.app.docs_site.facts import KpiEntry, PeriodFigures
from entrepot.app.docs_site.words import kpi_value

if TYPE_CHECKING:
    from reportlab.graphics.shapes import Drawing

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 499, 170, 70, 20, 150
_INK, _LINE, _ACCENT, _TARGET = "#43505c", "#e2e6ea", "#0b6075", "#159a78"
_DOTS = {"warning": "#c98208", "critical": "#cf2f2f"}


def draw_pdf_chart(entry: KpiEntry, write: Callable[[object], str]) -> Drawing | None:
    """The drawing; None where no period has a value."""
    from reportlab.graphics.shapes import Drawing, Line
    from reportlab.lib.colors import HexColor

    values = [each.value for each in entry.periods if each.value is not None]
    if not values:
        return None
    target = next((each.target for each in reversed(entry.periods) if each.target is not None), None)
    spanned = values if target is None else [*values, target]
    ticks = find_ticks(min(spanned), max(spanned))
    low, high = ticks[0], ticks[-1]
    step = (_WIDTH - _LEFT) / max(1, len(entry.periods))

    def x(place: int) -> float:
        return _LEFT + (place + 0.5) * step

    def y(value: float) -> float:
        return _BOTTOM + (value - low) / (high - low) * (_TOP - _BOTTOM)

    drawing = Drawing(_WIDTH, _HEIGHT)
    for tick in ticks:
        drawing.add(Line(_LEFT, y(tick), _WIDTH, y(tick), strokeColor=HexColor(_LINE), strokeWidth=0.5))
        drawing.add(_text(_LEFT - 6, y(tick) - 3, write(kpi_value(entry.kpi, tick)), "end"))
    drawing.add(_text(_LEFT, _HEIGHT - 8, write(entry.kpi.unit), "start"))
    if target is not None:
        dashed = Line(_LEFT, y(target), _WIDTH, y(target), strokeColor=HexColor(_TARGET), strokeWidth=1)
        dashed.strokeDashArray = [4, 3]
        drawing.add(dashed)
        drawing.add(_text(_WIDTH, _HEIGHT - 8, write(f"target {kpi_value(entry.kpi, target)}"), "end"))
    _add_values(drawing, entry.periods, x, y)
    _add_names(drawing, entry.periods, x, write)
    return drawing


def _add_values(
    drawing: Drawing, periods: Sequence[PeriodFigures], x: Callable[[int], float], y: Callable[[float], float]
) -> None:
    """Lines between periods that follow each other: a period without a value is never bridged."""
    from reportlab.graphics.shapes import Circle, Line
    from reportlab.lib.colors import HexColor, white

    before: tuple[float, float] | None = None
    dots = []
    for place, each in enumerate(periods):
        if each.value is None:
            before = None
            continue
        here = (x(place), y(each.value))
        if before is not None:
            drawing.add(Line(*before, *here, strokeColor=HexColor(_ACCENT), strokeWidth=1.2))
        color = HexColor(_DOTS.get(each.status or "", _ACCENT))
        dots.append(Circle(*here, 2, fillColor=color if each.is_closed else white, strokeColor=color, strokeWidth=0.8))
        before = here
    for dot in dots:
        drawing.add(dot)


def _add_names(
    drawing: Drawing, periods: Sequence[PeriodFigures], x: Callable[[int], float], write: Callable[[object], str]
) -> None:
    last = len(periods) - 1
    for place in sorted({0, last} if last < 6 else {0, last // 3, 2 * last // 3, last}):
        anchor = "start" if place == 0 and last else "end" if place == last and last else "middle"
        at = _LEFT if anchor == "start" else _WIDTH if anchor == "end" else x(place)
        drawing.add(_text(at, 4, write(periods[place].name), anchor))


def _text(x: float, y: float, text: str, anchor: str) -> Any:
    from reportlab.graphics.shapes import String
    from reportlab.lib.colors import HexColor

    return String(x, y, text, fontName="Report", fontSize=7.5, fillColor=HexColor(_INK), textAnchor=anchor)
