"""Conditions and what came true of them: pure questions over a trigger's `when`."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from entrepot.ports.schedule import Happening, HappeningKind, Met
from entrepot.runner.triggers.trigger import (
    AllOf,
    AnyOf,
    ByRequest,
    Condition,
    Cron,
    Every,
    Files,
    OnEvent,
    Released,
)


def matches(condition: Condition, happening: Happening) -> bool:
    """True when a happening makes a condition come true; times and lists of conditions are never met by one."""
    match condition:
        case Files():
            return happening.kind is HappeningKind.FILE and happening.subject == condition.source
        case Released():
            changed = happening.kind is HappeningKind.RELEASE and happening.subject in condition.datasets
            return changed and (happening.is_healthy or not condition.healthy)
        case OnEvent():
            return (
                happening.kind is HappeningKind.EVENT
                and fnmatchcase(happening.subject, condition.type)
                and fnmatchcase(happening.source, condition.source)
            )
    return False


def holds(condition: Condition, met: Mapping[str, Met], at: str = "when") -> bool:
    """True when what came true is enough."""
    match condition:
        case AllOf():
            if f"{at}.by" in met:
                return True
            return all(holds(child, met, f"{at}.{number}") for number, child in enumerate(condition.conditions))
        case AnyOf():
            return any(holds(child, met, f"{at}.{number}") for number, child in enumerate(condition.conditions))
    return at in met


def find_missing(condition: Condition, met: Mapping[str, Met], at: str = "when") -> list[str]:
    """What did not come true, in words, of conditions that are all wanted."""
    match condition:
        case AllOf():
            children = enumerate(condition.conditions)
            return [text for number, child in children for text in find_missing(child, met, f"{at}.{number}")]
        case AnyOf():
            return [] if holds(condition, met, at) else [describe(condition)]
    return [] if at in met else [describe(condition)]


def say_reason(condition: Condition, met: Mapping[str, Met]) -> str:
    """Why it fired, and what was missing where it was time even so."""
    said = [each.why for _, each in sorted(met.items(), key=lambda pair: (pair[1].at, pair[0]))]
    missing = _missing_by(condition, met, "when")
    tail = f"; still missing: {', '.join(missing)}" if missing else ""
    return "; ".join(dict.fromkeys(said)) + tail


def _missing_by(condition: Condition, met: Mapping[str, Met], at: str) -> list[str]:
    match condition:
        case AllOf() if f"{at}.by" in met:
            return find_missing(condition, met, at)
        case AllOf() | AnyOf():
            children = enumerate(condition.conditions)
            return [text for number, child in children for text in _missing_by(child, met, f"{at}.{number}")]
    return []


def describe(condition: Condition) -> str:
    """A condition in words."""
    match condition:
        case Cron():
            return f"cron {condition.expression} ({condition.zone})"
        case Every():
            return f"every {say_seconds(condition.seconds)}"
        case Files():
            return f"a file for {condition.source}"
        case Released():
            one = " or ".join(condition.datasets)
            return f"a release with new {one}" + (", healthy" if condition.healthy else "")
        case OnEvent():
            return f"an event {condition.type}" + ("" if condition.source == "*" else f" of {condition.source}")
        case ByRequest():
            return "a request"
        case AllOf():
            said = "all of (" + ", ".join(map(describe, condition.conditions)) + ")"
            return said if condition.by is None else f"{said}, or {describe(condition.by)} even if not"
        case AnyOf():
            return "any of (" + ", ".join(map(describe, condition.conditions)) + ")"


def say_seconds(seconds: int) -> str:
    """`15m`, `1h30m`, `45s`, `2d`."""
    said, rest = "", seconds
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        said += f"{number}{unit}" if number else ""
    return said or "0s"
