"""What is wrong with a contract, with its place; all of it, not the first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import ContractError, Place


class Concern(StrEnum):
    """What a finding is measured by. A file may be a good contract and yet none of our datasets."""

    STANDARD = "standard"
    """The Open Data Contract Standard, or YAML."""
    DATASET = "dataset"
    """What a dataset of ours needs beyond that: its name, types we can store, rules we can judge."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or doubtful in a contract. `code` is stable, for programs."""

    severity: Severity
    place: Place
    message: str
    hint: str | None = None
    code: str = "contract.invalid"
    concern: Concern = Concern.STANDARD

    def __str__(self) -> str:
        text = f"{self.place} — {self.message}"
        return text if self.hint is None else f"{text} {self.hint}"


class Findings:
    """Collects findings while a contract is read; the same one twice counts once."""

    def __init__(self) -> None:
        self._items: dict[tuple[Place, str], Finding] = {}
        self._area = "contract.invalid"
        self._concern = Concern.STANDARD

    @contextmanager
    def within(self, area: str, concern: Concern = Concern.DATASET) -> Iterator[None]:
        """Give what is noted inside this code and concern, where it does not bring a code of its own."""
        before = self._area, self._concern
        self._area, self._concern = area, concern
        try:
            yield
        finally:
            self._area, self._concern = before

    def add(
        self, severity: Severity, place: Place, message: str, hint: str | None = None, *, code: str | None = None
    ) -> None:
        """Note one finding."""
        finding = Finding(severity, place, message, hint, code or self._area, self._concern)
        self._items.setdefault((place, message), finding)

    def error(self, place: Place, message: str, hint: str | None = None, *, code: str | None = None) -> None:
        """Note what makes the contract unusable."""
        self.add(Severity.ERROR, place, message, hint, code=code)

    def warn(self, place: Place, message: str, hint: str | None = None, *, code: str | None = None) -> None:
        """Note what is doubtful."""
        self.add(Severity.WARNING, place, message, hint, code=code)

    @property
    def all(self) -> list[Finding]:
        """Everything found, in the order of the file."""
        return sorted(self._items.values(), key=lambda item: (item.place.line or 0, item.place.column or 0))

    @property
    def errors(self) -> list[Finding]:
        """Only what makes the contract unusable."""
        return [item for item in self.all if item.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Finding]:
        """Only what is doubtful."""
        return [item for item in self.all if item.severity is Severity.WARNING]


class ContractErrors(ContractError):
    """All problems of one contract file; `findings` holds each with its place."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        first = self.findings[0]
        if len(self.findings) == 1:
            super().__init__(first.message, place=first.place, hint=first.hint)
            return
        listing = "".join(f"\n  {finding}" for finding in self.findings)
        super().__init__(f"{len(self.findings)} problems in {first.place.path}:{listing}")
        self.place = first.place


def say_allowed(words: Iterable[str]) -> str:
    """`a, b or c`, for texts that say what is allowed; `nothing` for no words."""
    listed = list(words)
    if len(listed) < 2:
        return listed[0] if listed else "nothing"
    return f"{', '.join(listed[:-1])} or {listed[-1]}"


def suggest(word: str, choices: Iterable[str]) -> str | None:
    """A hint that names the nearest of the choices, None when none is near."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return f"Did you mean {by_lower[near[0]]}?" if near else None
