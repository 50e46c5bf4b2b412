"""What can be known of models and waiting files without running: every SELECT is bound to empty tables, every header to its contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

import pyarrow as pa

from entrepot.app.project import Project
from entrepot.app.rule_statics import check_rules
from entrepot.app.wiring import Platform
from entrepot.contracts.inferred import contract_of_schema
from entrepot.contracts.model import table_schema
from entrepot.kernel.errors import EntrepotError, Place, ProjectError
from entrepot.lake.models import Model
from entrepot.lake.models.recipe import find_keys
from entrepot.ports.relations import QueryScan
from entrepot.sql.history import check_history_types, compile_history
from entrepot.sql.incremental.orders import order_warnings


def check_models(platform: Platform) -> Iterator[EntrepotError]:
    """Bind each model and KPI to empty tables of its inputs; what reads a faulty model is not looked at."""
    project = platform.project
    known = {
        source.dataset: empty_select(table_schema(project.contracts[source.dataset])) for source in project.sources
    }
    faulty: set[str] = set()
    for model in project.graph.ordered():
        name = str(model.name)
        if faulty & set(map(str, model.inputs)):
            faulty.add(name)
            continue
        try:
            schema = _describe(platform, model, known)
            _check_keys(model, schema)
            if model.kind != "view":
                contract = project.contracts.get(str(model.contract or model.name))
                contract = contract or contract_of_schema(model.name, schema, project.time_zone)
                schema = table_schema(contract) if model.kind.is_driven else schema
        except EntrepotError as error:
            faulty.add(name)
            yield ProjectError(f"{name}: {error.message}", place=Place(model.path), hint=error.hint)
            continue
        known[name] = model.sql if model.kind == "view" else empty_select(schema)
    yield from check_rules(platform, known)


def find_order_warnings(project: Project) -> list[str]:
    """Places in models that are computed in part where equal rows may be told apart one way in part and another as a whole."""
    keys = {column for contract in project.contracts.values() if len(contract.key) == 1 for column in contract.key}
    return [
        f"{warning.place} — {model.name}: {warning.text}. {warning.hint}"
        for model in project.graph.models
        if model.query is not None and find_keys(model, project.contracts.get(str(model.contract or model.name)))
        for warning in order_warnings(model.query, keys)
    ]


def _describe(platform: Platform, model: Model, known: Mapping[str, str]) -> pa.Schema:
    if model.python is not None:  # its columns are the contract's, whatever it will give
        return platform.flows.models.schema(model)
    return platform.engine.describe(QueryScan(_runnable(platform, model, known), {}, known))


def _runnable(platform: Platform, model: Model, known: Mapping[str, str]) -> str:
    if model.history is None:
        return model.sql
    schema = platform.engine.describe(QueryScan(model.sql, {}, known))
    check_history_types(model.history, schema, model.query)
    return compile_history(model.sql, model.history, schema.names)


def _check_keys(model: Model, schema: pa.Schema) -> None:
    """The columns of `partition:` are columns of the SELECT. Raises: ProjectError."""
    for name in model.partition:
        if name not in schema.names:
            near = get_close_matches(name, schema.names, n=1)
            raise ProjectError(
                f"partition names the column {name}, which the SELECT does not give.",
                hint=f"Did you mean {near[0]}?" if near else f"It gives {', '.join(schema.names)}.",
            )


def empty_select(schema: pa.Schema) -> str:
    """A SELECT with these columns and no row."""
    quoted = (field.name.replace('"', '""') for field in schema)
    columns = ", ".join(
        f'CAST(NULL AS {_sql_type(field.type)}) AS "{name}"' for field, name in zip(schema, quoted, strict=True)
    )
    return f"SELECT {columns} WHERE false"


def _sql_type(value: pa.DataType) -> str:
    if pa.types.is_list(value):
        return f"{_sql_type(value.value_type)}[]"
    if pa.types.is_struct(value):
        inner = (f'"{value.field(i).name}" {_sql_type(value.field(i).type)}' for i in range(value.num_fields))
        return f"STRUCT({', '.join(inner)})"
    if pa.types.is_map(value):
        return f"MAP({_sql_type(value.key_type)}, {_sql_type(value.item_type)})"
    if pa.types.is_decimal(value):
        return f"DECIMAL({value.precision}, {value.scale})"
    if pa.types.is_timestamp(value):
        return "TIMESTAMPTZ" if value.tz else "TIMESTAMP"
    names = {
        pa.int8(): "TINYINT", pa.int16(): "SMALLINT", pa.int32(): "INTEGER", pa.int64(): "BIGINT", pa.uint8(): "UTINYINT",
        pa.uint16(): "USMALLINT", pa.uint32(): "UINTEGER", pa.uint64(): "UBIGINT", pa.float32(): "FLOAT", pa.float64(): "DOUBLE",
        pa.bool_(): "BOOLEAN", pa.date32(): "DATE", pa.time64("us"): "TIME", pa.binary(): "BLOB", pa.null(): "INTEGER",
    }  # fmt: skip
    return names.get(value, "VARCHAR")


def check_header(platform: Platform, dataset: str, found: Sequence[str], file: str) -> str | None:
    """What a waiting file's columns lack or bring too many; None when they fit. Raises: DataError when it would be refused."""
    from entrepot.adapters.embedded.headers import match_headers

    contract = platform.project.contracts[dataset]
    matched = match_headers(contract, found, file)
    missing = [column.name for column in contract.columns if column.name not in matched]
    ignored = [name for name in found if name not in matched.values()]
    notes = [f"no column for {', '.join(missing)}"] if missing else []
    notes += [f"ignored: {', '.join(ignored)}"] if ignored else []
    return "; ".join(notes) or None
