"""Our own words in a contract: the customProperties named `entrepot.*`, each on its level."""

from __future__ import annotations

import re
from decimal import Decimal

from entrepot.contracts.findings import Findings, say_allowed, suggest
from entrepot.contracts.limits import RejectLimit, Unit
from entrepot.contracts.odcs.document import Listing, Node, Scalar, Section
from entrepot.contracts.row_rules import Severity

DATASET = "entrepot.dataset"
TIME_ZONE = "entrepot.timeZone"
HEADERS = "entrepot.headers"
SEVERITY = "entrepot.severity"
MAX_REJECTS = "entrepot.maxRejects"
EXPECT = "entrepot.expect"

LEVELS: dict[str, tuple[str, ...]] = {
    "contract": (TIME_ZONE,),
    "schema object": (DATASET, MAX_REJECTS, EXPECT),
    "property": (HEADERS, SEVERITY),
    "relationship": (SEVERITY,),
}
"""Which of our names may stand where."""

NAMES = tuple(dict.fromkeys(name for names in LEVELS.values() for name in names))

_CHILD_LEVEL = {
    "schema": "schema object",
    "properties": "property",
    "items": "property",
    "key": "property",
    "value": "property",
    "relationships": "relationship",
}


def find_custom(section: Section, name: str) -> Node | None:
    """The value of a custom property of this section, None when it has none."""
    for item in section.sections("customProperties"):
        if item.text("property") == name:
            return item.get("value")
    return None


def read_custom_text(section: Section, name: str, found: Findings) -> Scalar | None:
    """A custom property that must be text; what is not is reported."""
    node = find_custom(section, name)
    if node is None or (isinstance(node, Scalar) and isinstance(node.value, str) and node.value):
        return node
    found.error(node.place, f"{name} is not text; allowed is one text.")
    return None


def read_severity(section: Section, default: Severity, found: Findings) -> Severity:
    """The severity that `entrepot.severity` gives to this section's rules."""
    node = read_custom_text(section, SEVERITY, found)
    if node is None:
        return default
    if node.text not in tuple(Severity):
        found.error(
            node.place, f"{SEVERITY} is {node.text!r}; allowed is error or warning.", suggest(node.text, Severity)
        )
        return default
    return Severity(node.text)


def read_headers(section: Section, found: Findings) -> tuple[str, ...]:
    """The further header names of a column: a list of texts, or one text."""
    node = find_custom(section, HEADERS)
    if node is None:
        return ()
    items = node.items if isinstance(node, Listing) else (node,)
    names = [item.text for item in items if isinstance(item, Scalar) and item.value is not None and item.text.strip()]
    if not items or len(names) != len(items):
        found.error(node.place, f"{HEADERS} is not a list of texts; allowed is a list of header names.")
    return tuple(names)


def read_max_rejects(section: Section, found: Findings) -> RejectLimit | None:
    """How many rejects of one batch are allowed: a number of rows, or a percentage as `5%`."""
    node = find_custom(section, MAX_REJECTS)
    if node is None:
        return None
    text = node.text.strip() if isinstance(node, Scalar) and not isinstance(node.value, bool) else ""
    parts = re.fullmatch(r"(\d+)|(\d+(?:\.\d+)?)\s*%", text)
    if parts is None or (parts[2] and Decimal(parts[2]) > 100):
        said = repr(node.text) if isinstance(node, Scalar) else "a list or mapping"
        text = f"{MAX_REJECTS} is {said}; allowed is a number of rows, as 100, or a percentage up to 100%, as 5%."
        found.error(node.place, text)
        return None
    unit = Unit.ROWS if parts[1] else Unit.PERCENT
    return RejectLimit(Decimal(parts[1] or parts[2]), unit, node.place)


def check_custom_properties(root: Section, found: Findings) -> None:
    """Report names under `entrepot.` that do not exist, stand on another level, or stand twice."""
    _check(root, "contract", found)


def _check(node: Node, level: str, found: Findings) -> None:
    if isinstance(node, Listing):
        for item in node.items:
            _check(item, level, found)
    elif isinstance(node, Section):
        _check_names(node, level, found)
        for key, child in node.entries.items():
            if key != "customProperties":
                _check(child, _CHILD_LEVEL.get(key, f"entry under {key}"), found)


def _check_names(section: Section, level: str, found: Findings) -> None:
    seen: set[str] = set()
    for item in section.sections("customProperties"):
        name = item.text("property")
        if name is None or not name.lower().startswith("entrepot."):
            continue
        place = item.place_of("property")
        if name in seen:
            found.error(place, f"the custom property {name} stands twice; once is allowed.")
        seen.add(name)
        allowed = LEVELS.get(level, ())
        if name in allowed:
            continue
        if name in NAMES:
            homes = say_allowed(f"a {home}" for home, names in LEVELS.items() if name in names)
            hint = "A quality rule has severity: of its own." if name == SEVERITY else None
            found.error(
                place, f"{name} stands on a level ({level}) where it means nothing; allowed is it on {homes}.", hint
            )
            continue
        text = f"the custom property {name} is not known; allowed is {say_allowed(allowed or NAMES)}"
        found.error(place, f"{text} on a {level}." if allowed else f"{text}.", suggest(name, allowed or NAMES))
