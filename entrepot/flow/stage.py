"""Staging: read a planned range and judge its rows; two outputs lie ready, nothing is committed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from entrepot.flow.flow import Flow, Services
from entrepot.flow.modes import mode_from_json
from entrepot.flow.supersede import period_predicate
from entrepot.kernel.errors import DataError, RunError
from entrepot.kernel.events import Event
from entrepot.kernel.positions import Position, RejectSet
from entrepot.kernel.rows import BATCH, CORRECTS, Stamp, split_record_id
from entrepot.ports.engine import SplitResult, SplitTask, Staged
from entrepot.ports.relations import Part, QueryScan, Stream, TableVersion
from entrepot.ports.state import Plan
from entrepot.ports.writer import Append, Merge, Replace, ReplaceKeys, WriteMode

TELL_EVERY_S = 0.2


def read_parts(flow: Flow, position: Position) -> list[Part]:
    """Open the rows of a planned range: from the source, or from quarantine when it is a retry."""
    if not isinstance(position, RejectSet):
        return flow.reader.read(position)
    if flow.rejects is None:
        raise RunError(f"{flow.name} keeps no rejects, so none can be taken again.")
    return flow.rejects.read(position)


def stage(flow: Flow, plan: Plan, services: Services) -> SplitResult:
    """Split the range into accepted and rejected rows, written as files below the staging folder.

    Depends on nothing but the plan, so doing it again after a crash gives the same rows and record ids.
    """
    position = plan.draft.position
    mode = mode_from_json(plan.draft.mode)
    task = SplitTask(
        parts=[_watched(part, flow.name, services) for part in read_parts(flow, position)],
        contract=flow.contract,
        stamp=Stamp(plan.batch, flow.name, plan.draft.received_at),
        existing=_existing(flow, plan, mode),
        references=_references(flow, plan),
        keep_last_of_key=flow.write == "merge" and not isinstance(position, RejectSet),
        ignore_key_conflicts_where=_replaced(plan, mode),
        find_replaced=_period_finder(flow, plan, mode),
        approved_rules=isinstance(position, RejectSet) and bool(position.approved),
        system_columns=flow.system_columns,
    )
    return flow.engine.split(task, staging_folder(plan, services))


def _watched(part: Part, flow: str, services: Services) -> Part:
    """The same part, telling how many rows and bytes have passed, a few times a second."""
    rows = part.rows
    if not isinstance(rows, Stream):
        return part

    def open_watched() -> Iterator[pa.RecordBatch]:
        passed_rows = passed_bytes = 0
        told_at = time.monotonic()
        for batch in rows.open():
            passed_rows += batch.num_rows
            passed_bytes += _size_as_text(batch)
            if time.monotonic() - told_at > TELL_EVERY_S:
                services.emit(Event("rows_read", flow, {"rows": passed_rows, "bytes": passed_bytes}))
                passed_rows = passed_bytes = 0
                told_at = time.monotonic()
            yield batch
        services.emit(Event("rows_read", flow, {"rows": passed_rows, "bytes": passed_bytes}))

    return replace(part, rows=replace(rows, open=open_watched))


def _size_as_text(batch: pa.RecordBatch) -> int:
    """About what the rows take in a text file, so that it can be held against the file's size: values and separators."""
    size = 0
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name.startswith("_") or column.null_count == len(column):
            continue  # record numbers and marks, which no file holds
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        size += len(column) + (pc.sum(pc.binary_length(column)).as_py() or 0) if is_text else column.nbytes
    return size


def staging_folder(plan: Plan, services: Services) -> Path:
    """Where the plan's files lie until they are committed: each process its own, as two may work on one plan."""
    return services.staging / plan.flow / f"{plan.sequence}@{services.holder.replace('/', '~')}"


def sweep(flow: str, services: Services) -> None:
    """Remove what this process and dead ones have staged for a flow."""
    for folder in (services.staging / flow).glob("*@*"):
        holder = folder.name.partition("@")[2].replace("~", "/")
        if holder == services.holder or not services.is_alive(holder):
            shutil.rmtree(folder, ignore_errors=True)


def _existing(flow: Flow, plan: Plan, mode: WriteMode) -> TableVersion | None:
    """The target as the plan saw it, where uniqueness must be judged against it."""
    version = plan.draft.pins.get(flow.target, -1)
    if version < 0 or flow.contract is None:
        return None
    if isinstance(mode, Merge):  # a key that is there is updated, but never by a reject of an older batch
        return TableVersion(flow.target, version) if isinstance(plan.draft.position, RejectSet) else None
    partly = isinstance(mode, Append | ReplaceKeys) or mode.where is not None
    return TableVersion(flow.target, version) if partly else None


def _replaced(plan: Plan, mode: WriteMode) -> str | None:
    """Rows of the table with which a key cannot conflict, because they go or may be updated."""
    if isinstance(mode, Replace):
        return mode.where
    if isinstance(mode, Merge) and isinstance(plan.draft.position, RejectSet):
        oldest = min(split_record_id(record)[0] for record in plan.draft.position.rejects)
        return f"{BATCH} <= {oldest}"
    return None


def _period_finder(flow: Flow, plan: Plan, mode: WriteMode) -> Callable[[Staged], str | None] | None:
    contract, supersedes, position = flow.contract, flow.supersedes, plan.draft.position
    if supersedes.by != "period" or not isinstance(mode, Append):
        return None
    assert contract is not None and supersedes.column is not None
    find = partial(period_predicate, contract, supersedes.column, supersedes.grain)
    return partial(_refuse_replaced, flow, plan, position, find) if isinstance(position, RejectSet) else find


def _refuse_replaced(
    flow: Flow, plan: Plan, position: RejectSet, find: Callable[[Staged], str | None], staged: Staged
) -> None:
    """A period that was replaced after the reject came holds the record already, or was meant to be without it.

    Raises: DataError.
    """
    where, version = find(staged), plan.draft.pins.get(flow.target, -1)
    if where is None or version < 0:
        return
    oldest = min(split_record_id(record)[0] for record in position.rejects)
    sql = f"SELECT count(*) AS n FROM q.t WHERE ({where}) AND {BATCH} > {oldest} AND {CORRECTS} IS NULL"
    found = flow.engine.query(QueryScan(sql, {"q.t": TableVersion(flow.target, version)})).batches().read_all()
    if found["n"][0].as_py():
        raise DataError(
            f"the {flow.supersedes.grain} of a reject has been replaced since by a later file.",
            hint="Send a corrected file for it, or discard the reject.",
        )


def _references(flow: Flow, plan: Plan) -> dict[str, TableVersion]:
    if flow.contract is None:
        return {}
    names = (str(dataset) for dataset in flow.contract.references)
    return {name: TableVersion(name, plan.draft.pins[name]) for name in names if plan.draft.pins.get(name, -1) >= 0}
