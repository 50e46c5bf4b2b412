"""Rejected records: what they are, what people decide about them, and how they are taken again, exactly once.

A reject never changes. Decisions (fix, approve, discard, reopen) are rows of the table `quarantine.decisions`;
that a record was taken again stands in the flow's settled plans. The status follows from both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from entrepot.kernel.errors import DamageError
from entrepot.kernel.names import parse_dataset
from entrepot.kernel.positions import FileSet, RejectSet
from entrepot.kernel.rows import CORRECTS, ORIGIN, record_id, split_record_id
from entrepot.ports.engine import Engine
from entrepot.ports.relations import RECORD, Part, QueryScan, Stream, TableVersion
from entrepot.ports.state import Plan, PlanStatus, State
from entrepot.ports.tables import Tables

DECISIONS = "quarantine.decisions"
DECISION_SCHEMA = pa.schema(
    [
        ("at", pa.timestamp("us", tz="UTC")),
        ("by", pa.string()),
        ("dataset", pa.string()),
        ("record", pa.int64()),
        ("action", pa.string()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
    ]
)


class RejectStatus(StrEnum):
    """Where a rejected record stands."""

    OPEN = "open"
    FIXED = "fixed"
    APPROVED = "approved"
    DISCARDED = "discarded"
    RETRIED = "retried"
    """Taken again; if it broke a rule once more, a new reject with `corrects` stands for it."""
    VOIDED = "voided"
    """Its batch was given up: the file will come again or was refused."""
    SUPERSEDED = "superseded"
    """A later file or a rebuild took the place of what it came with."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One broken rule."""

    rule: str
    column: str | None
    value: str | None
    expected: str | None
    at: str | None


@dataclass(frozen=True, slots=True)
class Reject:
    """One rejected record with its present status."""

    dataset: str
    record: int
    batch: int
    """The batch that rejected it; a model's rejects keep the record id of the row they came from."""
    flow: str
    origin: str
    received_at: datetime
    corrects: int | None
    row: Mapping[str, str | None]
    reasons: tuple[Reason, ...]
    status: RejectStatus = RejectStatus.OPEN
    fixes: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id people type: `bronze.sales:12.345` (batch and row)."""
        batch, row = split_record_id(self.record)
        return f"{self.dataset}:{batch}.{row}"


def parse_reject_id(text: str) -> tuple[str, int]:
    """Read `bronze.sales:12.345`.

    Raises: ValueError with what is allowed.
    """
    dataset, colon, number = text.partition(":")
    batch, dot, row = number.partition(".")
    if not (colon and dot and batch.isdigit() and row.isdigit()):
        raise ValueError(
            f"{text!r} is not the id of a reject; ids look like bronze.sales:12.345 (see `entrepot rejects list`)."
        )
    parse_dataset(dataset)
    return dataset, record_id(int(batch), int(row))


def quarantine_name(dataset: str) -> str:
    """The table that keeps a dataset's rejects."""
    return f"quarantine.{dataset}"


class Rejects:
    """Reads rejects and their decisions from the lake."""

    def __init__(self, tables: Tables, engine: Engine, state: State) -> None:
        self._tables = tables
        self._engine = engine
        self._state = state

    def datasets(self) -> list[str]:
        """Datasets that have a quarantine."""
        names = (
            name.removeprefix("quarantine.") for name in self._tables.list_tables() if name.startswith("quarantine.")
        )
        return sorted(name for name in names if "." in name)

    def find(self, dataset: str, records: Iterable[int] | None = None, limit: int | None = None) -> list[Reject]:
        """Rejects of a dataset in the order they came, with status; all of them, or those with these record ids."""
        name = quarantine_name(dataset)
        if not self._tables.exists(name):
            return []
        wanted = None if records is None else list(records)
        if wanted == []:
            return []
        where = "" if wanted is None else f" WHERE _record_id IN ({', '.join(map(str, wanted))})"
        bound = "" if limit is None else f" LIMIT {limit:d}"
        rows = self._rows(name, f"SELECT * FROM q.t{where} ORDER BY _record_id{bound}")
        plans = self._state.plans(target=dataset)
        decisions = self._decisions(dataset)
        return [_judge(_to_reject(dataset, row), decisions, plans) for row in rows]

    def read(self, position: RejectSet, dataset: str, columns: Sequence[str] = ()) -> list[Part]:
        """Rejected records as text with the plan's fixes, one part per place, each row telling which record it corrects.

        Args: columns: those of the contract today; a record that was rejected before a column came has null in it.
        """
        by_place: dict[str, list[tuple[Reject, int]]] = {}
        found = self.find(dataset, position.rejects)
        if sorted(reject.record for reject in found) != sorted(position.rejects):
            raise DamageError(
                f"{quarantine_name(dataset)} holds {len(found)} of {len(position.rejects)} records that are to be taken again."
            )
        for reject in found:
            place, number = _place_and_number(reject.origin)
            by_place.setdefault(place, []).append((reject, number))
        return [Part(place, _as_stream(group, position, columns)) for place, group in sorted(by_place.items())]

    def _decisions(self, dataset: str) -> dict[int, list[Mapping[str, Any]]]:
        if not self._tables.exists(DECISIONS):
            return {}
        text = f'SELECT * FROM q.t WHERE dataset = \'{dataset}\' ORDER BY "at", record, "column"'
        found: dict[int, list[Mapping[str, Any]]] = {}
        for row in self._rows(DECISIONS, text):
            found.setdefault(row["record"], []).append(row)
        return found

    def _rows(self, name: str, sql: str) -> list[dict[str, Any]]:
        version = TableVersion(name, self._tables.version(name))
        table = self._engine.query(QueryScan(sql, {"q.t": version})).batches().read_all()
        rows: list[dict[str, Any]] = table.to_pylist()
        return rows


@dataclass(frozen=True, slots=True)
class DatasetRejects:
    """`flow.RejectSource` for one dataset."""

    rejects: Rejects
    dataset: str
    columns: tuple[str, ...] = ()

    def read(self, position: RejectSet) -> list[Part]:
        """As `Rejects.read`."""
        return self.rejects.read(position, self.dataset, self.columns)


def _to_reject(dataset: str, row: Mapping[str, Any]) -> Reject:
    reasons = tuple(Reason(**reason) for reason in row["reasons"] or ())
    return Reject(
        dataset=dataset,
        record=row["_record_id"],
        batch=row["_batch"],
        flow=row["_source"],
        origin=row["_origin"],
        received_at=row["_received_at"],
        corrects=row["_corrects"],
        row=json.loads(row["row"]) if row["row"] else {},
        reasons=reasons,
    )


def _judge(reject: Reject, decisions: Mapping[int, list[Mapping[str, Any]]], plans: Sequence[Plan]) -> Reject:
    status, fixes = RejectStatus.OPEN, dict[str, str | None]()
    for decision in decisions.get(reject.record, ()):
        match decision["action"]:
            case "fix":
                fixes[decision["column"]] = decision["value"]
                status = RejectStatus.FIXED
            case "approve":
                status = RejectStatus.APPROVED
            case "discard":
                status = RejectStatus.DISCARDED
            case "reopen":
                status, fixes = RejectStatus.OPEN, {}
    return replace(reject, status=_fate(reject, plans) or status, fixes=fixes)


def _fate(reject: Reject, plans: Sequence[Plan]) -> RejectStatus | None:
    """What later batches did to a reject, whatever people decided; None: nothing."""
    fate = None
    file = reject.origin.partition("#")[0]
    for plan in plans:
        if plan.status is PlanStatus.VOIDED:
            if plan.batch == reject.batch:
                return RejectStatus.VOIDED
            continue
        position, mode = plan.draft.position, plan.draft.mode
        if isinstance(position, RejectSet):
            if reject.record in position.rejects:
                fate = RejectStatus.RETRIED
        elif plan.batch > reject.batch and plan.flow == reject.flow and mode.get("kind") == "replace":
            names = {item.name for item in position.files} if isinstance(position, FileSet) else set()
            where = mode.get("where")
            if (
                where is None or file in names or f"'{file}'" in where
            ):  # of a replayed record the origin stands in the predicate
                fate = fate or RejectStatus.SUPERSEDED
    return fate


def _place_and_number(origin: str) -> tuple[str, int]:
    """`sales.csv#17`, `prices.xlsx#Sheet1!12`: what stands before the last sign, and the number after it; `inbox/…`: inbox, no number."""
    cut = max(origin.rfind("#"), origin.rfind("!"))
    if cut < 0:
        return origin.rpartition("/")[0], 0
    number = origin[cut + 1 :]
    return origin[:cut], int(number) if number.isdigit() else 0


def _as_stream(found: Sequence[tuple[Reject, int]], position: RejectSet, known: Sequence[str]) -> Stream:
    fixed = {name for fixes in position.fixes.values() for name in fixes}
    names = sorted({*known, *fixed, *(name for reject, _ in found for name in reject.row)})
    columns: dict[str, list[str | None]] = {name: [] for name in names}
    for reject, _ in found:
        fixes = position.fixes.get(str(reject.record), {})
        for name in names:
            columns[name].append(fixes[name] if name in fixes else reject.row.get(name))
    arrays: dict[str, pa.Array] = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    arrays[RECORD] = pa.array([number for _, number in found], pa.int64())
    arrays[CORRECTS] = pa.array([reject.record for reject, _ in found], pa.int64())
    arrays[ORIGIN] = pa.array([reject.origin for reject, _ in found], pa.string())
    batch = pa.RecordBatch.from_pydict(arrays)
    return Stream(batch.schema, lambda: iter((batch,)), has_origins=True)
