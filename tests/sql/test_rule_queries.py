"""A rule's SQL: placeholders and the contract's names become datasets; what could leak, write or read outside is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from entrepot.contracts.limits import Limit, Operator
from entrepot.contracts.set_rules import MeasureSql
from entrepot.kernel.errors import ContractError, Place
from entrepot.kernel.names import Dataset
from entrepot.sql.functions import safe_functions
from entrepot.sql.set_rules import compile_rule, find_rule_faults

SALES, STORES = Dataset("bronze", "sales"), Dataset("bronze", "stores")
NAMES = (("air_quality", "bronze.sales"), ("shops", "bronze.stores"))


def rule(query: str, column: str | None = "a b", line: int | None = 10) -> MeasureSql:
    place = Place(Path("c.yaml"), line) if line else None
    return MeasureSql(
        id="r", limit=Limit(Operator.BE, Decimal(0)), query=query, column=column, names=NAMES, place=place
    )


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        (
            "SELECT count(*) FROM ${object} WHERE ${property} IS NULL",
            'SELECT count(*) FROM bronze.sales WHERE "a b" IS NULL',
        ),
        (
            "SELECT count(*) FROM {table} WHERE {column} = '${x'",
            "SELECT count(*) FROM bronze.sales WHERE \"a b\" = '${x'",
        ),
        ('SELECT count("${field}") FROM {model}', 'SELECT count("a b") FROM bronze.sales'),
        ("SELECT count(*) FROM ${schema}.{table}", "SELECT count(*) FROM bronze.sales"),
        (
            "select 1 from Air_Quality where Air_Quality.x > 0;",
            'select 1 from bronze.sales AS "Air_Quality" where Air_Quality.x > 0',
        ),
        (
            "SELECT 1 FROM air_quality a JOIN shops s USING (x)",
            "SELECT 1 FROM bronze.sales a JOIN bronze.stores s USING (x)",
        ),
        ("WITH shops AS (SELECT 1 AS x) SELECT x FROM shops", "WITH shops AS (SELECT 1 AS x) SELECT x FROM shops"),
        ("SELECT count(*) FROM bronze.stores", "SELECT count(*) FROM bronze.stores"),
    ],
)
def test_names_become_datasets(query: str, runs: str) -> None:
    """Placeholders with and without $, names of schema objects, CTEs before names; the rest of the text stays to the letter."""
    assert compile_rule(rule(query), SALES, [SALES, STORES]).sql == runs


def test_the_rule_s_own_object_is_the_dataset_that_is_judged() -> None:
    """A model may be judged by a contract that was written for another dataset."""
    other = Dataset("gold", "sales")
    found = compile_rule(rule("SELECT 1 FROM ${object} JOIN air_quality USING (x) JOIN shops USING (x)"), other)
    assert set(found.reads) == {other, STORES}


FORBIDDEN = [
    ("SELECT count(*) FROM read_parquet('x')", "read_parquet"),
    ("SELECT count(*) FROM read_text('/etc/passwd')", "read_text"),
    ("SELECT count(*) FROM glob('*')", "glob"),
    ("SELECT count(*) FROM '/etc/passwd'", "passwd"),
    ("SELECT count(*) FROM sniff_csv('x')", "sniff_csv"),
    ("SELECT count(*) FROM sqlite_scan('x', 'y')", "sqlite_scan"),
    ("SELECT count(*) FROM duckdb_secrets()", "duckdb_secrets"),
    ("SELECT count(*) FROM duckdb_settings()", "duckdb_settings"),
    ("SELECT count(*) FROM pragma_table_info('x')", "pragma_table_info"),
    ("SELECT count(*) FROM information_schema.columns", "information_schema"),
    ("SELECT count(*) FROM sqlite_master", "sqlite_master"),
    ("SELECT count(*) FROM query('SELECT 1')", "query"),
    ("SELECT count(*) FROM query_table('bronze.sales')", "query_table"),
    ("SELECT count(*) FROM quarantine.decisions", "quarantine"),
    ("SELECT count(*) FROM bronze.nothing", "bronze.nothing"),
    ("SELECT count(*) FROM memory.main.sales", "memory"),
    ("SELECT (SELECT max(content) FROM read_text('x'))", "read_text"),
    ("SELECT getenv('HOME')", "getenv"),
    ("SELECT \"getenv\"('HOME')", "getenv"),
    ("SELECT main.getenv('HOME')", "getenv"),
    ("SELECT 'HOME'.getenv()", "getenv"),
    ("SELECT /* /* */ */ getenv /**/ ('HOME')", "getenv"),
    ("WITH getenv(a) AS (SELECT 1) SELECT getenv('HOME')", "getenv"),
    ("SELECT current_setting('x')", "current_setting"),
    ("SELECT pg_get_viewdef(1)", "pg_get_viewdef"),
    ("SELECT write_log('x')", "write_log"),
    ("SELECT nextval('x')", "nextval"),
    ("SELECT some_extension_function(1)", "some_extension_function"),
    ("SELECT now()", "now"),
    ("SELECT current_date", "current_date"),
    ("SELECT random()", "random"),
    ("ATTACH 'x'", "ATTACH"),
    ("COPY bronze.sales TO 'x'", "COPY"),
    ("INSTALL httpfs", "INSTALL"),
    ("LOAD httpfs", "LOAD"),
    ("SET threads = 1", "SET"),
    ("PRAGMA database_list", "PRAGMA"),
    ("CREATE TABLE x AS SELECT 1", "CREATE"),
    ("INSERT INTO bronze.sales VALUES (1)", "INSERT"),
    ("UPDATE bronze.sales SET x = 1", "UPDATE"),
    ("DROP TABLE bronze.sales", "DROP"),
    ("CALL pragma_version()", "CALL"),
    ("SELECT 1; DROP TABLE bronze.sales", "second statement"),
    ("SELECT ${secret}", "secret"),
    ("SELECT {{ x }}", "template"),
    ("", "no SQL"),
]


@pytest.mark.parametrize(("query", "word"), FORBIDDEN)
def test_what_reaches_outside_is_refused(query: str, word: str) -> None:
    """In any spelling, by a list of what is allowed; the rule and the word are named, at the contract's line."""
    faults = find_rule_faults(rule(f"\n\n{query}"), SALES, [SALES, STORES])
    assert faults
    assert word.lower() in str(faults[0]).lower()
    assert faults[0].place is not None
    assert faults[0].place.line in (10, 12), "the query's own line, where the parser knows it"
    with pytest.raises(ContractError):
        compile_rule(rule(query), SALES, [SALES, STORES])


def test_ordinary_sql_is_allowed() -> None:
    """Aggregates, windows, casts, lists, case, extract, intervals, lambdas and derived columns are no strange functions."""
    queries = [
        "SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY x) FROM bronze.sales",
        "SELECT max(d) FROM (SELECT EXTRACT(EPOCH FROM (t - LAG(t) OVER (PARTITION BY s ORDER BY t))) AS d FROM bronze.sales) q",
        "SELECT count(*) FILTER (WHERE x IN (1, 2) AND NOT (y BETWEEN (1) AND (2))) FROM bronze.sales",
        "SELECT coalesce(sum(CAST(x AS DECIMAL(10, 2))), 0) / nullif(count(DISTINCT y), 0) FROM bronze.sales",
        "SELECT count(*) FROM (SELECT 1) t(a) JOIN range(3) AS r(b) ON a = b WHERE EXISTS (SELECT 1 FROM bronze.stores)",
        "SELECT len(list_filter([1, 2], lambda v: v > 1)) + length(regexp_replace('a', 'b', 'c'))",
        "SELECT date_diff('day', min(d), max(d)) FROM bronze.sales GROUP BY ROLLUP (x) QUALIFY row_number() OVER () = 1",
    ]
    for query in queries:
        assert find_rule_faults(rule(query), SALES, [SALES, STORES]) == (), query


def test_every_safe_function_exists_and_follows_from_its_arguments() -> None:
    """DuckDB knows each name on the list, and calls none of them volatile; no macro of its catalog is among them."""
    import duckdb

    rows = duckdb.sql(
        "SELECT function_name, coalesce(bool_or(stability <> 'CONSISTENT'), false), bool_or(schema_name = 'pg_catalog') "
        "FROM duckdb_functions() WHERE function_type IN ('scalar', 'aggregate', 'macro') GROUP BY 1"
    ).fetchall()
    known = {name: volatile or catalog for name, volatile, catalog in rows}
    assert [name for name in safe_functions() if known.get(name)] == []
    words = {
        "coalesce",
        "ifnull",
        "if",
        "grouping",
        "grouping_id",
        "unnest",
        "percentile_cont",
        "percentile_disc",
        "trim",
    }
    windows = {"nth_value": "1, 1", "lag": "1", "lead": "1", "first_value": "1", "last_value": "1", "ntile": "1"}
    for name in safe_functions() - known.keys() - words:
        assert duckdb.sql(f"SELECT {name}({windows.get(name, '')}) OVER (ORDER BY 1)").fetchall(), name
