"""The outbox as a flow's target: each staged row becomes one message, once however often the batch is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq

from entrepot.adapters.embedded.outbox.store import SqliteOutbox
from entrepot.kernel.errors import DamageError, RunError
from entrepot.kernel.ids import new_token
from entrepot.kernel.points import reached
from entrepot.ports.engine import Staged
from entrepot.ports.outbox import Draft, Enqueueing
from entrepot.ports.tables import TableCommit
from entrepot.ports.writer import Batch, Committed

ROWS_AT_ONCE = 1_000
"""In one transaction: others wait for its end."""


class OutboxWriter:
    """`ports.writer.Writer`: rows are handed in some at a time, each under a reference that holds the batch's sequence; then the batch is noted.

    A batch that was cut short is handed in again: what is there already is recognised.

    Args:
        make_draft: (row, sequence) → the message. Raises: DataError.
    """

    def __init__(self, outbox: SqliteOutbox, name: str, make_draft: Callable[[Mapping[str, Any], int], Draft]) -> None:
        self.name = name
        self._outbox = outbox
        self._make_draft = make_draft

    def prepare(self) -> None:
        """Give the target its identity."""
        with self._outbox.database.write() as connection:
            connection.execute("INSERT OR IGNORE INTO targets VALUES (?, ?)", (self.name, new_token()))

    def last_sequence(self, flow: str) -> int:
        """The highest sequence of the flow; 0 when none."""
        sql = "SELECT max(sequence) FROM batches WHERE target = ? AND flow = ?"
        return int(self._ask(sql, self.name, flow) or 0)

    def find_commit(self, flow: str, sequence: int) -> Committed | None:
        """What the commit of that sequence did."""
        with self._outbox.database.read() as connection:
            sql = "SELECT added, metadata FROM batches WHERE target = ? AND flow = ? AND sequence = ?"
            row = connection.execute(sql, (self.name, flow, sequence)).fetchone()
        if row is None:
            return None
        return Committed(self.version(), row["added"], 0, json.loads(row["metadata"]))

    def commit(self, batch: Batch) -> Committed:
        """Hand in every row, then note the batch. Raises: RunError when a reference is known with another content."""
        done = self.find_commit(batch.flow, batch.sequence)
        if done is not None:
            return done
        added = 0
        for rows in _read(batch.rows):
            self._hand_in(batch, [self._make_draft(row, batch.sequence) for row in rows])
            added += len(rows)
            reached("main.files_synced")
        metadata = json.dumps(dict(batch.metadata), ensure_ascii=False, allow_nan=False)
        with self._outbox.database.write() as connection:
            values = (self.name, batch.flow, batch.sequence, added, metadata)
            connection.execute("INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?, ?)", values)
        reached("main.linked")
        return Committed(self.version(), added, 0, json.loads(metadata))

    def history(self, flow: str, after: int) -> list[TableCommit]:
        """Batches of a flow with a greater sequence, oldest first: what a state that was lost is rebuilt from."""
        sql = "SELECT metadata FROM batches WHERE target = ? AND flow = ? AND sequence > ? ORDER BY sequence"
        with self._outbox.database.read() as connection:
            found = [json.loads(row[0]) for row in connection.execute(sql, (self.name, flow, after)).fetchall()]
        return [
            TableCommit(plan["sequence"], datetime.fromisoformat(plan["received_at"]), "publish", plan)
            for plan in found
        ]

    def version(self) -> int:
        """The number of batches; -1 before it was prepared."""
        if self._ask("SELECT 1 FROM targets WHERE target = ?", self.name) is None:
            return -1
        return int(self._ask("SELECT count(*) FROM batches WHERE target = ?", self.name))

    def identity(self) -> str:
        """Drawn when the target was prepared first."""
        found = self._ask("SELECT identity FROM targets WHERE target = ?", self.name)
        if found is None:
            raise DamageError(
                f"{self.name} has no identity: nothing was ever published by it.", hint="Prepare it first."
            )
        return str(found)

    def _hand_in(self, batch: Batch, drafts: list[Draft]) -> None:
        answers = self._outbox.enqueue(drafts, who=f"{batch.flow}/{batch.sequence}")
        clashes = sum(answer.outcome is Enqueueing.CONFLICT for answer in answers)
        if clashes:
            raise RunError(
                f"{batch.flow}: {clashes} messages of batch {batch.sequence} have references that are known with another content.",
                hint="The outbox or the state was restored from an older copy; see entrepot doctor.",
            )

    def _ask(self, sql: str, *values: str) -> Any:
        with self._outbox.database.read() as connection:
            row = connection.execute(sql, values).fetchone()
            return None if row is None else row[0]


def _read(rows: Staged) -> Iterator[list[dict[str, Any]]]:
    for file in rows.files:
        with closing(pq.ParquetFile(file.path)) as parquet:
            for batch in parquet.iter_batches(batch_size=ROWS_AT_ONCE):
                yield batch.to_pylist()
