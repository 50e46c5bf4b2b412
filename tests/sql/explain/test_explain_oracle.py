"""A row's lists are enough to make it again, hold every record it depends on, and where they are called exact, no other."""

from __future__ import annotations

import random

import pytest

from tests.sql.explain.model_shapes import SHAPES
from tests.sql.explain.oracle import World, find_faults, make_world, rewritten


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(seed=11)


def test_there_are_many_shapes() -> None:
    assert len(SHAPES) >= 60


@pytest.mark.req("X2")
@pytest.mark.parametrize("name", SHAPES)
def test_lists_of_every_shape(name: str, world: World) -> None:
    faults = list(find_faults(world, name, rewritten(SHAPES[name]), most=2, rng=random.Random(5)))
    assert not faults


@pytest.mark.req("X2")
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(6))
def test_lists_over_random_data(seed: int) -> None:
    world = make_world(seed, rows=11)
    for name, sql in SHAPES.items():
        faults = list(find_faults(world, name, rewritten(sql), most=6, rng=random.Random(seed)))
        assert not faults, name


def test_the_oracle_sees_a_record_that_is_missing(world: World) -> None:
    found = rewritten(SHAPES["group_sum"])
    shorter = found.sql.replace(
        "SELECT *, _b._record_id AS", "SELECT *, CASE WHEN _b._record_id > 2 THEN _b._record_id END AS"
    )
    assert shorter != found.sql
    faults = list(
        find_faults(world, "group_sum", type(found)(shorter, found.tables, {}, {}, ()), most=9, rng=random.Random(1))
    )
    assert any("not enough" in fault for fault in faults)
    assert any("not listed" in fault for fault in faults)


def test_the_oracle_sees_a_record_too_many(world: World) -> None:
    found = rewritten(SHAPES["lag"])
    longer = found.sql.replace("coalesce(LAG(", "coalesce(FIRST_VALUE(").replace(
        "coalesce(lag(", "coalesce(first_value("
    )
    assert longer != found.sql
    faults = list(
        find_faults(world, "lag", type(found)(longer, found.tables, {}, {}, ()), most=9, rng=random.Random(1))
    )
    assert any("does not need" in fault or "not enough" in fault for fault in faults)
