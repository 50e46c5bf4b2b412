"""Reading `when`: the one key that says which kind of condition it is, and what belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from entrepot.kernel.documents import KeyPath
from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import parse_dataset
from entrepot.runner.triggers.reading import Reading
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

KINDS: Mapping[str, tuple[str, ...]] = {
    "cron": (),
    "every": (),
    "files": (),
    "release": ("if",),
    "event": (),
    "api": (),
    "all_of": ("by",),
    "any_of": (),
}
"""Kind of condition → keys that may stand beside it."""
_DEEPEST = 8


def read_condition(reading: Reading, value: Any, at: KeyPath, depth: int = 0) -> Condition:
    """One condition with all that it holds.

    Raises: ProjectError with the place of what is wrong.
    """
    if depth > _DEEPEST:
        raise reading.error(f"conditions lie {_DEEPEST} deep in each other at most.", at)
    if not isinstance(value, Mapping):
        raise reading.error(
            f"a condition is {value!r}; allowed is one of {', '.join(KINDS)}.",
            at,
            'Write `every: 15m` or `cron: "0 6 * * *"`.',
        )
    kinds = [key for key in value if key in KINDS]
    if len(kinds) != 1:
        came = ", ".join(map(str, value)) or "nothing"
        raise reading.error(
            f"a condition is exactly one of {', '.join(KINDS)}; there is {came}.",
            at,
            "Join several with all_of or any_of.",
        )
    kind = kinds[0]
    reading.mapping(value, at, (kind, *KINDS[kind]))
    if kind in ("all_of", "any_of"):
        return _read_several(reading, kind, value, at, depth)
    return _SINGLE[kind](reading, value, at)


def _read_several(reading: Reading, kind: str, value: Mapping[str, Any], at: KeyPath, depth: int) -> Condition:
    items = value[kind]
    if not isinstance(items, list) or not items:
        raise reading.error(f"{kind} is a list of conditions.", (*at, kind))
    found = tuple(read_condition(reading, item, (*at, kind, place), depth + 1) for place, item in enumerate(items))
    if kind == "any_of":
        return AnyOf(found)
    by = None if value.get("by") is None else reading.clock(value["by"], (*at, "by"))
    return AllOf(found, by)


def _read_cron(reading: Reading, value: Mapping[str, Any], at: KeyPath) -> Cron:
    return reading.cron(value["cron"], (*at, "cron"))


def _read_every(reading: Reading, value: Mapping[str, Any], at: KeyPath) -> Every:
    return Every(reading.duration(value["every"], (*at, "every")))


def _read_files(reading: Reading, value: Mapping[str, Any], at: KeyPath) -> Files:
    return Files(reading.text(value["files"], (*at, "files")))


def _read_release(reading: Reading, value: Mapping[str, Any], at: KeyPath) -> Released:
    names = reading.texts(value["release"], (*at, "release"))
    for place, name in enumerate(names):
        try:
            parse_dataset(name)
        except ValueError as error:
            raise _at_item(reading, str(error), (*at, "release"), place, value["release"]) from error
    healthy = False
    if value.get("if") is not None:
        reading.choice(value["if"], (*at, "if"), ("healthy",))
        healthy = True
    return Released(names, healthy)


def _at_item(reading: Reading, text: str, at: KeyPath, place: int, value: Any) -> ProjectError:
    return reading.error(text, (*at, place) if isinstance(value, list) else at)


def _read_event(reading: Reading, value: Mapping[str, Any], at: KeyPath) -> OnEvent:
    where = (*at, "event")
    if isinstance(value["event"], str):
        return OnEvent(reading.text(value["event"], where))
    asked = reading.mapping(value["event"], where, ("type", "source"))
    if "type" not in asked:
        raise reading.error("an event needs its type.", where, "Write `event: {type: com.shop.order.*}`.")
    source = "*" if asked.get("source") is None else reading.text(asked["source"], (*where, "source"))
    return OnEvent(reading.text(asked["type"], (*where, "type")), source)


def _read_api(reading: Reading, value: Mapping[str, Any], at: KeyPath) -> ByRequest:
    if value["api"] is not True:
        raise reading.error(f"api is {value['api']!r}; allowed is true.", (*at, "api"))
    return ByRequest()


_SINGLE: Mapping[str, Callable[[Reading, Mapping[str, Any], KeyPath], Condition]] = {
    "cron": _read_cron,
    "every": _read_every,
    "files": _read_files,
    "release": _read_release,
    "event": _read_event,
    "api": _read_api,
}
