"""What the cache gives back is what was put in; whatever happens to its file, at worst it is empty."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from entrepot.catalog.cache import LineageCache, decode, encode
from entrepot.sql.lineage.find import find_lineage
from tests.sql.lineage.shapes import SCHEMAS, SHAPES

LINEAGES = {shape.name: find_lineage(shape.sql, SCHEMAS) for shape in SHAPES} | {
    "doubt": find_lineage("SELECT nope, x.* FROM silver.a AS x", SCHEMAS)
}


def fill(path: Path, most: int = 5_000) -> LineageCache:
    cache = LineageCache(path, most=most)
    for key, lineage in LINEAGES.items():
        cache.keep(key, lineage)
    cache.save()
    return cache


def test_every_lineage_comes_back_as_it_was(tmp_path: Path) -> None:
    fill(tmp_path / "cache" / "lineage.json")
    again = LineageCache(tmp_path / "cache" / "lineage.json")
    for key, lineage in LINEAGES.items():
        assert again.find(key) == lineage
        assert decode(json.loads(json.dumps(encode(lineage)))) == lineage
    assert again.find("unknown") is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}', b'{"format": 99, "entries": {}}', b'{"format": 1, "entries": []}',
        b'{"format": 1, "entries": {"column": 3}}', b'{"format": 1, "entries": {"column": {"names": [["silver"]], "rows": []}}}',
        b'{"format": 1, "entries": {"column": {"names": [], "rows": [7], "columns": [], "doubts": []}}}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lineage.json"
    path.write_bytes(content)
    cache = LineageCache(path)
    assert cache.find("column") is None
    cache.keep("column", LINEAGES["column"])
    cache.save()
    assert LineageCache(path).find("column") == LINEAGES["column"]


def test_a_file_cut_anywhere_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "lineage.json"
    fill(path)
    whole = path.read_bytes()
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:end])
        found = LineageCache(path).find("column")
        assert found in (None, LINEAGES["column"])


def test_what_was_not_asked_for_longest_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "lineage.json"
    fill(path)
    cache = LineageCache(path, most=3)
    first, second, *_ = LINEAGES
    assert cache.find(first)
    assert cache.find(second)
    cache.keep("new", LINEAGES[first])
    cache.save()
    assert list(json.loads(path.read_bytes())["entries"]) == [first, second, "new"]


def test_nothing_is_written_when_nothing_is_new(tmp_path: Path) -> None:
    path = tmp_path / "lineage.json"
    fill(path)
    before = path.stat()
    cache = LineageCache(path)
    assert cache.find("column")
    cache.save()
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino


def test_a_new_file_takes_the_place_of_the_old_one_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written aside, flushed, renamed: a break before the renaming leaves the old file and nothing beside it."""
    path = tmp_path / "lineage.json"
    fill(path)
    whole = path.read_bytes()

    def broken(handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", broken)
    cache = LineageCache(path)
    cache.keep("new", LINEAGES["column"])
    cache.save()
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    fill(tmp_path / "cache" / "lineage.json")
