"""The oracle finds a derivation that touches too little: each of these is broken on purpose, and is caught."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from sqlglot import exp

from entrepot.sql.incremental import changes, derivation, faults, parts, shape
from entrepot.sql.incremental.cores import source_tables
from entrepot.sql.incremental.derivation import Derivation
from entrepot.sql.incremental.relations import Side
from tests.sql.incremental import incremental_world
from tests.sql.incremental.incremental_shapes import SHAPES, Shape
from tests.sql.incremental.incremental_world import run_oracle

ROLLUP = Shape(
    "rollup",
    "SELECT region, product, sum(amount) AS total FROM silver.sales GROUP BY ROLLUP (region, product)",
    (("region",), ("product",)),
)

Break = Callable[[pytest.MonkeyPatch], None]


def _forget_old_versions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Derivation, "versions", (Side.NEW,))


def _forget_left_joins(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Derivation, "left_join_terms", lambda *_: [])


def _forget_queries(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Derivation, "subquery_terms", lambda *_: [])


def _forget_joined_sources(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(derivation, "source_tables", lambda select: source_tables(select)[:1])


def _compare_without_null(patch: pytest.MonkeyPatch) -> None:
    def among(keys: Sequence[exp.Expr], table: exp.Table) -> exp.Expr:
        columns: list[exp.Expr] = [exp.column(f"__k{i}") for i in range(len(keys))]
        left = exp.Tuple(expressions=[key.copy() for key in keys]) if len(keys) > 1 else keys[0].copy()
        return exp.In(this=left, query=exp.Select(expressions=columns).from_(table).subquery())

    patch.setattr(derivation, "among", among)


def _limit_without_null(patch: pytest.MonkeyPatch) -> None:
    def condition(keys: Sequence[str], touched: str) -> str:
        columns = ", ".join(f'"{key}"' for key in keys)
        return f"({columns}) IN (SELECT {columns} FROM {touched})"

    patch.setattr(incremental_world, "touched_condition", condition)
    patch.setattr(
        incremental_world,
        "limit_to_touched",
        lambda sql, keys, touched: f"SELECT * FROM ({sql}) WHERE {condition(keys, touched)}",
    )


def _take_rollup_for_groups(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(faults, "_REFUSED", {})
    patch.setattr(parts, "find_unknown_parts", lambda _: None)
    patch.setattr(derivation, "read_shape", _without_rollup)


def _without_rollup(select: exp.Select) -> shape.Shape:
    found = shape.read_shape(select)
    group = select.args.get("group")
    keys = [key for part in group.expressions for key in part.expressions] if group is not None else found.keys
    return shape.Shape(tuple(keys) if keys else None, found.is_limited, found.is_grouped, found.is_compared)


def _take_windows_for_rows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shape, "find_windows", lambda _: iter(()))


def _believe_null_is_false(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(changes, "_must_hold", lambda _: True)


def _named(*names: str) -> tuple[Shape, ...]:
    return tuple(one for one in SHAPES if one.name in names)


@pytest.mark.parametrize(
    ("break_it", "shapes"),
    [
        (_forget_old_versions, _named("filter", "projection", "group_by_aggregate_key", "in", "left_join")),
        (_forget_left_joins, _named("left_join", "left_join_filter", "left_chain", "left_count_missing")),
        (_forget_queries, _named("exists", "not_exists", "scalar", "in", "not_in")),
        (_forget_joined_sources, _named("inner_join", "group_join", "three_joins")),
        (_compare_without_null, _named("group_by_aggregate_key", "window_over_group", "running_total", "in_grouped")),
        (_limit_without_null, _named("projection", "group", "running_total")),
        (_take_rollup_for_groups, (ROLLUP,)),
        (_take_windows_for_rows, _named("running_total", "latest_month", "qualify_sum")),
        (_believe_null_is_false, _named("not_in", "in_case")),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_the_oracle_catches_a_broken_derivation(
    monkeypatch: pytest.MonkeyPatch, break_it: Break, shapes: tuple[Shape, ...]
) -> None:
    """Whole, these shapes come out right (see the oracle's own test); broken, some do not."""
    break_it(monkeypatch)
    found: list[str] = []
    for seed in range(5, 15):
        found += run_oracle(shapes, seed, steps=3).wrong
        if found:
            break
    assert found
