"""Upkeep never takes what somebody may still read, and is due when it pays."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kernel.errors import DamageError, ProjectError
from entrepot.kernel.positions import Versions
from entrepot.lake.maintenance.policy import (
    CHECKPOINT_COMMITS,
    CompactionLimits,
    Uses,
    find_kept,
    find_log_floor,
    find_retention_hours,
    is_checkpoint_due,
    is_compaction_due,
)
from entrepot.ports.state import Plan, PlanDraft, PlanStatus, Release

AT = datetime(2026, 1, 1, tzinfo=UTC)


def release(id: int, **tables: int) -> Release:
    return Release(id, AT, "r", tables)


def plan(status: PlanStatus, pins: dict[str, int], upto: dict[str, int], after: dict[str, int]) -> Plan:
    draft = PlanDraft("gold", "g", Versions(upto, after), "c", "t", AT, pins)
    return Plan(draft, sequence=3, batch=3, status=status)


def test_everybody_who_reads_is_counted() -> None:
    """Releases, readers, open plans, where closed plans ended, and the newest version; each with its reason."""
    uses = Uses(
        releases=(release(1, t=4, other=1), release(2, t=4), release(3, t=6)),
        pins={"t": {5}, "other": {2}},
        plans=(
            plan(PlanStatus.OPEN, {"t": 8}, {"t": 9}, {"t": 7}),
            plan(PlanStatus.SETTLED, {"t": 1}, {"t": 3}, {"t": 2}),
            plan(PlanStatus.OPEN, {"t": -1}, {}, {}),
        ),
    )
    kept = find_kept("t", 12, uses)
    assert kept.versions == {3, 4, 5, 6, 7, 8, 9, 12}
    assert kept.oldest == 3
    assert kept.reasons[4] == ("release 1 names it", "release 2 names it")
    assert kept.reasons[5] == ("a reader has it open",)
    assert kept.reasons[9] == ("plan 3 of gold looks at it",)
    assert kept.reasons[12] == ("it is the newest",)


def test_without_uses_the_newest_is_kept() -> None:
    """A table is never emptied."""
    assert find_kept("t", 7, Uses()).versions == {7}


def test_a_need_for_a_version_that_is_not_there_stops_upkeep() -> None:
    """The lake is older than the state: nothing may be deleted on such ground."""
    with pytest.raises(DamageError, match="t ends at version 3, but version 5 is needed: release 9 names it"):
        find_kept("t", 3, Uses(releases=(release(9, t=5),)))


@given(
    st.integers(0, 50),
    st.sets(st.integers(0, 50)),
    st.sets(st.integers(0, 50)),
    st.sets(st.integers(0, 50)),
)
def test_the_keep_set_is_the_union_of_needs(
    latest: int, released: set[int], read: set[int], checkpoints: set[int]
) -> None:
    """Nothing needed is missing, nothing is kept without reason, and the log reaches below the oldest."""
    needed = {version for version in released | read if version <= latest}
    uses = Uses(
        releases=tuple(release(number, t=version) for number, version in enumerate(released & needed)),
        pins={"t": read & needed},
    )
    kept = find_kept("t", latest, uses)
    assert kept.versions == needed | {latest}
    floor = find_log_floor(kept, checkpoints)
    below = {checkpoint for checkpoint in checkpoints if checkpoint <= kept.oldest}
    assert floor <= kept.oldest
    assert floor == 0 or len({checkpoint for checkpoint in below if checkpoint >= floor}) == 2


@pytest.mark.parametrize(
    ("checkpoints", "floor"), [((), 0), ((8,), 0), ((3, 8), 3), ((0, 3, 8, 10, 20), 8), ((20, 30), 0)]
)
def test_two_checkpoints_stay_before_the_oldest_kept_version(checkpoints: tuple[int, ...], floor: int) -> None:
    """The newest may be damaged, so the one before it and the commits since must be there."""
    kept = find_kept("t", 40, Uses(pins={"t": {10}}))
    assert find_log_floor(kept, checkpoints) == floor


def test_retention_is_never_shorter_than_what_runs() -> None:
    """A day by default, more for longer writes or reads, and never less than an hour."""
    assert find_retention_hours() == 24
    assert find_retention_hours(wanted=2, longest_write_hours=5) == 5
    assert find_retention_hours(wanted=2, longest_read_hours=30) == 30
    for wanted in (0.0, 0.5, -1.0, float("nan")):
        with pytest.raises(ProjectError, match="too short"):
            find_retention_hours(wanted=wanted)


def test_a_checkpoint_is_due_after_fifty_commits_and_at_each_release() -> None:
    """Version 0 counts as a commit; the same version is not written twice."""
    assert not is_checkpoint_due(CHECKPOINT_COMMITS - 2, None)
    assert is_checkpoint_due(CHECKPOINT_COMMITS - 1, None)
    assert not is_checkpoint_due(59, 10)
    assert is_checkpoint_due(60, 10)
    assert is_checkpoint_due(11, 10, released=True)
    assert not is_checkpoint_due(10, 10, released=True)
    assert is_checkpoint_due(0, None, released=True)


def test_compaction_is_due_when_it_halves_the_files() -> None:
    """Many small files are joined; few, or large ones, are left."""
    limits = CompactionLimits(target_bytes=100, small_bytes=40, small_files=4)
    assert is_compaction_due([1] * 4, limits)
    assert not is_compaction_due([1] * 3 + [40] * 9, limits)
    assert is_compaction_due([39] * 6, limits)
    assert not is_compaction_due([], limits)
    assert is_compaction_due([1000] * 16)
    assert not is_compaction_due([1000] * 15)


@given(st.lists(st.integers(0, 1000)), st.integers(2, 20))
def test_compaction_comes_to_an_end(sizes: list[int], at_least: int) -> None:
    """Joining until it is no longer due takes few rounds: upkeep does not write the same rows for ever."""
    limits = CompactionLimits(target_bytes=400, small_bytes=100, small_files=at_least)
    rounds = 0
    while is_compaction_due(sizes, limits):
        small = sum(size for size in sizes if size < limits.small_bytes)
        joined = max(1, -(-small // limits.target_bytes))
        sizes = [size for size in sizes if size >= limits.small_bytes] + [small // joined] * joined
        rounds += 1
    assert rounds <= 2
