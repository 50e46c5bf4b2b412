"""What a comparison of two contracts says: changes, each with a verdict for those who read the data and those who send them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from entrepot.kernel.errors import Place


class ChangeKind(StrEnum):
    """What happened to the thing at a path."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    MOVED = "moved"
    """Only its order among its neighbours is another."""


class Verdict(StrEnum):
    """Whether somebody can stumble over a change. What cannot be excluded counts as breaking."""

    COMPATIBLE = "compatible"
    UNCLEAR = "unclear"
    """Nobody can tell from the contracts: a text of SQL changed, or a promise whose direction is not known."""
    BREAKING = "breaking"


class Level(StrEnum):
    """Which part of the version a change moves, as semantic versioning has it."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a change means. Readers read the dataset; senders bring its rows."""

    readers: Verdict
    senders: Verdict
    reason: str
    level: Level


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two contracts."""

    path: str
    """Where it stands in the new contract, in the old one when it is gone: `schema.orders.properties.region`."""
    old_path: str
    """Where it stood in the old contract; differs below something renamed."""
    kind: ChangeKind
    old: Any
    """The value as plain text, numbers, lists and mappings; None when there was none."""
    new: Any
    judgement: Judgement
    dataset: str | None = None
    """The schema object it belongs to; None for the contract as a whole."""
    place: Place | None = None
    """Where to look: in the new file, in the old one for what is gone."""

    @property
    def verdict(self) -> Verdict:
        """The worse of both verdicts."""
        order = list(Verdict)
        return max(self.judgement.readers, self.judgement.senders, key=order.index)

    @property
    def breaks_for(self) -> tuple[str, ...]:
        """`readers`, `senders`, both or nobody."""
        sides = (("readers", self.judgement.readers), ("senders", self.judgement.senders))
        return tuple(who for who, verdict in sides if verdict is Verdict.BREAKING)


def harmless(reason: str, level: Level = Level.PATCH) -> Judgement:
    """Nobody stumbles."""
    return Judgement(Verdict.COMPATIBLE, Verdict.COMPATIBLE, reason, level)


def tightened(reason: str) -> Judgement:
    """The contract demands more: what was accepted may now be rejected; who reads gets no less than before."""
    return Judgement(Verdict.COMPATIBLE, Verdict.BREAKING, reason, Level.MAJOR)


def loosened(reason: str) -> Judgement:
    """The contract promises less: readers may meet what they never met; what was accepted still is."""
    return Judgement(Verdict.BREAKING, Verdict.COMPATIBLE, reason, Level.MAJOR)


def breaking(reason: str) -> Judgement:
    """Both sides may stumble."""
    return Judgement(Verdict.BREAKING, Verdict.BREAKING, reason, Level.MAJOR)


def unclear(reason: str) -> Judgement:
    """The contracts do not say whether somebody stumbles."""
    return Judgement(Verdict.UNCLEAR, Verdict.UNCLEAR, reason, Level.MAJOR)


def join(judgements: list[Judgement]) -> Judgement:
    """All of them together: the worst for each side, the reasons one after the other."""
    if len(judgements) == 1:
        return judgements[0]
    verdicts, levels = list(Verdict), list(Level)
    return Judgement(
        readers=max((item.readers for item in judgements), key=verdicts.index),
        senders=max((item.senders for item in judgements), key=verdicts.index),
        reason=" ".join(dict.fromkeys(item.reason for item in judgements)),
        level=max((item.level for item in judgements), key=levels.index),
    )
