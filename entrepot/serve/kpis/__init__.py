"""KPIs: one aggregate over one gold model each, read from `kpis/*.yaml`, compiled to models `gold.kpi_<name>` and a scorecard."""

from entrepot.serve.kpis.compile import compile_kpi, compile_kpis
from entrepot.serve.kpis.kpi import SCORECARD, Direction, Every, Kpi, Status, Thresholds
from entrepot.serve.kpis.load import load_kpi, load_kpis
from entrepot.serve.kpis.numbers import format_number
from entrepot.serve.kpis.periods import name_period
from entrepot.serve.kpis.summary import select_history, select_outstanding, select_periods, select_scorecard

__all__ = [
    "SCORECARD",
    "Direction",
    "Every",
    "Kpi",
    "Status",
    "Thresholds",
    "compile_kpi",
    "compile_kpis",
    "format_number",
    "load_kpi",
    "load_kpis",
    "name_period",
    "select_history",
    "select_outstanding",
    "select_periods",
    "select_scorecard",
]
