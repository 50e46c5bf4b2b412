"""From what a model's function gives to Arrow batches of one schema. Runs in the model's process."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from entrepot.kernel.rows import SYSTEM_COLUMNS
from entrepot.ports.relations import FAULTS, RECORD

BATCH_ROWS = 65_536
ALLOWED = (
    "a pyarrow.Table, RecordBatch or RecordBatchReader, a polars or pandas DataFrame, a DuckDB relation, "
    "or an iterator of tables, batches or frames"
)
_COLUMN = re.compile(r"^Conversion failed for column (.+) with type [\w<>\[\], ]+$")


class WrongResult(Exception):
    """What a function gave is no table."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def read_batches(result: object) -> Iterator[pa.RecordBatch]:
    """The rows of a result, in batches of bounded length; at least one batch, which may be empty.

    Raises: WrongResult. What the function itself raises while it gives rows comes through as it is.
    """
    schema: pa.Schema | None = None
    for batch in _cut(_pieces(result)):
        batch = _plain(batch)
        if schema is None:
            schema = batch.schema
            _check_names(schema.names)
        elif batch.schema != schema:
            raise WrongResult(_differences(schema, batch.schema), "Give every piece the same columns and types.")
        yield batch
    if schema is None:
        raise WrongResult("it gave no table at all", "Where there are no rows give an empty table: its columns count.")


def _pieces(result: object) -> Iterator[pa.Table | pa.RecordBatch]:
    if isinstance(result, pa.RecordBatchReader):
        yield pa.RecordBatch.from_pylist([], schema=result.schema)
        yield from result
        return
    single = _one_piece(result)
    if single is not None:
        yield single
        return
    if isinstance(result, Iterator):
        for piece in result:
            found = _one_piece(piece)
            if found is None:
                raise WrongResult(f"it yielded a {_type_name(piece)}; allowed is {ALLOWED}")
            yield found
        return
    raise WrongResult(f"it gave a {_type_name(result)}; allowed is {ALLOWED}")


def _one_piece(result: object) -> pa.Table | pa.RecordBatch | None:
    """One table; None when it is none. Other libraries are only asked when they are loaded: else nothing can be of theirs."""
    if isinstance(result, pa.Table | pa.RecordBatch):
        return result
    for library, name, convert in _FRAMES:
        kind = getattr(sys.modules.get(library), name, None)
        if kind is not None and isinstance(result, kind):
            return convert(result)
    return None


def _from_pandas(frame: Any) -> pa.Table:
    index = frame.index
    plain = list(index.names) == [None] and type(index).__name__ == "RangeIndex"
    if not plain:
        raise WrongResult(
            "its pandas frame has an index, which no table can hold",
            "Make it columns with .reset_index(), or drop it with .reset_index(drop=True).",
        )
    odd = [str(name) for name in frame.columns if not isinstance(name, str)]
    if odd:
        raise WrongResult(f"its pandas frame has columns whose names are no texts: {', '.join(odd)}")
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        found = next(filter(None, (_COLUMN.match(str(part)) for part in error.args)), None)
        where = f" in the column {found.group(1)}" if found else ""
        raise WrongResult(f"its pandas frame mixes types{where}", "Give the column one type with .astype(…).") from None


def _from_relation(relation: Any) -> pa.Table:
    table: pa.Table = relation.to_arrow_table()
    return table


_FRAMES: tuple[tuple[str, str, Callable[[Any], pa.Table]], ...] = (
    ("polars", "DataFrame", lambda frame: frame.to_arrow()),
    ("polars", "LazyFrame", lambda frame: frame.collect().to_arrow()),
    ("pandas", "DataFrame", _from_pandas),
    ("duckdb", "DuckDBPyRelation", _from_relation),
)


def _cut(pieces: Iterable[pa.Table | pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for piece in pieces:
        _check_names(piece.schema.names)
        if isinstance(piece, pa.Table):
            batches = piece.to_batches(max_chunksize=BATCH_ROWS)
            yield from batches or [pa.RecordBatch.from_pylist([], schema=piece.schema)]
        else:
            for start in range(0, max(1, piece.num_rows), BATCH_ROWS):
                yield piece.slice(start, BATCH_ROWS)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same values without dictionaries and large or viewed texts: each batch of one column then has one type."""
    fields = [pa.field(field.name, _plain_type(field.type)) for field in batch.schema]
    arrays = [
        array if array.type == field.type else array.cast(field.type)
        for array, field in zip(batch.columns, fields, strict=True)
    ]
    if not fields:
        raise WrongResult("its table has no columns")
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _plain_type(value: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(value):
        return _plain_type(value.value_type)
    if pa.types.is_large_string(value) or pa.types.is_string_view(value):
        return pa.string()
    if pa.types.is_large_binary(value) or pa.types.is_binary_view(value):
        return pa.binary()
    if pa.types.is_list(value) or pa.types.is_large_list(value):
        return pa.list_(_plain_type(value.value_type))
    if pa.types.is_struct(value):
        return pa.struct([pa.field(field.name, _plain_type(field.type)) for field in value])
    return value


def _check_names(names: list[str]) -> None:
    lower = [name.lower() for name in names]
    doubled = next((name for name in names if lower.count(name.lower()) > 1), None)
    if doubled is not None:
        raise WrongResult(f"its table has the column {doubled} more than once", "Names count without upper and lower case.")  # fmt: skip
    taken = next((name for name in names if name.lower() in (*SYSTEM_COLUMNS, RECORD, FAULTS)), None)
    if taken is not None:
        raise WrongResult(f"its table has the column {taken}, a name of the platform's own", "Leave it out, or rename it.")  # fmt: skip


def _differences(first: pa.Schema, other: pa.Schema) -> str:
    if first.names != other.names:
        return f"its pieces have other columns: first {', '.join(first.names)}, then {', '.join(other.names)}"
    field = next(field for field in first if other.field(field.name).type != field.type)
    return f"its pieces have other types: {field.name} is first {field.type}, then {other.field(field.name).type}"


def _type_name(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
