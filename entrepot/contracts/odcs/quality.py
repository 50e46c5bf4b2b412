"""The contract's quality checks: those that demand no bad row become row rules, those that set a limit set rules, the rest is kept aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from entrepot.contracts.findings import Findings, say_allowed, suggest
from entrepot.contracts.odcs.columns import Draft
from entrepot.contracts.odcs.document import Listing, Node, Scalar, Section
from entrepot.contracts.odcs.rules import check_pattern, read_values, severity_word
from entrepot.contracts.odcs.ruleset import RuleSet
from entrepot.contracts.odcs.set_rules import Check
from entrepot.contracts.odcs.standard import METRICS
from entrepot.contracts.odcs.values import read_constant
from entrepot.contracts.row_rules import AnyRule, Length, Matches, NotOneOf, OneOf, Required, Unique
from entrepot.contracts.set_rules import AnySetRule
from entrepot.contracts.types import Kind

_ARGUMENTS = {
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern"),
    "duplicateValues": ("properties",),
}
_OF_VALUES = ("nullValues", "missingValues", "invalidValues")


@dataclass(frozen=True, slots=True)
class Scope:
    """What the checks of one dataset speak about, and where their rules and findings go."""

    drafts: tuple[Draft, ...]
    zone: str
    rules: RuleSet
    found: Findings
    names: tuple[tuple[str, str], ...] = ()
    """Names by which queries may call datasets of the file → `layer.name`."""


def read_quality(owner: Section, draft: Draft | None, scope: Scope) -> None:
    """Read the checks of a property (`draft`) or of the whole schema object (None)."""
    for check in owner.sections("quality"):
        _Check(scope, check, draft).read()


class _Check:
    """One check under `quality:`."""

    def __init__(self, scope: Scope, check: Section, draft: Draft | None) -> None:
        self.scope, self.found = scope, scope.found
        self.check = check
        self.draft = draft
        self.own_id = check.text("id") or check.text("name")
        metric = check.text("metric")
        rule = check.text("rule")
        self.metric = metric or (METRICS.get(rule, rule) if rule else None)
        self.kind = check.text("type") or "library"
        of = f" of {draft.name}" if draft else ""
        self.label = f"the check {self.own_id or self.metric or self.kind}{of}"
        severity = severity_word(check.get("severity"), self.label, self.found)
        self.severity = severity
        self.whole = Check(check, self.label, severity, self.found)

    def read(self) -> None:
        name = self.draft.name if self.draft else None
        match self.kind, self.metric:
            case "text", _:
                self._defer("it is a text for people")
            case "sql", _:
                self._add_set(self.whole.measure_sql(name, self.scope.names))
            case ("library", None) | ("custom", _):
                engine = self.check.text("engine")
                self._defer(f"a check of type {self.kind} is run by {engine or 'an engine of its own'}, not by us")
            case _, "rowCount":
                self._check_arguments()
                self._add_set(self.whole.count_rows(name))
            case _, "duplicateValues":
                self._check_arguments()
                self._read_duplicates()
            case _, metric if metric in _OF_VALUES and self.draft is None:
                self._defer(f"{metric} stands on the schema object, but counts the values of one property")
            case _, metric if metric in _OF_VALUES and self.draft is not None:
                self._check_arguments()
                self._read_values(metric, self.draft)
            case _:
                self._defer(f"the metric {self.metric} is not one of the standard's")

    def _read_values(self, metric: str, draft: Draft) -> None:
        rules = tuple(self._value_rules(metric, draft))
        if not _demands_none(self.check):
            self._add_set(self.whole.count_broken(metric, draft.name, rules))
            return
        for rule in rules:
            self.scope.rules.add(rule, self.own_id)

    def _read_duplicates(self) -> None:
        columns = (self.draft.name,) if self.draft else self._named_columns()
        if not _demands_none(self.check):
            self._add_set(self.whole.count_duplicates(columns))
        elif columns:
            id = f"unique:{','.join(columns)}"
            self.scope.rules.add(
                Unique(id=id, columns=columns, severity=self.severity, description=self._text()), self.own_id
            )

    def _check_arguments(self) -> None:
        arguments = self.check.section("arguments")
        allowed = _ARGUMENTS.get(self.metric or "", ())
        for key in arguments.entries:
            if key not in allowed:
                listed = say_allowed(allowed) if allowed else "no argument"
                text = f"{self.label} has the argument {key}; allowed for {self.metric} is {listed}."
                self.found.error(arguments.keys[key], text, suggest(key, allowed))

    def _value_rules(self, metric: str, draft: Draft) -> Iterator[AnyRule]:
        """The row rules that a bad value breaks; a null breaks only `Required`."""
        match metric:
            case "nullValues":
                yield self._required(draft)
            case "missingValues":
                yield from self._missing(draft)
            case _:
                yield from self._invalid(draft)

    def _required(self, draft: Draft) -> Required:
        id = f"required:{draft.name}"
        return Required(id=id, column=draft.name, severity=self.severity, description=self._text())

    def _missing(self, draft: Draft) -> Iterator[AnyRule]:
        """Null, the empty text, and words. A word that is no value of the column's type cannot be there: its row is rejected for that already."""
        listed = self.check.section("arguments").get("missingValues")
        words = listed.items if isinstance(listed, Listing) else ()
        if listed is None or any(isinstance(word, Scalar) and word.value is None for word in words):
            yield self._required(draft)
        if draft.type is None:
            return
        is_text = draft.type.kind is Kind.STRING
        if is_text and any(isinstance(word, Scalar) and word.value is not None and not word.text for word in words):
            id = f"not_empty:{draft.name}"
            yield Length(id=id, column=draft.name, at_least=1, severity=self.severity, description=self._text())
        found = [self._read_word(word, draft) for word in words]
        values = tuple(dict.fromkeys(value for value in found if value not in (None, "")))
        if values:
            id = f"none_of:{draft.name}"
            yield NotOneOf(id=id, column=draft.name, values=values, severity=self.severity, description=self._text())

    def _read_word(self, word: Node, draft: Draft) -> str | int | float | bool | None:
        assert draft.type is not None
        try:
            return read_constant(word, draft.type, self.scope.zone)
        except ValueError:
            return None

    def _invalid(self, draft: Draft) -> Iterator[AnyRule]:
        arguments = self.check.section("arguments")
        listed, pattern = arguments.get("validValues"), arguments.get("pattern")
        if listed is None and pattern is None and not arguments.entries:
            self.found.error(
                self.check.place,
                f"{self.label} says nothing of what is valid; allowed is arguments: with validValues or pattern.",
            )
        if listed is not None:
            yield from self._valid_values(draft, listed if isinstance(listed, Listing) else None)
        if pattern is not None:
            yield from self._pattern(draft, pattern if isinstance(pattern, Scalar) else None)

    def _valid_values(self, draft: Draft, listed: Listing | None) -> Iterator[AnyRule]:
        if listed is None or not listed.items:
            place = self.check.section("arguments").place_of("validValues")
            self.found.error(
                place, f"{self.label} has no list under validValues; allowed is a list of one value or more."
            )
        elif draft.type is not None:
            values = read_values(listed.items, draft.name, draft.type, self.scope.zone, self.found)
            id = f"one_of:{draft.name}"
            yield OneOf(id=id, column=draft.name, values=values, severity=self.severity, description=self._text())

    def _pattern(self, draft: Draft, pattern: Scalar | None) -> Iterator[AnyRule]:
        place = self.check.section("arguments").place_of("pattern")
        if pattern is None or not isinstance(pattern.value, str):
            self.found.error(place, f"{self.label} has a pattern that is not text; allowed is a regular expression.")
        elif draft.type is not None and draft.type.kind is not Kind.STRING:
            text = f"{self.label} has a pattern, but {draft.name} is {draft.type}; allowed is a pattern on a string."
            self.found.error(place, text)
        elif check_pattern(pattern, draft.name, self.found):
            name, text = draft.name, pattern.value
            yield Matches(
                id=f"pattern:{name}", column=name, pattern=text, severity=self.severity, description=self._text()
            )

    def _named_columns(self) -> tuple[str, ...]:
        arguments = self.check.section("arguments")
        names = [item.text for item in arguments.items("properties") if isinstance(item, Scalar)]
        if not names:
            text = f"{self.label} names no columns; allowed is arguments: properties: with a list of columns."
            self.found.error(self.check.place, text)
        known = [draft.name for draft in self.scope.drafts]
        for item in arguments.items("properties"):
            if isinstance(item, Scalar) and item.text not in known:
                text = f"{self.label} names the column {item.text}; allowed is {say_allowed(known)}."
                self.found.error(item.place, text, suggest(item.text, known))
        return tuple(name for name in dict.fromkeys(names) if name in known)

    def _add_set(self, rule: AnySetRule | None) -> None:
        if rule is not None:
            self.scope.rules.add_set(rule, self.own_id)

    def _defer(self, why: str) -> None:
        base = f"{self.metric or self.kind}{f':{self.draft.name}' if self.draft else ''}"
        self.scope.rules.defer(self.own_id, base, self.check.place, f"{why}.")

    def _text(self) -> str | None:
        return self.check.text("description")


def _demands_none(check: Section) -> bool:
    """True when the check allows not one bad row."""
    if check.number("mustBe") == Decimal(0) or check.number("mustBeLessOrEqualTo") == Decimal(0):
        return True
    below = check.number("mustBeLessThan")
    in_rows = (check.text("unit") or "rows") == "rows"
    return below is not None and in_rows and 0 < below <= 1
