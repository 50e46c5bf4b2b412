"""Column lineage by trying it out: change one input column, run again, see which output columns are others."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import duckdb

from entrepot.kernel.names import Dataset
from entrepot.sql.lineage.find import find_lineage
from entrepot.sql.lineage.values import ColumnName
from tests.sql.lineage.shapes import SCHEMAS, TABLES, Shape

TYPES = {"g": "VARCHAR", "l": "INTEGER[]", "s": "STRUCT(p INTEGER, q INTEGER)"}
_ROWS = {"a": 12, "b": 9, "c": 6}
Rows = dict[str, list[list[object]]]
Outcome = dict[str, Counter[str]]


@dataclass(frozen=True)
class Miss:
    """An output column that changed with an input column which its lineage does not know."""

    shape: str
    output: str
    input: ColumnName


def find_misses(shapes: Iterable[Shape], seeds: Sequence[int]) -> set[Miss]:
    """What changed although no lineage says so."""
    chosen = list(shapes)
    found = set()
    for seed in seeds:
        for changed, shape, output in _changes(chosen, seed):
            lineage = find_lineage(shape.sql, SCHEMAS).find(output)
            if lineage is None or changed not in lineage.all:
                found.add(Miss(shape.name, output, changed))
    return found


def find_witnessed(shapes: Iterable[Shape], seeds: Sequence[int]) -> set[tuple[str, str, ColumnName]]:
    """The edges that were seen at work."""
    chosen = list(shapes)
    return {(shape.name, output, changed) for seed in seeds for changed, shape, output in _changes(chosen, seed)}


def _changes(shapes: Sequence[Shape], seed: int) -> Iterator[tuple[ColumnName, Shape, str]]:
    rows = make_rows(random.Random(seed))
    before = run_all(shapes, rows)
    for table, columns in TABLES.items():
        touched = [shape for shape in shapes if f"silver.{table}" in shape.sql]
        for place, column in enumerate(columns if touched else ()):
            name = ColumnName(Dataset("silver", table), column)
            after = run_all(touched, _perturb(rows, table, place, random.Random(f"{seed} {table} {column}")))
            for shape in touched:
                for output, values in after[shape.name].items():
                    if values != before[shape.name].get(output):
                        yield name, shape, output


def make_rows(dice: random.Random) -> Rows:
    """Few different values, so that keys meet, and nulls among them."""
    return {
        table: [[_value(dice, column, number) for column in columns] for number in range(1, _ROWS[table] + 1)]
        for table, columns in TABLES.items()
    }


def _value(dice: random.Random, column: str, number: int) -> object:
    if column == "i":
        return number
    if dice.random() < 0.12 and column != "l":
        return None
    if column == "g":
        return dice.choice("pqr")
    if column == "l":
        return [dice.randint(0, 6) for _ in range(dice.randint(0, 3))]
    if column == "s":
        return {"p": dice.randint(0, 6), "q": dice.randint(0, 6)}
    return dice.randint(0, 6)


def _perturb(rows: Rows, table: str, place: int, dice: random.Random) -> Rows:
    """New values for one column; numbers that tell rows apart are dealt out anew."""
    column = TABLES[table][place]
    count = len(rows[table])
    dealt = dice.sample(range(1, count + 4), count)
    changed = [
        [*row[:place], dealt[number] if column == "i" else _value(dice, column, number), *row[place + 1 :]]
        for number, row in enumerate(rows[table])
    ]
    return {**rows, table: changed}


def run_all(shapes: Sequence[Shape], rows: Rows) -> dict[str, Outcome]:
    """Every output column of every shape as a multiset of values."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("CREATE SCHEMA silver")
        for table, columns in TABLES.items():
            typed = ", ".join(f"{column} {TYPES.get(column, 'INTEGER')}" for column in columns)
            connection.execute(f"CREATE TABLE silver.{table} ({typed})")
            marks = ", ".join("?" for _ in columns)
            connection.executemany(f"INSERT INTO silver.{table} VALUES ({marks})", rows[table])
        return {shape.name: _run(connection, shape.sql) for shape in shapes}


def _run(connection: duckdb.DuckDBPyConnection, sql: str) -> Outcome:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    return {name: Counter(repr(row[place]) for row in rows) for place, name in enumerate(names)}
