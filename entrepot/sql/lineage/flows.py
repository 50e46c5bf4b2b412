"""What flows into a value: the algebra that the resolver computes with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from entrepot.sql.lineage.values import ColumnName, How


@dataclass(frozen=True, slots=True)
class Flow:
    """The input columns of one value: taken over, and deciding which rows it stands for."""

    direct: Mapping[ColumnName, How] = field(default_factory=dict)
    indirect: frozenset[ColumnName] = frozenset()
    is_approximate: bool = False

    def then(self, how: How) -> Flow:
        """The flow into a value that is made of this one."""
        if how is How.IDENTITY or not self.direct:
            return self
        direct = {column: before.then(how) for column, before in self.direct.items()}
        return Flow(direct, self.indirect, self.is_approximate)

    def aside(self) -> Flow:
        """The same columns, as such that only decide."""
        return Flow({}, self.indirect.union(self.direct), self.is_approximate) if self.direct else self


NOTHING = Flow()


def merge(flows: Iterable[Flow]) -> Flow:
    """The flow into a value that is made of several; where a column comes in twice, the looser way counts."""
    found = [flow for flow in flows if flow is not NOTHING]
    if len(found) <= 1:
        return found[0] if found else NOTHING
    direct: dict[ColumnName, How] = {}
    for flow in found:
        for column, how in flow.direct.items():
            before = direct.get(column)
            direct[column] = how if before is None else before.then(how)
    indirect = frozenset().union(*(flow.indirect for flow in found))
    return Flow(direct, indirect, any(flow.is_approximate for flow in found))
