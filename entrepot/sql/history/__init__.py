"""History of master data (slowly changing, type 2) as one SELECT over what a model gives."""

from entrepot.sql.history.compile import compile_history
from entrepot.sql.history.fit import OUTPUT_COLUMNS, Fitted, check_history_types, fit_history
from entrepot.sql.history.options import History, read_history

__all__ = [
    "OUTPUT_COLUMNS",
    "Fitted",
    "History",
    "check_history_types",
    "compile_history",
    "fit_history",
    "read_history",
]
