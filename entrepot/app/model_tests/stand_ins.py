"""Stand-ins for values that contracts classify: in a frozen test equal values stay equal, and nothing of them remains."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from entrepot.app.findings import OPEN_CLASSES
from entrepot.app.lineage import find_project_lineage
from entrepot.app.project import Project
from entrepot.kernel.names import Dataset, parse_dataset


class StandIns:
    """Gives each value the same stand-in wherever it comes, numbered in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}

    def replace(self, column: str, value: Any) -> Any:
        """The stand-in of a value; null stays null."""
        if value is None:
            return None
        number = self._numbers.setdefault((type(value).__name__, repr(value)), len(self._numbers) + 1)
        match value:
            case bool():
                return False
            case str():
                return f"{column}-{number}"
            case int() | Decimal() | float():
                return type(value)(number)
            case datetime():
                return datetime(2000, 1, 1, tzinfo=value.tzinfo) + timedelta(days=number)
            case date():
                return date(2000, 1, 1) + timedelta(days=number)
        return None


def find_closed(project: Project, dataset: str, columns: Iterable[str]) -> set[str]:
    """Columns whose values may not leave the lake as they are: classified by their own contract, or made from such a column.

    A contract that calls a column public or internal has decided; of a column that it does not classify, lineage decides, and where that
    is approximate it names more columns, never fewer.
    """
    graph = find_project_lineage(project)
    name = parse_dataset(dataset)
    own = _classes(project, name)
    closed = set()
    for column in columns:
        stated = own.get(column)
        above = graph.derived_from(name, column) if stated is None else ()
        if stated not in OPEN_CLASSES or any(_is_closed(project, *each) for each in above):
            closed.add(column)
    return closed


def _is_closed(project: Project, dataset: Dataset, column: str) -> bool:
    """True for a classified column; for one that is not known by name where the dataset has any such column."""
    classes = _classes(project, dataset)
    if column in classes:
        return classes[column] not in OPEN_CLASSES
    return any(each not in OPEN_CLASSES for each in classes.values())


def _classes(project: Project, name: Dataset) -> dict[str, str | None]:
    model = project.graph.find(name)
    contract = project.contracts.get(str((model.contract if model else None) or name))
    return {column.name: column.classification for column in contract.columns} if contract is not None else {}
