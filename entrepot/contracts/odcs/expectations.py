"""Expectations of a contract: `slaProperties` latency and freshness, and our `entrepot.expect`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from entrepot.contracts.expectations import LEAST, Expectation, Fresh, Learned
from entrepot.contracts.findings import Findings, say_allowed, suggest
from entrepot.contracts.odcs.columns import Draft
from entrepot.contracts.odcs.custom import EXPECT, find_custom
from entrepot.contracts.odcs.document import Node, Scalar, Section
from entrepot.contracts.row_rules import Severity
from entrepot.contracts.types import Kind

_STATED = ("latency", "freshness")
_HOURS = {
    "m": Decimal(1) / 60, "min": Decimal(1) / 60, "minute": Decimal(1) / 60, "h": Decimal(1), "hr": Decimal(1), "hour": Decimal(1),
    "d": Decimal(24), "day": Decimal(24), "w": Decimal(168), "week": Decimal(168),
}  # fmt: skip
_MOMENTS = (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL)
_KEYS = ("volume", "arrival", "by", "least", "severity")


def read_expectations(
    root: Section, item: Section, names: tuple[str, ...], drafts: tuple[Draft, ...], found: Findings
) -> tuple[Expectation, ...]:
    """All expectations of one schema object; `names` are those by which the file's elements call it."""
    learned = _read_learned(item, drafts, found)
    severity = learned.severity if learned else Severity.WARNING
    stated = _read_stated(root, names, drafts, severity, found)
    return (*stated, *([learned] if learned and (learned.volume or learned.arrival) else []))


def _read_learned(item: Section, drafts: tuple[Draft, ...], found: Findings) -> Learned | None:
    node = find_custom(item, EXPECT)
    if node is None:
        return None
    if isinstance(node, Scalar) and node.value == "learned":
        return Learned(place=node.place)
    if not isinstance(node, Section):
        said = repr(node.text) if isinstance(node, Scalar) else "a list"
        found.error(node.place, f"{EXPECT} is {said}; allowed is learned, or a mapping with {say_allowed(_KEYS)}.")
        return None
    for key in node.entries:
        if key not in _KEYS:
            text = f"{EXPECT} has the key {key}; allowed is {say_allowed(_KEYS)}."
            found.error(node.keys[key], text, suggest(key, _KEYS))
    return Learned(
        volume=_flag(node, "volume", found),
        arrival=_flag(node, "arrival", found),
        by=_day_column(node, drafts, found),
        least=_least(node, found),
        severity=_severity(node, found),
        place=node.place,
    )


def _flag(node: Section, key: str, found: Findings) -> bool:
    value = node.flag(key)
    if value is None and key in node.entries:
        found.error(node.place_of(key), f"{key} of {EXPECT} is not true or false; allowed is one of them.")
    return value is not False


def _least(node: Section, found: Findings) -> int:
    value = node.whole("least")
    if "least" in node.entries and (value is None or value < 5):
        found.error(node.place_of("least"), f"least of {EXPECT} is no whole number from 5 on; allowed is one.")
        return LEAST
    return value or LEAST


def _severity(node: Section, found: Findings) -> Severity:
    text = node.text("severity") or Severity.WARNING
    if text not in tuple(Severity):
        place = node.place_of("severity")
        found.error(place, f"severity of {EXPECT} is {text!r}; allowed is error or warning.", suggest(text, Severity))
        return Severity.WARNING
    return Severity(text)


def _day_column(node: Section, drafts: tuple[Draft, ...], found: Findings) -> str | None:
    name = node.text("by")
    days = [draft.name for draft in drafts if draft.type is not None and draft.type.kind in _MOMENTS]
    if name is not None and name not in days:
        text = f"by of {EXPECT} is {name}; allowed is a date or timestamp column: {say_allowed(days)}."
        found.error(node.place_of("by"), text, suggest(name, days))
        return None
    return name


def _read_stated(
    root: Section, names: tuple[str, ...], drafts: tuple[Draft, ...], severity: Severity, found: Findings
) -> Iterator[Fresh]:
    """Latency and freshness of the standard's service levels that speak of this object; others are for people."""
    moments = [draft.name for draft in drafts if draft.type is not None and draft.type.kind in _MOMENTS]
    seen: set[str | None] = set()
    for level in root.sections("slaProperties"):
        if (level.text("property") or "").lower() not in _STATED:
            continue
        hours = _hours(level)
        if hours is None:
            text = f"{level.text('property')} has a value or unit that is no span of time: it is not judged."
            found.warn(level.place, text, "Write for example: value: 4, unit: h")
            continue
        for column in _elements(level.get("element"), names, [draft.name for draft in drafts]):
            if column is not None and column not in moments:
                text = f"{level.text('property')} stands on {column}, which is no date or timestamp: it is not judged."
                found.warn(level.place_of("element"), text)
            elif column not in seen:
                seen.add(column)
                id = f"freshness:{column}" if column else "freshness"
                description = level.text("description")
                yield Fresh(
                    id=id, column=column, hours=hours, severity=severity, description=description, place=level.place
                )


def _hours(level: Section) -> Decimal | None:
    value = level.scalar("value")
    unit = (level.text("unit") or "").lower().rstrip("s") or "d"
    try:
        number = Decimal(str(value))
    except ArithmeticError:
        return None
    if isinstance(value, bool) or unit not in _HOURS or not number.is_finite() or number <= 0:
        return None
    return number * _HOURS[unit]


def _elements(node: Node | None, names: tuple[str, ...], columns: list[str]) -> Iterator[str | None]:
    """Columns of this object that an element names: `object.column`, `object` (None), several with commas; all objects without element."""
    if not isinstance(node, Scalar) or not node.text:
        yield None
        return
    for part in node.text.split(","):
        owner, _, column = part.strip().rpartition(".")
        if part.strip() in names:
            yield None
        elif owner in names and column in columns:
            yield column
