"""A kept judge of single rows: the same types and rules as a landing's, without files, for a few rows at a time.

The statement is planned once (40 ms for ten columns) and then only run; the rows stand in for one another behind it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from entrepot.adapters.embedded.connections import Settings, open_instance
from entrepot.adapters.embedded.judge import Judge
from entrepot.adapters.embedded.sources import Source
from entrepot.adapters.embedded.split import failures
from entrepot.contracts.model import Contract
from entrepot.contracts.row_rules import ForeignKey, Unique
from entrepot.flow.rejects import Reason
from entrepot.kernel.rows import Stamp
from entrepot.ports.engine import SplitTask
from entrepot.ports.relations import FAULT_TYPE, FAULTS

_ROWS, _STATEMENT = "__rows", "__judged"
_PLACE = "inbox"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class DuckRowJudge:
    """Says of each row what it breaks with severity error. Unique keys and foreign keys are left out: they concern other rows.

    For one thread at a time. It keeps a small DuckDB instance until it is closed.
    """

    def __init__(self, contract: Contract, settings: Settings) -> None:
        rules = tuple(rule for rule in contract.rules if not isinstance(rule, Unique | ForeignKey))
        self._contract = replace(contract, rules=rules)
        self._columns = tuple(column.name for column in contract.columns)
        texts = [(f"__r{number}", pa.string()) for number in range(len(self._columns))]
        self._rows = _Rows(pa.schema([("__rn", pa.int64()), ("__rec", pa.int64()), ("__faults", FAULT_TYPE), *texts]))
        self._instance = open_instance(settings, contract.time_zone, threads=1)
        try:
            with failures():
                self._prepare()
        except BaseException:
            self._instance.close()
            raise

    def judge(self, rows: pa.RecordBatch) -> Mapping[int, Sequence[Reason]]:
        """Place of the row → its reasons; rows that break nothing are absent.

        Args: rows: texts under the names of the contract's columns, `FAULTS` among them where the reader has some; an absent column is null.
        Raises: RunError.
        """
        if not rows.num_rows:
            return {}
        count = rows.num_rows
        known = set(rows.schema.names)
        faults = rows.column(FAULTS) if FAULTS in known else pa.nulls(count, FAULT_TYPE)
        texts = [rows.column(name) if name in known else pa.nulls(count, pa.string()) for name in self._columns]
        self._rows.put([pa.arange(0, count, 1), pa.arange(1, count + 1, 1), faults, *texts])
        try:
            with failures():
                found = self._instance.connection.execute(f"EXECUTE {_STATEMENT}").fetchall()
        finally:
            self._rows.clear()
        return dict(_read(text) for (text,) in found)

    def close(self) -> None:
        """Let the instance go. Repeatable."""
        self._instance.close()

    def _prepare(self) -> None:
        connection = self._instance.connection
        connection.register(_ROWS, self._rows)
        source = Source(_ROWS, dict.fromkeys(self._columns, "VARCHAR"), has_faults=True, place=_PLACE)
        task = SplitTask((), self._contract, Stamp(0, _PLACE, _NEVER))
        sql = Judge(task, self._contract, connection, ()).select_rejected(source, _PLACE)
        connection.execute(f"PREPARE {_STATEMENT} AS {sql}")


class _Rows:
    """What DuckDB reads each time the statement runs: the rows of now. It asks through Arrow's PyCapsule interface."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self.clear()

    def put(self, arrays: Sequence[pa.Array]) -> None:
        """These rows from now on."""
        self._table = pa.Table.from_arrays(list(arrays), schema=self._schema)

    def clear(self) -> None:
        """No rows."""
        self._table = pa.Table.from_batches([], self._schema)

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def _read(text: str) -> tuple[int, tuple[Reason, ...]]:
    reject: dict[str, Any] = json.loads(text)
    return reject["id"], tuple(Reason(**reason) for reason in reject["reasons"])
