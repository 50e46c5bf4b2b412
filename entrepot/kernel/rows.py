"""System columns: what every row carries about where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

RECORD_ID = "_record_id"
"""int64: number of the table's batch « 32 | row number in the batch (from 1). Unique in its table."""
BATCH = "_batch"
"""int64: number of the table's batch that wrote this version of the row."""
SOURCE = "_source"
"""string: the flow that brought the row."""
ORIGIN = "_origin"
"""string: place and record number, `prices.xlsx#Sheet1!12`, `sales.csv#17`."""
RECEIVED_AT = "_received_at"
"""timestamp, UTC: when the batch was planned (the same for all its rows, so that a redo gives the same row)."""
CORRECTS = "_corrects"
"""int64 or null: the rejected record that this row is the corrected form of."""
WARNINGS = "_warnings"
"""list of string or null: ids of the warning rules that the row breaks."""

SYSTEM_COLUMNS = (RECORD_ID, BATCH, SOURCE, ORIGIN, RECEIVED_AT, CORRECTS, WARNINGS)

ROW_BITS = 32
MAX_ROWS = (1 << ROW_BITS) - 1


def record_id(batch: int, row: int) -> int:
    """Compose the id of a row; `row` counts from 1 within the batch."""
    return (batch << ROW_BITS) | row


def split_record_id(value: int) -> tuple[int, int]:
    """Take a record id apart into (batch, row)."""
    return value >> ROW_BITS, value & MAX_ROWS


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the plan fixes about all rows of one batch, so that doing it again gives equal rows."""

    batch: int
    source: str
    received_at: datetime
