"""Read what a KPI is held against: `target`, `direction` and `thresholds`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from entrepot.kernel.documents import Document, check_keys
from entrepot.serve.kpis.kpi import Direction, Status, Thresholds

_ALLOWED = f"allowed are {' and '.join(Direction)}"
_OLD_WORDS = {"up": Direction.HIGHER, "down": Direction.LOWER}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What good is; each part may be left open."""

    target: float | None = None
    direction: Direction | None = None
    thresholds: Thresholds | None = None


def read_bounds(document: Document) -> Bounds:
    """Read the three keys and hold them against each other.

    Raises: ProjectError with the place, what came and what is allowed.
    """
    target, direction = _read_number(document, "target"), _read_direction(document)
    thresholds = _read_thresholds(document, direction)
    if target is not None and thresholds is not None and thresholds.judge(target) is not Status.GOOD:
        raise document.error(
            f"the target {target:g} would itself be {thresholds.judge(target)}; with {direction} and good: {thresholds.good:g} "
            f"allowed is a target of {_at_best(thresholds)} {thresholds.good:g}.", "target",
        )  # fmt: skip
    return Bounds(target, direction, thresholds)


def _read_direction(document: Document) -> Direction | None:
    value = document.value.get("direction")
    if value is None or value in tuple(Direction):
        return None if value is None else Direction(value)
    meant = _OLD_WORDS.get(str(value))
    raise document.error(
        f"direction is {value!r}; {_ALLOWED}.", "direction", hint=f"Say direction: {meant}." if meant else None
    )


def _read_thresholds(document: Document, direction: Direction | None) -> Thresholds | None:
    value = document.value.get("thresholds")
    if value is None:
        return None
    at = "thresholds"
    if not isinstance(value, Mapping):
        raise document.error(f"thresholds is {value!r}; allowed is a mapping with good and warning.", at)
    if "direction" in value:
        raise document.error(
            "direction is a key of the KPI, not of its thresholds.", at, "direction", hint=f"Move it out; {_ALLOWED}."
        )
    check_keys(document, (at,), value, ("good", "warning"))
    good, warning = _read_number(document, at, "good"), _read_number(document, at, "warning")
    if good is None or warning is None:
        raise document.error("thresholds needs good and warning; what is beyond warning is critical.", at)
    if direction is None:
        raise document.error("thresholds need a direction.", at, hint=f"Add `direction: …`; {_ALLOWED}.")
    bounds = Thresholds(good, warning, direction)
    _check_order(document, bounds)
    return bounds


def _check_order(document: Document, bounds: Thresholds) -> None:
    """`warning` must lie beyond `good`, or no value could ever be a warning."""
    below = bounds.direction is Direction.HIGHER
    if bounds.good == bounds.warning:
        said = f"good and warning are both {bounds.good:g} and overlap: no value could be a warning"
    elif (bounds.warning > bounds.good) is below:
        said = f"warning ({bounds.warning:g}) is better than good ({bounds.good:g})"
    else:
        return
    side = "below" if below else "above"
    raise document.error(f"{said}; with {bounds.direction} allowed is a warning {side} good.", "thresholds", "warning")


def _read_number(document: Document, *keys: str) -> float | None:
    value: Any = document.value
    for key in keys:
        value = value.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise document.error(f"{keys[-1]} is {value!r}; allowed is a number.", *keys)
    return float(value)


def _at_best(thresholds: Thresholds) -> str:
    return "at least" if thresholds.direction is Direction.HIGHER else "at most"
