"""The rules of one dataset while they are collected: ids unique, the same judgement once, what must wait kept aside."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from entrepot.contracts.row_rules import AnyRule, Severity
from entrepot.contracts.set_rules import AnySetRule
from entrepot.kernel.errors import Place
from entrepot.kernel.names import Dataset


@dataclass(frozen=True, slots=True)
class DeferredRule:
    """A rule of the contract that is kept, but judged neither by row nor over the dataset: a text for people, another engine's."""

    id: str
    dataset: Dataset
    place: Place
    why: str


class RuleSet:
    """Collects rules under ids that are readable, stable and unique in the contract."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._rules: dict[tuple[object, ...], AnyRule] = {}
        self._own: set[str] = set()
        self._ids: set[str] = set()
        self.deferred: list[DeferredRule] = []
        self.set_rules: list[AnySetRule] = []

    @property
    def rules(self) -> tuple[AnyRule, ...]:
        """The rules, in the order in which they were first said."""
        return tuple(self._rules.values())

    def add(self, rule: AnyRule, own_id: str | None = None) -> None:
        """Take a rule; `rule.id` is the id it gets when the contract gives none of its own.

        A judgement that is there already is not doubled: the stricter severity and the contract's own id win.
        """
        key = _judgement(rule)
        known = self._rules.get(key)
        if known is None:
            self._rules[key] = replace(rule, id=self._claim(own_id, rule.id))
        else:
            self._rules[key] = self._join(known, rule, own_id)

    def add_set(self, rule: AnySetRule, own_id: str | None = None) -> None:
        """Take a rule over the whole dataset; it gets its id like a row rule, but is never joined with another."""
        self.set_rules.append(replace(rule, id=self._claim(own_id, rule.id)))

    def defer(self, own_id: str | None, base: str, place: Place, why: str) -> None:
        """Keep a rule aside, with the reason."""
        self.deferred.append(DeferredRule(self._claim(own_id, base), self._dataset, place, why))

    def _join(self, known: AnyRule, rule: AnyRule, own_id: str | None) -> AnyRule:
        severity = Severity.ERROR if Severity.ERROR in (known.severity, rule.severity) else Severity.WARNING
        joined = replace(known, severity=severity, description=known.description or rule.description)
        if own_id is None or known.id in self._own:
            return joined
        self._ids.discard(known.id)
        return replace(joined, id=self._claim(own_id, rule.id))

    def _claim(self, own_id: str | None, base: str) -> str:
        wished = own_id or base
        candidates = [wished, f"{wished}:{base}"] if own_id else [wished]
        number = 2
        while candidates[0] in self._ids:
            candidates.pop(0)
            if not candidates:
                candidates.append(f"{wished}:{number}")
                number += 1
        self._ids.add(candidates[0])
        if own_id:
            self._own.add(candidates[0])
        return candidates[0]


def _judgement(rule: AnyRule) -> tuple[object, ...]:
    said = ("id", "severity", "description")
    return (type(rule), *(repr(getattr(rule, item.name)) for item in fields(rule) if item.name not in said))
