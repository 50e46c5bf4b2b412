"""The contract's quality checks: those that demand no bad row become row rules, the others are kept aside by name."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from entrepot.contracts.findings import Findings, say_allowed, suggest
from entrepot.contracts.model import Kind, Length, Matches, OneOf, Required, Severity, Unique
from entrepot.contracts.odcs.columns import Draft
from entrepot.contracts.odcs.document import Listing, Scalar, Section
from entrepot.contracts.odcs.rules import check_pattern, read_values, severity_word
from entrepot.contracts.odcs.ruleset import RuleSet
from entrepot.contracts.odcs.standard import METRICS

_LATER = "it is judged over the whole dataset, which comes with a later release"
_ARGUMENTS = {
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern"),
    "duplicateValues": ("properties",),
}
_OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """What the checks of one dataset speak about, and where their rules and findings go."""

    drafts: tuple[Draft, ...]
    zone: str
    rules: RuleSet
    found: Findings


def read_quality(owner: Section, draft: Draft | None, scope: Scope) -> None:
    """Read the checks of a property (`draft`) or of the whole schema object (None)."""
    for check in owner.sections("quality"):
        _Check(scope, check, draft).read()


class _Check:
    """One check under `quality:`."""

    def __init__(self, scope: Scope, check: Section, draft: Draft | None) -> None:
        self.drafts, self.zone, self.rules, self.found = scope.drafts, scope.zone, scope.rules, scope.found
        self.check = check
        self.draft = draft
        self.own_id = check.text("id") or check.text("name")
        metric = check.text("metric")
        rule = check.text("rule")
        self.metric = metric or (METRICS.get(rule, rule) if rule else None)
        self.kind = check.text("type") or "library"
        of = f" of {draft.name}" if draft else ""
        self.label = f"the check {self.own_id or self.metric or self.kind}{of}"

    def read(self) -> None:
        if self.kind != "library" or self.metric is None:
            self._defer({"text": "it is a text for people"}.get(self.kind, f"a check of type {self.kind} {_LATER[3:]}"))
        elif self.metric == "rowCount":
            self._defer(_LATER)
        elif self.draft is None and self.metric != "duplicateValues":
            self._defer(f"{self.metric} stands on the schema object, but counts the values of one property")
        elif not _demands_none(self.check):
            self._defer(f"it allows some bad rows ({self._say_operator()}), so that {_LATER}")
        else:
            self._add_rule()

    def _add_rule(self) -> None:
        self._check_arguments()
        severity = severity_word(self.check.get("severity"), self.label, self.found)
        match self.metric:
            case "nullValues" if self.draft:
                self._require(self.draft, severity)
            case "missingValues" if self.draft:
                self._add_missing(self.draft, severity)
            case "invalidValues" if self.draft:
                self._add_invalid(self.draft, severity)
            case "duplicateValues":
                self._add_duplicate(severity)
            case _:
                self._defer(f"the metric {self.metric} is not one of the standard's that rows are judged by")

    def _check_arguments(self) -> None:
        arguments = self.check.section("arguments")
        allowed = _ARGUMENTS.get(self.metric or "", ())
        for key in arguments.entries:
            if key not in allowed:
                listed = say_allowed(allowed) if allowed else "no argument"
                text = f"{self.label} has the argument {key}; allowed for {self.metric} is {listed}."
                self.found.error(arguments.keys[key], text, suggest(key, allowed))

    def _require(self, draft: Draft, severity: Severity) -> None:
        rule = Required(id=f"required:{draft.name}", column=draft.name, severity=severity, description=self._text())
        self.rules.add(rule, self.own_id)

    def _add_missing(self, draft: Draft, severity: Severity) -> None:
        """Null is forbidden by Required; the empty text by a length; other words only a set rule can forbid.

        A word in a column that is not text is no value of its type: the row is rejected for that already.
        """
        listed = self.check.section("arguments").get("missingValues")
        words = listed.items if isinstance(listed, Listing) else ()
        if listed is None or any(isinstance(word, Scalar) and word.value is None for word in words):
            self._require(draft, severity)
        if draft.type is None or draft.type.kind is not Kind.STRING:
            return
        texts = [word.text for word in words if isinstance(word, Scalar) and word.value is not None]
        if "" in texts:
            name = draft.name
            rule = Length(id=f"not_empty:{name}", column=name, at_least=1, severity=severity, description=self._text())
            self.rules.add(rule, self.own_id)
        others = [text for text in texts if text]
        if others:
            why = f"that a text is none of {say_allowed(map(repr, others))} cannot be said as a row rule yet"
            self._defer(f"{why}; null and empty texts are judged")

    def _add_invalid(self, draft: Draft, severity: Severity) -> None:
        arguments = self.check.section("arguments")
        listed, pattern = arguments.get("validValues"), arguments.get("pattern")
        if listed is None and pattern is None and not arguments.entries:
            self.found.error(
                self.check.place,
                f"{self.label} says nothing of what is valid; allowed is arguments: with validValues or pattern.",
            )
        if listed is not None:
            self._add_valid_values(draft, listed if isinstance(listed, Listing) else None, severity)
        if pattern is not None:
            self._add_pattern(draft, pattern if isinstance(pattern, Scalar) else None, severity)

    def _add_valid_values(self, draft: Draft, listed: Listing | None, severity: Severity) -> None:
        if listed is None or not listed.items:
            place = self.check.section("arguments").place_of("validValues")
            self.found.error(
                place, f"{self.label} has no list under validValues; allowed is a list of one value or more."
            )
        elif draft.type is not None:
            values = read_values(listed.items, draft.name, draft.type, self.zone, self.found)
            name = draft.name
            rule = OneOf(id=f"one_of:{name}", column=name, values=values, severity=severity, description=self._text())
            self.rules.add(rule, self.own_id)

    def _add_pattern(self, draft: Draft, pattern: Scalar | None, severity: Severity) -> None:
        place = self.check.section("arguments").place_of("pattern")
        if pattern is None or not isinstance(pattern.value, str):
            self.found.error(place, f"{self.label} has a pattern that is not text; allowed is a regular expression.")
        elif draft.type is not None and draft.type.kind is not Kind.STRING:
            text = f"{self.label} has a pattern, but {draft.name} is {draft.type}; allowed is a pattern on a string."
            self.found.error(place, text)
        elif check_pattern(pattern, draft.name, self.found):
            name, text = draft.name, pattern.value
            rule = Matches(id=f"pattern:{name}", column=name, pattern=text, severity=severity, description=self._text())
            self.rules.add(rule, self.own_id)

    def _add_duplicate(self, severity: Severity) -> None:
        columns = (self.draft.name,) if self.draft else self._named_columns()
        if columns:
            base = f"unique:{','.join(columns)}"
            self.rules.add(Unique(id=base, columns=columns, severity=severity, description=self._text()), self.own_id)

    def _named_columns(self) -> tuple[str, ...]:
        arguments = self.check.section("arguments")
        names = [item.text for item in arguments.items("properties") if isinstance(item, Scalar)]
        if not names:
            text = f"{self.label} names no columns; allowed is arguments: properties: with a list of columns."
            self.found.error(self.check.place, text)
        known = [draft.name for draft in self.drafts]
        for item in arguments.items("properties"):
            if isinstance(item, Scalar) and item.text not in known:
                text = f"{self.label} names the column {item.text}; allowed is {say_allowed(known)}."
                self.found.error(item.place, text, suggest(item.text, known))
        return tuple(name for name in dict.fromkeys(names) if name in known)

    def _defer(self, why: str) -> None:
        base = f"{self.metric or self.kind}{f':{self.draft.name}' if self.draft else ''}"
        self.rules.defer(self.own_id, base, self.check.place, f"{why}.")

    def _text(self) -> str | None:
        return self.check.text("description")

    def _say_operator(self) -> str:
        said = [f"{word}: {node.text}" for word in _OPERATORS if isinstance(node := self.check.get(word), Scalar)]
        unit = self.check.text("unit")
        return (", ".join(said) or "no limit or a range") + (f" {unit}" if unit else "")


def _demands_none(check: Section) -> bool:
    """True when the check allows not one bad row."""
    if check.number("mustBe") == Decimal(0) or check.number("mustBeLessOrEqualTo") == Decimal(0):
        return True
    below = check.number("mustBeLessThan")
    in_rows = (check.text("unit") or "rows") == "rows"
    return below is not None and in_rows and 0 < below <= 1
