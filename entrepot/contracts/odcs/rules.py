"""The row rules that stand on a property itself: required, unique, enum, logicalTypeOptions."""

from __future__ import annotations

from decimal import Decimal

from entrepot.contracts.findings import Findings
from entrepot.contracts.odcs.columns import Draft
from entrepot.contracts.odcs.document import Node, Scalar, Section
from entrepot.contracts.odcs.formats import LONGEST, NOTHING_TO_JUDGE, PATTERNS
from entrepot.contracts.odcs.nested_rules import add_inner_rules, add_size_rules
from entrepot.contracts.odcs.ruleset import RuleSet
from entrepot.contracts.odcs.types import INTEGER_BOUNDS
from entrepot.contracts.odcs.values import read_constant, read_moment
from entrepot.contracts.row_rules import Length, Matches, Multiple, OneOf, Range, Required, Severity, Unique
from entrepot.contracts.types import NESTED, ColumnType, Kind

Bound = Decimal | int | float | str | None

_BOUNDS = {
    "minimum": "at_least",
    "maximum": "at_most",
    "exclusiveMinimum": "above",
    "exclusiveMaximum": "below",
}
_MOMENTS = (Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL)
MAX_FLOAT32 = Decimal((2**24 - 1) * 2**104)


def add_key_rules(key: tuple[str, ...], drafts: tuple[Draft, ...], rules: RuleSet, found: Findings) -> None:
    """The primary key is unique and each of its columns is there; both always reject."""
    if not key:
        return
    for draft in drafts:
        if draft.is_key:
            rules.add(Required(id=f"required:{draft.name}", column=draft.name))
            if draft.type is not None and draft.type.kind in NESTED:
                text = f"{draft.name} is a key and {draft.type}; allowed is a single value."
                found.error(draft.section.place_of("primaryKey"), text)
            if draft.section.flag("required") is False:
                place = draft.section.place_of("required")
                found.warn(
                    place, f"{draft.name} has required: false, but a column of the primary key is always required."
                )
    rules.add(Unique(id=f"key:{','.join(key)}", columns=key, is_key=True))


def add_property_rules(draft: Draft, key: tuple[str, ...], zone: str, rules: RuleSet, found: Findings) -> None:
    """All rules of a property but those under quality and relationships; of what stands in it, these too."""
    name, prop = draft.name, draft.section
    if prop.flag("required") and not draft.is_key:
        rules.add(Required(id=f"required:{name}", column=name, severity=draft.severity))
    if prop.flag("unique") and key != (name,):
        rules.add(Unique(id=f"unique:{name}", columns=(name,), severity=draft.severity))
    if draft.type is None:
        return
    _add_type_rules(draft, draft.type, zone, rules, found)

    def add(inner: Draft, inner_type: ColumnType) -> None:
        _add_type_rules(inner, inner_type, zone, rules, found)

    add_inner_rules(draft, add, rules, found)


def _add_type_rules(draft: Draft, type: ColumnType, zone: str, rules: RuleSet, found: Findings) -> None:
    """The enumeration and the logicalTypeOptions."""
    _add_enum(draft, type, zone, rules, found)
    match type.kind:
        case Kind.STRING:
            _add_text_rules(draft, rules, found)
        case Kind.INTEGER | Kind.DECIMAL | Kind.DOUBLE:
            _add_number_rules(draft, type, rules, found)
        case Kind.DATE | Kind.TIME | Kind.TIMESTAMP | Kind.TIMESTAMP_LOCAL:
            _add_range(draft, type, zone, rules, found)
            _defer_zone(draft, type, rules)
        case Kind.ARRAY | Kind.OBJECT | Kind.MAP:
            add_size_rules(draft, type, rules, found)
        case Kind.BOOLEAN:
            pass
    if type.kind in (Kind.BOOLEAN, Kind.MAP):
        _warn_options(draft, found)


def _defer_zone(draft: Draft, type: ColumnType, rules: RuleSet) -> None:
    options = draft.section.section("logicalTypeOptions")
    if type.kind is Kind.TIME and "defaultTimezone" in options.entries:
        why = "a time of day is kept as it stands on the wall, so that its defaultTimezone changes nothing."
        rules.defer(None, f"defaultTimezone:{draft.name}", options.place_of("defaultTimezone"), why)


def _warn_options(draft: Draft, found: Findings) -> None:
    """The standard's schema lets anything stand there."""
    options = draft.section.section("logicalTypeOptions")
    for key in options.entries:
        logical = draft.section.text("logicalType")
        place = options.keys.get(key, options.place)
        found.warn(place, f"{draft.name} is {logical}, of which the standard knows no option; {key} judges no row.")


def read_values(
    nodes: tuple[Node, ...], label: str, type: ColumnType, zone: str, found: Findings
) -> tuple[str | int | float | bool, ...]:
    """Constants of a list as values of the column's type, without null; each wrong one is reported."""
    values: list[str | int | float | bool] = []
    for node in nodes:
        try:
            value = read_constant(node, type, zone)
        except ValueError as error:
            found.error(node.place, f"a value of {label} {error} (the column is {type}).")
            continue
        if value is not None and value not in values:
            values.append(value)
    return tuple(values)


def check_pattern(pattern: Scalar, label: str, found: Findings) -> bool:
    """Say whether RE2 understands a pattern; warn where an anchor suggests that only a part was meant."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""]), pattern.text)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        found.error(
            pattern.place,
            f"the pattern of {label} cannot be used: {reason}; allowed is a regular expression of RE2.",
            "RE2 has no look-ahead, look-behind or back-reference.",
        )
        return False
    begins, ends = pattern.text.startswith("^"), pattern.text.endswith("$") and not pattern.text.endswith("\\$")
    if begins != ends:
        text = (
            f"the pattern of {label} is anchored on one side only; it is matched against the whole value all the same."
        )
        found.warn(pattern.place, text, "Write .* where anything may follow or precede.")
    return True


def _add_enum(draft: Draft, type: ColumnType, zone: str, rules: RuleSet, found: Findings) -> None:
    entries = draft.section.sections("enum")
    if not entries:
        return
    nodes = tuple(node for entry in entries if (node := entry.get("value")) is not None)
    values = read_values(nodes, draft.name, type, zone, found)
    if values:
        rules.add(OneOf(id=f"one_of:{draft.name}", column=draft.name, values=values, severity=draft.severity))


def _add_text_rules(draft: Draft, rules: RuleSet, found: Findings) -> None:
    name, options = draft.name, draft.section.section("logicalTypeOptions")
    shortest, longest = options.whole("minLength"), options.whole("maxLength")
    if shortest is not None and longest is not None and shortest > longest:
        text = f"{name} has minLength {shortest} above maxLength {longest}; allowed is a minimum not above the maximum."
        found.error(options.place_of("minLength"), text)
    elif shortest is not None or longest is not None:
        rule = Length(id=f"length:{name}", column=name, at_least=shortest, at_most=longest, severity=draft.severity)
        rules.add(rule)
    pattern = options.get("pattern")
    if isinstance(pattern, Scalar) and isinstance(pattern.value, str) and check_pattern(pattern, name, found):
        rules.add(Matches(id=f"pattern:{name}", column=name, pattern=pattern.value, severity=draft.severity))
    _add_text_format(draft, options, rules)


def _add_text_format(draft: Draft, options: Section, rules: RuleSet) -> None:
    name, form = draft.name, options.text("format")
    if form is None:
        return
    if form not in PATTERNS:
        why = NOTHING_TO_JUDGE.get(form, f"it is none of {', '.join(PATTERNS)}; a pattern judges rows")
        rules.defer(
            None, f"format:{name}", options.place_of("format"), f"no row is judged by the format {form}: {why}."
        )
        return
    pattern, said = PATTERNS[form], f"the format {form}"
    rules.add(Matches(id=f"format:{name}", column=name, pattern=pattern, severity=draft.severity, description=said))
    if form in LONGEST:
        rule = Length(id=f"format:{name}:length", column=name, at_most=LONGEST[form], severity=draft.severity)
        rules.add(rule)


def _add_number_rules(draft: Draft, type: ColumnType, rules: RuleSet, found: Findings) -> None:
    name, options = draft.name, draft.section.section("logicalTypeOptions")
    lowest, highest = INTEGER_BOUNDS.get(options.text("format") or "", (None, None))
    if lowest is not None:
        rules.add(Range(id=f"format:{name}", column=name, at_least=lowest, at_most=highest))
    if options.text("format") == "f32" and type.kind is Kind.DOUBLE:
        rules.add(Range(id=f"format:{name}", column=name, at_least=-MAX_FLOAT32, at_most=MAX_FLOAT32))
    _add_range(draft, type, "UTC", rules, found)
    step = _finite(options, "multipleOf", name, found)
    if step is None or step <= 0:
        return
    if type.kind is Kind.DOUBLE and step != int(step):
        found.error(
            options.place_of("multipleOf"),
            f"{name} is a double, whose fractions are not exact, so that multipleOf {step} cannot be judged; "
            "allowed is a whole number, or a column of type decimal.",
            "Write physicalType: decimal(p,s).",
        )
        return
    rules.add(Multiple(id=f"multiple:{name}", column=name, of=Decimal(step), severity=draft.severity))


def _add_range(draft: Draft, type: ColumnType, zone: str, rules: RuleSet, found: Findings) -> None:
    options = draft.section.section("logicalTypeOptions")
    bounds = {field: _bound(options, key, draft.name, type, zone, found) for key, field in _BOUNDS.items()}
    if all(bound is None for bound in bounds.values()):
        return
    if _is_empty(bounds):
        said = ", ".join(f"{key} {node.text}" for key in _BOUNDS if isinstance(node := options.get(key), Scalar))
        text = f"{draft.name} has {said}, which no value can satisfy; allowed is a minimum below the maximum."
        found.error(options.place, text)
        return
    rule = Range(
        id=f"range:{draft.name}",
        column=draft.name,
        severity=draft.severity,
        at_least=bounds["at_least"],
        at_most=bounds["at_most"],
        above=bounds["above"],
        below=bounds["below"],
    )
    rules.add(rule)


def _bound(options: Section, key: str, label: str, type: ColumnType, zone: str, found: Findings) -> Bound:
    node = options.get(key)
    if type.kind not in _MOMENTS:
        return _finite(options, key, label, found)
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return None
    try:
        return read_moment(node, type, zone)
    except ValueError as error:
        found.error(node.place, f"{key} of {label} {error}.")
        return None


def _finite(options: Section, key: str, label: str, found: Findings) -> int | Decimal | None:
    node = options.get(key)
    if isinstance(node, Scalar) and isinstance(node.value, float):
        found.error(node.place, f"{key} of {label} is {node.text}; allowed is a finite number.")
    return options.number(key)


def _is_empty(bounds: dict[str, Bound]) -> bool:
    """True when no value lies between the bounds; ISO texts of one kind compare as they stand."""
    for low, high in (("at_least", "at_most"), ("at_least", "below"), ("above", "at_most"), ("above", "below")):
        first, last = bounds[low], bounds[high]
        if first is None or last is None:
            continue
        above: bool = first > last  # type: ignore[operator]
        if above or (first == last and (low, high) != ("at_least", "at_most")):
            return True
    return False


def severity_word(node: Node | None, label: str, found: Findings) -> Severity:
    """The severity of a quality rule: error when it says nothing, `info` counts as warning."""
    if not isinstance(node, Scalar) or node.value is None:
        return Severity.ERROR
    match node.text.strip().lower():
        case "error":
            return Severity.ERROR
        case "warning" | "info":
            return Severity.WARNING
    found.error(node.place, f"the severity of {label} is {node.text!r}; allowed is error, warning or info.")
    return Severity.ERROR
