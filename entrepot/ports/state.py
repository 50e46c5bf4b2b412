"""The memory of flows: leases, plans, releases, runs. The lake is the truth about rows; this says what was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from entrepot.kernel.positions import Position
from entrepot.ports.engine import Counts
from entrepot.ports.quality import QualityLog


class PlanStatus(StrEnum):
    """A plan is immutable but for this: open → settled | voided."""

    OPEN = "open"
    SETTLED = "settled"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to plan for one flow (or to keep up one table) until `until`; `epoch` grows with every new holder."""

    name: str
    holder: str
    epoch: int
    until: datetime


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """What a plan fixes, before the state gives it its numbers."""

    flow: str
    target: str
    position: Position
    contract_hash: str
    transform_hash: str
    received_at: datetime
    pins: Mapping[str, int] = field(default_factory=dict)
    """dataset → version the batch looks at (the target itself, foreign keys, inputs)."""
    mode: Mapping[str, Any] = field(default_factory=dict)
    """How the target is written, as JSON (see flow/modes.py)."""
    contents: tuple[str, ...] = ()
    """Content hashes that must be unique among the flow's live plans (files)."""
    supersedes: tuple[str, ...] = ()
    """Contents of earlier plans that this one replaces: they are no longer live."""
    reason: str | None = None
    """Why there is a plan though the source brought nothing: `redefined`; or why content is taken again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One batch, as meant. `sequence` is gap-free per flow from 1; `batch` gap-free per target from 1."""

    draft: PlanDraft
    sequence: int
    batch: int
    status: PlanStatus
    attempts: int = 0
    counts: Counts | None = None
    """Frozen when settled."""
    superseded_rows: int = 0
    """Rows of earlier batches that this one removed from the target, frozen when settled."""
    version: int | None = None
    """The target's version with this batch."""
    note: str | None = None
    """Why it was voided; what the last attempt said."""
    planned_at: datetime | None = None
    settled_at: datetime | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    """Figures for receipts and people: reasons, counts by place, rows per second."""

    @property
    def flow(self) -> str:
        """The flow's name."""
        return self.draft.flow


@dataclass(frozen=True, slots=True)
class Totals:
    """What all settled batches of a dataset add up to."""

    received: int = 0
    """Records that came from sources; a retry brings none."""
    rejected: int = 0
    """Rejects that were not taken again."""
    duplicate: int = 0
    superseded: int = 0
    settled_at: datetime | None = None
    """When the newest of them was settled."""


@dataclass(frozen=True, slots=True)
class Release:
    """One consistent view: dataset → table version, and the text of views."""

    id: int
    at: datetime
    run: str
    tables: Mapping[str, int]
    views: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    """dataset → why it stayed at its old version."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, for people."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    status: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    is_micro: bool = False
    """A micro-batch: one of thousands, forgotten after a while when all went well."""


class State(Protocol):
    """Called from several threads and processes. Each method is one transaction; no outside work happens inside."""

    @property
    def quality(self) -> QualityLog:
        """Judgements over whole datasets."""
        ...

    # leases
    def acquire(self, name: str, holder: str, seconds: float, *, replacing: str | None = None) -> Lease:
        """Take or prolong a lease; take it at once from `replacing`, a holder known to be dead.

        Raises: BusyError while somebody else holds it.
        """
        ...

    def renew(self, lease: Lease, seconds: float) -> Lease:
        """Prolong. Raises: FencedError when somebody else has it now."""
        ...

    def lease_holder(self, name: str) -> str | None:
        """Who holds the lease now, expired or not; None when nobody does."""
        ...

    def release_lease(self, lease: Lease) -> None:
        """Give it back; no error when it is lost already."""
        ...

    # plans
    def add_plan(self, draft: PlanDraft, lease: Lease, follows: int) -> Plan:
        """Insert the next plan, durably, as a compare-and-swap.

        Args: follows: the sequence the caller believes to be the flow's last (0: none).
        Raises: FencedError when the lease's epoch is not the newest or has expired; ConflictError when another plan came first, a plan is open, or content is live already.
        """
        ...

    def restore_plan(self, plan: Plan) -> None:
        """Put back a plan rebuilt from the lake's commit metadata, with its numbers."""
        ...

    def last_plan(self, flow: str) -> Plan | None:
        """The plan with the highest sequence."""
        ...

    def open_plan(self, flow: str) -> Plan | None:
        """The plan that is neither settled nor voided; there is at most one."""
        ...

    def last_position(self, flow: str) -> Position | None:
        """The range that the flow's next one must follow: that of the last plan that is neither void nor a retry of rejects."""
        ...

    def plans(
        self,
        *,
        flow: str | None = None,
        target: str | None = None,
        status: PlanStatus | None = None,
        limit: int | None = None,
    ) -> Sequence[Plan]:
        """Plans, oldest first; with `limit` only the newest so many."""
        ...

    def totals(self, target: str) -> Totals:
        """The settled plans of a dataset, added up."""
        ...

    def count_rejected(self, flow: str) -> int:
        """Rows that settled plans of the flow rejected since it wrote its target as a whole; of all its plans when it never did."""
        ...

    def count_attempt(self, plan: Plan) -> int:
        """Add one attempt, durably, before it is made; return the number."""
        ...

    def settle(
        self,
        plan: Plan,
        *,
        counts: Counts,
        version: int,
        superseded_rows: int,
        at: datetime,
        details: Mapping[str, Any],
    ) -> Plan:
        """open → settled, and the target's durable version with it. Repeatable with the same figures."""
        ...

    def void(self, plan: Plan, *, reason: str, version: int, at: datetime) -> Plan:
        """open → voided: the sequence stays used, the content is no longer live."""
        ...

    def note_acknowledged(self, plan: Plan) -> None:
        """The source has been told."""
        ...

    def unacknowledged(self, flow: str) -> Sequence[Plan]:
        """Settled or voided plans of which the source has not been told yet."""
        ...

    def live_content(self, flow: str, sha256: str) -> Plan | None:
        """The live plan (open or settled, not superseded) with that content."""
        ...

    # tables
    def durable_version(self, table: str) -> int:
        """The highest version of the table known to be durable; -1 when none."""
        ...

    def note_durable(self, table: str, version: int, table_id: str) -> None:
        """Raise the mark (never lowers it); remembers the table's identity."""
        ...

    def table_id(self, table: str) -> str | None:
        """The identity noted last."""
        ...

    # releases
    def publish(
        self,
        *,
        run: str,
        at: datetime,
        tables: Mapping[str, int],
        views: Mapping[str, str],
        held: Mapping[str, str],
        after: Release | None,
    ) -> Release:
        """Insert a release; the newest is what readers see. `after` is the newest as it was when this one was decided.

        Raises: ConflictError when another one came meanwhile; DamageError when a version is not durable.
        """
        ...

    def latest_release(self) -> Release | None:
        """The newest release."""
        ...

    def release(self, id: int) -> Release | None:
        """The release of that number."""
        ...

    def release_at(self, at: datetime) -> Release | None:
        """The newest release not after `at`."""
        ...

    def releases(self, limit: int = 50, *, before: int | None = None) -> Sequence[Release]:
        """Newest first; with `before` only those with a smaller number."""
        ...

    def expire_releases(self, before: datetime, keep_last: int) -> int:
        """Forget releases older than `before`, but for the last few; return how many went."""
        ...

    def expire_micro(self, before: datetime) -> int:
        """Forget micro-batches older than `before`: their releases but for the last of each hour, the runs that went well, what was judged
        in them and has been judged since. Return how many releases went."""
        ...

    # readers' pins, so that vacuum keeps what they read
    def pin_versions(self, holder: str, versions: Mapping[str, int], seconds: float) -> None:
        """Register before opening."""
        ...

    def unpin(self, holder: str) -> None:
        """No longer read."""
        ...

    def pinned(self) -> Mapping[str, set[int]]:
        """table → versions pinned by readers whose time is not over."""
        ...

    # runs: a log for people; recovery never reads it
    def start_run(self, run: RunRecord) -> None:
        """Insert."""
        ...

    def end_run(self, id: str, *, status: str, at: datetime, summary: Mapping[str, Any]) -> None:
        """Close."""
        ...

    def runs(self, limit: int = 20, *, before: str | None = None) -> Sequence[RunRecord]:
        """Newest first; with `before`, the id of a run, only those before it."""
        ...

    def run(self, id: str) -> RunRecord | None:
        """The run of that id."""
        ...
