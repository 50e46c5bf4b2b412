"""Which records made a row, and which rows a record reached: from gold to silver to bronze to the file, and back."""

from entrepot.app.explaining.answers import Answer, Fate, FileUse, ForwardAnswer, Limits, Reached, Step, Use
from entrepot.app.explaining.desk import ExplainDesk

__all__ = ["Answer", "ExplainDesk", "Fate", "FileUse", "ForwardAnswer", "Limits", "Reached", "Step", "Use"]
