"""KPIs as tables on a terminal, as tab-separated lines when piped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from entrepot.app.cli.cells import GAP, measure, print_cells
from entrepot.app.cli.output import console, print_table, show
from entrepot.app.cli.standing import Standing, change_text, number_with_unit, period_text, status_text
from entrepot.serve.kpis import Kpi, format_number

_STYLES = {"good": "green", "warning": "yellow", "critical": "bold red", "better": "green", "worse": "red"}
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_BAR_WIDTH = 10
_PIPED = ("kpi", "period", "value", "unit", "previous", "change", "change_percent", "target", "trend", "status")


def print_standings(standings: Sequence[Standing]) -> None:
    """The table of KPIs: one row each, numbers at the right with their units."""
    if not console.is_terminal:
        piped = [[s.period if name == "period" else s.row[name] for name in _PIPED] for s in standings]
        print_table(None, _PIPED, piped)
        return
    names = ("KPI", "period", "value", "before", "change", "target", "status")
    rows = [_standing_cells(s) for s in standings]
    print_cells(names, rows, right=("value", "before", "change", "target"), folding=("KPI", "value"))


def print_periods(kpi: Kpi, periods: Sequence[Mapping[str, Any]]) -> None:
    """One KPI period by period, with bars on a terminal; further columns as far as they fit."""
    further = [name for name in kpi.also if any(row[name] is not None for row in periods)]
    rate = ["numerator", "denominator"] if kpi.is_rate else []
    if not console.is_terminal:
        names = [
            kpi.period,
            "value",
            *rate,
            *further,
            "previous",
            "change",
            "change_percent",
            "change_reason",
            "status",
        ]
        print_table(None, names, [[row[name] for name in names] for row in periods])
        return
    bars = draw_bars([None if row["value"] is None else float(row["value"]) for row in periods])
    rows = [
        [
            Text(period_text(kpi, row[kpi.period], is_closed=row["is_closed"])),
            Text(format_number(row["value"], kpi.format) if row["value"] is not None else row["reason"] or ""),
            Text(bar),
            _styled(row["trend"], change_text(kpi, row)),
            _styled(row["status"], status_text(row["status"])),
            *(Text(_figure(row[name])) for name in (*rate, *further)),
        ]
        for row, bar in zip(periods, bars, strict=True)
    ]
    names = ["period", f"value {kpi.unit}", "", "change", "status", *(n.replace("_", " ") for n in (*rate, *further))]
    shown = _count_fitting(names, rows, least=5)
    if rate and shown == 6:  # a numerator says nothing without its denominator
        shown = 5
    print_cells(names[:shown], [row[:shown] for row in rows], right=(names[1], "change", *names[5:]))
    if shown < len(names):
        console.print(f"[dim]on a wider terminal, and with --json, also: {', '.join(names[shown:])}[/]")


def print_outstanding(kpi: Kpi, rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows of one period that stand out."""
    keys = [name for name in kpi.grain[1:] if any(row[name] is not None for row in rows)]
    if not console.is_terminal:
        names = [*keys, "value", "change_percent", "status"]
        print_table(None, names, [[row[name] for name in names] for row in rows])
        return
    sort = "largest" if kpi.adds_up or kpi.direction is None else "worst"
    period = period_text(kpi, rows[0][kpi.period], is_closed=rows[0]["is_closed"])
    console.print(f"[bold]The {sort} in {period}[/]")
    cells = [
        [
            *(Text("" if row[name] is None else str(row[name])) for name in keys),
            Text(number_with_unit(kpi, row["value"])),
            _styled(row["trend"], change_text(kpi, row)),
            _styled(row["status"], status_text(row["status"])),
        ]
        for row in rows
    ]
    labels = [name.replace("_", " ") for name in keys]
    print_cells([*labels, "value", "change", "status"], cells, right=("value", "change"), folding=(*labels, "value"))


def draw_bars(values: Sequence[float | None]) -> list[str]:
    """One bar for each value, in proportion to the largest; nothing for null and for what is not above zero."""
    top = max((value for value in values if value is not None), default=0.0)
    bars = []
    for value in values:
        eighths = 0 if value is None or value <= 0 else max(1, round(value / top * _BAR_WIDTH * 8))
        bars.append("█" * (eighths // 8) + _EIGHTHS[eighths % 8])
    return bars


def _standing_cells(s: Standing) -> list[Text]:
    row, pattern = s.row, s.kpi.format
    return [
        Text(s.kpi.title),
        Text(s.period),
        Text(number_with_unit(s.kpi, row["value"])),
        Text(format_number(row["previous"], pattern)),
        _styled(row["trend"], change_text(s.kpi, row)),
        Text("" if row["target"] is None else format_number(row["target"], pattern)),
        _styled(row["status"], status_text(row["status"])),
    ]


def _count_fitting(names: Sequence[str], rows: Sequence[Sequence[Text]], *, least: int) -> int:
    """How many columns fit beside each other, when the words of their names may stand one below the other."""
    total, count = -GAP, 0
    for place, name in enumerate(names):
        total += GAP + max(measure([Text(name)], whole=False), measure([row[place] for row in rows], whole=True))
        if place >= least and total > console.width:
            break
        count += 1
    return count


def _figure(value: Any) -> str:
    return show(value) if value is None or isinstance(value, int | str) else f"{value:,.2f}"


def _styled(word: str | None, text: str) -> Text:
    """Colour beside the word, never in its place."""
    return Text(text, style=_STYLES.get(word or "", ""))
