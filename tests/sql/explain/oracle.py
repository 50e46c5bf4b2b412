"""Brute force: is a row's list enough, does it hold too little, does it hold too much?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import duckdb

from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.sql.explain import Carrier, IdLists, Input, Rewritten, carried_name, rewrite
from entrepot.sql.query import parse_query
from tests.sql.explain.model_shapes import MAY_NOT_MATTER, NOT_COMPLETE, SHAPES, VIEWS

R, S, T, U = (parse_dataset(name) for name in ("bronze.r", "bronze.s", "bronze.t", "silver.u"))
TABLES = (R, S, T, U)
COLUMNS = {
    R: "_record_id BIGINT, k INTEGER, g VARCHAR, d DATE, x DECIMAL(9, 3)",
    S: "_record_id BIGINT, k INTEGER, y DECIMAL(9, 3)",
    T: "_record_id BIGINT, k INTEGER, g VARCHAR, z DECIMAL(9, 3)",
    U: "k INTEGER, w INTEGER",
}
INPUTS: dict[Dataset, Input] = {
    table: Input(table, f"all_rows.{table.name}")
    if table != U
    else Input(U, "all_rows.u", (("k", "INTEGER"), ("w", "INTEGER")))
    for table in TABLES
}
Ids = Mapping[Dataset, frozenset[object]]


@dataclass
class World:
    """Small tables with null keys, and the means to take rows out of them."""

    connection: duckdb.DuckDBPyConnection
    ids: dict[Dataset, list[object]]

    def run(self, sql: str, kept: Ids | None = None, removed: tuple[Dataset, object] | None = None) -> Counter[tuple]:
        """The rows of a SELECT over some rows of the tables."""
        for table in TABLES:
            wanted: Iterable[object] = self.ids[table] if kept is None else kept.get(table, frozenset())
            values = [id for id in wanted if removed is None or (table, id) != removed]
            self._keep(table, values)
        return Counter(map(_hashable, self.connection.execute(sql).fetchall()))

    def _keep(self, table: Dataset, values: list[object]) -> None:
        name = table.name
        if table == U:
            rows = " OR ".join(f"(k IS NOT DISTINCT FROM {_sql(k)} AND w = {w})" for k, w in values) or "false"
        else:
            rows = f"_record_id IN ({', '.join(map(str, values))})" if values else "false"
        self.connection.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM all_rows.{name} WHERE {rows}")


def make_world(seed: int, rows: int = 9) -> World:
    """Tables with few keys, among them null, so that much meets."""
    rng = random.Random(seed)
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA all_rows")
    for table, columns in COLUMNS.items():
        connection.execute(f"CREATE TABLE all_rows.{table.name} ({columns})")
    key = [1, 2, 3, None]
    for number in range(1, rows + 1):
        day = f"2026-01-{rng.randint(1, 9):02d}"
        row = (number, rng.choice(key), rng.choice(["a", "b", None]), day, _amount(rng, 90))
        connection.execute("INSERT INTO all_rows.r VALUES (?, ?, ?, ?, ?)", row)
    for number in range(1, rows - 2):
        connection.execute("INSERT INTO all_rows.s VALUES (?, ?, ?)", (number, rng.choice(key), _amount(rng, 60)))
        row = (number, rng.choice(key), rng.choice(["a", "b", None]), _amount(rng, 50))
        connection.execute("INSERT INTO all_rows.t VALUES (?, ?, ?, ?)", row)
    for w in rng.sample(range(1, 60), rows // 2):
        connection.execute("INSERT INTO all_rows.u VALUES (?, ?)", (rng.choice(key), w))
    ids: dict[Dataset, list[object]] = {}
    for table in TABLES:
        columns = "k, w" if table == U else "_record_id"
        found = connection.execute(f"SELECT {columns} FROM all_rows.{table.name}").fetchall()
        ids[table] = [row if table == U else row[0] for row in found]
    world = World(connection, ids)
    world.run("SELECT 1")
    for name, sql in VIEWS.items():
        connection.execute(f"CREATE VIEW {name} AS {sql}")
    return world


def _amount(rng: random.Random, most: int) -> str:
    """An amount whose sums hardly ever meet by chance."""
    return f"{rng.randint(1, most - 1)}.{rng.randint(0, 999):03d}"


def rewritten(sql: str, carrier: Carrier | None = None) -> Rewritten:
    """The SELECT of a shape, rewritten."""
    views = {parse_dataset(name): parse_query(text) for name, text in VIEWS.items()}
    return rewrite(parse_query(sql), INPUTS, carrier or IdLists(), views)


def explained(world: World, found: Rewritten) -> list[tuple[tuple, Ids]]:
    """Each row of the SELECT with its lists; equal rows are one, with the lists of all."""
    world.run("SELECT 1")
    relation = world.connection.execute(found.sql)
    width = len(relation.description) - len(found.tables)
    assert [each[0] for each in relation.description[width:]] == [carried_name(table) for table in found.tables]
    rows: dict[tuple, dict[Dataset, frozenset[object]]] = {}
    order: list[tuple] = []
    for row in relation.fetchall():
        key = _hashable(row[:width])
        order.append(key)
        lists = rows.setdefault(key, dict.fromkeys(found.tables, frozenset()))
        for table, ids in zip(found.tables, row[width:], strict=True):
            lists[table] |= {(id["k"], id["w"]) if table == U else id for id in ids}
    return [(key, rows[key]) for key in order]


def find_faults(world: World, name: str, found: Rewritten, *, most: int, rng: random.Random) -> Iterator[str]:
    """What is wrong with the lists of a SELECT's rows, in words; nothing when nothing is."""
    sql, complete = SHAPES[name], name not in NOT_COMPLETE
    pairs = explained(world, found)
    if Counter(key for key, _ in pairs) != world.run(sql):
        yield "the rewritten SELECT gives other rows"
        return
    distinct = list(dict(pairs).items())
    for key, lists in rng.sample(distinct, min(most, len(distinct))):
        count = world.run(sql)[key]
        if world.run(sql, lists)[key] < 1:
            yield f"not enough for {key}: {_short(lists)}"
        for table in found.tables:
            yield from _find_missing(world, sql, found, (key, lists, count), table, rng, complete=complete)
            if name not in MAY_NOT_MATTER:
                yield from _find_needless(world, sql, found, (key, lists, count), table, rng)


def _find_missing(
    world: World,
    sql: str,
    found: Rewritten,
    row: tuple[tuple, Ids, int],
    table: Dataset,
    rng: random.Random,
    *,
    complete: bool,
) -> Iterator[str]:
    key, lists, count = row
    others = [id for id in world.ids[table] if id not in lists[table]]
    if not complete or table in found.absences:
        return
    for id in rng.sample(others, min(3, len(others))):
        if world.run(sql, removed=(table, id))[key] != count:
            yield f"{key} depends on {table} {id}, which is not listed"


def _find_needless(
    world: World, sql: str, found: Rewritten, row: tuple[tuple, Ids, int], table: Dataset, rng: random.Random
) -> Iterator[str]:
    key, lists, count = row
    if table in found.longer:
        return
    listed = sorted(lists[table], key=str)
    for id in rng.sample(listed, min(3, len(listed))):
        if world.run(sql, removed=(table, id))[key] == count:
            yield f"{key} does not need {table} {id}, and the list is called exact"


def _hashable(row: Iterable[object]) -> tuple:
    return tuple(_frozen(value) for value in row)


def _frozen(value: object) -> object:
    if isinstance(value, dict):
        return tuple(value.values())
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _sql(value: object) -> str:
    return "NULL" if value is None else str(value)


def _short(lists: Ids) -> str:
    return ", ".join(f"{table}: {sorted(ids, key=str)}" for table, ids in lists.items())
