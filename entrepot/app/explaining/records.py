"""Records as sources brought them: by file, and one by one for an export."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from entrepot.app.explaining.answers import FileUse
from entrepot.app.explaining.identities import Identity, same_rows
from entrepot.app.explaining.narrow import narrow
from entrepot.kernel.errors import SystemError_
from entrepot.kernel.rows import BATCH, CORRECTS, ORIGIN, RECEIVED_AT, RECORD_ID, ROW_BITS, SOURCE
from entrepot.ports.relations import TableVersion
from entrepot.ports.workbench import Workbench

MOST_FILES = 50
EXPORT_COLUMNS = ("dataset", "version", "id", "origin", "source", "batch", "received_at", "corrects", "row")


def rows_of(bench: Workbench, table: TableVersion, asked: str, identity: Identity, columns: str = "_q.*") -> str:
    """SQL: the rows of a table that have the asked identities."""
    relation = bench.open_table(table)
    types = {name.lower(): type_ for name, type_ in bench.columns(f"SELECT * FROM {relation}")}
    return (
        f"SELECT {columns} FROM {relation} AS _q SEMI JOIN {asked} AS _a ON {same_rows('_q', '_a', identity, types)} "
        f"WHERE {narrow(bench, asked, identity, types, '_q')}"
    )


def files_of(bench: Workbench, table: TableVersion, asked: str, identity: Identity) -> tuple[tuple[FileUse, ...], int]:
    """The places that brought these records, those with the most first, and how many places there are."""
    rows = rows_of(bench, table, asked, identity)
    place = f"regexp_replace({ORIGIN}, '#[^#]*$', '')"
    grouped = (
        f"SELECT {SOURCE} AS source, {place} AS place, count(*) AS records, min_by({ORIGIN}, {RECORD_ID}) AS first "
        f"FROM ({rows}) GROUP BY ALL"
    )
    found = bench.rows(
        f"SELECT *, count(*) OVER () AS places FROM ({grouped}) ORDER BY records DESC, place LIMIT {MOST_FILES}"
    )
    listed = found.to_pylist()
    files = tuple(
        FileUse(row["source"] or "", row["place"] or "", row["records"], row["first"] or "") for row in listed
    )
    return files, int(listed[0]["places"]) if listed else 0


def export_records(bench: Workbench, found: Mapping[TableVersion, tuple[str, Identity]], into: Path) -> int:
    """Write a line for each record, in bounded memory, by way of a file aside; return how many."""
    import pyarrow.csv as pc

    schema = pa.schema([(name, pa.string()) for name in EXPORT_COLUMNS])
    aside = into.with_name(f".{into.name}.part")
    written = 0
    try:
        with aside.open("wb") as file:
            with pc.CSVWriter(file, schema) as writer:
                for table, (asked, identity) in sorted(found.items(), key=lambda pair: pair[0].name):
                    for batch in bench.stream(_export_sql(bench, table, asked, identity)):
                        writer.write_batch(batch)
                        written += batch.num_rows
            file.flush()
            os.fsync(file.fileno())
        aside.replace(into)
        _sync_folder(into.parent)
    except OSError as error:
        raise SystemError_(
            f"{into} cannot be written: {error.strerror}.", hint="Name another file with --csv."
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    return written


def _export_sql(bench: Workbench, table: TableVersion, asked: str, identity: Identity) -> str:
    relation = bench.open_table(table)
    held = {name for name, _ in bench.columns(f"SELECT * FROM {relation}")}
    has_ids = RECORD_ID in held
    id_ = (
        f"'{table.name}:' || ({RECORD_ID} >> {ROW_BITS}) || '.' || ({RECORD_ID} & ((1::BIGINT << {ROW_BITS}) - 1))"
        if has_ids
        else "NULL"
    )
    row = (
        "NULL"
        if has_ids
        else f"CAST(to_json(struct_pack({', '.join(f'{n} := {n}' for n in _quoted(identity))})) AS VARCHAR)"
    )
    parts = [f"'{table.name}'", f"'{table.version}'", id_]
    parts += [name if name in held else "NULL" for name in (ORIGIN, SOURCE, BATCH, RECEIVED_AT, CORRECTS)]
    items = ", ".join(
        f"CAST({part} AS VARCHAR) AS {name}" for part, name in zip([*parts, row], EXPORT_COLUMNS, strict=True)
    )
    order = f" ORDER BY {RECORD_ID}" if has_ids else ""
    return f"SELECT {items} FROM ({rows_of(bench, table, asked, identity)}){order}"


def _quoted(identity: Identity) -> list[str]:
    return identity.names.split(", ")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
