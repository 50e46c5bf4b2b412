"""The next release: settled changes go out, what failed and what descends from it stays, nothing goes back by accident."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kernel.errors import DamageError
from entrepot.lake.releases.policy import Candidates, decide_release, decide_rollback, explain_held
from entrepot.ports.state import Release

GRAPH = {
    "bronze.a": (),
    "bronze.b": (),
    "silver.a": ("bronze.a",),
    "gold.k": ("silver.a", "bronze.b"),
    "gold.v": ("gold.k",),
}


def release(tables: Mapping[str, int], views: Mapping[str, str] | None = None, id: int = 1) -> Release:
    return Release(id, datetime(2026, 1, 1, tzinfo=UTC), "r", tables, views or {})


OLD = release({"bronze.a": 1, "bronze.b": 1, "silver.a": 1, "gold.k": 1}, {"gold.v": "SELECT 1"})
NEW = {"bronze.a": 2, "bronze.b": 2, "silver.a": 2, "gold.k": 2}


def test_settled_changes_go_out_over_the_previous_map() -> None:
    """What did not change stays as it was."""
    decision = decide_release(OLD, Candidates({"bronze.b": 5}), GRAPH)
    assert decision.tables == {"bronze.a": 1, "bronze.b": 5, "silver.a": 1, "gold.k": 1}
    assert decision.views == {"gold.v": "SELECT 1"}
    assert (decision.held, decision.publish) == ({}, True)


def test_a_failed_dataset_and_its_descendants_keep_their_version() -> None:
    """The rest goes out; each held dataset says why, with the origin of the trouble."""
    candidates = Candidates(NEW, {"gold.v": "SELECT 2"}, {"silver.a": "check row_count failed"})
    decision = decide_release(OLD, candidates, GRAPH)
    assert decision.tables == {"bronze.a": 2, "bronze.b": 2, "silver.a": 1, "gold.k": 1}
    assert decision.views == {"gold.v": "SELECT 1"}
    why = "it is made from silver.a, which is held: check row_count failed"
    assert decision.held == {"silver.a": "check row_count failed", "gold.k": why, "gold.v": why}


def test_a_held_dataset_that_was_never_released_is_absent() -> None:
    """There is no old version to show."""
    decision = decide_release(None, Candidates(NEW, {"gold.v": "SELECT 2"}, {"bronze.b": "bad"}), GRAPH)
    assert decision.tables == {"bronze.a": 2, "silver.a": 2}
    assert decision.views == {}
    assert set(decision.held) == {"bronze.b", "gold.k", "gold.v"}


def test_nothing_new_makes_no_release_unless_asked() -> None:
    """Also when something is held: the map is what readers see."""
    same = Candidates(OLD.tables, OLD.views, {"gold.k": "failed"})
    assert not decide_release(OLD, same, GRAPH).publish
    assert decide_release(OLD, same, GRAPH).held.keys() == {"gold.k", "gold.v"}
    assert decide_release(OLD, same, GRAPH, always=True).publish
    assert not decide_release(None, Candidates(), {}).publish


def test_a_version_older_than_the_released_one_is_refused() -> None:
    """A lake that went back is damage, also when the dataset is held."""
    for failed in ({}, {"silver.a": "failed"}):
        with pytest.raises(DamageError, match=r"silver.a has settled at version 0, but version 1 is released"):
            decide_release(OLD, Candidates({"silver.a": 0}, {}, failed), GRAPH)


def test_a_retired_dataset_leaves_the_release() -> None:
    """With its table or its text."""
    decision = decide_release(OLD, Candidates({"gold.k": 2}, {}, {}, ("bronze.b", "gold.v")), GRAPH)
    assert decision.tables == {"bronze.a": 1, "silver.a": 1, "gold.k": 2}
    assert decision.views == {}


def test_a_dataset_that_changes_its_kind_is_one_or_the_other() -> None:
    """A table that became a view, a view that became a table."""
    as_view = decide_release(OLD, Candidates({}, {"gold.k": "SELECT 3"}), GRAPH)
    assert "gold.k" not in as_view.tables
    assert as_view.views["gold.k"] == "SELECT 3"
    as_table = decide_release(OLD, Candidates({"gold.v": 0}), GRAPH)
    assert as_table.tables["gold.v"] == 0
    assert as_table.views == {}


def test_a_view_whose_input_was_never_released_waits() -> None:
    """A reader could not open it; a view over it waits as well, an old text stays."""
    graph = {"gold.v": ("silver.new",), "gold.w": ("gold.v",), "silver.new": ()}
    views = {"gold.v": "SELECT 2", "gold.w": "SELECT 3"}
    decision = decide_release(release({"x": 1}), Candidates({}, views), graph)
    assert (decision.views, decision.publish) == ({}, False)
    assert decision.held == {
        "gold.v": "the release has no silver.new, which it is made from",
        "gold.w": "the release has no gold.v, which it is made from",
    }
    kept = decide_release(release({"x": 1}, {"gold.v": "SELECT 1"}), Candidates({}, views), graph)
    assert kept.views == {"gold.v": "SELECT 1", "gold.w": "SELECT 3"}
    assert decide_release(None, Candidates({"silver.new": 0}, views), graph).views == views


def test_a_rollback_shows_the_earlier_map_as_a_whole() -> None:
    """Later datasets are gone, and what went back says why."""
    current = release({"a": 5, "b": 2, "late": 1}, {"v": "SELECT 2"}, id=9)
    target = release({"a": 3, "b": 2}, {"v": "SELECT 1"}, id=4)
    decision = decide_rollback(current, target, "wrong prices")
    assert (decision.tables, decision.views, decision.publish) == (target.tables, target.views, True)
    assert decision.held == dict.fromkeys(("a", "late", "v"), "rolled back to release 4: wrong prices")
    assert not decide_rollback(current, current, "nothing").publish


names = st.sampled_from([f"d{number}" for number in range(8)])
graphs = st.dictionaries(names, st.sets(names, max_size=3))
versions = st.dictionaries(names, st.integers(0, 5))


@given(versions, versions, graphs, st.dictionaries(names, st.just("failed"), max_size=3))
def test_held_datasets_never_move_and_others_never_go_back(
    old: dict[str, int], rise: dict[str, int], graph: dict[str, set[str]], failed: dict[str, str]
) -> None:
    """For every graph, also one with a circle: held means old version, not held means the settled one."""
    new = {name: old.get(name, 0) + step for name, step in rise.items()}
    decision = decide_release(release(old), Candidates(new, {}, failed), graph)
    for name in old.keys() | new.keys():
        if name in decision.held:
            assert decision.tables.get(name) == old.get(name)
        else:
            assert decision.tables[name] == new.get(name, old.get(name))
    assert decision.publish == (decision.tables != old)


@given(graphs, st.dictionaries(names, st.just("failed"), min_size=1, max_size=3))
def test_exactly_the_descendants_of_failures_are_held(graph: dict[str, set[str]], failed: dict[str, str]) -> None:
    """Held is the smallest set that holds the failures and is closed under 'is made from'."""
    held = explain_held(failed, graph)
    assert failed.items() <= held.items()
    for name, inputs in graph.items():
        assert (name in held) == (name in failed or bool(inputs & held.keys()))
