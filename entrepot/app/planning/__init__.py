"""What a run would do, found out without doing it: in comes an opened project, out go its steps with their reasons and effects."""

from entrepot.app.planning.difference import RowDifference
from entrepot.app.planning.steps import Outlook, Step, find_leaving, foresee

__all__ = ["Outlook", "RowDifference", "Step", "find_leaving", "foresee"]
