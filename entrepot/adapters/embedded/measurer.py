"""Measuring rules over whole datasets in DuckDB: one scan for all counts, a locked-in session for SQL that users wrote."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entrepot.adapters.embedded.connections import Settings, instance, open_instance
from entrepot.adapters.embedded.queries import BATCH_ROWS, QueryResult, Resolve, check_select, translated
from entrepot.adapters.embedded.quoting import ident, literal
from entrepot.adapters.embedded.rules import Rendering
from entrepot.adapters.embedded.set_rules import (
    check_functions,
    columns_of_rule,
    count_sql,
    duplicates_sql,
    rows_sql,
)
from entrepot.contracts.model import Contract
from entrepot.contracts.set_rules import CountBroken, CountDuplicates, CountRows, MeasureSql
from entrepot.kernel.errors import EntrepotError, RunError
from entrepot.ports.engine import Result
from entrepot.ports.quality import Measured, MeasureTask, QueryToMeasure

if TYPE_CHECKING:
    import duckdb

TIMEOUT_S = 60.0


class DuckMeasurer:
    """Implements `ports.quality.Measurer`.

    Args:
        resolve: gives the SQL of a lake table at a version; called with the connection it is for.
        lake: the folder of the tables; SQL of users can read nothing else.
        zone: the project's: what a rule's SQL makes of an instant is what a model makes of it.
        memory_mb: limit of one call.
        timeout_s: limit of one rule's SQL.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        lake: Path,
        temp: Path,
        zone: str,
        threads: int,
        memory_mb: int = 400,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._resolve = resolve
        self._lake = lake
        self._settings = Settings(threads, memory_mb, temp)
        self._zone = zone
        self._timeout_s = timeout_s

    def measure(self, task: MeasureTask) -> Sequence[Measured]:
        """As `Measurer.measure`. Counts come first, in one scan; then duplicates and SQL, one after the other."""
        with instance(self._settings, self._zone) as connection:
            counted, rows = _Counting(connection, task, self._relation(connection, task)).run()
            found = {each.rule: each for each in counted}
            for rule in task.rules:
                if isinstance(rule, MeasureSql):
                    found[rule.id] = self._measure_sql(rule, task.queries.get(rule.id), rows)
        return [found[rule.id] for rule in task.rules]

    def broken_rows(self, task: MeasureTask, limit: int) -> Result:
        """As `Measurer.broken_rows`."""
        opened = open_instance(self._settings, self._zone)
        try:
            connection = opened.connection
            relation = self._relation(connection, task)
            sql = rows_sql(
                _rendering(connection, task.contract), relation, task.rules[0], _columns(connection, relation)
            )
            with translated():
                reader = connection.execute(f"{sql} LIMIT {limit:d}").to_arrow_reader(BATCH_ROWS)
        except BaseException:
            opened.close()
            raise
        return QueryResult(reader.schema, opened, reader)

    def _relation(self, connection: duckdb.DuckDBPyConnection, task: MeasureTask) -> str:
        return f"(SELECT * FROM {self._resolve(connection, task.table)})"

    def _measure_sql(self, rule: MeasureSql, query: QueryToMeasure | None, rows: int | None) -> Measured:
        """One rule's number, in a session of its own that can read the lake's files and nothing else."""
        if query is None:
            return Measured(rule.id, None, rows, "it reads a dataset that cannot be read now")
        try:
            with instance(self._settings, self._zone) as connection:
                self._open(connection, query)
                self._check(connection, rule.id, query)
                with self._bounded(connection):
                    number = _one_number(connection, query.sql)
        except EntrepotError as error:
            return Measured(rule.id, None, rows, error.message)
        return Measured(rule.id, number, rows)

    def _open(self, connection: duckdb.DuckDBPyConnection, query: QueryToMeasure) -> None:
        """Make the tables known, then lock the session: no other file, no setting, no network."""
        known = frozenset(name.lower() for name in query.tables)
        for name, table in query.tables.items():
            _create_view(connection, name, f"SELECT * FROM {self._resolve(connection, table)}")
        with translated():
            for name, sql in query.views.items():
                check_select(connection, sql, known)
                _create_view(connection, name, sql.strip().rstrip(";") + "\n")
                known |= {name.lower()}
        folders = ", ".join(literal(str(path)) for path in (self._lake, self._lake.resolve()))
        connection.execute(f"SET allowed_directories = [{folders}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")

    def _check(self, connection: duckdb.DuckDBPyConnection, rule: str, query: QueryToMeasure) -> None:
        known = frozenset(name.lower() for name in (*query.tables, *query.views))
        check_select(connection, query.sql, known)
        found = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query.sql]).fetchone()
        check_functions(rule, found[0] if found else "{}")

    @contextmanager
    def _bounded(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Stop what takes longer than the limit. Raises: RunError; ProjectError for DuckDB's own errors."""
        import duckdb

        timer = threading.Timer(self._timeout_s, connection.interrupt)
        timer.start()
        try:
            with translated():
                try:
                    yield
                except duckdb.InterruptException as error:
                    raise RunError(f"it took longer than {self._timeout_s:g} s and was stopped") from error
                except duckdb.OutOfMemoryException as error:
                    raise RunError(f"it needs more than {self._settings.memory_mb} MB of memory") from error
        finally:
            timer.cancel()


@dataclass(frozen=True, slots=True)
class _Counting:
    """All rules of a task that count rows."""

    connection: duckdb.DuckDBPyConnection
    task: MeasureTask
    relation: str

    def run(self) -> tuple[list[Measured], int | None]:
        """What the rules count, in no order, and how many rows there are."""
        there = _columns(self.connection, self.relation)
        found = []
        sound: list[CountBroken | CountRows] = []
        for rule in self.task.rules:
            missing = [name for name in columns_of_rule(rule) if name not in there]
            if missing:
                found.append(Measured(rule.id, None, None, f"{self.task.table.name} has no column {missing[0]} yet"))
            elif isinstance(rule, CountBroken | CountRows):
                sound.append(rule)
        scanned, rows = self._scan(sound)
        found += scanned
        doubled = [rule for rule in self.task.rules if isinstance(rule, CountDuplicates)]
        known = {each.rule for each in found}
        return found + [self._duplicates(rule, rows) for rule in doubled if rule.id not in known], rows

    def _scan(self, rules: Sequence[CountBroken | CountRows]) -> tuple[list[Measured], int | None]:
        """One scan for all; where one of them cannot be computed, one for each, to tell which."""
        context = _rendering(self.connection, self.task.contract)
        aggregates, errors = {}, []
        for rule in rules:
            try:
                aggregates[rule.id] = count_sql(context, rule) if isinstance(rule, CountBroken) else "count(*)"
            except EntrepotError as error:
                errors.append(Measured(rule.id, None, None, error.message))
        try:
            counts, rows = self._count(aggregates)
        except EntrepotError as error:
            if len(aggregates) < 2:
                failed = [Measured(id, None, None, error.message) for id in aggregates]
                return errors + failed, self._count({})[1] if aggregates else None
            single = [self._scan([rule]) for rule in rules if rule.id in aggregates]
            totals = (rows for _, rows in single if rows is not None)
            return errors + [each for found, _ in single for each in found], next(totals, None)
        return errors + [Measured(id, Fraction(count), rows) for id, count in counts.items()], rows

    def _count(self, aggregates: dict[str, str]) -> tuple[dict[str, int], int]:
        items = ", ".join(["count(*)", *aggregates.values()])
        with translated():
            row = self.connection.execute(f"SELECT {items} FROM {self.relation}").fetchone()
        assert row is not None
        return dict(zip(aggregates, row[1:], strict=True)), row[0]

    def _duplicates(self, rule: CountDuplicates, rows: int | None) -> Measured:
        try:
            with translated():
                found = self.connection.execute(duplicates_sql(self.relation, rule)).fetchone()
        except EntrepotError as error:
            return Measured(rule.id, None, rows, error.message)
        return Measured(rule.id, Fraction(found[0] if found else 0), rows)


def _rendering(connection: duckdb.DuckDBPyConnection, contract: Contract) -> Rendering:
    return Rendering(contract, connection, {column.name: ident(column.name) for column in contract.columns}, {}, {})


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[str, ...]:
    with translated():
        description = connection.execute(f"SELECT * FROM {relation} LIMIT 0").description or []
    return tuple(str(each[0]) for each in description)


def _create_view(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> None:
    layer, _, rest = name.partition(".")
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(layer)}")
    connection.execute(f"CREATE VIEW {ident(layer)}.{ident(rest)} AS {sql}")


def _one_number(connection: duckdb.DuckDBPyConnection, sql: str) -> Fraction:
    """Raises: RunError saying what came instead; never with the value itself."""
    found = connection.execute(f"SELECT * FROM ({sql}\n) LIMIT 2")
    columns = found.description or []
    rows = found.fetchall()
    if len(columns) != 1:
        raise RunError(f"its SELECT gives {len(columns)} columns; allowed is one number")
    if len(rows) != 1:
        raise RunError(f"its SELECT gives {'no row' if not rows else 'more than one row'}; allowed is one number")
    return _number(rows[0][0], str(columns[0][1]))


def _number(value: Any, kind: str) -> Fraction:
    if value is None:
        raise RunError("its SELECT gives null; allowed is one number: write coalesce(…, 0) where there may be no rows")
    if isinstance(value, bool | int | Decimal) or (isinstance(value, float) and math.isfinite(value)):
        return Fraction(value)
    raise RunError(f"its SELECT gives a value of type {kind} that is no number; allowed is one number")
