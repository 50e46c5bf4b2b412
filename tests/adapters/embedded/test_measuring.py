"""Measuring rules over whole datasets: counts equal those of a plain program, whatever the table; SQL of users is locked in."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.adapters.embedded.measurer import DuckMeasurer
from entrepot.contracts.limits import Limit, Operator, Unit
from entrepot.contracts.model import Column, Contract
from entrepot.contracts.row_rules import AnyRule, Length, Matches, NotOneOf, OneOf, Required
from entrepot.contracts.set_rules import AnySetRule, CountBroken, CountDuplicates, CountRows, MeasureSql
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import UsageError
from entrepot.kernel.names import Dataset
from entrepot.lake.quality.verdicts import judge_rule
from entrepot.ports.quality import Measured, MeasureTask, QueryToMeasure
from entrepot.ports.relations import TableChange, TableVersion

SALES = TableVersion("bronze.sales", 3)
SCHEMA = pa.schema(
    [("word", pa.string()), ("number", pa.int64()), ("_record_id", pa.int64()), ("_origin", pa.string())]
)
CONTRACT = Contract(
    Dataset("bronze", "sales"),
    (Column("word", ColumnType(Kind.STRING)), Column("number", ColumnType(Kind.INTEGER))),
)
NEVER = Limit(Operator.BE, Decimal(0))
Row = tuple[str | None, int | None]


class Lake:
    """One table in one file."""

    def __init__(self, folder: Path, **options: float) -> None:
        self.folder = folder / "lake"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.measurer = DuckMeasurer(
            self.resolve,
            lake=self.folder,
            temp=folder / "tmp",
            zone="UTC",
            threads=1,
            **options,  # type: ignore[arg-type]
        )

    def resolve(self, connection: object, table: TableVersion | TableChange) -> str:
        return f"(SELECT * FROM read_parquet('{self.folder / table.name}.parquet'))"

    def write(self, rows: Sequence[Row], name: str = "bronze.sales") -> None:
        data = [(*row, number, f"f.csv#{number}") for number, row in enumerate(rows, 1)]
        records = [dict(zip(SCHEMA.names, each, strict=True)) for each in data]
        table = pa.Table.from_pylist(records, SCHEMA)
        pq.write_table(table, self.folder / f"{name}.parquet")

    def measure(self, *rules: AnySetRule, **queries: str) -> list[Measured]:
        made = {id: QueryToMeasure(sql, {"bronze.sales": SALES}) for id, sql in queries.items()}
        return list(self.measurer.measure(MeasureTask(SALES, CONTRACT, rules, made)))

    def number(self, sql: str) -> Measured:
        """The result of one rule of SQL."""
        return self.measure(MeasureSql(id="r", limit=NEVER, query=sql), r=sql)[0]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def breaks(row: Row, rule: AnyRule) -> bool:
    """The plain program."""
    value = row[0] if rule.column == "word" else row[1]  # type: ignore[union-attr]
    match rule:
        case Required():
            return value is None
        case NotOneOf():
            return value in rule.values
        case OneOf():
            return value is not None and value not in rule.values
        case Length():
            return value is not None and len(str(value)) < (rule.at_least or 0)
        case Matches():
            return value is not None and re.fullmatch(rule.pattern, str(value)) is None
    raise AssertionError(rule)


def expect(rows: Sequence[Row], rule: AnySetRule) -> tuple[int, Fraction]:
    """Bad rows, and what is held against the limit."""
    match rule:
        case CountRows():
            return len(rows), Fraction(len(rows))
        case CountBroken():
            bad = sum(any(breaks(row, each) for each in rule.rules) for row in rows)
        case CountDuplicates():
            places = [("word", "number").index(name) for name in rule.columns]
            keys = Counter(tuple(row[place] for place in places) for row in rows)
            bad = sum(n - 1 for key, n in keys.items() if None not in key)
        case _:
            raise AssertionError(rule)
    share = Fraction(100 * bad, len(rows)) if rows else Fraction(0)
    return bad, share if rule.unit is Unit.PERCENT else Fraction(bad)


WORDS = st.sampled_from([None, "", "N/A", "a", "b", "ä", "A1", "B22"])
NUMBERS = st.sampled_from([None, -999, -1, 0, 1, 2, 2**62])
ROWS = st.lists(st.tuples(WORDS, NUMBERS), max_size=12)
BOUND = st.decimals(0, 100, places=2) | st.sampled_from([Decimal(0), Decimal(1), Decimal(50), Decimal(100)])


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    low, high = sorted((draw(BOUND), draw(BOUND)))
    operator = draw(st.sampled_from(Operator))
    return Limit(operator, low, high if operator in (Operator.BETWEEN, Operator.NOT_BETWEEN) else None)


VALUE_RULES: list[tuple[str, tuple[AnyRule, ...]]] = [
    ("word", (Required(id="x", column="word"),)),
    ("word", (Required(id="x", column="word"), Length(id="x", column="word", at_least=1))),
    ("word", (NotOneOf(id="x", column="word", values=("N/A", "a")),)),
    ("word", (OneOf(id="x", column="word", values=("a", "b", "ä")),)),
    ("word", (OneOf(id="x", column="word", values=("a", "A1")), Matches(id="x", column="word", pattern="[A-Z][0-9]+"))),
    ("number", (Required(id="x", column="number"), NotOneOf(id="x", column="number", values=(-999, 0)))),
    ("number", (OneOf(id="x", column="number", values=(0, 1, 2**62)),)),
]


@st.composite
def set_rules(draw: st.DrawFn, number: int) -> AnySetRule:
    common = {"id": f"r{number}", "limit": draw(limits())}
    unit = draw(st.sampled_from(Unit))
    kind = draw(st.sampled_from(["values", "values", "duplicates", "rows"]))
    if kind == "rows":
        return CountRows(**common)  # type: ignore[arg-type]
    if kind == "duplicates":
        columns = draw(st.sampled_from([("word",), ("number",), ("number", "word")]))
        return CountDuplicates(columns=columns, unit=unit, **common)  # type: ignore[arg-type]
    column, rules = draw(st.sampled_from(VALUE_RULES))
    return CountBroken(metric="m", column=column, rules=rules, unit=unit, **common)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), rows=ROWS)
def test_counts_equal_those_of_a_plain_program(lake: Lake, data: st.DataObject, rows: list[Row]) -> None:
    """Every metric over any small table gives the number of bad rows that Python counts, and every operator its verdict, in rows and percent."""
    lake.write(rows)
    rules = [data.draw(set_rules(number)) for number in range(data.draw(st.integers(1, 8)))]
    for rule, measured in zip(rules, lake.measure(*rules), strict=True):
        bad, number = expect(rows, rule)
        assert (measured.rule, measured.number, measured.rows, measured.error) == (rule.id, bad, len(rows), None)
        assert judge_rule(rule, measured).passed is rule.limit.holds(number), (rule, rows)


def test_no_rows_have_no_bad_ones(lake: Lake) -> None:
    """Of an empty dataset the percentage is 0, the count is 0, and a rowCount above 0 fails."""
    lake.write([])
    half = Limit(Operator.LESS, Decimal("0.5"))
    rules: list[AnySetRule] = [
        CountBroken(
            id="p", limit=half, metric="m", column="word", rules=(Required(id="x", column="word"),), unit=Unit.PERCENT
        ),
        CountDuplicates(id="d", limit=half, columns=("word",), unit=Unit.PERCENT),
        CountRows(id="n", limit=Limit(Operator.GREATER, Decimal(0))),
    ]
    results = [judge_rule(rule, each) for rule, each in zip(rules, lake.measure(*rules), strict=True)]
    assert [(r.passed, r.measured) for r in results] == [(True, "0"), (True, "0"), (False, "0")]


def test_one_impossible_rule_does_not_hide_the_others(lake: Lake) -> None:
    """A column that the table has not and a pattern that nobody understands are errors of their own rules; the rest is measured."""
    lake.write([("a", 1), (None, 2)])
    rules: list[AnySetRule] = [
        CountBroken(id="gone", limit=NEVER, metric="m", column="later", rules=(Required(id="x", column="later"),)),
        CountBroken(
            id="odd", limit=NEVER, metric="m", column="word", rules=(Matches(id="x", column="word", pattern="(?=a)"),)
        ),
        CountBroken(
            id="text", limit=NEVER, metric="m", column="number", rules=(OneOf(id="x", column="number", values=("1",)),)
        ),
        CountBroken(id="nulls", limit=NEVER, metric="m", column="word", rules=(Required(id="x", column="word"),)),
    ]
    gone, odd, _, nulls = lake.measure(*rules)
    assert gone.number is None and "no column later" in str(gone.error)
    assert odd.number is None and "regular expression" in str(odd.error)
    assert (nulls.number, nulls.rows, nulls.error) == (1, 2, None)
    assert not judge_rule(rules[0], gone).passed


@pytest.mark.parametrize(
    ("sql", "number"),
    [
        ("SELECT count(*) FROM bronze.sales", Fraction(3)),
        ("SELECT avg(number) FROM bronze.sales", Fraction(3, 2)),
        ("SELECT sum(number)::DECIMAL(10,2) / 4 FROM bronze.sales", Fraction(3, 4)),
        ("SELECT bool_and(number > 0) FROM bronze.sales", Fraction(1)),
        ("SELECT count(*) FROM bronze.sales -- at the end", Fraction(3)),
        ("WITH s AS (SELECT word FROM bronze.sales GROUP BY word) SELECT count(*) FROM s", Fraction(3)),
    ],
)
def test_a_select_gives_one_number(lake: Lake, sql: str, number: Fraction) -> None:
    """Whole, exact, broken and truth values are numbers."""
    lake.write([("a", 1), ("b", 2), (None, None)])
    assert lake.number(sql) == Measured("r", number, 3)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT word FROM bronze.sales WHERE number = 1", "VARCHAR|STRING"),
        ("SELECT number, word FROM bronze.sales", "2 columns"),
        ("SELECT number FROM bronze.sales", "more than one row"),
        ("SELECT number FROM bronze.sales WHERE false", "no row"),
        ("SELECT max(number) FROM bronze.sales WHERE false", "null.*coalesce"),
        ("SELECT 'NaN'::DOUBLE", "no number"),
        ("SELECT nothing FROM bronze.sales", "nothing"),
        ("SELECT count(*) FROM bronze.other", "not known here"),
        ("SELECT count(*) FROM read_text('/etc/hostname')", "read_text"),
        ("SELECT count(*) FROM '/etc/hostname'", "not known here"),
        ("SELECT length(current_setting('temp_directory'))", "current_setting"),
        ("SELECT count(*) FROM duckdb_settings()", "duckdb_settings"),
        ("SELECT count(*) FROM information_schema.tables", "not known here"),
        ("SELECT write_log('x') IS NULL", "write_log"),
        ("SELECT length(pg_typeof(1))", "pg_typeof"),
        ("SELECT length(version())", "version"),
        ("ATTACH 'x.db'", "SELECT"),
        ("COPY bronze.sales TO 'x.csv'", "SELECT"),
        ("SET memory_limit = '9GB'", "SELECT"),
        ("SELECT 1; SELECT 2", "2 statements"),
    ],
)
def test_what_is_no_number_or_reaches_outside_is_an_error(lake: Lake, sql: str, why: str) -> None:
    """Even where nobody looked at the text before, the engine refuses; no value of the data stands in the message."""
    lake.write([("secret", 1), ("b", 2)])
    measured = lake.number(sql)
    assert measured.number is None
    assert re.search(why, str(measured.error)), measured.error
    assert "secret" not in str(measured.error)


def test_the_session_is_locked(lake: Lake, tmp_path: Path) -> None:
    """A text that passes every check on words still cannot open a file outside the lake: the session itself is closed."""
    import duckdb

    lake.write([("a", 1)])
    outside = tmp_path / "outside.parquet"
    pq.write_table(pa.table({"x": [1]}), outside)
    with duckdb.connect() as connection:
        lake.measurer._open(connection, QueryToMeasure("", {"bronze.sales": SALES}))
        assert connection.execute("SELECT count(*) FROM bronze.sales").fetchone() == (1,)
        for text in (
            f"SELECT * FROM read_parquet('{outside}')",
            f"COPY (SELECT 1) TO '{tmp_path / 'x'}'",
            "SET threads = 8",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(text)
    assert not (tmp_path / "x").exists()


def test_a_rule_that_never_ends_is_stopped(tmp_path: Path) -> None:
    """After the time limit it is an error that says so; it does not take the run with it."""
    lake = Lake(tmp_path, timeout_s=0.3)
    lake.write([("a", 1)])
    begun = time.monotonic()
    measured = lake.number("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range * b.range = 7")
    assert measured.number is None and "longer than 0.3 s" in str(measured.error)
    assert time.monotonic() - begun < 5


def test_a_rule_that_needs_too_much_memory_is_stopped(tmp_path: Path) -> None:
    """The memory limit is an error of the rule, not of the process."""
    lake = Lake(tmp_path, memory_mb=64)
    lake.write([("a", 1)])
    measured = lake.number("SELECT length(list(range)::VARCHAR) FROM range(50000000)")
    assert measured.number is None and measured.error


def test_duplicates_that_do_not_fit_into_memory_are_spilled(tmp_path: Path) -> None:
    """A million different values and one doubled: found in 100 MB."""
    lake = Lake(tmp_path, memory_mb=100)
    lake.write([(f"word number {number}", number) for number in range(300_000)] + [("word number 7", 7)])
    rule = CountDuplicates(id="d", limit=NEVER, columns=("word", "number"))
    assert lake.measure(rule) == [Measured("d", Fraction(1), 300_001)]


def test_rows_behind_a_count(lake: Lake) -> None:
    """Broken rows come with their identity; of duplicates all rows of a group, side by side."""
    lake.write([("a", 1), (None, 2), ("b", 3), ("a", 4), ("", 5)])
    missing = CountBroken(
        id="m", limit=NEVER, metric="m", column="word",
        rules=(Required(id="x", column="word"), Length(id="x", column="word", at_least=1)),
    )  # fmt: skip
    found = lake.measurer.broken_rows(MeasureTask(SALES, CONTRACT, [missing]), 10).batches().read_all().to_pylist()
    assert [(row["_record_id"], row["_origin"], row["number"]) for row in found] == [
        (2, "f.csv#2", 2),
        (5, "f.csv#5", 5),
    ]
    double = CountDuplicates(id="d", limit=NEVER, columns=("word",))
    found = lake.measurer.broken_rows(MeasureTask(SALES, CONTRACT, [double]), 10).batches().read_all().to_pylist()
    assert [row["number"] for row in found] == [1, 4]
    assert lake.measurer.broken_rows(MeasureTask(SALES, CONTRACT, [missing]), 1).batches().read_all().num_rows == 1
    with pytest.raises(UsageError, match="as a whole"):
        lake.measurer.broken_rows(MeasureTask(SALES, CONTRACT, [CountRows(id="n", limit=NEVER)]), 10)


def test_a_locked_session_may_spill(tmp_path: Path) -> None:
    """SQL that does not fit into memory goes to the folder that was set before the lock."""
    lake = Lake(tmp_path, memory_mb=100)
    lake.write([("a", 1)])
    sql = "SELECT count(*) FROM (SELECT 'value number ' || (range % 400000) AS v FROM range(800000) GROUP BY v ORDER BY v)"
    assert lake.number(sql) == Measured("r", Fraction(400_000), 1)
