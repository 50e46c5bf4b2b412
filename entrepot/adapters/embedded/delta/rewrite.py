"""Replace, merge and compact by rewriting the touched files with DuckDB.

Only files that hold affected rows are rewritten; removes and adds go into one commit of the own committer. So the
predicate means what it means everywhere else (one SQL engine), and the commit is whole and durable like any other.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from entrepot.adapters.embedded.delta.actions import Add, Remove
from entrepot.adapters.embedded.delta.log import Snapshot
from entrepot.adapters.embedded.delta.scan import FILE, Scan, escape_glob, local_path, plan_scan
from entrepot.adapters.embedded.delta.schema import quote, quote_text
from entrepot.kernel.errors import RunError
from entrepot.kernel.ids import new_token
from entrepot.ports.engine import Staged, StagedFile

if TYPE_CHECKING:
    import duckdb

TARGET_BYTES = 128 << 20
"""Size of the files that are rewritten into one."""
SMALL_BYTES = TARGET_BYTES // 4


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What is to be committed: old files out, files with their remaining rows in."""

    removed: tuple[Add, ...] = ()
    files: tuple[StagedFile, ...] = ()
    rows_removed: int = 0

    def removes(self, at_ms: int, *, data_change: bool = True) -> tuple[Remove, ...]:
        """The remove actions."""
        return tuple(Remove(add.path, at_ms, add.size, add.vector, data_change) for add in self.removed)


@dataclass(slots=True)
class Rewriter:
    """Works on one table as of one version, on a DuckDB connection of its own."""

    table: Path
    snapshot: Snapshot
    connection: duckdb.DuckDBPyConnection
    into: Path
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1 << 62)))

    def delete_where(self, where: str) -> Rewritten:
        """Take the rows out for which a predicate is true; rows for which it is null stay."""
        self._check_predicate(where)
        scan = self._scan(list(self.snapshot.files.values()))
        touched = self._count_by_file(
            f"SELECT {quote(FILE)}, count(*) FROM {scan.sql(file_column=True)} WHERE ({where}\n) GROUP BY 1"
        )
        return self._rewrite(touched, lambda kept: f"SELECT * FROM {kept.sql()} WHERE ({where}\n) IS NOT TRUE")

    def delete_keys(self, key: Sequence[str], rows: Staged) -> Rewritten:
        """Take the rows out whose key stands among new rows. A key with a null in it equals nothing.

        Raises: RunError when a key stands twice among the new rows.
        """
        if not rows.files:
            return Rewritten()
        self._load_keys(key, rows, known_only=True)
        self._refuse_doubles(key)
        return self._delete_matches(key, " AND ".join(f"old.{quote(name)} = new.{quote(name)}" for name in key))

    def delete_touched(self, key: Sequence[str], keys: Staged) -> Rewritten:
        """Take the rows out whose key stands among the given ones; null equals null."""
        if not keys.rows:
            return Rewritten()
        self._load_keys(key, keys, known_only=False)
        return self._delete_matches(key, " AND ".join(self._match_null(name) for name in key))

    def _match_null(self, name: str) -> str:
        """Comparing by `=` lets DuckDB skip files and row groups; it is enough where no key is null."""
        found = self.connection.execute(f"SELECT count(*) FROM new_keys WHERE {quote(name)} IS NULL").fetchone()
        sign = "IS NOT DISTINCT FROM" if found and found[0] else "="
        return f"old.{quote(name)} {sign} new.{quote(name)}"

    def _delete_matches(self, key: Sequence[str], match: str) -> Rewritten:
        scan = self._scan(list(self.snapshot.files.values()))
        touched = self._count_by_file(
            f"SELECT {quote(FILE)}, count(*) FROM {scan.sql(key, file_column=True)} old SEMI JOIN new_keys new ON {match} GROUP BY 1"
        )
        return self._rewrite(
            touched, lambda kept: f"SELECT old.* FROM {kept.sql()} old ANTI JOIN new_keys new ON {match}"
        )

    def join_small(self) -> Rewritten:
        """Join small files into larger ones, in their order; nothing when there are fewer than two."""
        small = [add for add in self.snapshot.files.values() if add.size < SMALL_BYTES]
        pieces = [piece for piece in _cut(small) if len(piece) > 1]
        files: list[StagedFile] = []
        for piece in pieces:
            files.extend(self._copy(f"SELECT * FROM {self._scan(piece).sql()}"))
        return Rewritten(tuple(add for piece in pieces for add in piece), tuple(files))

    def _check_predicate(self, where: str) -> None:
        """Refuse what is no predicate over the table, before anything is read. The engine's text shows no values here."""
        import duckdb

        try:
            describe(self.connection, f"SELECT 1 FROM {self._scan([]).sql()} WHERE ({where}\n)")
        except duckdb.Error as error:
            raise RunError(
                f"the predicate {where!r} does not fit the table: {str(error).splitlines()[0]}",
                hint=f"Columns are {', '.join(self._scan([]).names)}.",
            ) from error

    def _scan(self, adds: Sequence[Add]) -> Scan:
        return plan_scan(self.table, self.snapshot, adds, lambda sql: describe(self.connection, sql))

    def _load_keys(self, key: Sequence[str], rows: Staged, *, known_only: bool) -> None:
        paths = ", ".join(quote_text(escape_glob(str(file.path))) for file in rows.files)
        columns = ", ".join(map(quote, key))
        known = " AND ".join(f"{quote(name)} IS NOT NULL" for name in key) if known_only else "true"
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE new_keys AS SELECT {columns}, count(*) AS __times "
            f"FROM read_parquet([{paths}], union_by_name=true, hive_partitioning=false) WHERE {known} GROUP BY {columns}"
        )

    def _refuse_doubles(self, key: Sequence[str]) -> None:
        found = self.connection.execute("SELECT count(*) FROM new_keys WHERE __times > 1").fetchone()
        if found and found[0]:
            raise RunError(
                f"{found[0]} keys ({', '.join(key)}) stand more than once among the rows to be merged.",
                hint="Keep one row of each key, for instance the last.",
            )

    def _count_by_file(self, sql: str) -> dict[str, int]:
        return dict(self.connection.execute(sql).fetchall())

    def _rewrite(self, touched: dict[str, int], keep: Callable[[Scan], str]) -> Rewritten:
        adds = [add for add in self.snapshot.files.values() if str(local_path(self.table, add)) in touched]
        if len(adds) != len(touched):
            raise RunError("a touched data file could not be told from another one.")
        partly = [add for add in adds if self.rows_in(add) != touched[str(local_path(self.table, add))]]
        files: list[StagedFile] = []
        for piece in _cut(partly):
            files.extend(self._copy(keep(self._scan(piece))))
        return Rewritten(tuple(adds), tuple(files), sum(touched.values()))

    def rows_in(self, add: Add) -> int:
        """Rows of a file by its footer: a foreign writer's figure in the log could be wrong, and rows would be lost."""
        rows: int = pq.read_metadata(local_path(self.table, add)).num_rows
        return rows

    def _copy(self, select: str) -> list[StagedFile]:
        path = self.into / f"{next(self._numbers)}.parquet"
        done = self.connection.execute(
            f"COPY ({select}) TO {quote_text(str(path))} (FORMAT parquet, COMPRESSION zstd, RETURN_STATS true)"
        ).fetchall()
        return [StagedFile(Path(name), rows, size) for name, rows, size, *_ in done if rows]


def _cut(adds: Sequence[Add]) -> list[list[Add]]:
    """Pieces of files, in order, of about the target size each."""
    pieces: list[list[Add]] = []
    filled = TARGET_BYTES
    for add in adds:
        if filled + add.size > TARGET_BYTES:
            pieces.append([])
            filled = 0
        pieces[-1].append(add)
        filled += add.size
    return pieces


def describe(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, str]:
    """Names and types that a SELECT gives."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {sql}").fetchall()}


@contextmanager
def open_rewriter(table: Path, snapshot: Snapshot, scratch: Path, memory_mb: int) -> Iterator[Rewriter]:
    """A rewriter with a folder of its own under `scratch`, which goes away at the end."""
    import duckdb

    into = scratch / new_token()
    into.mkdir(parents=True)
    connection = duckdb.connect(
        config={
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(into / "spill"),
            "autoinstall_known_extensions": False,
        }
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield Rewriter(table, snapshot, connection, into)
    finally:
        connection.close()
        shutil.rmtree(into, ignore_errors=True)
