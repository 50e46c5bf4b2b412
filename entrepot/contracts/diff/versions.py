"""The version that the changes ask for, and whether the new contract has it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from entrepot.contracts.diff.change import Change, Level

_SEMANTIC = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+].*)?")


@dataclass(frozen=True, slots=True)
class VersionAdvice:
    """What the version should become. `fits` is None when it cannot be told."""

    old: str
    new: str
    needed: Level | None
    """None when nothing changed but the version itself."""
    suggested: str | None
    fits: bool | None
    text: str


def advise_version(old: str, new: str, changes: Iterable[Change]) -> VersionAdvice:
    """Compare the version of the new contract with what its changes ask for."""
    order = list(Level)
    levels = [change.judgement.level for change in changes if change.path != "version"]
    needed = max(levels, key=order.index) if levels else None
    before, after = _parse(old), _parse(new)
    if needed is None:
        return VersionAdvice(
            old, new, None, None, True, "Nothing but the version differs." if old != new else "Nothing differs."
        )
    if before is None or after is None:
        strange = old if before is None else new
        text = f"These changes are {needed}; {strange!r} is no semantic version (1.2.3), so that it cannot be compared."
        return VersionAdvice(old, new, needed, None, None, text)
    suggested = _raise(before, needed)
    fits = after >= suggested
    said = ".".join(map(str, suggested))
    text = f"These changes are {needed}: {old} → {said} or higher. "
    text += f"The new contract has {new}, which fits." if fits else f"The new contract has {new}, which does not fit."
    return VersionAdvice(old, new, needed, said, fits, text)


def _parse(text: str) -> tuple[int, int, int] | None:
    found = _SEMANTIC.fullmatch(text.strip())
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def _raise(version: tuple[int, int, int], level: Level) -> tuple[int, int, int]:
    """The next version of that level. Before 1.0.0 a minor step may break, as semantic versioning has it."""
    major, minor, patch = version
    if level is Level.PATCH:
        return (major, minor, patch + 1)
    if level is Level.MINOR:
        return (major, minor + 1, 0) if major else (0, minor, patch + 1)
    return (major + 1, 0, 0) if major else (0, minor + 1, 0)
