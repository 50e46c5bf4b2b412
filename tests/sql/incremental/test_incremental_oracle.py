"""A model refreshed by touched keys equals the same model refreshed in full, whatever changed."""

from __future__ import annotations

import pytest

from tests.sql.incremental.incremental_shapes import SHAPES
from tests.sql.incremental.incremental_world import run_oracle


@pytest.mark.req("F4")
def test_every_shape_refreshed_by_touched_keys_equals_a_full_refresh() -> None:
    """Appends, corrections, deletes, late rows and changed dimensions, several tables at a time: no row differs, and only a part is touched."""
    counts = run_oracle(SHAPES, seed=31, steps=2, one_choice=True)
    assert counts.wrong == []
    assert counts.cases == 2 * len(SHAPES)
    assert counts.changed > counts.cases / 4
    assert counts.partly > counts.changed / 4


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.req("F4")
@pytest.mark.parametrize("seed", range(100, 104))
def test_every_shape_by_every_key_through_many_changes(seed: int) -> None:
    """The same for every choice of keys, in thousands of cases."""
    counts = run_oracle(SHAPES, seed, steps=12)
    assert counts.wrong == []
    assert counts.cases > 2_000
