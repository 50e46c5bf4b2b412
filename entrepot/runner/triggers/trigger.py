"""What a trigger is: when, what, by when, how often again, and whom to tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Cron:
    """Times of a calendar, on the clocks of a zone."""

    expression: str
    zone: str


@dataclass(frozen=True, slots=True)
class Every:
    """Whole multiples of so many seconds since 1970 in UTC, so that no restart shifts them."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Files:
    """A file arrived whole in a source's `incoming/`."""

    source: str


@dataclass(frozen=True, slots=True)
class Released:
    """A release brought one of these datasets to a new state."""

    datasets: tuple[str, ...]
    healthy: bool = False
    """Only when every rule over the dataset and its freshness hold."""


@dataclass(frozen=True, slots=True)
class OnEvent:
    """An event came whose type and source match these patterns."""

    type: str
    source: str = "*"


@dataclass(frozen=True, slots=True)
class ByRequest:
    """Never by itself: only when somebody asks."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of these came true since the last firing; or it is time, even if not."""

    conditions: tuple[Condition, ...]
    by: Cron | None = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of these came true."""

    conditions: tuple[Condition, ...]


Condition = Cron | Every | Files | Released | OnEvent | ByRequest | AllOf | AnyOf
Time = Cron | Every


class CatchUp(StrEnum):
    """What becomes of times that passed while nothing looked."""

    ONE = "one"
    """One run for all of them."""
    ALL = "all"
    """A run for each."""
    NONE = "none"
    """Nothing: the next time comes."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a run must have ended: at the next of these times, or so long after it was due."""

    at: Cron | None = None
    within_s: int | None = None


@dataclass(frozen=True, slots=True)
class Retries:
    """How often what failed is tried again, and after which kinds of error."""

    times: int = 0
    on: tuple[str, ...] = ("system", "conflict", "busy")
    wait_s: int = 30
    factor: float = 2.0
    most_s: int = 900


class HookEvent(StrEnum):
    """What hooks are told of."""

    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    """Records broke their contract, or files could not be taken."""
    AT_RISK = "deadline_at_risk"
    MISSED = "deadline_missed"


@dataclass(frozen=True, slots=True)
class Hook:
    """Whom to tell of what: a webhook or a queue of `publish/`, or a command."""

    on: frozenset[HookEvent]
    webhook: str | None = None
    message: str | None = None
    command: tuple[str, ...] = ()
    time_limit_s: int = 30

    def target(self) -> Mapping[str, Any]:
        """As a call keeps it."""
        if self.webhook is not None:
            return {"webhook": self.webhook}
        if self.message is not None:
            return {"message": self.message}
        return {"command": list(self.command), "time_limit_s": self.time_limit_s}


@dataclass(frozen=True, slots=True)
class Mail:
    """Where a report is mailed to. The password stands in a secret, `scope/key`."""

    to: tuple[str, ...]
    sender: str
    host: str
    port: int = 587
    security: str = "starttls"
    user: str | None = None
    secret: str | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class ReportOrder:
    """A report that is rendered and sent when the trigger's run has succeeded."""

    kpis: tuple[str, ...] = ()
    """None: all."""
    format: str = "html"
    mail: Mail | None = None
    webhook: str | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One file of `triggers/`."""

    name: str
    when: Condition
    path: Path
    run: tuple[str, ...] = ()
    """Selection patterns as of `entrepot run`; none: everything."""
    runs: bool = True
    """False: it only sends its report."""
    zone: str = "UTC"
    catch_up: CatchUp = CatchUp.ONE
    deadline: Deadline | None = None
    retries: Retries = field(default_factory=Retries)
    hooks: tuple[Hook, ...] = ()
    report: ReportOrder | None = None
    enabled: bool = True
    description: str = ""
    definition: str = ""
    """Hash of `when`."""


def leaves(condition: Condition, at: str = "when") -> Iterator[tuple[str, Condition]]:
    """The conditions that hold no others, each with its place; the time of `by` is one of them, at `….by`."""
    match condition:
        case AllOf() | AnyOf():
            for number, child in enumerate(condition.conditions):
                yield from leaves(child, f"{at}.{number}")
            if isinstance(condition, AllOf) and condition.by is not None:
                yield f"{at}.by", condition.by
        case _:
            yield at, condition


def is_timed(trigger: Trigger) -> bool:
    """True when only the time decides."""
    return all(isinstance(leaf, Cron | Every) for _, leaf in leaves(trigger.when))
