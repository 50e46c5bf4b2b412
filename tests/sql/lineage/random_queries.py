"""Random SELECTs over the tables of `shapes`, whose result is certain: no ties that an order could break in two ways."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.sql.lineage.shapes import Shape

_TABLES = {"a": ("i", "k", "x", "y"), "b": ("i", "k", "x", "z"), "c": ("k", "w")}


@dataclass(frozen=True)
class _Given:
    """A query with the names of its columns, all of whole numbers."""

    sql: str
    columns: tuple[str, ...]


def make_shape(seed: int) -> Shape:
    """One random SELECT; what it should give is not said."""
    return Shape(f"random {seed}", _Maker(Random(seed)).query(2).sql, {})


class _Maker:
    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.count = 0

    def query(self, depth: int) -> _Given:
        makers = [self.plain, self.grouped, self.windowed, self.joined, self.joined_by, self.chosen]
        if depth:
            makers += [self.united, self.common, self.plain, self.correlated, self.cut, self.spread]
        return self.dice.choice(makers)(depth)

    def source(self, depth: int) -> tuple[str, tuple[str, ...]]:
        """Something to read from under a new name, and the columns as `name.column`."""
        self.count += 1
        name = f"t{self.count}"
        if depth and self.dice.random() < 0.6:
            inner = self.query(depth - 1)
            return f"({inner.sql}) AS {name}", tuple(f"{name}.{column}" for column in inner.columns)
        table = self.dice.choice(list(_TABLES))
        return f"silver.{table} AS {name}", tuple(f"{name}.{column}" for column in _TABLES[table])

    def named(self, expressions: list[str]) -> tuple[str, tuple[str, ...]]:
        names = tuple(f"c{place}" for place in range(len(expressions)))
        return ", ".join(f"{sql} AS {name}" for sql, name in zip(expressions, names, strict=True)), names

    def value(self, columns: tuple[str, ...]) -> str:
        one, two = self.dice.choice(columns), self.dice.choice(columns)
        return self.dice.choice([
            one, one, f"{one} + {two}", f"coalesce({one}, {two})", f"CASE WHEN {one} > 2 THEN {two} END",
            f"CAST({one} AS BIGINT)", f"greatest({one}, {two}, 1)", f"({one} IS NULL)::INT", f"list_sum([{one}, {two}])::BIGINT",
        ])  # fmt: skip

    def condition(self, columns: tuple[str, ...]) -> str:
        one, two = self.dice.choice(columns), self.dice.choice(columns)
        return self.dice.choice([f"{one} > {two}", f"{one} IN (1, 2, 3)", f"{one} IS NOT NULL", f"NOT {one} = {two}"])

    def where(self, columns: tuple[str, ...]) -> str:
        return f" WHERE {self.condition(columns)}" if self.dice.random() < 0.5 else ""

    def plain(self, depth: int) -> _Given:
        source, columns = self.source(depth)
        shown, names = self.named([self.value(columns) for _ in range(self.dice.randint(1, 3))])
        distinct = "DISTINCT " if self.dice.random() < 0.2 else ""
        return _Given(f"SELECT {distinct}{shown} FROM {source}{self.where(columns)}", names)

    def grouped(self, depth: int) -> _Given:
        source, columns = self.source(depth)
        function = self.dice.choice(["sum", "max", "count"])
        key, value = self.dice.choice(columns), self.dice.choice(columns)
        kept = f" FILTER (WHERE {self.condition(columns)})" if self.dice.random() < 0.4 else ""
        shown, names = self.named([key, f"CAST({function}({value}){kept} AS BIGINT)", "count(*)"])
        group = self.dice.choice([key, "ALL", "1", f"ROLLUP ({key})"])
        having = f" HAVING max({self.dice.choice(columns)}) > 1" if self.dice.random() < 0.4 else ""
        return _Given(f"SELECT {shown} FROM {source}{self.where(columns)} GROUP BY {group}{having}", names)

    def windowed(self, depth: int) -> _Given:
        source, columns = self.source(depth)
        part, order, value = (self.dice.choice(columns) for _ in range(3))
        window = f"(PARTITION BY {part} ORDER BY {order})"
        function = self.dice.choice([f"CAST(sum({value}) OVER {window} AS BIGINT)", f"rank() OVER {window}"])
        shown, names = self.named([self.value(columns), function])
        qualify = self.dice.choice(["", " QUALIFY c1 < 4", f" QUALIFY rank() OVER (ORDER BY {order}) < 3"])
        return _Given(f"SELECT {shown} FROM {source}{self.where(columns)}{qualify}", names)

    def joined(self, depth: int) -> _Given:
        (left, own), (right, other) = self.source(depth), self.source(0)
        kind = self.dice.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"])
        seen = own if kind.startswith(("SEMI", "ANTI")) else own + other
        shown, names = self.named([self.value(seen), self.value(seen)])
        on = f"{self.dice.choice(own)} = {self.dice.choice(other)}"
        return _Given(f"SELECT {shown} FROM {left} {kind} {right} ON {on}{self.where(seen)}", names)

    def joined_by(self, depth: int) -> _Given:
        kind = self.dice.choice(["", "LEFT ", "RIGHT ", "FULL "])
        shown, names = self.named(["k", self.dice.choice(["a.x", "b.z", "a.k", "b.k"])])
        third = self.dice.choice(["", " LEFT JOIN silver.c USING (k)", " JOIN silver.c USING (k)"])
        return _Given(f"SELECT {shown} FROM silver.a {kind}JOIN silver.b USING (k){third}", names)

    def chosen(self, depth: int) -> _Given:
        source, columns = self.source(depth)
        value = self.dice.choice(columns)
        inner = self.dice.choice(
            ["SELECT w FROM silver.c WHERE k > 2", "SELECT z FROM silver.b", "SELECT max(x) FROM silver.a"]
        )
        test = self.dice.choice([f"{value} IN ({inner})", f"{value} NOT IN ({inner})"])
        shown, names = self.named([self.value(columns)])
        return _Given(f"SELECT {shown} FROM {source} WHERE {test}", names)

    def correlated(self, depth: int) -> _Given:
        source, columns = self.source(depth)
        value = self.dice.choice(columns)
        inner = f"SELECT max(q.w) FROM silver.c AS q WHERE q.k = {value}"
        if self.dice.random() < 0.5:
            shown, names = self.named([self.dice.choice(columns), f"({inner})"])
            return _Given(f"SELECT {shown} FROM {source}", names)
        shown, names = self.named([self.value(columns)])
        exists = f"EXISTS (SELECT 1 FROM silver.b AS q WHERE q.k = {value} AND q.z > 1)"
        return _Given(f"SELECT {shown} FROM {source} WHERE {self.dice.choice(['', 'NOT '])}{exists}", names)

    def united(self, depth: int) -> _Given:
        (left, own), (right, other) = self.source(depth - 1), self.source(depth - 1)
        one, names = self.named([self.value(own), self.value(own)])
        two, _ = self.named([self.value(other), self.value(other)])
        kind = self.dice.choice(["UNION ALL", "UNION", "EXCEPT", "INTERSECT", "UNION ALL BY NAME"])
        return _Given(f"SELECT {one} FROM {left} {kind} SELECT {two} FROM {right}{self.where(other)}", names)

    def common(self, depth: int) -> _Given:
        inner = self.query(depth - 1)
        self.count += 1
        name = f"w{self.count}"
        columns = tuple(f"p.{column}" for column in inner.columns) + tuple(f"q.{column}" for column in inner.columns)
        shown, names = self.named([self.value(columns), self.value(columns)])
        on = f"p.{self.dice.choice(inner.columns)} = q.{self.dice.choice(inner.columns)}"
        return _Given(
            f"WITH {name} AS ({inner.sql}) SELECT {shown} FROM {name} AS p LEFT JOIN {name} AS q ON {on}", names
        )

    def cut(self, depth: int) -> _Given:
        inner = self.query(depth - 1)
        self.count += 1
        return _Given(f"SELECT * FROM ({inner.sql}) AS u{self.count} ORDER BY ALL LIMIT 3", inner.columns)

    def spread(self, depth: int) -> _Given:
        source, columns = self.source(depth - 1)
        value = self.dice.choice(columns)
        shown, names = self.named([value, "u.e"])
        return _Given(f"SELECT {shown} FROM {source}, unnest([{value}, 7, {self.dice.choice(columns)}]) AS u(e)", names)
