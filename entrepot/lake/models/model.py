"""What a model is: a SELECT, or a function in Python, with a name."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from entrepot.kernel.errors import Place, ProjectError
from entrepot.kernel.ids import hash_text
from entrepot.kernel.names import Dataset
from entrepot.lake.models.python_body import PythonBody
from entrepot.sql.history import History
from entrepot.sql.query import Query
from entrepot.sql.tables import find_table_uses


class ModelKind(StrEnum):
    """How a model's rows are kept."""

    VIEW = "view"
    """Not at all: the SELECT runs whenever it is read."""
    FULL = "full"
    """A table, written anew as a whole."""
    APPEND = "append"
    """A table with a row for each record of the driving input; only rows of changed records are computed."""
    MERGE = "merge"
    """As append, but of the records with one primary key the last is kept."""
    PARTITION = "partition"
    """A table of which only the partitions that may have changed are computed: rows that agree in stated columns."""
    HISTORY = "history"
    """A table with a row for each state that an entity was in, and from when to when (a slowly changing dimension of type 2)."""

    @property
    def is_driven(self) -> bool:
        """True when the model takes one input's records as they come, and its rows carry their ids."""
        return self in (ModelKind.APPEND, ModelKind.MERGE)


class Incremental(StrEnum):
    """Whether only what may have changed is computed, where that is possible."""

    AUTO = "auto"
    """When it pays: with few rows all of it anew is quicker."""
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Model:
    """One SELECT or function with a name. Those of a `ModelGraph` are compiled: `sql` is what the engine runs, `hash` covers views."""

    name: Dataset
    kind: ModelKind
    sql: str
    """One statement without comments around it: it can stand in parentheses."""
    inputs: tuple[Dataset, ...]
    path: Path
    hash: str
    """Of what the SELECT says (not how it is laid out), kind, driving input, and the views it reads."""
    driving: Dataset | None = None
    partition: tuple[str, ...] = ()
    """Columns of the SELECT: rows that agree in them are computed together. Kind partition only."""
    history: History | None = None
    """How rows become versions of entities. Kind history only."""
    incremental: Incremental = Incremental.AUTO
    contract: Dataset | None = None
    """The dataset whose contract holds for the rows, where it is not the model's own."""
    description: str | None = None
    query: Query | None = field(default=None, compare=False, repr=False)
    """The SELECT as parsed from its file; None for a model in Python."""
    python: PythonBody | None = field(default=None, compare=False, repr=False)
    """The function that gives the rows, instead of a SELECT; `sql` is empty then."""

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
    partition: tuple[str, ...] = (),
    history: History | None = None,
    incremental: Incremental = Incremental.AUTO,
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
        hash=hash_text(
            query.normal_text(), kind.value, str(driving or ""), *_say_rows(partition, history, incremental)
        ),
        driving=driving,
        partition=partition,
        history=history,
        incremental=incremental,
        contract=contract,
        description=description,
        query=query,
    )


def make_python_model(name: Dataset, body: PythonBody) -> Model:
    """Make a model from a function. Raises: ProjectError when it reads itself."""
    inputs = tuple(dict.fromkeys(body.inputs.values()))
    if name in inputs:
        raise ProjectError(f"{name} reads itself.", place=body.place)
    return Model(
        name=name,
        kind=ModelKind.FULL,
        sql="",
        inputs=inputs,
        path=body.path,
        hash=body.hash,
        contract=body.contract,
        description=body.description,
        python=body,
    )


def _say_rows(partition: tuple[str, ...], history: History | None, incremental: Incremental) -> tuple[str, ...]:
    """What else the rows, or the way to them, depend on; a way that is stated anew begins with all of them."""
    stated = [] if incremental is Incremental.AUTO else [incremental.value]
    return (*partition, *([repr(history)] if history else []), *stated)
