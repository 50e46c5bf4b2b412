"""Counting what stands in columns: forms, lengths, distinct values, ranges. Implements `ports.profile.Profiler` for the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from entrepot.adapters.embedded.casts import cast_text, step, trimmed
from entrepot.adapters.embedded.conversions import cast_column
from entrepot.adapters.embedded.nested.functions import is_nested
from entrepot.adapters.embedded.quoting import ident, literal
from entrepot.contracts.infer.forms import FORMS, LEADING_ZERO, MARKS, Form
from entrepot.contracts.infer.profile import ColumnProfile, TableProfile
from entrepot.contracts.inferred import type_of_arrow
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import DataError
from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.ports.relations import FAULTS, RECORD, ParquetScan, Part, Stream

if TYPE_CHECKING:
    import duckdb

_SAMPLE_ROWS = 20_000
"""Rows that decide which forms are worth counting in all rows: a form that hardly any of them has makes no type."""
_SAMPLE_SHARE = 0.5
_FEW = 12
_PAIRED = 8
"""Columns of which pairs are tried as a key."""
_MOST_PAIRS = 3
_FAULTY = "__entrepot_faulty"
_NUMBERS = ("integer", "number", "scientific")
_RANGED = (Kind.INTEGER, Kind.DECIMAL, Kind.DOUBLE, Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL)


def profile_rows(
    connection: duckdb.DuckDBPyConnection, readers: Iterator[tuple[str, pa.RecordBatchReader]], most_rows: int | None
) -> TableProfile:
    """Count all rows of the readers, which must have the same columns. Times without offset are read in the session's zone.

    Raises: DataError when the columns differ.
    """
    schema, is_sample = _load(connection, readers, most_rows)
    rows = _one(connection, "SELECT count(*) FROM profiled")[0]
    columns = tuple(_profile_column(connection, field) for field in schema)
    singles = any(column.distinct == rows and not column.nulls + column.blanks for column in columns)
    pairs = () if singles or not rows else _find_pairs(connection, columns, rows)
    faulty = _one(connection, f"SELECT count(*) FILTER ({_FAULTY}) FROM profiled")[0]
    return TableProfile(rows, columns, pairs, is_sample, faulty)


def open_parts(
    connection: duckdb.DuckDBPyConnection, parts: Sequence[Part]
) -> Iterator[tuple[str, pa.RecordBatchReader]]:
    """Each part's rows, without what only the flow needs."""
    for part in parts:
        match part.rows:
            case Stream() as stream:
                yield part.place, pa.RecordBatchReader.from_batches(stream.schema, stream.open())
            case ParquetScan(path):
                sql = f"SELECT * FROM read_parquet({literal(str(path))})"
                yield part.place, connection.cursor().execute(sql).to_arrow_reader(1 << 14)
            case _:
                raise AssertionError("a source gives streams or Parquet files")


def _load(
    connection: duckdb.DuckDBPyConnection, readers: Iterator[tuple[str, pa.RecordBatchReader]], most_rows: int | None
) -> tuple[list[pa.Field], bool]:
    """Put the rows into a temporary table, which spills to disk; say whether there were more."""
    fields: list[pa.Field] = []
    first = ""
    left = most_rows
    for place, reader in readers:
        found = [field for field in reader.schema if field.name not in (RECORD, FAULTS, *SYSTEM_COLUMNS)]
        is_faulty = f"{ident(FAULTS)} IS NOT NULL" if FAULTS in reader.schema.names else "false"
        chosen = ", ".join([*(ident(field.name) for field in found), f"{is_faulty} AS {_FAULTY}"])
        limit = "" if left is None else f" LIMIT {left + 1}"
        connection.register("incoming", reader)
        if not fields:
            fields, first = found, place
            connection.execute(f"CREATE TEMP TABLE profiled AS SELECT {chosen} FROM incoming{limit}")
        elif [field.name.lower() for field in found] != [field.name.lower() for field in fields]:
            raise DataError(
                f"{place} has other columns than {first}: {', '.join(field.name for field in found)}.",
                hint="Choose one with the source's options, such as excel: {sheet: …}.",
            )
        else:
            connection.execute(f"INSERT INTO profiled SELECT {chosen} FROM incoming{limit}")
        connection.unregister("incoming")
        if most_rows is not None:
            left = most_rows - _one(connection, "SELECT count(*) FROM profiled")[0]
            if left < 0:
                connection.execute(f"DELETE FROM profiled WHERE rowid >= {most_rows}")
                return fields, True
    return fields, False


def _profile_column(connection: duckdb.DuckDBPyConnection, field: pa.Field) -> ColumnProfile:
    is_text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    column = ident(field.name)
    is_value = f"{column} IS NOT NULL" + (f" AND {trimmed(column)} <> ''" if is_text else "")
    forms = _count_forms(connection, column, is_value) if is_text else {}
    stated = None if is_text else _type_of(field)
    values, nulls, distinct, longest, digits, scale = _one(
        connection,
        f"""SELECT count(*) FILTER ({is_value}), count(*) FILTER ({column} IS NULL),
            count(DISTINCT CAST({column} AS VARCHAR)) FILTER ({is_value}), max(length(CAST({column} AS VARCHAR))),
            max(length(regexp_extract(CAST({column} AS VARCHAR), '^[+-]?([0-9]*)', 1))),
            max(length(regexp_extract(CAST({column} AS VARCHAR), '[.]([0-9]+)$', 1)))
            FROM profiled""",
    )
    rows = _one(connection, "SELECT count(*) FROM profiled")[0]
    counted = ColumnProfile(
        name=field.name,
        type=stated,
        values=values,
        nulls=nulls,
        blanks=rows - values - nulls,
        distinct=distinct,
        longest=longest or 0,
        forms=forms,
        digits=digits or 0,
        scale=scale or 0,
        misfits=_count_misfits(connection, column, stated) if stated else 0,
    )
    distinct_as, unclear = _read_as(connection, column, counted)
    smallest, largest = _range(connection, column, counted)
    listed = _list_values(connection, column, is_value) if 0 < distinct <= _FEW else ()
    return ColumnProfile(
        **{
            name: getattr(counted, name)
            for name in ColumnProfile.__slots__
            if name not in ("smallest", "largest", "listed", "distinct_as", "unclear")
        },
        distinct_as=distinct_as,
        unclear=unclear,
        smallest=smallest,
        largest=largest,
        listed=listed,
    )


def _type_of(field: pa.Field) -> ColumnType:
    return type_of_arrow(field.type, field.name)


def _count_forms(connection: duckdb.DuckDBPyConnection, column: str, is_value: str) -> dict[str, int]:
    """Forms that a sample makes likely, counted in all rows."""
    every = (*FORMS, *MARKS)
    sampled = _one(
        connection,
        f"SELECT count(*) FILTER ({is_value}), {', '.join(_counting(form, column) for form in every)} "
        f"FROM (SELECT {column} FROM profiled LIMIT {_SAMPLE_ROWS})",
    )
    least = sampled[0] * _SAMPLE_SHARE
    likely = [form for form, count in zip(every, sampled[1:], strict=True) if form == LEADING_ZERO or count > least]
    return {form.name: _count_form(connection, form, column) for form in likely}


def _counting(form: Form, column: str) -> str:
    return f"count(*) FILTER ({_looks(form, column)})"


def _looks(form: Form, column: str) -> str:
    return f"{column} <> '' AND regexp_full_match({column}, {literal(form.pattern)})"


def _count_form(connection: duckdb.DuckDBPyConnection, form: Form, column: str) -> int:
    """Values that look like the form and that the engine takes as its type."""
    if form.type.kind in (Kind.STRING, Kind.DECIMAL):
        found = _one(connection, f"SELECT {_counting(form, column)} FROM profiled")
    else:
        found = _one(connection, f"SELECT count(typed) FROM ({_typed(form, column, 'UTC')})")
    return int(found[0])


def _typed(form: Form, column: str, zone: str) -> str:
    """SQL: the values that look like the form, as a source with the drafted contract would type them: `typed`."""
    return _in_steps(
        cast_text(form.type, "v", "f", zone), f"SELECT {column} AS v FROM profiled WHERE {_looks(form, column)}"
    )


def _in_steps(steps: Sequence[str], query: str) -> str:
    for level, sql in enumerate(steps):
        name = "typed" if level == len(steps) - 1 else step("f", level)
        query = f"SELECT *, {sql} AS {name} FROM ({query})"
    return query


def _read_as(
    connection: duckdb.DuckDBPyConnection, column: str, counted: ColumnProfile
) -> tuple[dict[str, int], dict[str, int]]:
    """Of the forms that all values have: distinct values, and those that name no one instant in the session's zone."""
    distinct, unclear = {}, {}
    zone = str(_one(connection, "SELECT current_setting('TimeZone')")[0])
    for form in counted.fitting():
        if form.type.kind is Kind.DECIMAL:
            continue
        query = f"SELECT count(typed), count(DISTINCT typed) FROM ({_typed(form, column, zone)})"
        taken, distinct[form.name] = _one(connection, query)
        if taken < counted.values:
            unclear[form.name] = counted.values - taken
    return distinct, unclear


def _count_misfits(connection: duckdb.DuckDBPyConnection, column: str, stated: ColumnType) -> int:
    """Values of a date or time that the engine does not take as what the source says they are."""
    source = str(_one(connection, f"SELECT typeof({column}) FROM profiled UNION ALL SELECT '' LIMIT 1")[0])
    if (
        stated.kind not in (Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL)
        or not source
        or is_nested(source)
    ):
        return 0
    steps = cast_column(Column("v", stated), source, "v", "f", "UTC", "the data")
    query = _in_steps(steps, f"SELECT {column} AS v FROM profiled")
    return int(_one(connection, f"SELECT count(v) - count(typed) FROM ({query})")[0])


def _range(connection: duckdb.DuckDBPyConnection, column: str, counted: ColumnProfile) -> tuple[str | None, str | None]:
    """Smallest and largest value, where values have an order that people know."""
    fitting = counted.fitting()
    if counted.type is not None:
        value = column if counted.type.kind in _RANGED else None
    elif fitting and fitting[-1].codes:
        value = f"try_strptime({column}, {literal(fitting[-1].codes)})"
    elif fitting and fitting[0].name in _NUMBERS:
        value = (
            f"TRY_CAST({column} AS DOUBLE)"
            if fitting[0].name == "scientific"
            else f"TRY_CAST({column} AS DECIMAL(38, {min(counted.scale, 18)}))"
        )
    else:
        value = None
    if value is None:
        return None, None
    smallest, largest = _one(
        connection, f"SELECT CAST(min({value}) AS VARCHAR), CAST(max({value}) AS VARCHAR) FROM profiled"
    )
    return tuple(None if text is None else text.removesuffix(" 00:00:00") for text in (smallest, largest))  # type: ignore[return-value]


def _list_values(connection: duckdb.DuckDBPyConnection, column: str, is_value: str) -> tuple[str, ...]:
    found = connection.execute(
        f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM profiled WHERE {is_value} ORDER BY 1"
    ).fetchall()
    return tuple(row[0] for row in found)


def _find_pairs(
    connection: duckdb.DuckDBPyConnection, columns: tuple[ColumnProfile, ...], rows: int
) -> tuple[tuple[str, str], ...]:
    full = [column for column in columns if column.values == rows and column.distinct > 1]
    likely = sorted(full, key=lambda column: -column.distinct)[:_PAIRED]
    found: list[tuple[str, str]] = []
    for first, second in combinations([column for column in columns if column in likely], 2):
        if first.distinct * second.distinct < rows:
            continue
        both = f"{ident(first.name)}, {ident(second.name)}"
        groups = _one(connection, f"SELECT count(*) FROM (SELECT DISTINCT {both} FROM profiled)")[0]
        if groups == rows:
            found.append((first.name, second.name))
        if len(found) == _MOST_PAIRS:
            break
    return tuple(found)


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row
