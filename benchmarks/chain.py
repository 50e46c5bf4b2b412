"""A chain of twenty models over the tables of TPC-H: one text for all who build it.

Rows of six million lines, joins, windows, and small marts at the end, each over earlier ones: what a warehouse of that size is like.
Who builds it names the tables in its own way; here they are `layer.name`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

MODELS: dict[str, str] = {
    "silver.countries": """
SELECT n.n_nationkey AS country_id, n.n_name AS country, r.r_name AS region
FROM bronze.nation AS n JOIN bronze.region AS r ON r.r_regionkey = n.n_regionkey""",
    "silver.customers": """
SELECT c.c_custkey AS customer_id, c.c_name AS customer, c.c_mktsegment AS segment, c.c_acctbal AS balance, n.country, n.region
FROM bronze.customer AS c JOIN silver.countries AS n ON n.country_id = c.c_nationkey""",
    "silver.suppliers": """
SELECT s.s_suppkey AS supplier_id, s.s_name AS supplier, n.country, n.region
FROM bronze.supplier AS s JOIN silver.countries AS n ON n.country_id = s.s_nationkey""",
    "silver.parts": """
SELECT p_partkey AS part_id, p_name AS part, p_brand AS brand, p_size AS size, p_type AS finish, p_retailprice AS price
FROM bronze.part""",
    "silver.offers": """
SELECT o.ps_partkey AS part_id, o.ps_suppkey AS supplier_id, o.ps_supplycost AS cost, o.ps_availqty AS available, p.brand, s.country
FROM bronze.partsupp AS o JOIN silver.parts AS p ON p.part_id = o.ps_partkey
JOIN silver.suppliers AS s ON s.supplier_id = o.ps_suppkey""",
    "silver.orders": """
SELECT o.o_orderkey AS order_id, o.o_custkey AS customer_id, o.o_orderdate AS ordered_on, o.o_orderpriority AS priority,
       o.o_orderstatus AS status, c.segment, c.country, c.region
FROM bronze.orders AS o JOIN silver.customers AS c ON c.customer_id = o.o_custkey""",
    "silver.lines": """
SELECT l_orderkey AS order_id, l_linenumber AS line, l_partkey AS part_id, l_suppkey AS supplier_id, l_quantity AS quantity,
       CAST(l_extendedprice * (1 - l_discount) AS DECIMAL(15, 4)) AS net, l_shipdate AS shipped_on,
       l_receiptdate > l_commitdate AS is_late, l_returnflag = 'R' AS is_returned
FROM bronze.lineitem""",
    "silver.sales": """
SELECT l.order_id, l.line, l.part_id, l.supplier_id, o.customer_id, o.ordered_on, o.segment, o.country, f.brand, l.quantity, l.net,
       CAST(l.net - l.quantity * f.cost AS DECIMAL(15, 4)) AS margin, l.is_late, l.is_returned
FROM silver.lines AS l JOIN silver.orders AS o ON o.order_id = l.order_id
JOIN silver.offers AS f ON f.part_id = l.part_id AND f.supplier_id = l.supplier_id""",
    "gold.order_values": """
SELECT order_id, customer_id, ordered_on, count(*) AS lines, CAST(sum(net) AS DECIMAL(18, 4)) AS net
FROM silver.sales GROUP BY order_id, customer_id, ordered_on""",
    "gold.daily_sales": """
SELECT ordered_on, country, segment, CAST(sum(net) AS DECIMAL(18, 4)) AS net, CAST(sum(margin) AS DECIMAL(18, 4)) AS margin
FROM silver.sales GROUP BY ordered_on, country, segment""",
    "gold.monthly_sales": """
SELECT CAST(date_trunc('month', ordered_on) AS DATE) AS month, country, segment, CAST(sum(net) AS DECIMAL(18, 4)) AS net,
       CAST(sum(margin) AS DECIMAL(18, 4)) AS margin
FROM gold.daily_sales GROUP BY ALL""",
    "gold.running_sales": """
SELECT month, country, segment, net,
       CAST(sum(net) OVER (PARTITION BY country, segment ORDER BY month) AS DECIMAL(18, 4)) AS net_so_far
FROM gold.monthly_sales""",
    "gold.customer_values": """
SELECT v.customer_id, count(*) AS orders, CAST(sum(v.net) AS DECIMAL(18, 4)) AS net, max(v.ordered_on) AS last_ordered_on
FROM gold.order_values AS v GROUP BY v.customer_id""",
    "gold.customer_ranks": """
SELECT c.customer_id, c.country, c.segment, v.net, rank() OVER (PARTITION BY c.country ORDER BY v.net DESC) AS place
FROM gold.customer_values AS v JOIN silver.customers AS c ON c.customer_id = v.customer_id""",
    "gold.best_customers": """
SELECT country, segment, count(*) AS customers, CAST(sum(net) AS DECIMAL(18, 4)) AS net
FROM gold.customer_ranks WHERE place <= 100 GROUP BY country, segment""",
    "gold.supplier_quality": """
SELECT supplier_id, count(*) AS lines, count(*) FILTER (WHERE is_late) AS late, count(*) FILTER (WHERE is_returned) AS returned
FROM silver.sales GROUP BY supplier_id""",
    "gold.worst_suppliers": """
SELECT s.country, s.supplier, q.lines, q.late, CAST(100 * q.late / q.lines AS DECIMAL(9, 4)) AS late_percent
FROM gold.supplier_quality AS q JOIN silver.suppliers AS s ON s.supplier_id = q.supplier_id
QUALIFY row_number() OVER (PARTITION BY s.country ORDER BY q.late DESC, q.supplier_id) <= 10""",
    "gold.part_sales": """
SELECT part_id, brand, CAST(sum(quantity) AS DECIMAL(18, 2)) AS quantity, CAST(sum(net) AS DECIMAL(18, 4)) AS net,
       CAST(sum(margin) AS DECIMAL(18, 4)) AS margin
FROM silver.sales GROUP BY part_id, brand""",
    "gold.brand_sales": """
SELECT brand, count(*) AS parts, CAST(sum(net) AS DECIMAL(18, 4)) AS net, CAST(sum(margin) AS DECIMAL(18, 4)) AS margin
FROM gold.part_sales GROUP BY brand""",
    "gold.overview": """
SELECT m.country, CAST(sum(m.net) AS DECIMAL(18, 4)) AS amount, max(b.customers) AS best_customers, max(w.late_percent) AS worst_late
FROM gold.monthly_sales AS m
LEFT JOIN (SELECT country, CAST(sum(customers) AS BIGINT) AS customers FROM gold.best_customers GROUP BY country) AS b ON b.country = m.country
LEFT JOIN (SELECT country, max(late_percent) AS late_percent FROM gold.worst_suppliers GROUP BY country) AS w ON w.country = m.country
GROUP BY m.country""",
}
"""Name → SELECT, each after those it reads."""
LAST = "gold.overview"
_NAME = re.compile(r"\b(bronze|silver|gold)\.(\w+)")


def rename(sql: str, name: Callable[[str, str], str]) -> str:
    """The SELECT with each table named by `name(layer, table)`."""
    return _NAME.sub(lambda found: name(found[1], found[2]), sql)


def build_bare(files: Path, work: Path) -> None:
    """The floor: one bare DuckDB, a COPY for each model, each read from the files of those before."""
    import duckdb

    from benchmarks.floor import PARQUET
    from benchmarks.tpch import TABLES

    with duckdb.connect() as connection:
        for layer in ("bronze", "silver", "gold"):
            connection.execute(f"CREATE SCHEMA {layer}")
        for name in TABLES:
            connection.execute(f"CREATE VIEW bronze.{name} AS SELECT * FROM '{files}/{name}.parquet'")
        for name, select in MODELS.items():
            connection.execute(f"COPY ({select}) TO '{work}/{name}.parquet' ({PARQUET})")
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM '{work}/{name}.parquet'")


if __name__ == "__main__":
    import sys

    build_bare(Path(sys.argv[1]), Path(sys.argv[2]))
