"""`entrepot query`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa

from entrepot.adapters.embedded.nested.json_text import write_json
from entrepot.app.cli.opening import open_platform_with_data
from entrepot.app.cli.output import print_json, print_table, say
from entrepot.app.querying import query_release, read_records
from entrepot.app.wiring import Platform
from entrepot.ports.state import Release

_DESCRIBE = re.compile(r"(?:describe|desc)\s+([\w.]+)\s*;?|show\s+tables\s*;?", re.IGNORECASE)


def run_query(folder: Path, sql: str, at: str | None, *, limit: int, as_csv: bool, as_json: bool) -> None:
    """Run one SELECT over a release and print the rows."""
    platform = open_platform_with_data(folder)
    release = platform.release_for(at)
    if described := _DESCRIBE.fullmatch(sql.strip()):
        _describe(platform, release, described[1], as_json=as_json)
        return
    reader = query_release(platform, release, sql)
    try:
        if as_csv:
            _print_csv(reader)
        elif as_json:
            print_json([_json_ready(row) for row in read_records(reader.read_all())])
        else:
            _print_rows(reader, limit, release)
    finally:
        platform.state.unpin(platform.holder)


def _describe(platform: Platform, release: Release, name: str | None, *, as_json: bool) -> None:
    """Columns of one dataset, or the datasets there are."""
    if name is None:
        rows = [{"dataset": dataset} for dataset in sorted([*release.tables, *release.views])]
    else:
        schema = query_release(platform, release, f"SELECT * FROM {name} LIMIT 0").schema
        rows = [{"column": field.name, "type": str(field.type)} for field in schema]
    if as_json:
        print_json(rows)
    else:
        print_table(None, list(rows[0]) if rows else ["dataset"], [list(row.values()) for row in rows])


def _plain(value: object) -> object:
    """Values as they are: an id is no amount, so nothing is grouped by thousands. Lists and structs are JSON."""
    if isinstance(value, list | dict):
        return write_json(value)
    return value if value is None else str(value)


def _json_ready(value: Any) -> Any:
    """Keys of maps as text, as JSON has them."""
    if isinstance(value, dict):
        return {str(key): _json_ready(item) for key, item in value.items()}
    return [_json_ready(item) for item in value] if isinstance(value, list) else value


def _print_csv(reader: pa.RecordBatchReader) -> None:
    import pyarrow.csv as pc

    nested = pa.types.is_nested
    schema = pa.schema([pa.field(f.name, pa.string() if nested(f.type) else f.type) for f in reader.schema])
    with pc.CSVWriter(sys.stdout.buffer, schema) as writer:
        for batch in reader:
            writer.write_batch(_flat(batch, schema))


def _flat(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Lists and structs as JSON text."""
    columns = []
    for column, field in zip(batch.columns, schema, strict=True):
        if column.type != field.type:
            values = column.to_pylist(maps_as_pydicts="strict")
            texts = (None if value is None else write_json(value) for value in values)
            column = pa.array(texts, pa.string())
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _print_rows(reader: pa.RecordBatchReader, limit: int, release: Release) -> None:
    rows: list[list[object]] = []
    more = False
    for batch in reader:
        for record in read_records(batch):
            if len(rows) == limit:
                more = True
                break
            rows.append([_plain(value) for value in record.values()])
        if more:
            break
    numbers = [
        field.name
        for field in reader.schema
        if pa.types.is_integer(field.type) or pa.types.is_decimal(field.type) or pa.types.is_floating(field.type)
    ]
    print_table(None, reader.schema.names, rows, right=numbers)
    tail = f"{len(rows)} rows" + (" shown, there are more (--limit, --csv)" if more else "")
    say(f"[dim]{tail} · release {release.id} of {release.at:%Y-%m-%d %H:%M:%S} UTC[/]")
