"""How a period is called."""

from __future__ import annotations

from datetime import date, datetime

from entrepot.serve.kpis.kpi import Every


def name_period(start: date, every: Every) -> str:
    """A period's short name: 2026-09-27, 2026-W39, 2026-09, 2026-Q3, 2026; its first day where it begins on an odd one."""
    match every:
        case Every.HOUR if isinstance(start, datetime):
            return f"{start:%Y-%m-%d %H:%M}"
        case Every.WEEK if start.weekday() == 0:
            year, week, _ = start.isocalendar()
            return f"{year}-W{week:02d}"
        case Every.MONTH if start.day == 1:
            return f"{start:%Y-%m}"
        case Every.QUARTER if start.day == 1 and start.month % 3 == 1:
            return f"{start.year}-Q{(start.month + 2) // 3}"
        case Every.YEAR if (start.month, start.day) == (1, 1):
            return f"{start.year}"
    return f"{start:%Y-%m-%d}"
