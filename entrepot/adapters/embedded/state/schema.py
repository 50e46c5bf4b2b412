"""The schema's versions: numbered files, each applied in one transaction, recorded in `PRAGMA user_version`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from entrepot.kernel.errors import DamageError, Place, ProjectError

APPLICATION_ID = 0x456E7472
"""`Entr`: tells our files from other SQLite databases."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from `number` - 1 to `number`."""

    number: int
    name: str
    sql: str


@cache
def load_migrations(package: str = __package__) -> tuple[Migration, ...]:
    """Read `migrations/NNNN_name.sql` of a package (the state's own unless another is named), in order."""
    folder = files(package) / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    found = tuple(Migration(int(name[:4]), name, (folder / name).read_text(encoding="utf-8")) for name in names)
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise RuntimeError(f"migrations of {package} are not numbered 1, 2, 3 …: {names}")
    return found


def split_statements(script: str) -> Iterator[str]:
    """Cut a script into statements (`executescript` would commit the transaction around it)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if any(line.strip() and not line.strip().startswith("--") for line in statement.splitlines()):
        raise ValueError("the last statement has no end")


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration]) -> None:
    """Bring the database to the newest schema.

    Raises: ProjectError when the database is newer than the program; DamageError when it is not ours.
    """
    if _check_version(connection, path, len(migrations)) == len(migrations):
        return
    for migration in migrations:
        _apply(connection, path, migration, len(migrations))


def _check_version(connection: sqlite3.Connection, path: Path, known: int) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID and (version or application or _has_tables(connection)):
        raise DamageError(
            f"{path} is a SQLite database, but not a {path.stem} of Entrepôt (application id {application:#x}, "
            f"expected {APPLICATION_ID:#x}).",
            hint=f"Move it away, or restore {path.name} from a backup.",
        )
    if version > known:
        raise ProjectError(
            f"the {path.stem} has schema version {version}, this program knows versions up to {known}.",
            place=Place(path),
            hint="A newer Entrepôt wrote it: upgrade this installation (pip install --upgrade entrepot).",
        )
    return version


def _has_tables(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is not None


def _apply(connection: sqlite3.Connection, path: Path, migration: Migration, known: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again under the lock: another process may have done it meanwhile.
        if _check_version(connection, path, known) < migration.number:
            for statement in split_statements(migration.sql):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {migration.number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
