"""Five tables that change at random, and the oracle: after each change the refreshed target equals a full one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.sql.incremental.limit import limit_to_touched, touched_condition
from entrepot.sql.incremental.touched import derive_touched, why_full
from entrepot.sql.query import Query, parse_query
from tests.sql.incremental.incremental_shapes import VIEWS, Shape

TABLES: Mapping[str, str] = {
    "silver.sales": "id INT, customer INT, product INT, ts TIMESTAMP, amount INT, region VARCHAR, tags VARCHAR[]",
    "silver.customers": "id INT, country VARCHAR, favourite INT, vip BOOLEAN",
    "silver.products": "id INT, category VARCHAR, price INT",
    "silver.returns": "id INT, sale INT, ts TIMESTAMP, amount INT",
    "silver.rates": "currency VARCHAR, since TIMESTAMP, until TIMESTAMP, rate INT",
}
_SIZES = {"silver.sales": 30, "silver.customers": 8, "silver.products": 6, "silver.returns": 10, "silver.rates": 5}
PARSED_VIEWS: Mapping[Dataset, Query] = {parse_dataset(name): parse_query(sql) for name, sql in VIEWS.items()}


@dataclass(slots=True)
class Counts:
    """What an oracle's run saw."""

    cases: int = 0
    changed: int = 0
    """Cases in which the model's rows did change."""
    partly: int = 0
    """Of those: only some of the keys were touched."""
    wrong: list[str] = field(default_factory=list)
    keys: int = 0
    touched: int = 0


class World:
    """Tables in the schemas new, old, added and removed, as a derivation's SQL reads them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.connection = duckdb.connect(config={"threads": 1})
        self.next_id = 1
        for side in ("new", "old", "added", "removed"):
            self.connection.execute(f"CREATE SCHEMA {side}")
            for name, columns in TABLES.items():
                self.connection.execute(f'CREATE TABLE {side}."{name}" (_record_id BIGINT, {columns})')
        self.connection.execute("CREATE SCHEMA silver")
        for name in TABLES:
            self.connection.execute(f'CREATE VIEW {name} AS SELECT * FROM new."{name}"')
        for name, sql in reversed(VIEWS.items()):
            self.connection.execute(f"CREATE VIEW {name} AS {sql}")
        for name, size in _SIZES.items():
            self._append(name, size)

    def change(self) -> tuple[set[Dataset], set[Dataset]]:
        """Make the present state the old one, then change some tables. Returns: those that changed, and those with removed rows."""
        for name in TABLES:
            self.connection.execute(f'DELETE FROM old."{name}"; INSERT INTO old."{name}" FROM new."{name}"')
        names = [name for name in TABLES if self.random.random() < (0.8 if name == "silver.sales" else 0.35)]
        names = names or [self.random.choice(list(TABLES))]
        for name in names:
            for _ in range(self.random.randint(1, 3)):
                self.random.choice((self._append, self._append, self._correct, self._correct_in_place, self._delete))(
                    name
                )
        return self._compare()

    def _compare(self) -> tuple[set[Dataset], set[Dataset]]:
        changed, removed_from = set(), set()
        for name in TABLES:
            counts = []
            for side, one, other in (("added", "new", "old"), ("removed", "old", "new")):
                self.connection.execute(f'DELETE FROM {side}."{name}"')
                found = self.connection.execute(
                    f'INSERT INTO {side}."{name}" (FROM {one}."{name}" EXCEPT ALL FROM {other}."{name}")'
                ).fetchone()
                counts.append(found[0] if found else 0)
            if any(counts):
                changed.add(parse_dataset(name))
            if counts[1]:
                removed_from.add(parse_dataset(name))
        return changed, removed_from

    def _append(self, name: str, most: int = 3) -> None:
        count = most if most > 3 else self.random.randint(1, most)
        rows = [self._row(name, self._new_id()) for _ in range(count)]
        self._insert(name, rows)

    def _correct(self, name: str) -> None:
        """A row goes, another one with a new record id comes."""
        if self._delete(name):
            self._append(name, 1)

    def _correct_in_place(self, name: str) -> None:
        """A row changes and keeps its record id."""
        ids = self._pick(name)
        if ids:
            self.connection.execute(f'DELETE FROM new."{name}" WHERE _record_id = ?', [ids[0]])
            self._insert(name, [self._row(name, ids[0])])

    def _delete(self, name: str) -> bool:
        ids = self._pick(name)
        for one in ids:
            self.connection.execute(f'DELETE FROM new."{name}" WHERE _record_id = ?', [one])
        return bool(ids)

    def _pick(self, name: str) -> list[int]:
        found = self.connection.execute(f'SELECT _record_id FROM new."{name}" ORDER BY ALL').fetchall()
        return [self.random.choice(found)[0]] if found else []

    def _insert(self, name: str, rows: Sequence[tuple[object, ...]]) -> None:
        places = ", ".join("?" * len(rows[0]))
        self.connection.executemany(f'INSERT INTO new."{name}" VALUES ({places})', [list(row) for row in rows])

    def _new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def _row(self, name: str, record: int) -> tuple[object, ...]:
        number = self._number
        if name == "silver.sales":
            tags = None if self.random.random() < 0.2 else [self._word("xyz") for _ in range(self.random.randint(0, 2))]
            return (record, number(14), number(6), number(5), self._moment(), number(10), self._word("nsw"), tags)
        if name == "silver.customers":
            return (record, number(6), self._word("abc"), number(5), self.random.choice((True, False, None)))
        if name == "silver.products":
            return (record, number(5), self._word("kl"), number(6))
        if name == "silver.returns":
            return (record, number(6), number(14), self._moment(), number(5))
        since = self.random.randint(1, 4)
        return (record, self._word("EUG"), f"2026-0{since}-01", f"2026-0{since + 1}-15", number(3))

    def _number(self, most: int) -> int | None:
        return None if self.random.random() < 0.12 else self.random.randint(1, most)

    def _word(self, letters: str) -> str | None:
        return None if self.random.random() < 0.12 else self.random.choice(letters)

    def _moment(self) -> str | None:
        if self.random.random() < 0.1:
            return None
        return (
            f"2026-0{self.random.randint(1, 4)}-{self.random.randint(1, 28):02} {self.random.randint(0, 23):02}:00:00"
        )


class Target:
    """A model's stored rows, refreshed by touched keys."""

    def __init__(self, world: World, shape: Shape, keys: tuple[str, ...]) -> None:
        self.world, self.shape, self.keys = world, shape, keys
        self.query = parse_query(shape.sql)
        self.name = f"target_{shape.name}_{'_'.join(keys)}".replace(" ", "_")
        self.reason = why_full(self.query, keys, PARSED_VIEWS)
        world.connection.execute(f'CREATE TABLE "{self.name}" AS {shape.sql}')

    def refresh(self, changed: set[Dataset], removed_from: set[Dataset], counts: Counts) -> None:
        """Refresh by touched keys, and compare with the model as a whole."""
        run = self.world.connection.execute
        touched = derive_touched(self.query, self.keys, PARSED_VIEWS, changed, removed_from)
        run(f"CREATE OR REPLACE TEMP TABLE touched AS {touched.sql}")
        before, whole = self._rows(self.name), rows_of(self.world.connection, self.shape.sql)
        run(f'DELETE FROM "{self.name}" WHERE {touched_condition(self.keys, "touched")}')
        run(f'INSERT INTO "{self.name}" {limit_to_touched(self.shape.sql, self.keys, "touched")}')
        after = self._rows(self.name)
        counts.cases += 1
        if before != whole:
            counts.changed += 1
            counts.partly += self._count_keys(counts, before | whole)
        if after != whole:
            counts.wrong.append(f"{self.shape.name} by {' '.join(self.keys)}")
            run(f'DELETE FROM "{self.name}"; INSERT INTO "{self.name}" {self.shape.sql}')

    def _rows(self, name: str) -> Counter[str]:
        return rows_of(self.world.connection, f'FROM "{name}"')

    def _count_keys(self, counts: Counts, rows: Counter[str]) -> bool:
        """Add up existing and touched keys. Returns: True when not all were touched."""
        columns = ", ".join(f'"{key}"' for key in self.keys)
        found = self.world.connection.execute(
            f"SELECT count(*), (SELECT count(*) FROM touched) FROM (SELECT DISTINCT {columns} FROM ({self.shape.sql}))"
        ).fetchone()
        assert found is not None
        counts.keys += found[0]
        counts.touched += min(found)
        return bool(found[1] < found[0])


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> Counter[str]:
    """A query's rows as a multiset."""
    return Counter(repr(row) for row in connection.execute(sql).fetchall())


def run_oracle(shapes: Sequence[Shape], seed: int, steps: int, *, one_choice: bool = False) -> Counts:
    """Refresh every shape by every choice of keys (or by one at random) through some random changes."""
    counts = Counts()
    world = World(seed)
    choose = (lambda keys: [world.random.choice(keys)]) if one_choice else list
    targets = [Target(world, shape, keys) for shape in shapes for keys in choose(shape.keys)]
    for _ in range(steps):
        changed, removed_from = world.change()
        for target in targets:
            target.refresh(changed, removed_from, counts)
    world.connection.close()
    return counts
