"""Record ids are carried through a SELECT, run on the real engine."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset
from entrepot.sql.record_ids import CARRIED, carry_system_columns, hide_system_columns

SALES, PRODUCTS, NOTES = Dataset("bronze", "sales"), Dataset("bronze", "products"), Dataset("gold", "notes")
CARRYING = {SALES, PRODUCTS}
SYSTEM = (
    "_record_id BIGINT, _batch BIGINT, _source VARCHAR, _origin VARCHAR, _received_at TIMESTAMPTZ, "
    "_corrects BIGINT, _warnings VARCHAR[]"
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Sales 1, 2, 3 (ids 101…) of products 1 and 2 (ids 901…)."""
    with duckdb.connect() as connection:
        connection.execute(f"""
            CREATE SCHEMA bronze; CREATE SCHEMA gold;
            CREATE TABLE bronze.sales (k BIGINT, p BIGINT, v BIGINT, {SYSTEM});
            CREATE TABLE bronze.products (p BIGINT, name VARCHAR, {SYSTEM});
            CREATE TABLE gold.notes (p BIGINT, note VARCHAR);
            INSERT INTO bronze.sales (k, p, v, _record_id, _source, _origin) VALUES
                (1, 1, 10, 101, 'till', 'a.csv#1'), (2, 2, 20, 102, 'till', 'a.csv#2'), (3, 9, 30, 103, 'till', 'a.csv#3');
            INSERT INTO bronze.products (p, name, _record_id, _source, _origin) VALUES
                (1, 'Milk', 901, 'erp', 'p.csv#1'), (2, 'Tea', 902, 'erp', 'p.csv#2');
            INSERT INTO gold.notes VALUES (1, 'cold');
        """)
        yield connection


@pytest.mark.parametrize(
    ("sql", "columns", "keys"),
    [
        ("SELECT k FROM bronze.sales", "k", [1, 2, 3]),
        ("SELECT k, -- the key\nFROM bronze.sales -- end", "k", [1, 2, 3]),
        ("SELECT * FROM bronze.sales", "k p v", [1, 2, 3]),
        ("SELECT * EXCLUDE (v) REPLACE (k AS k) FROM bronze.sales", "k p", [1, 2, 3]),
        ("SELECT s.*, b.name FROM bronze.sales AS s JOIN bronze.products AS b USING (p)", "k p v name", [1, 2]),
        ("SELECT * FROM bronze.products JOIN bronze.sales USING (p)", "p name k v", [1, 2]),
        ("SELECT s.k, n.* FROM bronze.sales s LEFT JOIN gold.notes n ON n.p = s.p", "k p note", [1, 2, 3]),
        ("SELECT k FROM bronze.sales WHERE v IS DISTINCT FROM 20 ORDER BY k DESC", "k", [1, 3]),
        ("SELECT k, extract(year FROM DATE '2026-01-01') AS y FROM bronze.sales AS \"The Sales\"", "k y", [1, 2, 3]),
        ("WITH c AS (SELECT k, v FROM bronze.sales) SELECT k FROM c WHERE v > 10", "k", [2, 3]),
        ("WITH c AS (SELECT * FROM bronze.sales) SELECT * FROM c", "k p v", [1, 2, 3]),
        ("WITH c AS (SELECT * FROM bronze.sales), d AS (SELECT k FROM c) SELECT d.* FROM d", "k", [1, 2, 3]),
        ("WITH c AS (SELECT k, _record_id, _batch FROM bronze.sales) SELECT * FROM c", "k", [1, 2, 3]),
        ("SELECT t.k FROM (SELECT k FROM bronze.sales) AS t", "k", [1, 2, 3]),
        (
            "SELECT k, (SELECT max(name) FROM bronze.products b WHERE b.p = s.p) AS n FROM bronze.sales s",
            "k n",
            [1, 2, 3],
        ),
        ("SELECT k FROM bronze.sales s WHERE EXISTS (FROM bronze.products b WHERE b.p = s.p)", "k", [1, 2]),
        ("SELECT k FROM bronze.sales SEMI JOIN bronze.products USING (p)", "k", [1, 2]),
        ("SELECT k, _origin AS came_from FROM bronze.sales", "k came_from", [1, 2, 3]),
    ],
)
def test_each_row_keeps_the_id_of_its_record(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: str, keys: list[int]
) -> None:
    """The author's columns, then the three carried ones, with the driving table's values; nothing else of the system's."""
    relation = connection.sql(f"SELECT * FROM ({carry_system_columns(sql, SALES, CARRYING)})")
    assert relation.columns == [*columns.split(), *CARRIED]
    rows = relation.project("k, _record_id, _source, _origin").order("k").fetchall()
    assert rows == [(k, 100 + k, "till", f"a.csv#{k}") for k in keys]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT p FROM bronze.sales GROUP BY p", "GROUP BY"),
        ("SELECT p FROM bronze.sales GROUP BY ALL", "GROUP BY"),
        ("SELECT DISTINCT p FROM bronze.sales", "DISTINCT"),
        ("SELECT sum(v) FROM bronze.sales", "aggregate"),
        ("SELECT k FROM bronze.sales ORDER BY k LIMIT 2", "LIMIT"),
        ("SELECT row_number() OVER (ORDER BY k) FROM bronze.sales", "window"),
        ("SELECT k FROM bronze.sales QUALIFY row_number() OVER (PARTITION BY p ORDER BY k) = 1", "QUALIFY"),
        ("SELECT unnest([k, v]) FROM bronze.sales", "unnest"),
        ("SELECT k FROM bronze.sales UNION ALL SELECT p FROM bronze.products", "UNION"),
        ("SELECT n.p FROM gold.notes n LEFT JOIN bronze.sales s USING (p)", "outer"),
        ("SELECT k FROM bronze.sales s RIGHT JOIN gold.notes n USING (p)", "RIGHT JOIN"),
        ("SELECT k FROM bronze.sales s FULL JOIN gold.notes n USING (p)", "FULL JOIN"),
        ("SELECT p FROM gold.notes WHERE p IN (SELECT p FROM bronze.sales)", "not read directly"),
        ("SELECT a.k FROM bronze.sales a JOIN bronze.sales b USING (k)", "read twice"),
        ("WITH c AS (SELECT * FROM bronze.sales) SELECT a.k FROM c a JOIN c b USING (k)", "read 2 times"),
        ("WITH c AS (SELECT p FROM bronze.sales GROUP BY p) SELECT p FROM c", "GROUP BY"),
        ("WITH c(x) AS (SELECT k FROM bronze.sales) SELECT x FROM c", "in its head"),
        ("WITH c AS (SELECT * FROM bronze.sales JOIN bronze.products USING (p)) SELECT k FROM c", "another table"),
        ("SELECT note FROM gold.notes", "not read"),
        ("FROM bronze.sales SELECT k", "SELECT before FROM"),
        ("SELECT k, _record_id FROM bronze.sales", "system column"),
        ("SELECT k, v AS _batch FROM bronze.sales", "system column"),
        ("WITH c AS (SELECT k, v AS _record_id FROM bronze.sales) SELECT k FROM c", "system column"),
    ],
)
def test_where_rows_are_not_records_the_reason_is_said(sql: str, said: str) -> None:
    """No id is carried that would not be the one record behind the row."""
    with pytest.raises(ProjectError, match=said):
        carry_system_columns(sql, SALES, CARRYING)


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT * FROM bronze.sales", "k p v"),
        ("SELECT *, k AS key FROM bronze.sales", "k p v key"),
        ("SELECT s.*, n.* FROM bronze.sales s JOIN gold.notes n USING (p)", "k p v p_1 note"),
        ("SELECT * FROM gold.notes", "p note"),
        ("SELECT * FROM (bronze.sales JOIN bronze.products USING (p))", "k p v name"),
        ("SELECT * FROM bronze.sales UNION ALL SELECT * FROM bronze.sales", "k p v"),
        ("WITH c AS (SELECT k, _batch FROM bronze.sales) SELECT * FROM c", "k"),
        ("SELECT p, count(_record_id) AS n FROM bronze.sales GROUP BY p", "p n"),
    ],
)
def test_a_star_brings_no_system_columns_out(connection: duckdb.DuckDBPyConnection, sql: str, columns: str) -> None:
    """Views and full models have their own columns only."""
    assert connection.sql(f"SELECT * FROM ({hide_system_columns(sql, CARRYING)})").columns == columns.split()


def test_the_authors_text_is_kept() -> None:
    """What runs is what was written, with additions: nothing is printed from a tree."""
    sql = "SELECT  k ,substring( 'abc',0, 2)  AS x FROM bronze.sales WHERE  v//2 > 1"
    assert hide_system_columns(sql, CARRYING) == sql
    head, tail = sql.split("FROM")
    carried = carry_system_columns(sql, SALES, CARRYING)
    assert carried.startswith(head)
    assert carried.endswith(f"FROM{tail}")
