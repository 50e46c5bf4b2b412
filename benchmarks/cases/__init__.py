"""The cases by name, in the order in which they are measured."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases import (
    csv_landing,
    excel_reading,
    incremental,
    keyed_landing,
    lineage,
    memory,
    merge,
    models,
    ndjson_landing,
    no_op,
    no_op_models,
    parquet_landing,
    rules,
    small_files,
)

CASES: dict[str, Case] = {
    module.CASE.name: module.CASE
    for module in (
        csv_landing,
        parquet_landing,
        ndjson_landing,
        excel_reading,
        keyed_landing,
        merge,
        small_files,
        no_op,
        models,
        lineage,
        memory,
    )
} | {case.name: case for case in (*no_op_models.ALL, *incremental.ALL, *rules.ALL)}
