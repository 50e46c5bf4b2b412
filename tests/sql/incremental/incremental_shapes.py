# ruff: noqa: E501  # a model a line reads better than one broken over six
"""Models of every shape, each with the key columns by which it is refreshed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's SELECT, and choices of its key columns."""

    name: str
    sql: str
    keys: tuple[tuple[str, ...], ...]


MONTH = "date_trunc('month', ts)"


def _shape(name: str, sql: str, *keys: str) -> Shape:
    return Shape(name, sql, tuple(tuple(choice.split()) for choice in keys))


SHAPES = (
    # -- rows for themselves
    _shape("filter", "SELECT _record_id, id, amount FROM silver.sales WHERE amount > 5", "_record_id", "id"),
    _shape("projection", f"SELECT id, region, {MONTH} AS month, amount * 2 AS twice FROM silver.sales", "month", "region month"),
    _shape("star", "SELECT * FROM silver.sales WHERE region IS NOT NULL", "customer", "region"),
    _shape("star_replace", "SELECT * EXCLUDE (tags) REPLACE (upper(region) AS region) FROM silver.sales", "region", "customer"),
    _shape("case", "SELECT id, CASE WHEN amount > 5 THEN 'big' WHEN amount IS NULL THEN NULL ELSE 'small' END AS size, region FROM silver.sales", "size", "size region"),
    _shape("alias_hides_column", f"SELECT id, {MONTH} AS ts, amount FROM silver.sales", "ts"),
    _shape("alias_in_where", "SELECT id, amount * 2 AS twice, region FROM silver.sales WHERE twice > 8", "region"),
    _shape("lateral_alias", "SELECT id, amount * 2 AS twice, twice + 1 AS more, region FROM silver.sales", "more", "region"),
    _shape("unnest", "SELECT id, region, unnest(tags) AS tag FROM silver.sales", "tag", "region"),
    _shape("unnest_from", "SELECT s.id, s.region, u.tag FROM silver.sales AS s, unnest(s.tags) AS u(tag)", "tag", "region"),
    _shape("unnest_left", "SELECT s.id, u.tag FROM silver.sales AS s LEFT JOIN unnest(s.tags) AS u(tag) ON true", "tag", "id"),
    _shape("series", "SELECT s.id, s.region, r.n FROM silver.sales AS s CROSS JOIN range(3) AS r(n) WHERE r.n < s.amount", "region", "n"),
    _shape("values", "SELECT s.id, v.word FROM silver.sales AS s JOIN (VALUES ('n', 'north'), ('s', 'south')) AS v(region, word) ON v.region = s.region", "word", "id"),
    _shape("no_from", "SELECT 1 AS id, (SELECT count(*) FROM silver.returns WHERE amount > 2) AS n", "id", "n"),
    _shape("layer_columns", "SELECT silver.sales.id, silver.sales.region FROM silver.sales WHERE silver.sales.amount > 3", "region"),
    # -- joins
    _shape("inner_join", "SELECT s.id, c.country, s.amount FROM silver.sales AS s JOIN silver.customers AS c ON c.id = s.customer", "country", "id"),
    _shape("using", "SELECT id, c.country, r.amount FROM silver.customers AS c JOIN silver.returns AS r USING (id)", "country", "id"),
    _shape("cross_join", "SELECT s.id, p.category FROM silver.sales AS s, silver.products AS p WHERE p.price < s.amount", "category", "id"),
    _shape("three_joins", "SELECT s.id, c.country, p.category, s.amount * p.price AS total FROM silver.sales s JOIN silver.customers c ON c.id = s.customer JOIN silver.products p ON p.id = s.product", "country category", "id"),
    _shape("left_join", "SELECT s.id, c.country, s.amount FROM silver.sales AS s LEFT JOIN silver.customers AS c ON c.id = s.customer", "country", "id"),
    _shape("left_join_filter", f"SELECT s.id, s.region, {MONTH} AS month FROM silver.sales AS s LEFT JOIN silver.customers AS c ON c.id = s.customer AND c.vip WHERE c.id IS NULL", "month", "region"),
    _shape("left_using", "SELECT id, c.country, r.amount FROM silver.customers AS c LEFT JOIN silver.returns AS r USING (id)", "amount", "id country"),
    _shape("left_using_twice", "SELECT id, r.amount, p.category FROM silver.customers AS c LEFT JOIN silver.returns AS r USING (id) LEFT JOIN silver.products AS p USING (id)", "category", "id"),
    _shape("left_chain", "SELECT s.id, c.country, r.amount AS back FROM silver.sales s LEFT JOIN silver.customers c ON c.id = s.customer LEFT JOIN silver.returns r ON r.sale = s.id AND r.amount > 2", "country", "back", "id"),
    _shape("left_then_inner", "SELECT s.id, c.country, p.category FROM silver.sales s LEFT JOIN silver.customers c ON c.id = s.customer JOIN silver.products p ON p.id = coalesce(c.favourite, s.product)", "country", "category"),
    _shape("left_group", f"SELECT c.country, {MONTH} AS month, sum(s.amount) AS total, count(c.id) AS known FROM silver.sales s LEFT JOIN silver.customers c ON c.id = s.customer GROUP BY ALL", "month", "country", "country month"),
    _shape("left_count_missing", "SELECT c.country, count(s.id) AS sales, count(*) FILTER (WHERE s.id IS NULL) AS none FROM silver.customers c LEFT JOIN silver.sales s ON s.customer = c.id GROUP BY c.country", "country"),
    _shape("self_join", "SELECT a.id, b.id AS other, a.region FROM silver.sales a JOIN silver.sales b ON a.customer = b.customer AND a.id < b.id", "region", "id", "other"),
    _shape("left_self_join", "SELECT a.id, b.id AS other, a.region FROM silver.sales a LEFT JOIN silver.sales b ON a.customer = b.customer AND b.amount > a.amount", "region", "other"),
    _shape("range_join", "SELECT s.id, r.currency, s.amount * r.rate AS total FROM silver.sales s JOIN silver.rates r ON s.ts >= r.since AND s.ts < r.until", "currency", "id"),
    # -- queries in expressions
    _shape("exists", "SELECT s.id, s.region FROM silver.sales s WHERE EXISTS (SELECT 1 FROM silver.returns r WHERE r.sale = s.id AND r.amount > 2)", "id", "region"),
    _shape("not_exists", f"SELECT s.id, {MONTH} AS month FROM silver.sales s WHERE NOT EXISTS (SELECT 1 FROM silver.returns r WHERE r.sale = s.id)", "id", "month"),
    _shape("in", "SELECT id, region, amount FROM silver.sales WHERE customer IN (SELECT id FROM silver.customers WHERE vip)", "id", "region"),
    _shape("in_same_name", "SELECT id, country FROM silver.customers WHERE favourite IN (SELECT id AS favourite FROM silver.products WHERE price > 3)", "id", "country"),
    _shape("not_in", "SELECT id, region FROM silver.sales WHERE customer NOT IN (SELECT id FROM silver.customers WHERE NOT vip)", "id", "region"),
    _shape("in_correlated", "SELECT s.id, s.region FROM silver.sales s WHERE s.amount IN (SELECT r.amount FROM silver.returns r WHERE r.sale = s.id)", "id", "region"),
    _shape("in_grouped", "SELECT id, region FROM silver.sales WHERE id IN (SELECT max(id) FROM silver.sales GROUP BY customer)", "id", "region"),
    _shape("in_tuple", "SELECT id, region FROM silver.sales WHERE (customer, product) IN (SELECT id, favourite FROM silver.customers)", "id", "region"),
    _shape("not_in_tuple", "SELECT id, region FROM silver.sales WHERE (customer, product) NOT IN (SELECT id, favourite FROM silver.customers WHERE id IS NOT NULL)", "id"),
    _shape("in_or", "SELECT id, region FROM silver.sales WHERE amount > 8 OR customer IN (SELECT id FROM silver.customers WHERE vip)", "id", "region"),
    _shape("in_case", "SELECT id, CASE WHEN customer IN (SELECT id FROM silver.customers WHERE vip) THEN 'vip' WHEN NOT (customer IN (SELECT id FROM silver.customers WHERE vip)) THEN 'no' ELSE 'unknown' END AS kind FROM silver.sales", "kind", "id"),
    _shape("any", "SELECT id, region FROM silver.sales WHERE amount > ANY (SELECT price FROM silver.products)", "id"),
    _shape("scalar", "SELECT s.id, s.region, (SELECT max(r.amount) FROM silver.returns r WHERE r.sale = s.id) AS back FROM silver.sales s", "id", "region", "back"),
    _shape("scalar_threshold", "SELECT id, region FROM silver.sales WHERE amount > (SELECT avg(amount) FROM silver.sales)", "id", "region"),
    _shape("scalar_by_key", "SELECT s.id, s.region FROM silver.sales s WHERE s.amount > (SELECT avg(o.amount) FROM silver.sales o WHERE o.region = s.region)", "id", "region"),
    _shape("nested_exists", "SELECT c.id, c.country FROM silver.customers c WHERE EXISTS (SELECT 1 FROM silver.sales s WHERE s.customer = c.id AND NOT EXISTS (SELECT 1 FROM silver.returns r WHERE r.sale = s.id))", "id", "country"),
    _shape("exists_left", "SELECT c.id, c.country FROM silver.customers c WHERE EXISTS (SELECT 1 FROM silver.sales s LEFT JOIN silver.returns r ON r.sale = s.id WHERE s.customer = c.id AND r.id IS NULL)", "id", "country"),
    _shape("exists_union", "SELECT p.id, p.category FROM silver.products p WHERE EXISTS (SELECT 1 FROM silver.sales s WHERE s.product = p.id AND s.amount > 5 UNION ALL SELECT 1 FROM silver.customers c WHERE c.favourite = p.id)", "id", "category"),
    _shape("exists_group", "SELECT c.id, c.country FROM silver.customers c WHERE EXISTS (SELECT s.region FROM silver.sales s WHERE s.customer = c.id GROUP BY s.region HAVING count(*) > 1)", "id", "country"),
    _shape("array", "SELECT c.country, list_sort(ARRAY(SELECT s.id FROM silver.sales s WHERE s.customer = c.id)) AS ids, c.id FROM silver.customers c", "id", "country"),
    # -- groups
    _shape("group", f"SELECT region, {MONTH} AS month, sum(amount) AS total, count(*) AS n FROM silver.sales GROUP BY region, {MONTH}", "month", "region", "region month"),
    _shape("group_numbers", f"SELECT {MONTH} AS ts, region, max(amount) AS most FROM silver.sales GROUP BY 1, 2", "ts", "region ts"),
    _shape("group_all", "SELECT region, amount % 3 AS rest, min(id) AS first_id FROM silver.sales GROUP BY ALL", "region", "rest"),
    _shape("group_alias", "SELECT amount % 3 AS rest, count(DISTINCT customer) AS n FROM silver.sales GROUP BY rest", "rest"),
    _shape("group_alias_column", "SELECT amount % 3 AS amount, count(*) AS n FROM silver.sales GROUP BY amount", "amount"),
    _shape("group_by_aggregate_key", "SELECT region, count(*) AS n FROM silver.sales GROUP BY region", "n"),
    _shape("group_not_projected", "SELECT sum(amount) AS total FROM silver.sales GROUP BY customer", "total"),
    _shape("having", "SELECT customer, sum(amount) AS total FROM silver.sales GROUP BY customer HAVING sum(amount) > 15", "customer", "total"),
    _shape("filter_aggregate", "SELECT product, sum(amount) FILTER (WHERE region = 'n') AS north, count_if(amount > 5) AS big FROM silver.sales GROUP BY product", "product"),
    _shape("arg_max", "SELECT customer, arg_max(amount, (ts, _record_id)) AS last_amount, max(ts) AS seen FROM silver.sales GROUP BY customer", "customer"),
    _shape("group_join", "SELECT c.country, p.category, sum(s.amount) AS total FROM silver.sales s JOIN silver.customers c ON c.id = s.customer JOIN silver.products p ON p.id = s.product GROUP BY c.country, p.category", "country", "country category"),
    _shape("group_of_group", "SELECT months, count(*) AS regions FROM (SELECT region, count(DISTINCT date_trunc('month', ts)) AS months FROM silver.sales GROUP BY region) GROUP BY months", "months"),
    _shape("global", "SELECT count(*) AS n, sum(amount) AS total FROM silver.sales", "n"),
    _shape("group_where_in", "SELECT region, count(*) AS n FROM silver.sales WHERE customer IN (SELECT id FROM silver.customers WHERE vip) GROUP BY region", "region"),
    _shape("group_where_not_exists", "SELECT region, sum(amount) AS total FROM silver.sales s WHERE NOT EXISTS (SELECT 1 FROM silver.returns r WHERE r.sale = s.id) GROUP BY region", "region"),
    _shape("group_unnest", "SELECT tag, count(*) AS n FROM (SELECT unnest(tags) AS tag FROM silver.sales) GROUP BY tag", "tag"),
    # -- windows
    _shape("running_total", f"SELECT id, customer, {MONTH} AS month, sum(amount) OVER (PARTITION BY customer ORDER BY ts, _record_id) AS running FROM silver.sales", "customer", "month", "id"),
    _shape("lag", "SELECT id, region, amount - lag(amount) OVER (PARTITION BY region ORDER BY ts, _record_id) AS step FROM silver.sales", "region", "id"),
    _shape("moving", "SELECT id, product, avg(amount) OVER (PARTITION BY product ORDER BY ts, _record_id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS smooth FROM silver.sales", "product", "smooth"),
    _shape("named_window", "SELECT id, region, rank() OVER w AS place, sum(amount) OVER (w ROWS UNBOUNDED PRECEDING) AS so_far FROM silver.sales WINDOW w AS (PARTITION BY region ORDER BY amount, _record_id)", "region", "id"),
    _shape("two_windows", "SELECT id, region, customer, count(*) OVER (PARTITION BY region, customer) AS a, sum(amount) OVER (PARTITION BY region) AS b FROM silver.sales", "region", "id"),
    _shape("windows_apart", "SELECT id, region, count(*) OVER (PARTITION BY region) AS a, sum(amount) OVER (PARTITION BY customer) AS b FROM silver.sales", "region"),
    _shape("unpartitioned", "SELECT id, region, row_number() OVER (ORDER BY ts, _record_id) AS place FROM silver.sales", "region"),
    _shape("latest", "SELECT customer, region, amount, ts FROM silver.sales QUALIFY row_number() OVER (PARTITION BY customer ORDER BY ts DESC, _record_id DESC) = 1", "customer", "region"),
    _shape("latest_star", "SELECT * FROM silver.sales QUALIFY row_number() OVER (PARTITION BY customer ORDER BY ts DESC, _record_id DESC) = 1", "customer", "_record_id"),
    _shape("latest_month", f"SELECT customer, {MONTH} AS month, amount FROM silver.sales QUALIFY row_number() OVER (PARTITION BY customer ORDER BY ts DESC, _record_id DESC) = 1", "month"),
    _shape("latest_cte", "WITH ranked AS (SELECT *, row_number() OVER (PARTITION BY customer ORDER BY ts DESC, _record_id DESC) AS rn FROM silver.sales) SELECT customer, region, amount FROM ranked WHERE rn = 1", "customer", "region"),
    _shape("qualify_sum", "SELECT id, customer, amount FROM silver.sales QUALIFY sum(amount) OVER (PARTITION BY customer) > 20", "id", "customer"),
    _shape("window_alias", "SELECT id, region AS place, sum(amount) OVER (PARTITION BY place) AS total FROM silver.sales", "place", "id"),
    _shape("window_over_group", f"SELECT region, {MONTH} AS month, sum(amount) AS total, sum(sum(amount)) OVER (PARTITION BY region ORDER BY {MONTH}) AS running FROM silver.sales GROUP BY region, {MONTH}", "region", "month"),
    _shape("share", f"SELECT region, {MONTH} AS month, sum(amount) AS total, sum(amount) / sum(sum(amount)) OVER (PARTITION BY {MONTH}) AS part FROM silver.sales GROUP BY region, date_trunc('month', ts)", "month", "region"),
    _shape("rank_of_group", "SELECT customer, sum(amount) AS total, rank() OVER (ORDER BY sum(amount)) AS place FROM silver.sales GROUP BY customer", "customer"),
    # -- distinct, union
    _shape("distinct", "SELECT DISTINCT region, customer FROM silver.sales", "region", "customer region"),
    _shape("distinct_star", "SELECT DISTINCT * EXCLUDE (_record_id, id, ts, tags) FROM silver.sales", "region"),
    _shape("distinct_on", "SELECT DISTINCT ON (customer) customer, amount, region FROM silver.sales ORDER BY customer, ts DESC, _record_id", "customer", "region"),
    _shape("distinct_on_alias", "SELECT DISTINCT ON (amount) amount % 3 AS amount, id, region FROM silver.sales ORDER BY amount, id DESC, _record_id", "amount", "region"),
    _shape("distinct_on_number", "SELECT DISTINCT ON (1) amount % 3 AS rest, id, region FROM silver.sales ORDER BY 1, _record_id", "rest", "region"),
    _shape("union_all", "SELECT id, region AS place, amount FROM silver.sales UNION ALL SELECT sale, 'back', -amount FROM silver.returns", "place", "id"),
    _shape("union", "SELECT customer FROM silver.sales UNION SELECT id FROM silver.customers WHERE vip", "customer"),
    _shape("union_by_name", "SELECT id, region FROM silver.sales UNION ALL BY NAME SELECT country AS region, id FROM silver.customers", "region", "id"),
    _shape("union_three", "SELECT id, 'c' AS kind FROM silver.customers UNION ALL SELECT id, 'p' FROM silver.products UNION ALL (SELECT sale, 'r' FROM silver.returns)", "kind", "id"),
    _shape("union_star", "SELECT * FROM silver.products WHERE price > 4 UNION ALL SELECT * FROM silver.products WHERE price < 3", "category", "id"),
    _shape("except", "SELECT customer, region FROM silver.sales EXCEPT SELECT id, 'n' FROM silver.customers", "customer", "region"),
    _shape("except_all", "SELECT customer FROM silver.sales EXCEPT ALL SELECT id FROM silver.customers", "customer"),
    _shape("intersect", "SELECT customer FROM silver.sales INTERSECT SELECT id FROM silver.customers", "customer"),
    _shape("union_group", "WITH u AS (SELECT region, amount FROM silver.sales UNION ALL SELECT currency, -1 FROM silver.rates) SELECT region, sum(amount) AS total FROM u GROUP BY region", "region"),
    _shape("top", "SELECT id, region, amount FROM silver.sales ORDER BY amount DESC, _record_id LIMIT 7", "region"),
    # -- CTEs and derived tables
    _shape("cte_chain", f"WITH a AS (SELECT *, {MONTH} AS month FROM silver.sales WHERE amount > 1), b AS (SELECT region, month, sum(amount) AS total FROM a GROUP BY region, month), c AS (SELECT * FROM b WHERE total > 4) SELECT month, count(*) AS regions, max(total) AS most FROM c GROUP BY month", "month"),
    _shape("cte_twice", f"WITH m AS (SELECT region, {MONTH} AS month, sum(amount) AS total FROM silver.sales GROUP BY ALL), t AS (SELECT month, sum(total) AS whole FROM m GROUP BY month) SELECT m.region, m.month, m.total, t.whole FROM m JOIN t ON t.month IS NOT DISTINCT FROM m.month", "month", "region"),
    _shape("cte_previous", f"WITH m AS (SELECT region, {MONTH} AS month, sum(amount) AS total FROM silver.sales GROUP BY ALL) SELECT a.region, a.month, a.total, b.total AS before FROM m a LEFT JOIN m b ON b.region = a.region AND b.month = a.month - INTERVAL 1 MONTH", "month", "region"),
    _shape("cte_columns", "WITH c(who, much) AS (SELECT customer, sum(amount) FROM silver.sales GROUP BY customer) SELECT who, much, country FROM c LEFT JOIN silver.customers ON id = who", "who", "country"),
    _shape("cte_values", "WITH v(region, word) AS (VALUES ('n', 'north'), ('s', NULL)) SELECT s.id, v.word FROM silver.sales AS s LEFT OUTER JOIN v ON v.region = s.region", "word", "id"),
    _shape("cte_shadow", "WITH s AS (SELECT * FROM silver.sales WHERE amount > 2) SELECT * FROM (WITH s AS (SELECT id, region FROM s WHERE region IS NOT NULL) SELECT * FROM s) AS t", "region", "id"),
    _shape("derived", "SELECT t.customer, t.total, c.country FROM (SELECT customer, sum(amount) AS total FROM silver.sales GROUP BY customer) AS t JOIN silver.customers AS c ON c.id = t.customer", "customer", "country"),
    _shape("derived_columns", "SELECT who, n FROM (SELECT customer, count(*) FROM silver.sales GROUP BY customer) AS t(who, n)", "who", "n"),
    _shape("global_joined", "SELECT s.id, s.region, s.amount - g.mean AS above FROM silver.sales s CROSS JOIN (SELECT avg(amount) AS mean FROM silver.sales) AS g", "id", "region"),
    _shape("running_over_cte", f"WITH m AS (SELECT region, {MONTH} AS month, sum(amount) AS total FROM silver.sales GROUP BY ALL) SELECT region, month, sum(total) OVER (PARTITION BY region ORDER BY month) AS running FROM m", "month", "region"),
    _shape("aggregate_key_join", "WITH t AS (SELECT sum(amount) AS total FROM silver.sales GROUP BY customer) SELECT p.id, t.total FROM silver.products p JOIN t ON t.total > p.price", "id"),
    _shape("view", "SELECT v.country, sum(v.amount) AS total FROM silver.known_sales v GROUP BY v.country", "country"),
    _shape("view_twice", "SELECT a.id, b.country FROM silver.known_sales a LEFT JOIN silver.known_sales AS b ON b.id = a.id + 1", "id", "country"),
    _shape("exists_cte", "WITH big AS (SELECT customer, count(*) AS n FROM silver.sales GROUP BY customer HAVING count(*) > 2) SELECT c.id, c.country FROM silver.customers c WHERE EXISTS (SELECT 1 FROM big WHERE big.customer = c.id)", "id", "country"),
    _shape("whole_row", "WITH t AS (SELECT id, region, amount FROM silver.sales) SELECT t.region, count(DISTINCT t) AS n FROM t GROUP BY t.region", "region"),
    _shape("quoted", 'WITH "The Sales" AS (SELECT region AS "The Region", amount AS "@1" FROM silver.sales) SELECT "the region" AS "Region", sum("@1") AS "Total %" FROM "The Sales" GROUP BY "The Region"', "Region"),
)  # fmt: skip

VIEWS = {
    "silver.known_sales": "SELECT s.id, s.customer, s.amount, c.country FROM silver.sales s JOIN silver.known AS c ON c.id = s.customer",
    "silver.known": "SELECT * FROM silver.customers WHERE country IS NOT NULL",
}
