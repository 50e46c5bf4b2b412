"""A derivation reads what it says it reads, and nothing that cannot have changed."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from entrepot.kernel.names import Dataset
from entrepot.sql.incremental.relations import Side
from entrepot.sql.incremental.touched import derive_touched
from entrepot.sql.query import parse_query
from tests.sql.incremental.incremental_shapes import SHAPES
from tests.sql.incremental.incremental_world import PARSED_VIEWS, TABLES

SALES, CUSTOMERS = Dataset("silver", "sales"), Dataset("silver", "customers")
ALL = [Dataset(*name.split(".")) for name in TABLES]


def test_the_relations_are_those_in_the_text() -> None:
    """Every table of the SQL is listed, and no other."""
    for shape in SHAPES:
        for keys in shape.keys:
            touched = derive_touched(parse_query(shape.sql), keys, PARSED_VIEWS, ALL, ALL)
            tables = sqlglot.parse_one(touched.sql, dialect="duckdb").find_all(exp.Table)
            assert {f"{table.db}.{table.name}" for table in tables if table.db} == set(touched.relations), shape.name
            assert all(str(relation) == name for name, relation in touched.relations.items())


@pytest.mark.parametrize(
    ("sql", "changed", "removed", "reads"),
    [
        ("SELECT id, region FROM silver.sales", [SALES], [], {"added.silver.sales"}),
        ("SELECT id, region FROM silver.sales", [SALES], [SALES], {"added.silver.sales", "removed.silver.sales"}),
        (
            "SELECT region AS id, sum(amount) AS t FROM silver.sales GROUP BY region",
            [SALES],
            [],
            {"added.silver.sales"},
        ),
        (
            "SELECT id FROM silver.sales QUALIFY row_number() OVER (PARTITION BY id ORDER BY ts) = 1",
            [SALES],
            [],
            {"added.silver.sales"},
        ),
        (
            "SELECT s.id FROM silver.sales s JOIN silver.customers c ON c.id = s.customer",
            [SALES],
            [],
            {"added.silver.sales", "new.silver.customers"},
        ),
    ],
)
def test_nothing_is_read_in_vain(sql: str, changed: list[Dataset], removed: list[Dataset], reads: set[str]) -> None:
    """Without removed rows no old version is read; keys of groups are found without computing a group."""
    assert set(derive_touched(parse_query(sql), ["id"], {}, changed, removed).relations) == reads


def test_no_change_touches_nothing() -> None:
    """A table that the model does not read changes nothing in it."""
    touched = derive_touched(parse_query("SELECT id FROM silver.sales"), ["id"], {}, [CUSTOMERS], [])
    assert "FALSE" in touched.sql
    assert not touched.everything
    assert {relation.side for relation in touched.relations.values()} == {Side.NEW}


def test_a_model_that_is_one_group_says_so() -> None:
    """Everything is touched, and the reason names the place."""
    sql = "SELECT id, g.t FROM silver.sales\nCROSS JOIN (SELECT sum(rate) AS t FROM silver.rates) AS g"
    touched = derive_touched(parse_query(sql), ["id"], {}, [Dataset("silver", "rates")], [])
    assert touched.everything
    assert touched.reason == "line 2: an aggregate without GROUP BY takes all rows together"
    assert not derive_touched(parse_query(sql), ["id"], {}, [SALES], []).everything
