"""Rejected rows on their way from a pass to the quarantine's schema."""

from __future__ import annotations

from collections import Counter

from entrepot.adapters.embedded.judge import REJECT, received_at
from entrepot.adapters.embedded.quoting import literal
from entrepot.adapters.embedded.staging import Staging, read_files
from entrepot.kernel.rows import ROW_BITS, Stamp
from entrepot.ports.engine import REJECT_SCHEMA

_REASON = '{"rule": "VARCHAR", "column": "VARCHAR", "value": "VARCHAR", "expected": "VARCHAR", "at": "VARCHAR"}'
_STRUCTURE = (
    '{"id": "BIGINT", "origin": "VARCHAR", "corrects": "BIGINT", "place": "VARCHAR", "row": "VARCHAR", '
    f'"reasons": [{_REASON}]}}'
)
REASON_TYPE = 'STRUCT("rule" VARCHAR, "column" VARCHAR, "value" VARCHAR, expected VARCHAR, "at" VARCHAR)[]'


def quarantine_select(stamp: Stamp, relation: str, *, number_from: int | None = None) -> str:
    """SQL: rows in the quarantine's schema, from a relation with id, origin, corrects, row, reasons.

    Rows without ids are numbered from `number_from` by their content, so that doing it again gives the same.
    """
    record_id = "id"
    if number_from is not None:
        record_id = (
            f'{(stamp.batch << ROW_BITS) + number_from - 1}::BIGINT + row_number() OVER (ORDER BY "row", reasons)'
        )
    return (
        f"SELECT {record_id} AS _record_id, {stamp.batch}::BIGINT AS _batch, {literal(stamp.source)} AS _source, "
        f"origin AS _origin, {received_at(stamp)} AS _received_at, corrects::BIGINT AS _corrects, "
        f'"row"::VARCHAR AS "row", reasons::{REASON_TYPE} AS reasons FROM ({relation})'
    )


def settle_rejects(staging: Staging, stamp: Stamp, *, have_ids: bool) -> tuple[Counter[str], Counter[str]]:
    """Write the passes' rejected rows as a quarantine file; return rows per rule and rows per place."""
    if not staging.raw_rejects:
        return Counter(), Counter()
    unpacked = f"SELECT unnest(from_json({REJECT}, {literal(_STRUCTURE)})) FROM {read_files(staging.raw_rejects)}"
    staging.write_rejected(quarantine_select(stamp, unpacked, number_from=None if have_ids else 1), REJECT_SCHEMA)
    rules = f"SELECT unnest(list_distinct(list_transform(reasons, lambda r: r.rule))) AS found FROM ({unpacked})"
    return count_by(staging, rules), count_by(staging, f"SELECT place AS found FROM ({unpacked})")


def count_warnings(staging: Staging) -> Counter[str]:
    """Accepted rows per warning rule."""
    if not staging.accepted:
        return Counter()
    files = read_files(file.path for file in staging.accepted)
    return count_by(staging, f"SELECT unnest(_warnings) AS found FROM {files} WHERE _warnings IS NOT NULL")


def count_by(staging: Staging, relation: str) -> Counter[str]:
    """Rows of a relation per value of its column `found`."""
    rows = staging.connection.execute(f"SELECT found, count(*) FROM ({relation}) GROUP BY found").fetchall()
    return Counter({str(found): int(count) for found, count in rows})
