"""Names and what they mean at one place of a query: relations, their columns, aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.flows import NOTHING, Flow, merge
from entrepot.sql.lineage.values import How


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a relation."""

    name: str
    flow: Flow
    is_named: bool = True
    """False: the engine makes the name up from the expression, whose text stands here."""
    line: int = 0
    """Where it stands in the outermost SELECT."""

    @property
    def key(self) -> str:
        """By what it is found: names differ in more than upper and lower case."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Relation:
    """What can stand in FROM: columns, what decides about the rows, the datasets below."""

    fields: tuple[Field, ...]
    rows: Flow = NOTHING
    tables: frozenset[Dataset] = frozenset()
    rest: Flow | None = None
    """Set where there may be further columns: what each of them may come from."""

    def find(self, key: str) -> Flow | None:
        """The flow into a column; None when there is none of that name."""
        for each in self.fields:
            if each.key == key:
                return each.flow
        return None

    def find_unnamed(self, key: str) -> Flow | None:
        """The flow into a column whose name the engine makes up: one of them, or any."""
        unnamed = [each for each in self.fields if not each.is_named]
        squeezed = _squeeze(key)
        same = [each for each in unnamed if _squeeze(each.key) == squeezed]
        return merge(each.flow for each in same or unnamed) if unnamed else None

    def all(self) -> Flow:
        """The flow into a value made of the whole row."""
        return merge([*(each.flow for each in self.fields), self.rest or NOTHING]).then(How.EXPRESSION)

    def renamed(self, names: list[str]) -> Relation:
        """The same with new names for its first columns: `AS t(a, b)`."""
        if not names:
            return self
        fields = [Field(name, each.flow) for name, each in zip(names, self.fields, strict=False)]
        fields += [Field(name, self.rest) for name in names[len(self.fields) :] if self.rest is not None]
        return Relation((*fields, *self.fields[len(names) :]), self.rows, self.tables, self.rest)


def _squeeze(text: str) -> str:
    return "".join(text.lower().split())


@dataclass(slots=True)
class Source:
    """A relation under its name in FROM."""

    name: str
    relation: Relation
    layer: str | None = None
    """For `layer.name.column`, where a dataset stands under its own name."""
    merged: set[str] = field(default_factory=set)
    """Columns of USING that the side before it shows already."""
    is_shown: bool = True
    """False: its columns can only be named with its name before them."""


@dataclass(slots=True)
class Scope:
    """What can be named inside one SELECT; what its FROM does not know is looked for outside of it."""

    outer: Scope | None
    ctes: Mapping[str, Relation]
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Flow] = field(default_factory=dict)
    """The columns of USING, by name."""
    aliases: dict[str, Flow] = field(default_factory=dict)
    """Names given in the SELECT list, so far."""
    windows: dict[str, exp.Expr] = field(default_factory=dict)
    prefers_aliases: bool = False
    """True in HAVING, QUALIFY and ORDER BY: a name can mean the alias and the column; both count."""
    parameters: frozenset[str] = frozenset()
    """Names of what a lambda is given."""
    spread: Field | None = None
    """The column for which COLUMNS(…) stands just now."""

    @property
    def shown(self) -> list[Source]:
        """The sources whose columns can be named alone."""
        return [source for source in self.sources if source.is_shown]

    @property
    def tables(self) -> frozenset[Dataset]:
        """The datasets below all sources of this SELECT and of those around it."""
        own = frozenset[Dataset]().union(*(source.relation.tables for source in self.sources))
        return own if self.outer is None else own | self.outer.tables

    def chain(self) -> Iterator[Scope]:
        """This scope and those around it, the innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def within(self, parameters: set[str]) -> Scope:
        """The scope inside a lambda."""
        inner = Scope(self.outer, self.ctes, self.sources, self.merged, self.aliases, self.windows)
        inner.prefers_aliases, inner.spread = self.prefers_aliases, self.spread
        inner.parameters = self.parameters | parameters
        return inner
