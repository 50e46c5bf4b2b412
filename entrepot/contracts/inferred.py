"""A contract without rules, made of a schema: for models that nobody has written one for."""

from __future__ import annotations

import pyarrow as pa

from entrepot.contracts.model import Column, Contract
from entrepot.contracts.types import ColumnType, Kind, Property
from entrepot.kernel.errors import ProjectError
from entrepot.kernel.ids import hash_text
from entrepot.kernel.names import Dataset
from entrepot.kernel.rows import SYSTEM_COLUMNS


def contract_of_schema(dataset: Dataset, schema: pa.Schema, time_zone: str) -> Contract:
    """The contract that promises nothing but the columns; system columns are left out.

    Raises: ProjectError for a type that a table cannot hold yet.
    """
    columns = tuple(
        Column(field.name, type_of_arrow(field.type, f"{dataset}.{field.name}"))
        for field in schema
        if field.name not in SYSTEM_COLUMNS
    )
    text = hash_text(*(f"{column.name} {column.type}" for column in columns))
    return Contract(dataset, columns, time_zone=time_zone, hash=text)


def type_of_arrow(value: pa.DataType, where: str) -> ColumnType:
    """The column type that stores an Arrow type without loss.

    Raises: ProjectError naming the column and what to cast it to.
    """
    if pa.types.is_dictionary(value):
        return type_of_arrow(value.value_type, where)
    if pa.types.is_string(value) or pa.types.is_large_string(value):
        return ColumnType(Kind.STRING)
    if pa.types.is_boolean(value):
        return ColumnType(Kind.BOOLEAN)
    if pa.types.is_integer(value):
        if pa.types.is_uint64(value):
            return ColumnType(Kind.DECIMAL, precision=20, scale=0)
        small = value.bit_width < 32 or pa.types.is_int32(value)
        return ColumnType(Kind.INTEGER, bits=32 if small else 64)
    if pa.types.is_decimal(value):
        return ColumnType(Kind.DECIMAL, precision=value.precision, scale=value.scale)
    if pa.types.is_floating(value):
        return ColumnType(Kind.DOUBLE)
    if pa.types.is_date(value):
        return ColumnType(Kind.DATE)
    if pa.types.is_timestamp(value):
        return ColumnType(Kind.TIMESTAMP if value.tz else Kind.TIMESTAMP_LOCAL)
    if pa.types.is_time(value):
        return ColumnType(Kind.TIME)
    return _nested(value, where)


def _nested(value: pa.DataType, where: str) -> ColumnType:
    if pa.types.is_list(value) or pa.types.is_large_list(value) or pa.types.is_fixed_size_list(value):
        return ColumnType(Kind.ARRAY, items=Property("", type_of_arrow(value.value_type, f"{where}[]")))
    if pa.types.is_struct(value) and value.num_fields:
        inner = (Property(field.name, type_of_arrow(field.type, f"{where}.{field.name}")) for field in value)
        return ColumnType(Kind.OBJECT, properties=tuple(inner))
    if pa.types.is_map(value):
        keys = Property("", type_of_arrow(value.key_type, f"{where}{{key}}"))
        return ColumnType(Kind.MAP, keys=keys, items=Property("", type_of_arrow(value.item_type, f"{where}{{}}")))
    raise ProjectError(
        f"{where} has the type {value}, which tables of the lake do not hold yet.",
        hint="Cast it to a text, number, boolean, date, time, timestamp, list or struct in the model.",
    )
