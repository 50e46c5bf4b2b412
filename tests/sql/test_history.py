"""Type-2 history: the compiled SELECT, run by DuckDB, against an oracle that is slow and obvious."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from entrepot.sql.checks import check_select
from entrepot.sql.history import History, compile_history
from entrepot.sql.query import parse_query

pytestmark = pytest.mark.req("F3")

Row = dict[str, Any]
Version = tuple[Any, ...]

COLUMNS = ("k", "part", "at", "a", "b", "gone", "seq", "loaded")
EVENTS = History(("k", "part"), valid_from="at", deleted="gone", order=("seq",), ignore=("loaded",))
SNAPSHOTS = History(("k", "part"), snapshot="at", ignore=("loaded",))


class ContradictionError(Exception):
    """Rows of one entity and instant say different things."""


@dataclass(frozen=True)
class Case:
    """One log of rows and how to read it."""

    options: History
    rows: list[Row]
    time: pa.DataType

    def table(self) -> pa.Table:
        types = [pa.int64(), pa.string(), self.time, pa.int64(), pa.string(), pa.bool_(), pa.int64(), pa.string()]
        schema = pa.schema(list(zip(COLUMNS, types, strict=True)))
        return pa.Table.from_pylist(self.rows, schema=schema)


# --- the oracle: for every instant of the log, ask what the entity was then ---------------------------------------


def expected(case: Case) -> list[Version]:
    """All versions, by going through every entity and every instant one by one."""
    options = case.options
    whole = [row for row in case.rows if all(row[name] is not None for name in (*options.key, options.time))]
    days = sorted({row[options.time] for row in case.rows if row[options.time] is not None})
    found = [_shown(case, row, row[options.time], None, None) for row in case.rows if row not in whole]
    for entity in {tuple(row[name] for name in options.key) for row in whole}:
        own = [row for row in whole if tuple(row[name] for name in options.key) == entity]
        told = {at: _told(case, [row for row in own if row[options.time] == at]) for at in days}
        found += _runs(case, [(at, _at(case, told, at)) for at in days])
    return sorted(found, key=repr)


def _told(case: Case, rows: list[Row]) -> Row | None:
    """The row that holds among those of one entity and instant."""
    if not rows:
        return None
    ranks = [tuple((row[name] is not None, row[name] or 0) for name in case.options.order) for row in rows]
    last = [row for row, rank in zip(rows, ranks, strict=True) if rank == max(ranks)]
    if len({_state(case, row) for row in last}) > 1:
        raise ContradictionError
    return min(
        last, key=lambda row: [(row[name] is None, row[name] or "") for name in COLUMNS if name in case.options.ignore]
    )


def _at(case: Case, told: dict[Any, Row | None], at: Any) -> Row | None:
    if case.options.snapshot:
        return told[at]
    before = [row for instant, row in told.items() if instant <= at and row is not None]
    return before[-1] if before else None


def _state(case: Case, row: Row | None) -> tuple[Any, ...] | None:
    options = case.options
    if row is None or (options.deleted is not None and row[options.deleted]):
        return None
    aside = {*options.key, options.time, options.deleted, *options.order, *options.ignore}
    return tuple(row[name] for name in COLUMNS if name not in aside)


def _runs(case: Case, states: list[tuple[Any, Row | None]]) -> Iterator[Version]:
    """Runs of one state."""
    opened: tuple[Any, Row] | None = None
    for at, row in states:
        if opened is not None and _state(case, row) == _state(case, opened[1]):
            continue
        if opened is not None:
            yield _shown(case, opened[1], opened[0], at, False)
        opened = None if row is None or _state(case, row) is None else (at, row)
    if opened is not None:
        yield _shown(case, opened[1], opened[0], None, True)


def _shown(case: Case, row: Row, begin: Any, end: Any, current: bool | None) -> Version:
    own = [row[name] for name in COLUMNS if name not in (case.options.time, case.options.deleted)]
    return (*own, begin, end, current)


# --- the engine ----------------------------------------------------------------------------------------------------


@cache
def engine() -> duckdb.DuckDBPyConnection:
    """One for all cases: opening it takes longer than they do."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE SCHEMA silver")
    return connection


def run(case: Case, sql: str | None = None, *, where: str = "TRUE") -> list[Version]:
    """The versions as DuckDB gives them."""
    sql = sql or compile_history("SELECT * FROM silver.log", case.options, COLUMNS)
    connection = engine()
    connection.register("log", case.table())
    connection.execute("CREATE OR REPLACE VIEW silver.log AS SELECT * FROM log")
    try:
        found = connection.execute(f"SELECT * FROM ({sql}) WHERE {where}").to_arrow_table()
    except (duckdb.InvalidInputException, pa.ArrowException) as error:
        if "has different states from one" in str(error):
            raise ContradictionError from error
        raise
    return sorted((tuple(row.values()) for row in found.to_pylist()), key=repr)


def outcome(work: Callable[[], list[Version]]) -> list[Version] | str:
    try:
        return work()
    except ContradictionError:
        return "contradiction"


# --- random logs ---------------------------------------------------------------------------------------------------


def random_case(seed: int) -> Case:
    """A log with nulls, late rows, corrections, deletes, entities that come again, rows of one instant, and rows of no entity."""
    draw = random.Random(seed)
    is_snapshot = draw.random() < 0.4
    time, instants = _times(draw)
    options = SNAPSHOTS if is_snapshot else EVENTS
    if is_snapshot and draw.random() < 0.4:
        options = replace(options, deleted="gone")
    if not is_snapshot and draw.random() < 0.2:
        options = replace(options, deleted=None)
    if draw.random() < 0.5:
        options = replace(options, order=() if options.order else ("seq",))
    if draw.random() < 0.3:
        options = replace(options, ignore=("loaded", "b"))
    unique = draw.random() < 0.7
    rows = [_random_row(draw, options, instants, number if unique else draw.randint(0, 2)) for number in range(draw.randint(0, 24))]  # fmt: skip
    if not options.order and draw.random() < 0.8:
        rows = _one_per_instant(options, rows)
    draw.shuffle(rows)
    return Case(options, rows, time)


def _times(draw: random.Random) -> tuple[pa.DataType, list[Any]]:
    day = date(2026, 1, 30)
    if draw.random() < 0.4:
        return pa.date32(), [day + timedelta(days=3 * n) for n in range(draw.randint(1, 7))]
    begin = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
    step = timedelta(microseconds=1) if draw.random() < 0.3 else timedelta(minutes=47)
    if draw.random() < 0.5:
        return pa.timestamp("us"), [begin.replace(tzinfo=None) + step * n for n in range(draw.randint(1, 7))]
    return pa.timestamp("us", "UTC"), [begin + step * n for n in range(draw.randint(1, 7))]


def _random_row(draw: random.Random, options: History, instants: Sequence[Any], seq: int) -> Row:
    deletes = 0.25 if options.deleted else 0.5
    return {
        "k": None if draw.random() < 0.04 else draw.randint(1, 3),
        "part": None if draw.random() < 0.04 else draw.choice("xy"),
        "at": None if draw.random() < 0.04 else draw.choice(instants),
        "a": draw.choice([None, 1, 2]),
        "b": draw.choice([None, "", "p"]),
        "gone": draw.choice([True, None, False]) if draw.random() < deletes else False,
        "seq": None if draw.random() < 0.05 else seq,
        "loaded": draw.choice(["l1", "l2", None]),
    }


def _one_per_instant(options: History, rows: list[Row]) -> list[Row]:
    """Mostly one row of an entity and instant, so that most cases without an order are good ones."""
    return list({tuple(row[name] for name in (*options.key, options.time)): row for row in rows}.values())


# --- the properties ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, 240, 60))
def test_versions_are_those_of_the_oracle(first: int) -> None:
    """Over random logs the SELECT gives what going through every instant gives, or refuses what contradicts itself."""
    refused = 0
    for seed in range(first, first + 60):
        case = random_case(seed)
        wanted = outcome(lambda: expected(case))  # noqa: B023
        assert outcome(lambda: run(case)) == wanted, f"seed {seed}"  # noqa: B023
        refused += wanted == "contradiction"
    assert 0 < refused < 30


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_versions_are_those_of_the_oracle_over_many_logs() -> None:
    """The same over thousands of logs."""
    for seed in range(1_000, 9_000):
        case = random_case(seed)
        assert outcome(lambda: run(case)) == outcome(lambda: expected(case)), f"seed {seed}"  # noqa: B023


def test_a_filter_on_the_key_outside_changes_nothing_else() -> None:
    """The versions of some entities are the same when only they are computed, as the incremental build does."""
    for seed in range(60):
        case = random_case(seed)
        if outcome(lambda: run(case)) == "contradiction":  # noqa: B023
            continue
        wanted = [version for version in run(case) if version[0] in (1, 2) and version[1] == "x"]
        assert run(case, where="k IN (1, 2) AND part = 'x'") == wanted, f"seed {seed}"


def test_other_entities_rows_change_no_version() -> None:
    """What is said of one entity leaves the versions of all others as they were; a snapshot more is the one exception."""
    for seed in range(60):
        case = random_case(seed)
        if case.options.snapshot or outcome(lambda: run(case)) == "contradiction":  # noqa: B023
            continue
        without = replace(case, rows=[row for row in case.rows if row["k"] != 1])
        assert run(without) == [version for version in run(case) if version[0] != 1], f"seed {seed}"


SABOTAGE: list[tuple[str, str, str]] = [
    ("null-unsafe comparison", '"a" IS DISTINCT FROM lag("a")', '"a" <> lag("a")'),
    ("a column not compared", '"b" IS DISTINCT FROM lag("b")', '"k" IS DISTINCT FROM lag("k")'),
    ("ignored columns compared", '"a" IS DISTINCT FROM lag("a")', '"loaded" IS DISTINCT FROM lag("loaded")'),
    ("the first of an instant wins", '"seq" DESC NULLS LAST', '"seq" ASC NULLS LAST'),
    ("null order wins", "DESC NULLS LAST", "DESC NULLS FIRST"),
    ("deletes are not seen", 'coalesce("__history_rows"."gone", FALSE)', "FALSE"),
    ("null deleted is deleted", 'coalesce("__history_rows"."gone", FALSE)', 'coalesce("__history_rows"."gone", TRUE)'),
    ("deleted states are shown", 'WHERE "__history_live" OR NOT "__history_whole"', ""),
    ("rows of no entity are lost", 'WHERE "__history_live" OR NOT "__history_whole"', 'WHERE "__history_live" AND "__history_whole"'),
    ("part of the key is forgotten", 'PARTITION BY "k", "part"', 'PARTITION BY "k"'),
    ("a null key is an entity", '"__history_rows"."part" IS NOT NULL AND', ""),
    ("equal states open versions", 'WHERE "__history_opens"', "WHERE TRUE"),
    ("contradictions pass", "error(", "FALSE AND NULL = ("),
    ("gaps between snapshots are not seen", 'WHEN "__history_live" AND lag("__history_next")', 'WHEN FALSE AND lag("__history_next")'),
    ("the last end is forgotten", ', "__history_last")', ")"),
    ("an end is where the entity comes again", 'coalesce(lead("__history_ended")', 'coalesce(lead("at")'),
    ("the running frame", " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING", ""),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "right", "wrong"), SABOTAGE, ids=[fault for fault, *_ in SABOTAGE])
def test_broken_variants_are_caught(fault: str, right: str, wrong: str) -> None:
    """Each fault built into the SELECT on purpose gives other versions than the oracle for some of the plain test's logs."""
    for seed in range(240):
        case = random_case(seed)
        sql = compile_history("SELECT * FROM silver.log", case.options, COLUMNS)
        broken = sql.replace(right, wrong)
        if broken != sql and outcome(lambda: run(case, broken)) != outcome(lambda: expected(case)):  # noqa: B023
            return
    pytest.fail(f"{fault}: no log of the plain test shows it")


@pytest.mark.parametrize("options", [EVENTS, SNAPSHOTS, replace(SNAPSHOTS, deleted="gone", order=("seq",))])
def test_the_select_is_one_that_models_may_be(options: History) -> None:
    """It parses, holds nothing that differs from run to run, and gives the same text again."""
    sql = compile_history(parse_query("SELECT * FROM silver.log -- all of it\n;"), options, COLUMNS)
    check_select(sql)
    assert sql == compile_history(parse_query("SELECT * FROM silver.log"), options, COLUMNS)
    assert parse_query(sql).tree.named_selects[-3:] == ["valid_from", "valid_to", "is_current"]
