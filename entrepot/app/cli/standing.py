"""How a KPI stands, in words: value with unit, change, status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entrepot.serve.kpis import Kpi, format_number, name_period

_SIGNS = {"good": "●", "warning": "▲", "critical": "✖", "unknown": "?"}
_ARROWS = {1: "↑", 0: "→", -1: "↓"}


@dataclass(frozen=True, slots=True)
class Standing:
    """A KPI and its row of the scorecard."""

    kpi: Kpi
    row: Mapping[str, Any]

    @property
    def period(self) -> str:
        """The name of the row's period, and that it is not over yet."""
        return period_text(self.kpi, self.row["period"], is_closed=self.row["is_closed"])

    def to_json(self) -> dict[str, Any]:
        """The row, with the period's name."""
        return dict(self.row) | {"period_name": name_period(self.row["period"], self.kpi.every)}


def period_text(kpi: Kpi, start: Any, *, is_closed: bool) -> str:
    """A period's name, and that it is not over yet."""
    return name_period(start, kpi.every) + ("" if is_closed else " (open)")


def number_with_unit(kpi: Kpi, value: Any) -> str:
    """A value as its format has it, with its unit unless the format shows that already."""
    number = format_number(value, kpi.format)
    return number if value is None or number.endswith(kpi.unit) else f"{number} {kpi.unit}"


def change_text(kpi: Kpi, row: Mapping[str, Any]) -> str:
    """The change against the period before: an arrow, and percent; of values that are percentages themselves, points."""
    change = row["change"]
    if change is None:
        return ""
    mark = _ARROWS[(change > 0) - (change < 0)]
    if (kpi.format or "").endswith("%"):
        return f"{mark} {float(change) * 100:+.1f} pp"
    if row["change_percent"] is not None:
        return f"{mark} {row['change_percent']:+.1f}%"
    return f"{mark} {float(change):+g}"


def status_text(status: str | None) -> str:
    """The status with a sign of its own, so that it needs no colour."""
    return "" if status is None else f"{_SIGNS.get(status, '')} {status}".strip()
