"""Schemas: Arrow ↔ Delta's JSON ↔ DuckDB's type names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.ids import hash_text

DeltaType = str | Mapping[str, Any]

_ARROW_TO_DELTA: tuple[tuple[pa.DataType, str], ...] = (
    (pa.int8(), "byte"), (pa.int16(), "short"), (pa.int32(), "integer"), (pa.int64(), "long"),
    (pa.float32(), "float"), (pa.float64(), "double"), (pa.bool_(), "boolean"), (pa.string(), "string"),
    (pa.large_string(), "string"), (pa.string_view(), "string"), (pa.binary(), "binary"), (pa.large_binary(), "binary"),
    (pa.date32(), "date"), (pa.timestamp("us", tz="UTC"), "timestamp"), (pa.timestamp("us"), "timestamp_ntz"),
)  # fmt: skip
_DELTA_TO_ARROW: dict[str, pa.DataType] = {delta: arrow for arrow, delta in reversed(_ARROW_TO_DELTA)}
_DELTA_TO_DUCKDB = {
    "byte": "TINYINT", "short": "SMALLINT", "integer": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE",
    "boolean": "BOOLEAN", "string": "VARCHAR", "binary": "BLOB", "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE", "timestamp_ntz": "TIMESTAMP",
}  # fmt: skip
_DECIMAL = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z")


class UnknownType(ValueError):
    """A type that this side does not know; the text names it."""


def delta_type(arrow: pa.DataType) -> DeltaType:
    """Delta's name of an Arrow type. Raises: UnknownType."""
    for known, delta in _ARROW_TO_DELTA:
        if arrow.equals(known):
            return delta
    if pa.types.is_decimal(arrow) and 0 <= arrow.scale <= arrow.precision <= 38:
        return f"decimal({arrow.precision},{arrow.scale})"
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return {"type": "array", "elementType": delta_type(arrow.value_type), "containsNull": True}
    if pa.types.is_struct(arrow):
        return {"type": "struct", "fields": [_delta_field(field) for field in arrow]}
    if pa.types.is_map(arrow):
        key, value = delta_type(arrow.key_type), delta_type(arrow.item_type)
        return {"type": "map", "keyType": key, "valueType": value, "valueContainsNull": True}
    raise UnknownType(str(arrow))


def _delta_field(field: pa.Field) -> dict[str, Any]:
    return {"name": field.name, "type": delta_type(field.type), "nullable": True, "metadata": {}}


def arrow_type(delta: DeltaType) -> pa.DataType:
    """The Arrow type of a Delta type. Raises: UnknownType."""
    if isinstance(delta, str):
        if decimal := _DECIMAL.match(delta):
            return pa.decimal128(int(decimal[1]), int(decimal[2]))
        if delta in _DELTA_TO_ARROW:
            return _DELTA_TO_ARROW[delta]
        raise UnknownType(delta)
    match delta.get("type"):
        case "array":
            return pa.list_(arrow_type(delta["elementType"]))
        case "struct":
            return pa.struct([pa.field(each["name"], arrow_type(each["type"])) for each in delta["fields"]])
        case "map":
            return pa.map_(arrow_type(delta["keyType"]), arrow_type(delta["valueType"]))
    raise UnknownType(str(delta.get("type")))


def duckdb_type(delta: DeltaType) -> str:
    """DuckDB's name of a Delta type. Raises: UnknownType."""
    if isinstance(delta, str):
        if decimal := _DECIMAL.match(delta):
            return f"DECIMAL({decimal[1]},{decimal[2]})"
        if delta in _DELTA_TO_DUCKDB:
            return _DELTA_TO_DUCKDB[delta]
        raise UnknownType(delta)
    match delta.get("type"):
        case "array":
            return f"{duckdb_type(delta['elementType'])}[]"
        case "struct":
            fields = ", ".join(f"{quote(each['name'])} {duckdb_type(each['type'])}" for each in delta["fields"])
            return f"STRUCT({fields})"
        case "map":
            return f"MAP({duckdb_type(delta['keyType'])}, {duckdb_type(delta['valueType'])})"
    raise UnknownType(str(delta.get("type")))


def quote(identifier: str) -> str:
    """A name as SQL identifier."""
    return '"' + identifier.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def schema_to_json(schema: pa.Schema, table: str) -> str:
    """An Arrow schema as Delta's schemaString; all columns nullable.

    Raises: ProjectError naming the column that a Delta table cannot hold.
    """
    fields = []
    for field in schema:
        try:
            fields.append(_delta_field(field))
        except UnknownType as error:
            raise ProjectError(
                f"table {table}: column {field.name!r} has the type {error}, which a Delta table cannot hold; allowed are "
                "integers, double, decimal up to 38 digits, boolean, string, binary, date, timestamp in microseconds "
                "(UTC or without zone), lists, structs and maps of these.",
                hint="Cast the column to one of them.",
            ) from error
    names = [field.name.lower() for field in schema]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ProjectError(
            f"table {table}: columns {', '.join(doubled)} stand twice; names must differ in more than case."
        )
    return json.dumps({"type": "struct", "fields": fields}, ensure_ascii=False, separators=(",", ":"))


def fields_of(schema_string: str) -> list[dict[str, Any]]:
    """The fields of a schemaString, in order."""
    fields: list[dict[str, Any]] = json.loads(schema_string)["fields"]
    return fields


def schema_from_json(schema_string: str) -> pa.Schema:
    """Delta's schemaString as an Arrow schema. Raises: UnknownType."""
    return pa.schema([pa.field(each["name"], arrow_type(each["type"])) for each in fields_of(schema_string)])


def same_type(left: DeltaType, right: DeltaType) -> bool:
    """True when two Delta types hold the same values; nullability and field metadata do not count."""
    return bool(_bare(left) == _bare(right))


def _bare(delta: DeltaType) -> Any:
    if isinstance(delta, str):
        return delta.replace(" ", "")
    match delta.get("type"):
        case "array":
            return ("array", _bare(delta["elementType"]))
        case "struct":
            return ("struct", tuple((each["name"], _bare(each["type"])) for each in delta["fields"]))
        case "map":
            return ("map", _bare(delta["keyType"]), _bare(delta["valueType"]))
    return ("?", json.dumps(delta, sort_keys=True))


def layout_tag(fields: list[dict[str, Any]], count: int) -> str:
    """Tag of a data file that holds exactly the first `count` columns of a table, in their types.

    It spares readers the file's footer: columns are only ever added at the end, so the tag stays checkable.
    """
    texts = [f"{each['name']}:{_bare(each['type'])!r}" for each in fields[:count]]
    return f"{count}:{hash_text(*texts)}"
