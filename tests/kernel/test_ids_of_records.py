"""Ids of records sort as they were given, whatever the clock does."""

from __future__ import annotations

import uuid

import pytest

from entrepot.kernel.ids import RecordIds


@pytest.mark.req("G2")
def test_ids_sort_when_the_clock_goes_back() -> None:
    """Ids are unique, sort as given, and are UUIDs of version 7 that bear the time."""
    ids = RecordIds()
    now = 1_795_000_000_000_000
    times = [now, now, now + 1, now - 60_000_000, now - 60_000_000, now + 5_000]
    given = [ids.new(at) for at in times]
    assert given == sorted(given)
    assert len(set(given)) == len(given)
    for text in given:
        value = uuid.UUID(text)
        assert value.version == 7
        assert value.variant == uuid.RFC_4122
    assert int(given[0][:8] + given[0][9:13], 16) == now // 1000
