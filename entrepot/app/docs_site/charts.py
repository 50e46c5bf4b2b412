"""Charts of KPIs as SVG: a small one without axes, and one with axes and units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from entrepot.app.docs_site.facts import KpiEntry, PeriodFigures
from entrepot.app.docs_site.words import kpi_value, kpi_value_with_unit
from entrepot.contracts.docs.markup import NOTHING, Html, el

_WIDTH, _HEIGHT = 120, 28
SPARK = 20
"""Periods that the small chart shows."""


def draw_spark(entry: KpiEntry) -> Html:
    """The last closed periods as one line without axes; nothing where there are fewer than two values."""
    shown = [each for each in entry.periods if each.is_closed][-SPARK:]
    values = [each.value for each in shown if each.value is not None]
    if len(values) < 2:
        return NOTHING
    low, high = min(values), max(values)
    step = (_WIDTH - 8) / (len(shown) - 1)
    spread = (high - low) or 1.0
    points = [
        None if each.value is None else (4 + place * step, _HEIGHT - 4 - (each.value - low) / spread * (_HEIGHT - 8))
        for place, each in enumerate(shown)
    ]
    last = next(point for point in reversed(points) if point is not None)
    said = f"{entry.kpi.title}, {shown[0].name} to {shown[-1].name}: between {kpi_value(entry.kpi, low)} and {kpi_value_with_unit(entry.kpi, high)}"
    return el(
        "svg",
        el("title", said),
        *_lines(points),
        el("circle", cx=_n(last[0]), cy=_n(last[1]), r="2.6", class_="dot"),
        class_="spark",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        width=_WIDTH,
        height=_HEIGHT,
        role="img",
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """The inner rectangle of a chart and the values that it spans."""

    left: float
    top: float
    right: float
    bottom: float
    low: float
    high: float
    periods: int

    def x(self, place: int) -> float:
        """Of a period."""
        step = (self.right - self.left) / max(self.periods, 1)
        return self.left + (place + 0.5) * step

    def y(self, value: float) -> float:
        """Of a value."""
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)


def draw_chart(entry: KpiEntry) -> Html:
    """All periods with both axes, the unit, the target and each value's own title; nothing where no period has a value."""
    kpi, periods = entry.kpi, entry.periods
    values = [each.value for each in periods if each.value is not None]
    if not values:
        return NOTHING
    target = next((each.target for each in reversed(periods) if each.target is not None), None)
    ticks = find_ticks(
        min([*values, *([target] if target is not None else [])]),
        max([*values, *([target] if target is not None else [])]),
    )
    labels = [kpi_value(kpi, tick) for tick in ticks]
    plot = _Plot(12 + 9.2 * max(map(len, labels)), 34, 548, 226, ticks[0], ticks[-1], len(periods))
    return el(
        "svg",
        el("title", f"{kpi.title} in {kpi.unit}, {periods[0].name} to {periods[-1].name}"),
        el(
            "desc",
            f"{len(values)} values between {kpi_value(kpi, min(values))} and {kpi_value(kpi, max(values))}; the table below holds the newest.",
        ),
        el("text", kpi.unit, x=_n(plot.left), y=16, class_="unit"),
        *_grid(plot, ticks, labels),
        *_target(plot, target, kpi_value(kpi, target) if target is not None else ""),
        *_lines(
            [None if each.value is None else (plot.x(place), plot.y(each.value)) for place, each in enumerate(periods)]
        ),
        *_dots(plot, entry),
        *_periods(plot, periods),
        class_="chart",
        viewBox="0 0 560 260",
        role="img",
    )


def find_ticks(low: float, high: float) -> list[float]:
    """Four to seven round numbers around all values; zero is among them where it is not far."""
    if low > 0 and low < 0.6 * high:
        low = 0.0
    if high < 0 and high > 0.6 * low:
        high = 0.0
    if high - low <= max(abs(high), abs(low)) * 1e-9 or high - low < 1e-200:  # as good as one value
        pad = max(abs(high) * 0.1, 1e-100) if abs(high) > 1e-100 else 1.0
        low, high = low - pad, high + pad
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{place * step:.14g}") for place in range(first, last + 1)]


def _grid(plot: _Plot, ticks: Sequence[float], labels: Sequence[str]) -> Iterator[Html]:
    for tick, label in zip(ticks, labels, strict=True):
        y = plot.y(tick)
        yield el(
            "line", x1=_n(plot.left), x2=_n(plot.right), y1=_n(y), y2=_n(y), class_="zero" if tick == 0 else "tick"
        )
        yield el("text", label, x=_n(plot.left - 8), y=_n(y + 4), text_anchor="end")


def _target(plot: _Plot, target: float | None, label: str) -> Iterator[Html]:
    if target is None:
        return
    y = plot.y(target)
    yield el("line", x1=_n(plot.left), x2=_n(plot.right), y1=_n(y), y2=_n(y), class_="target")
    yield el("text", f"target {label}", x=_n(plot.right), y=16, text_anchor="end", class_="target")


def _dots(plot: _Plot, entry: KpiEntry) -> Iterator[Html]:
    for place, each in enumerate(entry.periods):
        if each.value is None:
            continue
        words = [f"{each.name}: {kpi_value_with_unit(entry.kpi, each.value)}"]
        words += [each.status] if each.status else []
        words += [] if each.is_closed else ["not closed yet"]
        kind = f"dot {each.status or ''}".strip() + ("" if each.is_closed else " open")
        yield el(
            "circle",
            el("title", ", ".join(words)),
            cx=_n(plot.x(place)),
            cy=_n(plot.y(each.value)),
            r="3.2",
            class_=kind,
        )


def _periods(plot: _Plot, periods: Sequence[PeriodFigures]) -> Iterator[Html]:
    """The names of the first, the last and at most two between them."""
    last = len(periods) - 1
    places = sorted({0, last} if last < 6 else {0, round(last / 3), round(2 * last / 3), last})
    for place in places:
        anchor = (
            "middle"
            if len(places) > 2 and place not in (0, last)
            else "start"
            if place == 0 and last
            else "end"
            if place
            else "middle"
        )
        x = plot.left if anchor == "start" else plot.right if anchor == "end" else plot.x(place)
        yield el("text", periods[place].name, x=_n(x), y=248, text_anchor=anchor)


def _lines(points: Sequence[tuple[float, float] | None]) -> Iterator[Html]:
    """One line for each stretch without a gap: a period without a value is never bridged."""
    stretch: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            stretch.append(point)
            continue
        if len(stretch) > 1:
            yield el("polyline", points=" ".join(f"{_n(x)},{_n(y)}" for x, y in stretch), class_="line")
        stretch = []


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


@lru_cache
def layer_bars(layer: str) -> Html:
    """The sign of a layer: one to four of four bars, so that it needs no colour."""
    count = {"source": 1, "bronze": 2, "silver": 3, "gold": 4}.get(layer, 1)
    bars = [
        el("rect", x=0, y=12 - 4 * place, width=14, height=3, rx=1, class_=layer if place < count else "none")
        for place in range(4)
    ]
    return el("svg", *bars, class_="bars", viewBox="0 0 14 15", width=14, height=15, aria_hidden="true")
