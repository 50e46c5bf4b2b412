"""Shapes of SELECTs, and the lineage of each as a person reads it: what the tests of this folder share.

Inputs are silver.a (i, k, x, y, g, l, s), silver.b (i, k, x, z, g) and silver.c (k, w); i is unique and never null.
An expectation is `direct | indirect`: `a.x` is taken as it is, `a.x:cast`, `a.x:expr` and `a.x:agg` are the looser ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.values import ColumnName, How, Schema

TABLES = {
    "a": ("i", "k", "x", "y", "g", "l", "s"),
    "b": ("i", "k", "x", "z", "g"),
    "c": ("k", "w"),
}
SCHEMAS = {Dataset("silver", name): Schema(columns) for name, columns in TABLES.items()}
_HOWS = {"": How.IDENTITY, "cast": How.CAST, "expr": How.EXPRESSION, "agg": How.AGGREGATE}


@dataclass(frozen=True)
class Shape:
    """A SELECT with its lineage."""

    name: str
    sql: str
    columns: Mapping[str, str]
    rows: str = ""
    """Columns that decide about every output column."""
    doubts: tuple[str, ...] = field(default=())


def read_direct(text: str) -> dict[ColumnName, How]:
    """The part before the bar."""
    found = {}
    for word in text.partition("|")[0].split():
        name, _, how = word.partition(":")
        found[read_name(name)] = _HOWS[how]
    return found


def read_indirect(shape: Shape, text: str) -> frozenset[ColumnName]:
    """The part after the bar, and what decides about all."""
    return frozenset(map(read_name, [*text.partition("|")[2].split(), *shape.rows.split()]))


def read_name(text: str) -> ColumnName:
    """`a.x`."""
    table, _, column = text.partition(".")
    return ColumnName(Dataset("silver", table), column)


A_ALL = {"i": "a.i", "k": "a.k", "x": "a.x", "y": "a.y", "g": "a.g", "l": "a.l", "s": "a.s"}

SHAPES = (
    # --- single rows
    Shape("column", "SELECT x FROM silver.a", {"x": "a.x"}),
    Shape("renamed", "SELECT a.x AS z, silver.a.y FROM silver.a", {"z": "a.x", "y": "a.y"}),
    Shape("star", "SELECT * FROM silver.a", A_ALL),
    Shape("from first", "FROM silver.c", {"k": "c.k", "w": "c.w"}),
    Shape("cast", "SELECT CAST(x AS VARCHAR) AS x, y::DOUBLE AS y, TRY_CAST(g AS INT) AS g FROM silver.a",
          {"x": "a.x:cast", "y": "a.y:cast", "g": "a.g:cast"}),
    Shape("expression", "SELECT x + y * 2 AS e, upper(g) AS u, 7 AS seven FROM silver.a",
          {"e": "a.x:expr a.y:expr", "u": "a.g:expr", "seven": ""}),
    Shape("cast of expression", "SELECT CAST(x + y AS BIGINT) AS e FROM silver.a", {"e": "a.x:expr a.y:expr"}),
    Shape("case", "SELECT CASE WHEN g = 'p' THEN x ELSE y END AS e FROM silver.a",
          {"e": "a.g:expr a.x:expr a.y:expr"}),
    Shape("alias of an earlier item", "SELECT x + 1 AS m, m * y AS n FROM silver.a",
          {"m": "a.x:expr", "n": "a.x:expr a.y:expr"}),
    Shape("a column goes before an alias", "SELECT y AS x, x + 1 AS n FROM silver.a",
          {"x": "a.y", "n": "a.x:expr"}),
    Shape("alias by colon", "SELECT m: x + 1 FROM silver.a", {"m": "a.x:expr"}),
    Shape("struct field", "SELECT s.p, a.s.q AS q, s['p'] AS r FROM silver.a",
          {"p": "a.s:expr", "q": "a.s:expr", "r": "a.s:expr"}),
    Shape("struct made", "SELECT {'m': x, 'n': y} AS e FROM silver.a", {"e": "a.x:expr a.y:expr"}),
    Shape("whole row", "SELECT c AS e FROM silver.c", {"e": "c.k:expr c.w:expr"}),
    Shape("lambda", "SELECT list_transform(l, k -> k + x) AS e FROM silver.a", {"e": "a.l:expr a.x:expr"}),
    Shape("list comprehension", "SELECT [k * x FOR k IN l IF k > y] AS e FROM silver.a",
          {"e": "a.l:expr a.x:expr a.y:expr"}),
    Shape("map", "SELECT MAP {x: y} AS e FROM silver.a WHERE x IS NOT NULL", {"e": "a.x:expr a.y:expr"}, "a.x"),
    Shape("in a list", "SELECT x IN (1, y) AS e, x BETWEEN y AND 3 AS f FROM silver.a",
          {"e": "a.x:expr a.y:expr", "f": "a.x:expr a.y:expr"}),
    # --- stars
    Shape("exclude", "SELECT * EXCLUDE (l, s, i) FROM silver.a", {"k": "a.k", "x": "a.x", "y": "a.y", "g": "a.g"}),
    Shape("replace", "SELECT * EXCLUDE (l, s, i, g) REPLACE (x + y AS x) FROM silver.a",
          {"k": "a.k", "x": "a.x:expr a.y:expr", "y": "a.y"}),
    Shape("rename", "SELECT * RENAME (w AS v) FROM silver.c", {"k": "c.k", "v": "c.w"}),
    Shape("star like", "SELECT * LIKE 'x%', * SIMILAR TO '[yz]' FROM silver.b", {"x": "b.x", "z": "b.z"}),
    Shape("columns by pattern", "SELECT COLUMNS('^[xz]$') + k FROM silver.b",
          {"x": "b.x:expr b.k:expr", "z": "b.z:expr b.k:expr"}),
    Shape("columns renamed", r"SELECT COLUMNS('(k|w)') AS 'c_\1' FROM silver.c", {"c_k": "c.k", "c_w": "c.w"}),
    Shape("aggregate of columns", "SELECT max(COLUMNS(*)) FROM silver.c", {"k": "c.k:agg", "w": "c.w:agg"}),
    Shape("columns as arguments", "SELECT coalesce(*COLUMNS(['x', 'z'])) AS e FROM silver.b",
          {"e": "b.x:expr b.z:expr"}),
    Shape("stars of two", "SELECT c.*, b.x FROM silver.b, silver.c", {"k": "c.k", "w": "c.w", "x": "b.x"}),
    Shape("a name twice", "SELECT k_1, k FROM (SELECT b.k, c.k FROM silver.b, silver.c)",
          {"k_1": "c.k", "k": "b.k"}),
    # --- rows left out
    Shape("where", "SELECT x FROM silver.a WHERE y > 2 AND g = 'p'", {"x": "a.x"}, "a.y a.g"),
    Shape("where by alias", "SELECT x + y AS m FROM silver.a WHERE m > 3", {"m": "a.x:expr a.y:expr"}, "a.x a.y"),
    Shape("distinct", "SELECT DISTINCT x, g FROM silver.a", {"x": "a.x", "g": "a.g"}, "a.x a.g"),
    Shape("distinct on", "SELECT DISTINCT ON (g) x FROM silver.a ORDER BY g, y, i", {"x": "a.x"}, "a.g a.y a.i"),
    Shape("first rows", "SELECT x FROM silver.a ORDER BY y, i LIMIT 3", {"x": "a.x"}, "a.y a.i"),
    Shape("first rows by number", "SELECT x, i FROM silver.a ORDER BY 1 DESC, 2 LIMIT 3", {"x": "a.x", "i": "a.i"},
          "a.x a.i"),
    Shape("first rows of all", "SELECT k, w FROM silver.c ORDER BY ALL LIMIT 3", {"k": "c.k", "w": "c.w"}, "c.k c.w"),
    Shape("order of a table says nothing", "SELECT x FROM silver.a ORDER BY y", {"x": "a.x"}),
    Shape("order by alias", "SELECT -x AS x, i FROM silver.a ORDER BY x, i LIMIT 4",
          {"x": "a.x:expr", "i": "a.i"}, "a.x a.i"),
    # --- groups
    Shape("group", "SELECT g, sum(x) AS t, count(*) AS n FROM silver.a GROUP BY g",
          {"g": "a.g", "t": "a.x:agg", "n": ""}, "a.g"),
    Shape("group by all", "SELECT g, k + 1 AS m, sum(x) + 1 AS t FROM silver.a GROUP BY ALL",
          {"g": "a.g", "m": "a.k:expr", "t": "a.x:agg"}, "a.g a.k"),
    Shape("group by number", "SELECT upper(g) AS u, max(y) AS t FROM silver.a GROUP BY 1",
          {"u": "a.g:expr", "t": "a.y:agg"}, "a.g"),
    Shape("group by alias", "SELECT x // 3 AS b, count(y) AS n FROM silver.a GROUP BY b",
          {"b": "a.x:expr", "n": "a.y:agg"}, "a.x"),
    Shape("a column goes before an alias in groups", "SELECT g AS h, max(g) AS k FROM silver.a GROUP BY g, k",
          {"h": "a.g", "k": "a.g:agg"}, "a.g a.k"),
    Shape("a key that is not shown", "SELECT sum(x) AS t FROM silver.a GROUP BY g, k", {"t": "a.x:agg"}, "a.g a.k"),
    Shape("rollup", "SELECT g, k, sum(x) AS t FROM silver.a GROUP BY ROLLUP (g, k)",
          {"g": "a.g", "k": "a.k", "t": "a.x:agg"}, "a.g a.k"),
    Shape("grouping sets by number", "SELECT g, k, sum(x) AS t FROM silver.a GROUP BY GROUPING SETS ((1), (2), ())",
          {"g": "a.g", "k": "a.k", "t": "a.x:agg"}, "a.g a.k"),
    Shape("having", "SELECT g FROM silver.a GROUP BY g HAVING sum(x) > 5", {"g": "a.g"}, "a.g a.x"),
    Shape("having by alias", "SELECT g, sum(x) AS t FROM silver.a GROUP BY g HAVING t > 5",
          {"g": "a.g", "t": "a.x:agg"}, "a.g a.x"),
    Shape("filter", "SELECT sum(x) FILTER (WHERE y > 2) AS t FROM silver.a", {"t": "a.x:agg | a.y"}),
    Shape("ordered aggregate", "SELECT string_agg(g, ',' ORDER BY y, i) AS t FROM silver.a",
          {"t": "a.g:agg | a.y a.i"}),
    Shape("value of the row with the most", "SELECT arg_max(x, i) AS t, min_by(g, i) AS m FROM silver.a",
          {"t": "a.x:agg | a.i", "m": "a.g:agg | a.i"}),
    Shape("within group", "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS t FROM silver.a", {"t": "a.x:agg"}),
    Shape("aggregate unknown to the parser", "SELECT favg(x) AS t, kahan_sum(y) AS n, count_star() AS m FROM silver.a",
          {"t": "a.x:agg", "n": "a.y:agg", "m": ""}),
    Shape("distinct inside", "SELECT count(DISTINCT x) AS t FROM silver.a", {"t": "a.x:agg"}),
    # --- windows
    Shape("running total", "SELECT sum(x) OVER (PARTITION BY g ORDER BY y, i) AS t FROM silver.a",
          {"t": "a.x:agg | a.g a.y a.i"}),
    Shape("window beside others", "SELECT x, row_number() OVER (ORDER BY y, i) AS n FROM silver.a",
          {"x": "a.x", "n": "| a.y a.i"}),
    Shape("lag", "SELECT i, x - lag(x) OVER (ORDER BY i) AS d FROM silver.a", {"i": "a.i", "d": "a.x:agg | a.i"}),
    Shape("named window", "SELECT max(x) OVER w AS t FROM silver.a WINDOW w AS (PARTITION BY g ORDER BY y)",
          {"t": "a.x:agg | a.g a.y"}),
    Shape("window on a named one",
          "SELECT sum(x) OVER (w ROWS 1 PRECEDING) AS t FROM silver.a WINDOW w AS (PARTITION BY g ORDER BY i)",
          {"t": "a.x:agg | a.g a.i"}),
    Shape("frame by a column",
          "SELECT sum(x) OVER (ORDER BY i ROWS BETWEEN coalesce(y, 0) PRECEDING AND CURRENT ROW) AS t FROM silver.a",
          {"t": "a.x:agg | a.i a.y"}),
    Shape("window with filter", "SELECT count(*) FILTER (WHERE x > 2) OVER (PARTITION BY g) AS t FROM silver.a",
          {"t": "| a.x a.g"}),
    Shape("latest by key", "SELECT k, x FROM silver.a QUALIFY row_number() OVER (PARTITION BY k ORDER BY y DESC, i) = 1",
          {"k": "a.k", "x": "a.x"}, "a.k a.y a.i"),
    Shape("qualify by alias", "SELECT x, rank() OVER (ORDER BY y) AS n FROM silver.a QUALIFY n < 3",
          {"x": "a.x", "n": "| a.y"}, "a.y"),
    Shape("window over groups", "SELECT g, sum(sum(x)) OVER (ORDER BY g) AS t FROM silver.a GROUP BY g",
          {"g": "a.g", "t": "a.x:agg"}, "a.g"),
    # --- joins
    Shape("inner join", "SELECT a.x, b.z FROM silver.a JOIN silver.b ON a.k = b.k", {"x": "a.x", "z": "b.z"}, "a.k b.k"),
    Shape("left join", "SELECT a.i, coalesce(b.z, a.y) AS z FROM silver.a LEFT JOIN silver.b ON a.k = b.k AND b.g = 'p'",
          {"i": "a.i", "z": "b.z:expr a.y:expr"}, "a.k b.k b.g"),
    Shape("join using", "SELECT k, a.x, b.z FROM silver.a JOIN silver.b USING (k)",
          {"k": "a.k", "x": "a.x", "z": "b.z"}, "a.k b.k"),
    Shape("star over using", "SELECT * FROM silver.c JOIN (SELECT k, z FROM silver.b) AS b USING (k)",
          {"k": "c.k", "w": "c.w", "z": "b.z"}, "c.k b.k"),
    Shape("right join using", "SELECT k, b.k AS bk, c.k AS ck FROM silver.b RIGHT JOIN silver.c USING (k)",
          {"k": "c.k", "bk": "b.k", "ck": "c.k"}, "b.k c.k"),
    Shape("full join using", "SELECT k, w, z FROM silver.b FULL JOIN silver.c USING (k)",
          {"k": "b.k:expr c.k:expr", "w": "c.w", "z": "b.z"}, "b.k c.k"),
    Shape("using twice", "SELECT k, b.z, w FROM silver.a FULL JOIN silver.b USING (k) LEFT JOIN silver.c USING (k)",
          {"k": "a.k:expr b.k:expr", "z": "b.z", "w": "c.w"}, "a.k b.k c.k"),
    Shape("semi join", "SELECT x FROM silver.a SEMI JOIN silver.b USING (k)", {"x": "a.x"}, "a.k b.k"),
    Shape("anti join", "SELECT x FROM silver.a ANTI JOIN silver.b ON a.k = b.k AND b.z > 1", {"x": "a.x"},
          "a.k b.k b.z"),
    Shape("cross join", "SELECT x, w FROM silver.a, silver.c", {"x": "a.x", "w": "c.w"}),
    Shape("self join", "SELECT p.x, q.x AS o FROM silver.a AS p JOIN silver.a AS q ON p.k = q.i",
          {"x": "a.x", "o": "a.x"}, "a.k a.i"),
    Shape("joins in parentheses", "SELECT a.x, b.z FROM silver.a JOIN (silver.b JOIN silver.c USING (k)) ON a.i = b.i",
          {"x": "a.x", "z": "b.z"}, "a.i b.i b.k c.k"),
    Shape("joins under a name", "SELECT j.z, w FROM (silver.b JOIN silver.c ON b.k = c.k) AS j",
          {"z": "b.z", "w": "c.w"}, "b.k c.k"),
    Shape("using under a name", "SELECT b.z, w FROM (silver.b JOIN silver.c USING (k)) AS j",
          {"z": "b.z", "w": "c.w"}, "b.k c.k"),
    Shape("asof join", "SELECT a.i, b.z FROM silver.a ASOF JOIN silver.b ON a.g = b.g AND a.i >= b.i",
          {"i": "a.i", "z": "b.z"}, "a.g b.g a.i b.i"),
    Shape("range join", "SELECT a.x FROM silver.a JOIN silver.b ON a.x BETWEEN b.x AND b.z", {"x": "a.x"},
          "a.x b.x b.z"),
    # --- queries inside
    Shape("derived table", "SELECT m + 1 AS n FROM (SELECT x + y AS m, g FROM silver.a WHERE k > 1) AS t WHERE g = 'p'",
          {"n": "a.x:expr a.y:expr"}, "a.k a.g"),
    Shape("columns named at the alias", "SELECT q FROM (SELECT k, w FROM silver.c) AS t(p, q) WHERE p > 1", {"q": "c.w"}, "c.k"),
    Shape("common table expressions",
          "WITH p AS (SELECT g, sum(x) AS t FROM silver.a GROUP BY g), q AS (SELECT max(t) AS top FROM p) "
          "SELECT g, t / top AS share FROM p, q",
          {"g": "a.g", "share": "a.x:agg"}, "a.g"),
    Shape("cte hides a table's columns", "WITH silver_a(m) AS (SELECT y FROM silver.a) SELECT m FROM silver_a", {"m": "a.y"}),
    Shape("inner with goes first",
          "WITH t AS (SELECT x AS v FROM silver.a) SELECT v FROM (WITH t AS (SELECT y AS v FROM silver.a) SELECT v FROM t)",
          {"v": "a.y"}),
    Shape("recursive",
          "WITH RECURSIVE r AS (SELECT i, k, x FROM silver.a WHERE i = 1 UNION ALL "
          "SELECT a.i, a.k, r.x + a.y FROM r JOIN silver.a ON a.i = r.i + 1) SELECT x FROM r",
          {"x": "a.x:expr a.y:expr"}, "a.i"),
    Shape("scalar subquery", "SELECT i, (SELECT max(z) FROM silver.b WHERE b.k = a.k) AS m FROM silver.a",
          {"i": "a.i", "m": "b.z:agg | b.k a.k"}),
    Shape("exists", "SELECT x FROM silver.a WHERE EXISTS (SELECT 1 FROM silver.b WHERE b.k = a.k AND b.z > 1)",
          {"x": "a.x"}, "b.k a.k b.z"),
    Shape("exists as a value", "SELECT EXISTS (SELECT z FROM silver.b WHERE b.k = a.k) AS e FROM silver.a",
          {"e": "| b.k a.k"}),
    Shape("in a subquery", "SELECT x FROM silver.a WHERE k IN (SELECT k FROM silver.b WHERE g = 'p')",
          {"x": "a.x"}, "a.k b.k b.g"),
    Shape("in a subquery as a value", "SELECT x IN (SELECT w FROM silver.c) AS e FROM silver.a",
          {"e": "a.x:expr c.w:expr"}),
    Shape("not in", "SELECT x FROM silver.a WHERE (k, x) NOT IN (SELECT k, z FROM silver.b)", {"x": "a.x"},
          "a.k a.x b.k b.z"),
    Shape("any", "SELECT x FROM silver.a WHERE x > ANY (SELECT w FROM silver.c)", {"x": "a.x"}, "a.x c.w"),
    Shape("lateral", "SELECT a.i, t.m FROM silver.a, LATERAL (SELECT max(z) AS m FROM silver.b WHERE b.k = a.k) AS t",
          {"i": "a.i", "m": "b.z:agg"}, "b.k a.k"),
    Shape("limit by a subquery", "SELECT i FROM silver.a ORDER BY i LIMIT (SELECT count(*) FROM silver.c WHERE w > 2)",
          {"i": "a.i"}, "a.i c.w"),
    Shape("unnest", "SELECT i, unnest(l) AS e FROM silver.a", {"i": "a.i", "e": "a.l:expr"}, "a.l"),
    Shape("unnest in from", "SELECT i, e FROM silver.a, unnest(l) AS u(e)", {"i": "a.i", "e": "a.l:expr"}, "a.l"),
    Shape("series", "SELECT i, n FROM silver.a, range(x) AS r(n)", {"i": "a.i", "n": "a.x:expr"}, "a.x"),
    Shape("values", "SELECT a.i, v.n FROM silver.a JOIN (VALUES ('p', 1), ('q', 2)) AS v(g, n) ON a.g = v.g",
          {"i": "a.i", "n": ""}, "a.g"),
    Shape("ordered list of a derived table", "SELECT list(x) AS t FROM (SELECT x FROM silver.a ORDER BY y, i)",
          {"t": "a.x:agg"}, "a.y a.i"),
    # --- sets
    Shape("union all", "SELECT k, x AS v FROM silver.a UNION ALL SELECT i, z FROM silver.b WHERE g = 'p'",
          {"k": "a.k b.i", "v": "a.x b.z"}, "b.g"),
    Shape("union", "SELECT x FROM silver.a UNION SELECT w FROM silver.c", {"x": "a.x c.w"}, "a.x c.w"),
    Shape("union by name", "SELECT k, w FROM silver.c UNION ALL BY NAME SELECT z, k FROM silver.b",
          {"k": "c.k b.k", "w": "c.w", "z": "b.z"}),
    Shape("three sides", "SELECT x FROM silver.a UNION ALL SELECT z + 1 FROM silver.b UNION ALL SELECT w FROM silver.c",
          {"x": "a.x b.z:expr c.w"}),
    Shape("except", "SELECT x FROM silver.a EXCEPT SELECT w FROM silver.c", {"x": "a.x"}, "a.x c.w"),
    Shape("intersect", "SELECT x, k FROM silver.a INTERSECT SELECT w, k FROM silver.c", {"x": "a.x", "k": "a.k"},
          "a.x a.k c.w c.k"),
    Shape("first of a union", "(SELECT x, i FROM silver.a) UNION ALL (SELECT z, i FROM silver.b) ORDER BY 1, i LIMIT 4",
          {"x": "a.x b.z", "i": "a.i b.i"}, "a.x b.z a.i b.i"),
    Shape("each side cut", "(SELECT x FROM silver.a ORDER BY y, i LIMIT 2) UNION ALL (SELECT w FROM silver.c)",
          {"x": "a.x c.w"}, "a.y a.i"),
    # --- turning
    Shape("pivot", "SELECT * FROM (SELECT k, g, x FROM silver.a) PIVOT (sum(x) FOR g IN ('p', 'q'))",
          {"k": "a.k", "p": "a.x:agg", "q": "a.x:agg"}, "a.k a.g"),
    Shape("unpivot", "SELECT * FROM (SELECT i, x, z FROM silver.b) UNPIVOT (v FOR n IN (x, z))",
          {"i": "b.i", "n": "", "v": "b.x:expr b.z:expr"}, "b.x b.z"),
    Shape("unpivot as a statement", "SELECT * FROM (UNPIVOT (SELECT i, x, z FROM silver.b) ON x, z INTO NAME n VALUE v)",
          {"i": "b.i", "n": "", "v": "b.x:expr b.z:expr"}, "b.x b.z"),
    Shape("pivot by some columns", "SELECT * FROM silver.b PIVOT (max(z) FOR g IN ('p', 'q') GROUP BY k)",
          {"k": "b.k", "p": "b.z:agg", "q": "b.z:agg"}, "b.k b.g"),
    Shape("rows counted by a star", "SELECT count(c.*) AS n FROM silver.c", {"n": "c.k:agg c.w:agg"}),
    # --- as models are written
    Shape("share of a total", "SELECT i, x * 100 // sum(x) OVER (PARTITION BY g) AS share FROM silver.a WHERE x > 0",
          {"i": "a.i", "share": "a.x:agg | a.g"}, "a.x"),
    Shape("deduplicated, then joined and counted",
          "WITH newest AS (SELECT k, z FROM silver.b QUALIFY row_number() OVER (PARTITION BY k ORDER BY i DESC) = 1) "
          "SELECT a.g, count(*) AS n, sum(newest.z) AS t FROM silver.a LEFT JOIN newest USING (k) GROUP BY a.g",
          {"g": "a.g", "n": "", "t": "b.z:agg"}, "a.g a.k b.k b.i"),
    Shape("a filter by an aggregate of the same table", "SELECT i FROM silver.a WHERE x > (SELECT avg(x) FROM silver.a)",
          {"i": "a.i"}, "a.x"),
    Shape("gaps and islands",
          "WITH m AS (SELECT i, x, x IS DISTINCT FROM lag(x) OVER (ORDER BY i) AS is_new FROM silver.a), "
          "r AS (SELECT *, count(*) FILTER (WHERE is_new) OVER (ORDER BY i) AS run FROM m) "
          "SELECT run, min(i) AS since, count(*) AS n FROM r GROUP BY run",
          {"run": "| a.x a.i", "since": "a.i:agg", "n": ""}, "a.x a.i"),
)  # fmt: skip
