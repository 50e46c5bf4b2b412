"""`clean`: rows with what is needed, the newest of each key, and when they were loaded."""

from __future__ import annotations

from entrepot.kernel.rows import RECEIVED_AT, RECORD_ID
from entrepot.sql.macros.macro import Argument, Call, Macro, Sample, check_fields
from entrepot.sql.macros.values import Value


def _render(call: Call) -> str:
    if not call.given:
        raise call.error("does nothing without required, newest or stamp")
    required = call.columns("required")
    stamp = call.find("stamp")
    columns, source = "*", call.table.sql
    if stamp is not None:
        name = stamp.column()
        # Mentioned without its table: where the rows have a column of that name already, it is ambiguous, and check refuses it.
        columns = f"_c.*, CASE WHEN {name} IS NOT NULL THEN _c.{_stamp(call, stamp)} END AS {name}"
        source = f"{call.table.sql} AS _c CROSS JOIN range(0, 1) AS _n({name})"
    where = f" WHERE {' AND '.join(f'{name} IS NOT NULL' for name in required)}" if required else ""
    newest = call.find("newest")
    qualify = "" if newest is None else f" QUALIFY {_newest(call, newest, required)}"
    return f"SELECT {columns} FROM {source}{where}{qualify}"


def _stamp(call: Call, value: Value) -> str:
    if call.table.has_record_ids is False:
        raise value.error(f"needs {RECEIVED_AT}, which only tables of the lake have", "Stamp the dataset itself.")
    return RECEIVED_AT


def _newest(call: Call, value: Value, required: tuple[str, ...]) -> str:
    fields = check_fields(value, ("key", "by"), ("then",))
    key, by = fields["key"].columns(), fields["by"].columns()
    folded = [name.lower() for name in required]
    for name in key:
        if name.lower() not in folded:
            raise fields["key"].error(
                f"has the key {name}, which may be null; rows without it would count as duplicates of each other",
                f"Add it: required := [{', '.join((*required, name))}].",
            )
    if "then" in fields:
        last = fields["then"].columns()
    elif call.table.has_record_ids is False:
        raise value.error(
            f"does not say which row wins a tie; this table has no {RECORD_ID}",
            "Name columns that tell all rows of a key apart: then: [line].",
        )
    else:
        last = (RECORD_ID,)
    order = ", ".join(f"{name} DESC NULLS LAST" for name in (*by, *last))
    return f"row_number() OVER (PARTITION BY {', '.join(key)} ORDER BY {order}) = 1"


CLEAN = Macro(
    name="clean",
    summary="Drop rows that lack something, keep the newest of duplicates, say when a row was loaded.",
    table="Any table.",
    arguments=(
        Argument("required", "[order_id]", "the columns without which a row is dropped"),
        Argument(
            "newest",
            "{key: [order_id], by: updated_at}",
            "which rows are duplicates and which one stays; then: [line] decides ties where rows have no record id",
        ),
        Argument("stamp", "loaded_at", "the name of a column with the time at which the row's batch came"),
    ),
    render=_render,
    samples=(
        Sample(
            tables={
                "bronze.orders": (
                    "_record_id, _received_at, order_id, updated_at, state",
                    (
                        "1, TIMESTAMPTZ '2026-03-02 06:00:00+00', 'A1', DATE '2026-03-01', 'open'",
                        "2, TIMESTAMPTZ '2026-03-02 06:00:00+00', NULL, DATE '2026-03-01', 'open'",
                        "3, TIMESTAMPTZ '2026-03-03 06:00:00+00', 'A1', DATE '2026-03-02', 'paid'",
                        "4, TIMESTAMPTZ '2026-03-03 06:00:00+00', 'A2', DATE '2026-03-02', 'open'",
                        "5, TIMESTAMPTZ '2026-03-03 06:00:00+00', 'A2', DATE '2026-03-02', 'paid'",
                    ),
                )
            },
            call="clean(bronze.orders, required := [order_id], newest := {key: [order_id], by: updated_at}, stamp := loaded_at)",
            columns="order_id, updated_at, state, loaded_at",
            rows=(
                "'A1', DATE '2026-03-02', 'paid', TIMESTAMPTZ '2026-03-03 06:00:00+00'",
                "'A2', DATE '2026-03-02', 'paid', TIMESTAMPTZ '2026-03-03 06:00:00+00'",
            ),
        ),
    ),
    notes=(
        "Rows that are dropped here are not counted anywhere. What must not be missing at all belongs in the contract, where such a row is a reject.",
        "Of rows that are equally new the one that came last wins, by _record_id. Rows without the column in by are the oldest.",
        "The stamp is _received_at: the same when a batch is done again.",
    ),
    keeps_columns=True,
)
