"""What the rewriting is told of a base table, and what it says of its result."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.kernel.rows import RECORD_ID
from entrepot.sql.expressions import quote_name


@dataclass(frozen=True, slots=True)
class Input:
    """A base table: where it is read, and the columns that tell its rows apart."""

    dataset: Dataset
    relation: str
    """SQL that stands in FROM, without a name of its own: `bronze."sales@5"`."""
    identity: tuple[tuple[str, str], ...] = ((RECORD_ID, "BIGINT"),)
    """Column and its type. One record id is carried as a number, everything else as a struct."""
    hits: str | None = None
    """Of `Marks`: the relation of the identities that are looked for, with the columns of `identity`."""

    @property
    def has_record_ids(self) -> bool:
        """True where rows are told apart by their record id alone."""
        return [name for name, _ in self.identity] == [RECORD_ID]

    @property
    def element_type(self) -> str:
        """The SQL type of one carried identity."""
        if self.has_record_ids:
            return "BIGINT"
        return f"STRUCT({', '.join(f'{quote_name(name)} {type_}' for name, type_ in self.identity)})"

    def element(self, alias: str) -> str:
        """SQL: the identity of a row of this table, read under an alias."""
        if self.has_record_ids:
            return f"{alias}.{RECORD_ID}"
        parts = (f"{quote_name(name)} := {alias}.{quote_name(name)}" for name, _ in self.identity)
        return f"struct_pack({', '.join(parts)})"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know about a list of records: why it is longer than needed, or what it cannot say."""

    text: str
    line: int | None = None
    within: str | None = None
    """The view in whose text the line stands; None: the model's own."""

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line is not None else ""
        where = f"{where} of {self.within}" if self.within and where else where or self.within or ""
        return f"{self.text} ({where})" if where else self.text


class NotExplainable(ProjectError):
    """A SELECT whose rows cannot be followed to records; the text names the construct."""

    code = "explain.refused"

    def __init__(self, message: str, *, node: exp.Expr | None = None) -> None:
        super().__init__(message)
        self.node = node
        """Where it stands in the tree."""


def carried_name(dataset: Dataset) -> str:
    """The column that carries what is known of one base table."""
    return f"_p_{dataset.layer}__{dataset.name}"
