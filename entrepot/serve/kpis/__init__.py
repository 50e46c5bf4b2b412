"""KPIs: one aggregate over one gold model each, read from `kpis/*.yaml`, compiled to models `gold.kpi_<name>`."""

from entrepot.serve.kpis.compile import compile_kpi
from entrepot.serve.kpis.kpi import Direction, Kpi, Thresholds, Verdict
from entrepot.serve.kpis.load import load_kpi, load_kpis
from entrepot.serve.kpis.numbers import format_number
from entrepot.serve.kpis.summary import Summary, summarise

__all__ = [
    "Direction",
    "Kpi",
    "Summary",
    "Thresholds",
    "Verdict",
    "compile_kpi",
    "format_number",
    "load_kpi",
    "load_kpis",
    "summarise",
]
