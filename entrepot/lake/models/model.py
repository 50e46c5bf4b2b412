"""What a model is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from entrepot.kernel.errors import Place, ProjectError
from entrepot.kernel.ids import hash_text
from entrepot.kernel.names import Dataset
from entrepot.sql.query import Query
from entrepot.sql.tables import find_table_uses


class ModelKind(StrEnum):
    """How a model's rows are kept."""

    VIEW = "view"
    """Not at all: the SELECT runs whenever it is read."""
    FULL = "full"
    """A table, written anew as a whole."""
    APPEND = "append"
    """A table that grows by the rows of the driving input's new records."""
    MERGE = "merge"
    """As append, but a row updates the one with the same primary key."""

    @property
    def is_driven(self) -> bool:
        """True when the model takes one input's records as they come, and its rows carry their ids."""
        return self in (ModelKind.APPEND, ModelKind.MERGE)


@dataclass(frozen=True, slots=True)
class Model:
    """One SELECT with a name. Those of a `ModelGraph` are compiled: `sql` is what the engine runs, `hash` covers views."""

    name: Dataset
    kind: ModelKind
    sql: str
    """One statement without comments around it: it can stand in parentheses."""
    inputs: tuple[Dataset, ...]
    path: Path
    hash: str
    """Of what the SELECT says (not how it is laid out), kind, driving input, and the views it reads."""
    driving: Dataset | None = None
    contract: Dataset | None = None
    """The dataset whose contract holds for the rows, where it is not the model's own."""
    description: str | None = None
    query: Query | None = field(default=None, compare=False, repr=False)
    """The SELECT as parsed from its file."""

    @property
    def place(self) -> Place:
        """The model's file."""
        return Place(self.path)


def make_model(
    name: Dataset,
    kind: ModelKind,
    query: Query,
    path: Path,
    *,
    driving: Dataset | None = None,
    contract: Dataset | None = None,
    description: str | None = None,
) -> Model:
    """Make a model from a parsed SELECT.

    Raises: ProjectError when the SELECT names something that is no dataset, or reads itself.
    """
    uses = find_table_uses(query)
    for use in uses:
        if use.dataset == name:
            raise ProjectError(f"{name} reads itself.", place=use.place or Place(path))
    return Model(
        name=name,
        kind=kind,
        sql=query.body,
        inputs=tuple(dict.fromkeys(use.dataset for use in uses)),
        path=path,
        hash=hash_text(query.normal_text(), kind.value, str(driving or "")),
        driving=driving,
        contract=contract,
        description=description,
        query=query,
    )
