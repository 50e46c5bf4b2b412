"""The rules on arrays, objects, maps and vectors, and on what stands in them; what of them is not judged, with the reason."""

from __future__ import annotations

from collections.abc import Callable

from entrepot.contracts.findings import Findings
from entrepot.contracts.odcs.columns import Draft
from entrepot.contracts.odcs.custom import read_severity
from entrepot.contracts.odcs.document import Scalar, Section
from entrepot.contracts.odcs.nested import inner_sections, items_path, vector_element
from entrepot.contracts.odcs.ruleset import RuleSet
from entrepot.contracts.row_rules import Distinct, Has, Range, Required, Size
from entrepot.contracts.types import ColumnType, Kind

_ELEMENTS = {"int8": (-128, 127), "uint8": (0, 255), "binary": (0, 1)}
_NOT_INSIDE = "it is not judged inside of an array or object; give what it judges a column of its own."

AddRules = Callable[[Draft, ColumnType], None]
"""Adds the rules of an inner property's type."""


def add_inner_rules(draft: Draft, add: AddRules, rules: RuleSet, found: Findings) -> None:
    """The rules of everything that stands in a property, under their paths."""
    if draft.type is None:
        return
    for path, section, column_type in inner_sections(draft.section, draft.name, draft.type):
        severity = read_severity(section, draft.severity, found)
        inner = Draft(path, column_type, section, severity, headers=(), is_key=False)
        if section.flag("required"):
            rules.add(Required(id=f"required:{path}", column=path, severity=severity))
        _defer_the_rest(path, section, rules)
        add(inner, column_type)
        add_inner_rules(inner, add, rules, found)


def _defer_the_rest(path: str, section: Section, rules: RuleSet) -> None:
    for key in ("unique", "primaryKey"):
        if section.flag(key):
            rules.defer(None, f"{key}:{path}", section.place_of(key), _NOT_INSIDE)
    for number, check in enumerate(section.sections("quality"), 1):
        base = f"{check.text('metric') or check.text('type') or 'quality'}:{path}:{number}"
        rules.defer(check.text("id") or check.text("name"), base, check.place, _NOT_INSIDE)
    for item in section.sections("relationships"):
        rules.defer(item.text("id"), f"foreign_key:{path}", item.place, _NOT_INSIDE)


def add_size_rules(draft: Draft, type: ColumnType, rules: RuleSet, found: Findings) -> None:
    """minItems, maxItems, uniqueItems, minProperties, maxProperties, required, dimensions."""
    options = draft.section.section("logicalTypeOptions")
    if draft.section.text("logicalType") == "vector":
        _add_vector_rules(draft, options, rules)
    elif type.kind is Kind.ARRAY:
        _add_size(draft, options, "minItems", "maxItems", rules, found)
        if options.flag("uniqueItems"):
            rules.add(Distinct(id=f"distinct:{draft.name}", column=draft.name, severity=draft.severity))
    elif type.kind is Kind.OBJECT:
        _add_size(draft, options, "minProperties", "maxProperties", rules, found)
        _add_names(draft, options, type, rules)


def _add_size(draft: Draft, options: Section, low: str, high: str, rules: RuleSet, found: Findings) -> None:
    least, most = options.whole(low), options.whole(high)
    if least is not None and most is not None and least > most:
        text = f"{draft.name} has {low} {least} above {high} {most}; allowed is a minimum not above the maximum."
        found.error(options.place_of(low), text)
    elif least or most is not None:
        name = draft.name
        rules.add(Size(id=f"size:{name}", column=name, at_least=least or None, at_most=most, severity=draft.severity))


def _add_names(draft: Draft, options: Section, type: ColumnType, rules: RuleSet) -> None:
    """Names that the object describes are required there, where their other keys are known; the others by the object."""
    known = {inner.name for inner in type.properties}
    names = [item.text for item in options.items("required") if isinstance(item, Scalar)]
    for name in names:
        if name in known:
            path = f"{draft.name}.{name}"
            rules.add(Required(id=f"required:{path}", column=path, severity=draft.severity))
    others = tuple(dict.fromkeys(name for name in names if name not in known))
    if others:
        rules.add(Has(id=f"has:{draft.name}", column=draft.name, names=others, severity=draft.severity))


def _add_vector_rules(draft: Draft, options: Section, rules: RuleSet) -> None:
    name, dimensions, element = draft.name, options.whole("dimensions"), vector_element(draft.section)
    if dimensions is not None:
        rules.add(
            Size(id=f"size:{name}", column=name, at_least=dimensions, at_most=dimensions, severity=draft.severity)
        )
    path = items_path(name)
    rules.add(Required(id=f"required:{path}", column=path, severity=draft.severity))
    if element in _ELEMENTS:
        low, high = _ELEMENTS[element]
        rules.add(Range(id=f"format:{path}", column=path, at_least=low, at_most=high))
    if options.flag("normalized"):
        why = "it tells how the vectors were made; whether their length is 1 is not judged."
        rules.defer(None, f"normalized:{name}", options.place_of("normalized"), why)
