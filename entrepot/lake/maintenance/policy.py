"""Upkeep of tables, decided: which versions must stay readable, when to compact, when to checkpoint, what may be cleaned.

Pure functions over values; `ports.tables` carries out what they say, under the table's lease. Publishing a release and
computing a keep set exclude each other: take one lease for both, or a version may be released that is being vacuumed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from entrepot.kernel.errors import DamageError, ProjectError
from entrepot.kernel.positions import Versions
from entrepot.ports.state import Plan, PlanStatus, Release

MIN_RETENTION_HOURS = 1.0
"""With none, a file that a running writer has not committed yet is an orphan and is deleted under its hands."""
DEFAULT_RETENTION_HOURS = 24.0
CHECKPOINT_COMMITS = 50
"""Opening costs about 0.3 ms for each commit after the checkpoint."""


@dataclass(frozen=True, slots=True)
class Uses:
    """Everything that may still read old versions. Collect it inside the maintenance lease."""

    releases: Collection[Release] = ()
    """Releases that have not expired."""
    pins: Mapping[str, Collection[int]] | None = None
    """table → versions that readers have registered."""
    plans: Collection[Plan] = ()
    """Open plans, and each flow's last plan that is neither void nor a retry: its range ends where the next one starts."""


@dataclass(frozen=True, slots=True)
class KeepSet:
    """Versions of one table that must stay readable, each with who needs it."""

    table: str
    reasons: Mapping[int, tuple[str, ...]]

    @property
    def versions(self) -> frozenset[int]:
        """The versions."""
        return frozenset(self.reasons)

    @property
    def oldest(self) -> int:
        """The oldest of them."""
        return min(self.reasons)


def find_kept(table: str, latest: int, uses: Uses) -> KeepSet:
    """Decide which versions vacuum must spare: those in releases, in readers' pins, in what plans look at, and the newest.

    The log that opens them is another matter (vacuum leaves it alone): see `find_log_floor`.

    Raises: DamageError when somebody needs a version that the table does not have: the lake went back.
    """
    needs: dict[int, list[str]] = {latest: ["it is the newest"]}
    for version, reason in _find_needs(table, uses):
        reasons = needs.setdefault(version, [])
        if reason not in reasons:
            reasons.append(reason)
    above = [version for version in needs if version > latest]
    if above:
        raise DamageError(
            f"{table} ends at version {latest}, but version {max(above)} is needed: {'; '.join(needs[max(above)])}.",
            hint="The lake is older than the state; nothing is vacuumed. See entrepot doctor.",
        )
    return KeepSet(table, {version: tuple(needs[version]) for version in sorted(needs)})


def find_log_floor(kept: KeepSet, checkpoints: Iterable[int]) -> int:
    """The version below which commits and checkpoints may go: two checkpoints always stay before the oldest kept version.

    The newest checkpoint may be damaged; then the table is read from the one before it and the commits since.
    """
    usable = sorted(checkpoint for checkpoint in set(checkpoints) if checkpoint <= kept.oldest)
    return usable[-2] if len(usable) >= 2 else 0


def find_retention_hours(
    *, wanted: float = DEFAULT_RETENTION_HOURS, longest_write_hours: float = 0.0, longest_read_hours: float = 0.0
) -> float:
    """How old an unneeded file must be before it goes: never younger than the longest write or unregistered read.

    Raises: ProjectError for less than an hour.
    """
    if not wanted >= MIN_RETENTION_HOURS:
        raise ProjectError(
            f"a retention of {wanted:g} hours is too short; allowed are {MIN_RETENTION_HOURS:g} and more.",
            hint=f"The default is {DEFAULT_RETENTION_HOURS:g}; a running write needs its files until it commits.",
        )
    return max(wanted, longest_write_hours, longest_read_hours)


def is_checkpoint_due(latest: int, last_checkpoint: int | None, *, released: bool = False) -> bool:
    """Every fifty commits, and at each version that a release names: a later checkpoint does not help to open it."""
    since = latest - (-1 if last_checkpoint is None else last_checkpoint)
    return since >= CHECKPOINT_COMMITS or (released and since > 0)


@dataclass(frozen=True, slots=True)
class CompactionLimits:
    """When files are small, and how many of them are too many."""

    target_bytes: int = 128 * 1024 * 1024
    small_bytes: int = 8 * 1024 * 1024
    small_files: int = 16


def is_compaction_due(sizes_bytes: Iterable[int], limits: CompactionLimits | None = None) -> bool:
    """True when there are many small files and joining them would leave at most half as many."""
    limits = limits or CompactionLimits()
    small = [size for size in sizes_bytes if size < limits.small_bytes]
    if len(small) < limits.small_files:
        return False
    joined = max(1, -(-sum(small) // limits.target_bytes))
    return joined * 2 <= len(small)


def _find_needs(table: str, uses: Uses) -> Iterable[tuple[int, str]]:
    for release in uses.releases:
        if table in release.tables:
            yield release.tables[table], f"release {release.id} names it"
    for version in (uses.pins or {}).get(table, ()):
        yield version, "a reader has it open"
    for plan in uses.plans:
        for version in _looked_at(table, plan):
            yield version, f"plan {plan.sequence} of {plan.flow} looks at it"


def _looked_at(table: str, plan: Plan) -> Iterable[int]:
    """An open plan may be done again and needs all it saw; of a closed one only the end of its range counts on."""
    opened = plan.status is PlanStatus.OPEN
    position = plan.draft.position
    places = [plan.draft.pins] if opened else []
    if isinstance(position, Versions):
        places += [position.upto, position.after] if opened else [position.upto]
    # A table that was not there yet is pinned at -1.
    return (place[table] for place in places if place.get(table, -1) >= 0)
