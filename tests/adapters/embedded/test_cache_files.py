"""The cache of files: exact, bounded, unharmed by damage and by other processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.adapters.embedded.cache import FileCache
from entrepot.adapters.embedded.cache.files import ABANDONED_S
from entrepot.ports.cache import CacheKey, cache_key

LIMIT = 1 << 20
ROWS = pa.table(
    {
        "id": pa.array([1, 2, None], pa.int64()),
        "amount": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal128(38, 2)),
        "at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("us", tz="Europe/Berlin")),
        "words": pa.array([["a", None], None, []], pa.list_(pa.string())),
        "share": pa.array([float("nan"), 0.1, -0.0]),
    }
)
KEY = cache_key("results", "SELECT 1")


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return FileCache(tmp_path / "cache", LIMIT)


def texts(size: int, letter: str = "x") -> pa.Table:
    """About so many bytes."""
    return pa.table({"text": [letter * size]})


def only_file(cache: FileCache) -> Path:
    (found,) = (path for path in cache.folder.rglob("*") if path.is_file())
    return found


@pytest.mark.req("F20")
def test_what_was_put_comes_back_as_it_was(cache: FileCache) -> None:
    """Values, nulls, types and zones; from another object too, as another process would; a table without rows keeps its schema."""
    assert cache.get(KEY) is None
    assert cache.put(KEY, ROWS)
    found = FileCache(cache.folder, LIMIT).get(KEY)
    assert found is not None
    assert found.schema == ROWS.schema
    assert str(found.to_pylist()) == str(ROWS.to_pylist())
    empty = cache_key("shapes", "SELECT 1")
    assert cache.put(empty, ROWS.schema.empty_table())
    kept = cache.get(empty)
    assert kept is not None
    assert (kept.schema, kept.num_rows) == (ROWS.schema, 0)


def test_the_border_between_parts_counts() -> None:
    """Two ways to cut one text are two keys, and so are two rooms."""
    assert (
        len({cache_key("r", "ab", "c"), cache_key("r", "a", "bc"), cache_key("r", "abc"), cache_key("s", "abc")}) == 4
    )


@pytest.mark.req("F20")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_entry_is_absent(cache: FileCache, data: st.DataObject) -> None:
    """A flipped bit or a cut-off end anywhere gives nothing, never other rows; the entry is gone and can be put again."""
    assert cache.put(KEY, ROWS)
    path = only_file(cache)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    path.write_bytes(content)
    assert cache.get(KEY) is None
    assert not path.exists()


def test_an_entry_under_another_name_is_absent(cache: FileCache) -> None:
    """An answer moved to another question's place is not given."""
    other = cache_key("results", "SELECT 2")
    cache.put(KEY, ROWS)
    path = only_file(cache)
    path.rename(path.with_name(f"{other.digest}.arrow"))
    assert cache.get(other) is None


@pytest.mark.req("F20")
def test_it_never_holds_more_than_its_limit_and_drops_the_least_used(cache: FileCache) -> None:
    """After each of many puts the folder is within the limit; what was just used is still there, what was not is gone."""
    keys = [cache_key("results", str(number)) for number in range(40)]
    for number, key in enumerate(keys):
        assert cache.put(key, texts(60_000, chr(65 + number % 26)))
        assert cache.use().size_bytes <= LIMIT
        os.utime(cache.folder / "results" / f"{key.digest}.arrow", ns=(number * 10**9, number * 10**9))
        if number >= 1:
            assert cache.get(keys[0]) is not None, "the one that is used all the time"
    assert cache.get(keys[1]) is None
    assert cache.get(keys[-1]) is not None


def test_what_is_too_large_is_not_kept(cache: FileCache) -> None:
    """An entry may take an eighth of the whole; offering more changes nothing."""
    cache.put(KEY, ROWS)
    assert not cache.put(cache_key("results", "large"), texts(cache.most_bytes + 1))
    assert cache.use().rooms["results"].entries == 1


def test_a_limit_of_nothing_switches_it_off(tmp_path: Path) -> None:
    """Nothing is kept, nothing is found, no folder is made."""
    FileCache(tmp_path / "on", LIMIT).put(KEY, ROWS)
    off = FileCache(tmp_path / "on", 0)
    assert off.get(KEY) is None
    assert not off.put(KEY, ROWS)
    assert not FileCache(tmp_path / "off", 0).put(KEY, ROWS)
    assert not (tmp_path / "off").exists()


def test_use_and_clear(cache: FileCache) -> None:
    """Rooms are told apart; clearing empties all of them, and says how much went."""
    assert cache.use().rooms == {}
    cache.put(KEY, ROWS)
    cache.put(cache_key("shapes", "a"), ROWS)
    cache.put(cache_key("shapes", "b"), ROWS)
    use = cache.use()
    assert {name: room.entries for name, room in use.rooms.items()} == {"results": 1, "shapes": 2}
    assert cache.clear() == use.size_bytes == 3 * 4096
    assert cache.get(KEY) is None and cache.use().size_bytes == 0


def test_a_folder_that_cannot_be_written_is_a_cache_that_keeps_nothing(tmp_path: Path) -> None:
    """A file stands where the folder should be: nothing raises."""
    (tmp_path / "cache").write_text("in the way")
    cache = FileCache(tmp_path / "cache", LIMIT)
    assert not cache.put(KEY, ROWS)
    assert cache.get(KEY) is None
    assert (cache.use().rooms, cache.clear()) == ({}, 0)


def test_what_dead_processes_left_is_removed(cache: FileCache) -> None:
    """A file aside that is an hour old goes with the next put; a young one belongs to somebody."""
    cache.put(KEY, ROWS)
    old, young = (cache.folder / "results" / f"{name}.arrow.0.tmp" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = time.time() - ABANDONED_S - 1
    os.utime(old, (long_ago, long_ago))
    cache.put(cache_key("results", "next"), ROWS)
    assert (old.exists(), young.exists()) == (False, True)


_WORK = """
import random, sys
from pathlib import Path
import pyarrow as pa
from entrepot.adapters.embedded.cache import FileCache
from entrepot.ports.cache import cache_key
cache, chance, hits = FileCache(Path(sys.argv[1]), 1 << 20), random.Random(int(sys.argv[2])), 0
for _ in range(400):
    number = chance.randrange(30)
    key = cache_key("results", str(number))
    found = cache.get(key)
    if found is None:
        cache.put(key, pa.table({"number": [number], "text": [str(number % 10) * 60_000]}))
    else:
        assert found.to_pylist() == [{"number": number, "text": str(number % 10) * 60_000}], number
        hits += 1
print(hits)
"""


@pytest.mark.req("F20")
def test_several_processes_share_it(cache: FileCache) -> None:
    """Three processes that put, find and drop the same entries at once: each finds some, none finds a wrong one, none fails, and it is bounded."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WORK, str(cache.folder), str(seed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for seed in range(3)
    ]  # fmt: skip
    for process in processes:
        said, wrong = process.communicate(timeout=60)
        assert process.returncode == 0, wrong
        assert int(said) > 20
    assert 0 < cache.use().size_bytes <= LIMIT + len(processes) * 65_536
    assert not list(cache.folder.rglob("*.tmp"))
    assert all(cache.get(CacheKey("results", path.stem)) is not None for path in cache.folder.rglob("*.arrow"))
