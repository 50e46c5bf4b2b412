"""No lineage lacks an edge: whatever output column changes with an input column has it in its lineage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlglot import exp

from entrepot.sql.history import History, compile_history
from entrepot.sql.lineage import expressions, find, queries, rows, sources
from entrepot.sql.lineage.find import find_lineage
from entrepot.sql.lineage.flows import NOTHING, merge
from entrepot.sql.lineage.values import ColumnName
from tests.sql.lineage.oracle import find_misses, find_witnessed
from tests.sql.lineage.random_queries import make_shape
from tests.sql.lineage.shapes import SCHEMAS, SHAPES, Shape

Witnessed = set[tuple[str, str, ColumnName]]


@pytest.fixture(scope="module")
def witnessed() -> Witnessed:
    """What was seen to change: (shape, output column, input column)."""
    return find_witnessed(SHAPES, seeds=(1, 2))


def count_misses(seen: Witnessed) -> int:
    """Changes that no lineage explains."""
    known = {
        (shape.name, column.name): column.all for shape in SHAPES for column in find_lineage(shape.sql, SCHEMAS).columns
    }
    return sum(changed not in known.get((shape, output), ()) for shape, output, changed in seen)


def test_nothing_changes_that_lineage_does_not_know(witnessed: Witnessed) -> None:
    assert count_misses(witnessed) == 0


def test_most_edges_are_seen_at_work(witnessed: Witnessed) -> None:
    """Lineage is not bought with edges that say nothing: two random sets of data show most of them."""
    edges = {
        (shape.name, column.name, origin)
        for shape in SHAPES
        for column in find_lineage(shape.sql, SCHEMAS).columns
        for origin in column.all
    }
    assert len(edges & witnessed) / len(edges) > 0.8


def test_random_queries_have_no_miss() -> None:
    shapes = [make_shape(seed) for seed in range(30)]
    assert not [shape.sql for shape in shapes if find_lineage(shape.sql, SCHEMAS).doubts]
    assert find_misses(shapes, seeds=(1,)) == set()


@pytest.mark.parametrize(
    "options",
    [
        History(key=("k",), valid_from="i"),
        History(key=("k", "g"), valid_from="i", ignore=("x",)),
        History(key=("k",), valid_from="y", order=("i",)),
        History(key=("k",), snapshot="i"),
    ],
    ids=["states", "ignoring", "ordered", "snapshots"],
)
def test_histories_have_no_miss(options: History) -> None:
    """The SELECT of versions that is made of a model's SELECT is resolved as any other."""
    columns = ["k", "g", "i", "x", "y"]
    sql = compile_history(f"SELECT {', '.join(columns)} FROM silver.a", options, columns)
    shape = Shape("history", sql, {})
    assert not find_lineage(sql, SCHEMAS).doubts
    assert find_misses([shape], seeds=(1, 2)) == set()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_random_queries_have_no_miss() -> None:
    assert find_misses([make_shape(seed) for seed in range(100, 500)], seeds=(1, 2)) == set()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nothing_changes_over_many_data() -> None:
    assert find_misses(SHAPES, seeds=range(10, 40)) == set()


# --- the proof can fail: each of these lineages lacks something, and is found out -------------------------------------------------------


def _nothing(*_: Any, **__: Any) -> Any:
    return NOTHING


def _without_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given, **named: replace(original(*given, **named), rows=NOTHING)


def _only_sides(context: Any, node: Any, left: Any, right: Any) -> Any:
    both = [
        replace(field, flow=merge([field.flow, other.flow]))
        for field, other in zip(left.fields, right.fields, strict=False)
    ]
    return replace(left, fields=tuple(both), rows=merge([left.rows, right.rows]), tables=left.tables | right.tables)


def _only_left(context: Any, node: Any, left: Any, right: Any) -> Any:
    return left


_KINDS = {
    "conditions": exp.Where,
    "lambdas": exp.Lambda,
    "comprehensions": exp.Comprehension,
    "groups' conditions": exp.Having,
    "windows' conditions": exp.Qualify,
    "existence": exp.Exists,
    "order inside": exp.Order,
    "the deciding value": exp.ArgMax,
    "functions unknown to the parser": exp.Anonymous,
    "casts": exp.Cast,
}
_PLACES: dict[str, tuple[Any, str, Any]] = {
    "windows": (expressions, "trace_window", _nothing),
    "what joins": (sources, "trace_all", _nothing),
    "columns of USING": (sources, "_use", _nothing),
    "groups": (rows, "_trace_group", _nothing),
    "DISTINCT": (rows, "_trace_distinct", _nothing),
    "the first rows": (rows, "trace_order", _nothing),
    "the first rows of a whole": (queries, "trace_order", _nothing),
    "lengths of lists": (rows, "_multiplied", lambda *_: ()),
    "lists in FROM": (sources, "_unnest", _without_rows(sources._unnest)),
    "rows of a derived table": (sources, "read_source", _without_rows(sources.read_source)),
    "rows of both sides": (queries, "_pair", _only_sides),
    "the right side": (queries, "_pair", _only_left),
    "subqueries": (expressions, "_scalar", _nothing),
}


@pytest.mark.parametrize("what", _KINDS)
def test_leaving_out_a_kind_of_node_is_found_out(
    what: str, witnessed: Witnessed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(expressions._HANDLERS, _KINDS[what], _nothing)
    monkeypatch.setattr(find, "_with_overlooked", lambda _, relation: relation)
    assert count_misses(witnessed) > 0


@pytest.mark.parametrize("what", _PLACES)
def test_leaving_out_a_step_is_found_out(what: str, witnessed: Witnessed, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, broken = _PLACES[what]
    monkeypatch.setattr(module, name, broken)
    monkeypatch.setattr(find, "_with_overlooked", lambda _, relation: relation)
    assert count_misses(witnessed) > 0


@pytest.mark.parametrize("what", ["conditions", "existence", "windows' conditions"])
def test_what_nobody_looked_at_is_never_passed_over(
    what: str, witnessed: Witnessed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a part of the text was overlooked, all columns of all tables are named, and the lineage says that it is approximate."""
    monkeypatch.setitem(expressions._HANDLERS, _KINDS[what], _nothing)
    assert count_misses(witnessed) == 0
    found = [find_lineage(shape.sql, SCHEMAS) for shape in SHAPES]
    assert any(lineage.doubts and all(column.is_approximate for column in lineage.columns) for lineage in found)
