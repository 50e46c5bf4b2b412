"""Whether two results hold the same rows, in whatever order, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from entrepot.adapters.python_models.spool import Spool
from entrepot.kernel.errors import ProjectError


@dataclass(frozen=True, slots=True)
class Print:
    """A fingerprint: number of rows, a sum over the hashes of all rows, and such sums for each column."""

    schema: pa.Schema
    rows: int
    whole: int
    columns: tuple[int, ...]


def fingerprint(spool: Spool) -> Print:
    """Read all rows once. Sums do not depend on the order of the rows."""
    import duckdb

    schema = spool.schema
    names = ['"' + name.replace('"', '""') + '"' for name in schema.names]
    sums = ", ".join(f"coalesce(sum(hash({name})::HUGEINT), 0)" for name in [f"row({', '.join(names)})", *names])
    with duckdb.connect(config={"threads": 1, "memory_limit": "200MiB"}) as connection:
        try:
            connection.register("rows", spool.reader())
            found = connection.execute(f"SELECT count(*), {sums} FROM rows").fetchone()
        except duckdb.NotImplementedException as error:
            types = ", ".join(f"{field.name} is of type {field.type}" for field in schema)
            raise ProjectError(f"a column is of a type that no table here can hold: {types}.") from error
    assert found is not None
    return Print(schema, found[0], int(found[1]), tuple(map(int, found[2:])))


def find_difference(first: Print, second: Print) -> str | None:
    """What differs between two results, in words without values; None when nothing does."""
    if first.schema != second.schema:
        return "other columns or types"
    if first.rows != second.rows:
        return f"{first.rows:,} rows, then {second.rows:,}"
    differing = [name for name, a, b in zip(first.schema.names, first.columns, second.columns, strict=True) if a != b]
    if differing:
        return f"other values in {', '.join(differing)}"
    return None if first.whole == second.whole else "the same values, but in other rows together"
