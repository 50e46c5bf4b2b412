"""Counts, marks and bounded lists say the same as full lists: the number, the membership, a part."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.sql.explain import Counts, IdLists, Marks, carried_name, rewrite
from entrepot.sql.query import parse_query
from tests.sql.explain.model_shapes import SHAPES, VIEWS
from tests.sql.explain.oracle import INPUTS, U, World, make_world, rewritten


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(seed=3)


def _pairs(world: World, sql: str, width: int) -> list[tuple[str, tuple]]:
    """Each row's own values as text, and what it carries."""
    world.run("SELECT 1")
    rows = world.connection.execute(sql).fetchall()
    return [(str(row[: len(row) - width]), row[len(row) - width :]) for row in rows]


def test_counts_are_the_lengths_of_full_lists(world: World) -> None:
    for name, sql in SHAPES.items():
        lists, counts = rewritten(sql), rewritten(sql, Counts())
        expected = Counter(
            (key, tuple(map(len, carried))) for key, carried in _pairs(world, lists.sql, len(lists.tables))
        )
        found = Counter(
            (key, tuple(map(int, carried))) for key, carried in _pairs(world, counts.sql, len(counts.tables))
        )
        assert found == expected, name


@pytest.mark.parametrize("most", [1, 2])
def test_bounded_lists_are_parts_of_the_full_ones(world: World, most: int) -> None:
    for name, sql in SHAPES.items():
        lists = rewritten(sql)
        bounded = rewritten(sql, IdLists(most, unpartitioned=False, partitioned=most > 1))
        width = len(lists.tables)
        full: dict[tuple[str, int], set[str]] = {}
        for key, carried in _pairs(world, lists.sql, width):
            for place, ids in enumerate(carried):
                full.setdefault((key, place), set()).update(map(str, ids))
        for key, carried in _pairs(world, bounded.sql, width):
            for place, ids in enumerate(carried):
                assert set(map(str, ids)) <= full[key, place], name
                assert most > 1 or len(ids) <= 1 or bounded.unlisted, name
                assert ids or not full[key, place] or bounded.unlisted, name


def test_marks_are_set_where_the_record_is_listed(world: World) -> None:
    views = {parse_dataset(name): parse_query(text) for name, text in VIEWS.items()}
    for name, sql in SHAPES.items():
        lists = rewritten(sql)
        for place, table in enumerate(lists.tables):
            for id in world.ids[table][:1]:
                wanted = _note_hit(world, table, id)
                inputs = {**INPUTS, table: replace(INPUTS[table], hits="hits")}
                marks = rewrite(parse_query(sql), inputs, Marks(), views)
                assert marks.tables == lists.tables
                expected = Counter(
                    (k, wanted in carried[place]) for k, carried in _pairs(world, lists.sql, len(lists.tables))
                )
                assert Counter((k, any(m)) for k, m in _pairs(world, marks.sql, len(marks.tables))) == expected, (
                    name,
                    id,
                )


def _note_hit(world: World, table: Dataset, id: object) -> object:
    """Make the looked-for row known to the engine; return it as lists hold it."""
    if table == U:
        key, w = id  # type: ignore[misc]
        text = "NULL::INTEGER" if key is None else str(key)
        world.connection.execute(f"CREATE OR REPLACE TABLE hits AS SELECT {text} AS k, {w} AS w")
        return {"k": key, "w": w}
    world.connection.execute(f"CREATE OR REPLACE TABLE hits AS SELECT {id}::BIGINT AS _record_id")
    return id


def test_un_partitioned_windows_are_left_out_when_wished(world: World) -> None:
    found = rewritten(SHAPES["running_total_unpartitioned"], IdLists(10, unpartitioned=False))
    assert [str(remark) for remark in found.unlisted] == [
        "sum() OVER: rows of a window without PARTITION BY are not listed (line 1)"
    ]
    for _, (ids,) in _pairs(world, found.sql, 1):
        assert len(ids) == 1
    assert carried_name(parse_dataset("bronze.r")) == "_p_bronze__r"
