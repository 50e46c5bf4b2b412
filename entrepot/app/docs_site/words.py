"""Figures and instants as people read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from entrepot.contracts.docs.markup import Html, el
from entrepot.serve.kpis import Kpi, format_number

NONE = "–"
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


@dataclass(frozen=True, slots=True)
class Times:
    """Instants in the project's zone."""

    zone: ZoneInfo
    name: str

    def show(self, at: datetime | None, *, seconds: bool = False) -> Html | str:
        """Date and time; machines find the instant in UTC beside it."""
        if at is None:
            return NONE
        local = at.astimezone(self.zone)
        exact = at.astimezone(UTC)
        return el(
            "time",
            f"{local:%Y-%m-%d %H:%M:%S}" if seconds else f"{local:%Y-%m-%d %H:%M}",
            datetime=f"{exact:%Y-%m-%dT%H:%M:%SZ}",
        )


def count(number: int | None) -> str:
    """A whole number, thousands separated."""
    return NONE if number is None else f"{number:,}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 table`, `2 tables`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(bytes: int) -> str:
    """`812 B`, `4.1 MB`: units of 1000."""
    number, place = float(bytes), 0
    while number >= 999.5 and place < len(_UNITS) - 1:
        number, place = number / 1000, place + 1
    return f"{bytes} B" if place == 0 else f"{number:.{0 if number >= 99.5 else 1}f} {_UNITS[place]}"


def percent(part: int, whole: int) -> str:
    """A share; what is not nothing never looks like nothing."""
    if not whole:
        return NONE
    share = 100 * part / whole
    return "< 0.01 %" if 0 < share < 0.005 else f"{share:.2f} %"


def number(value: float | Decimal | None) -> str:
    """A figure without a pattern of its own: thousands separated, at most six places; what is not nothing never looks like nothing."""
    if value is None:
        return NONE
    exact = Decimal(str(value))
    if exact and abs(exact) < Decimal("0.000001"):
        return f"{exact:.3g}"
    text = f"{exact:,.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def kpi_value(kpi: Kpi, value: float | None) -> str:
    """A KPI's value as its pattern has it."""
    if kpi.format is None:
        return number(value)
    try:
        return format_number(value, kpi.format)
    except InvalidOperation:  # more digits than a pattern can round
        return f"{value:.6g}"


def kpi_value_with_unit(kpi: Kpi, value: float | None) -> str:
    """With its unit, unless the pattern shows that already."""
    said = kpi_value(kpi, value)
    return said if value is None or said.endswith(kpi.unit) else f"{said} {kpi.unit}"


def kpi_change(kpi: Kpi, change: float | None, change_percent: float | None) -> str:
    """Against the period before: percent; of values that are percentages themselves, points."""
    if change is None:
        return ""
    mark = {1: "↑", 0: "→", -1: "↓"}[(change > 0) - (change < 0)]
    if (kpi.format or "").endswith("%"):
        return f"{mark} {change * 100:+.1f} pp"
    return f"{mark} {change_percent:+,.1f} %" if change_percent is not None else f"{mark} {change:+,g}"
