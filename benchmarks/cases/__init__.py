"""The cases by name, in the order in which they are measured."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases import csv_landing, keyed_landing, memory, merge, no_op, parquet_landing, small_files

CASES: dict[str, Case] = {
    module.CASE.name: module.CASE
    for module in (csv_landing, parquet_landing, keyed_landing, merge, small_files, no_op, memory)
}
