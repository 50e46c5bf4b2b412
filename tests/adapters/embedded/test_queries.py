"""Queries: over tables at fixed versions and nothing else, split with and without a contract."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from entrepot.contracts.row_rules import Range, Unique
from entrepot.kernel.errors import ProjectError, UsageError
from entrepot.kernel.rows import record_id
from entrepot.ports.engine import Counts
from entrepot.ports.relations import Part, QueryScan
from tests.adapters.embedded.landing import INTEGER, MONEY, STRING, Lab, contract


@pytest.fixture
def sales(lab: Lab) -> QueryScan:
    """A query over a table of three batches."""
    table = lab.table(
        "sales",
        pa.table(
            {
                "id": [1, 2, 3],
                "amount": ["1.5", "x", "3"],
                "_record_id": [101, 102, 103],
                "_origin": ["a#1", "a#2", "a#3"],
                "_batch": [1, 2, 3],
            }
        ),
    )
    return QueryScan("SELECT * FROM bronze.sales", {"bronze.sales": table}, carries_record_ids=True)


def test_query_streams_rows(lab: Lab, sales: QueryScan) -> None:
    """A query gives its schema at once and its rows as a stream."""
    scan = QueryScan("SELECT id, id * 2 AS twice FROM bronze.sales ORDER BY id", sales.tables)
    result = lab.engine.query(scan)
    assert result.schema == pa.schema([("id", pa.int64()), ("twice", pa.int64())])
    assert result.batches().read_all().to_pydict() == {"id": [1, 2, 3], "twice": [2, 4, 6]}
    assert lab.engine.describe(scan) == result.schema
    assert not list(lab.folder.glob("temp/*"))


def test_views_build_on_views(lab: Lab, sales: QueryScan) -> None:
    """Views build on tables and earlier views."""
    scan = QueryScan(
        "SELECT sum(id) AS s FROM silver.big;", sales.tables,
        views={"silver.some": "SELECT * FROM bronze.sales -- all", "silver.big": "SELECT * FROM silver.some WHERE id > 1"},
    )  # fmt: skip
    assert lab.engine.query(scan).batches().read_all().to_pydict() == {"s": [Decimal(5)]}


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT nope FROM bronze.sales", 'line 1: .*"nope" not found'),
        ("SELECT id\nFROM bronze.sales\nWHERE nope = 1", 'line 3: .*"nope" not found'),
        ("SELECT id FROM\nWHERE", "line 2: syntax error"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("DELETE FROM bronze.sales", "Only SELECT"),
        ("COPY bronze.sales TO 'x.csv'", "Only SELECT"),
        ("SELECT * FROM bronze.other", "the table bronze.other is not known here; known: bronze.sales"),
        ("SELECT * FROM read_csv('x.csv')", r"read_csv\(\) may not stand in FROM"),
        ("SELECT * FROM read_parquet('x')", r"read_parquet\(\) may not stand in FROM"),
        ("SELECT * FROM glob('*')", r"glob\(\) may not stand in FROM"),
        ("SELECT (SELECT max(content) FROM read_text('/etc/passwd'))", r"read_text\(\) may not"),
        ("SELECT * FROM 'x.csv'", "the table x.csv is not known"),
        ("SELECT * FROM duckdb_settings()", r"duckdb_settings\(\) may not"),
        ("SELECT * FROM query('SELECT 1')", r"query\(\) may not"),
        ("SELECT * FROM information_schema.tables", "information_schema.tables is not known"),
        ("WITH x AS (SELECT * FROM read_csv('y')) SELECT * FROM x", r"read_csv\(\) may not"),
        ("SELECT getenv('HOME')", r"getenv\(\) is not allowed"),
        ("SELECT current_setting('temp_directory')", r"current_setting\(\) is not allowed"),
        ("SELECT * FROM (DESCRIBE bronze.sales)", "SHOW, DESCRIBE"),
        ("", "0 statements|not a SELECT|statements"),
    ],
)
def test_other_things_than_one_select_are_refused(lab: Lab, sales: QueryScan, sql: str, text: str) -> None:
    """What is wrong with the text is told with DuckDB's words and its line; files and settings cannot be reached."""
    for ask in (lab.engine.describe, lab.engine.query):
        with pytest.raises(ProjectError, match=text):
            ask(QueryScan(sql, sales.tables))


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (SELECT id FROM bronze.sales), y AS (SELECT id FROM x) SELECT count(*) AS n FROM y",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r",
        "SELECT * FROM range(3) t(n), bronze.sales",
        "SELECT a.id AS n FROM bronze.sales a JOIN \"bronze\".\"sales\" b USING (id) -- end",
        "FROM bronze.sales SELECT id AS n",
        "SELECT unnest([1, 2]) AS n",
        "VALUES (1)",
        "SELECT list_transform([1], lambda x: x + 1) AS n UNION ALL SELECT [2]",
        "SELECT id AS n FROM (PIVOT bronze.sales ON _batch IN (1, 2) USING sum(id) GROUP BY id)",
    ],
)  # fmt: skip
def test_what_a_model_may_write(lab: Lab, sales: QueryScan, sql: str) -> None:
    """Ordinary SELECTs pass the check."""
    assert lab.engine.query(QueryScan(sql, sales.tables)).batches().read_all().num_rows >= 1


def test_what_goes_wrong_on_the_way_is_told(lab: Lab, sales: QueryScan) -> None:
    """An error in the middle of a query is the user's, not the engine's; in a split as well."""
    scan = QueryScan("SELECT amount::INTEGER AS id FROM bronze.sales", sales.tables)
    with pytest.raises(ProjectError, match="Could not convert string"):
        lab.engine.query(scan).batches().read_all()
    for under in (None, contract(id=INTEGER)):
        with pytest.raises(ProjectError, match="Could not convert string"):
            lab.split(under, Part("model", scan), system_columns=False)


def test_a_driven_model_keeps_record_ids(lab: Lab, sales: QueryScan) -> None:
    """Rows of a query that carries record ids keep id and origin; batch, flow and time are the plan's."""
    under = contract(Range(id="small", column="amount", at_most=2), id=INTEGER, amount=MONEY)
    done = lab.split(under, Part("silver.sales", sales))
    assert [(row["_record_id"], row["_origin"], row["_batch"], row["_source"]) for row in done.accepted] == [
        (101, "a#1", 5, "erp")
    ]
    assert [(row["_record_id"], row["_origin"]) for row in done.rejected] == [(102, "a#2"), (103, "a#3")]
    assert done.reasons == [["type:amount"], ["small"]]
    assert done.result.places == {"silver.sales": Counts(3, 1, 2)}


def test_a_full_model_has_only_its_own_columns(lab: Lab, sales: QueryScan) -> None:
    """Without system columns only the contract's are written; rejected rows are numbered by content, the same each time."""
    scan = QueryScan("SELECT id, amount FROM bronze.sales UNION ALL SELECT 1, '7'", sales.tables)
    under = contract(
        Range(id="small", column="amount", at_most=2),
        Unique(id="key", columns=("id",), is_key=True),
        id=INTEGER,
        amount=MONEY,
    )
    runs = [lab.split(under, Part("gold.x", scan), system_columns=False) for _ in range(2)]
    assert runs[0].result.accepted.schema.names == ["id", "amount"]
    assert runs[0].accepted == [{"id": 1, "amount": Decimal("1.50")}]
    assert [row["_record_id"] for row in runs[0].rejected] == [record_id(5, n) for n in (1, 2, 3)]
    assert runs[0].rejected == runs[1].rejected


def test_duplicates_of_a_full_model_are_chosen_by_content(lab: Lab, sales: QueryScan) -> None:
    """Which of two rows of a key stays does not depend on the order of threads."""
    scan = QueryScan("SELECT 1 AS id, 'b' AS code UNION ALL SELECT 1, 'a' UNION ALL SELECT 2, 'c'", sales.tables)
    under = contract(Unique(id="key", columns=("id",), is_key=True), id=INTEGER, code=STRING)
    done = lab.split(under, Part("gold.x", scan), system_columns=False)
    assert sorted(row["code"] for row in done.accepted) == ["a", "c"]
    assert [row["_record_id"] for row in done.rejected] == [record_id(5, 1)]


def test_a_query_without_record_ids_has_no_system_columns(lab: Lab, sales: QueryScan) -> None:
    """Rows whose order nothing fixes are given no numbers."""
    for under in (contract(id=INTEGER), None):
        with pytest.raises((UsageError, ProjectError), match="_record_id"):
            lab.split(under, Part("x", QueryScan("SELECT id FROM bronze.sales", sales.tables)))


def test_without_a_contract_rows_are_taken_as_they_come(lab: Lab, sales: QueryScan) -> None:
    """A model without contract keeps its own columns and types, in forms that Delta knows; sums stay exact."""
    sql = "SELECT 9007199254740993::HUGEINT + id AS big, 1::UTINYINT AS small, TIME '10:30' AS t, 'x' AS s FROM bronze.sales WHERE id = 1"
    done = lab.split(None, Part("gold.x", QueryScan(sql, sales.tables)), system_columns=False)
    assert done.result.accepted.schema == pa.schema(
        [("big", pa.decimal128(38, 0)), ("small", pa.int16()), ("t", pa.string()), ("s", pa.string())]
    )
    assert done.accepted == [{"big": Decimal(9007199254740994), "small": 1, "t": "10:30:00", "s": "x"}]


def test_without_a_contract_a_driven_model_is_stamped(lab: Lab, sales: QueryScan) -> None:
    """Its own columns come first, then all system columns."""
    done = lab.split(None, Part("silver.sales", sales))
    assert done.result.accepted.schema.names == [
        "id", "amount", "_record_id", "_batch", "_source", "_origin", "_received_at", "_corrects", "_warnings"
    ]  # fmt: skip
    assert [(row["_record_id"], row["_batch"]) for row in done.accepted] == [(101, 5), (102, 5), (103, 5)]
