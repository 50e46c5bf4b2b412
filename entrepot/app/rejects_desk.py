"""What people do with rejects: decide (fix, approve, discard, reopen), check a fix, take records again."""

from __future__ import annotations

import getpass
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.app.wiring import Platform
from entrepot.flow.flow import Flow
from entrepot.flow.lease import held
from entrepot.flow.loop import advance
from entrepot.flow.rejects import DECISION_SCHEMA, DECISIONS, Reject, RejectStatus, parse_reject_id
from entrepot.kernel.errors import UsageError
from entrepot.kernel.ids import new_token
from entrepot.kernel.positions import RejectSet
from entrepot.kernel.rows import Stamp
from entrepot.ports.engine import SplitResult, SplitTask, Staged, StagedFile
from entrepot.ports.relations import TableVersion
from entrepot.ports.state import Plan
from entrepot.ports.writer import Append, Batch

RETRYABLE = (RejectStatus.FIXED, RejectStatus.APPROVED)


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of records that were taken again."""

    taken: int
    accepted: int
    rejected: int
    plans: Sequence[Plan] = field(default=())


class RejectsDesk:
    """One object for CLI and API: the same verbs, the same checks."""

    def __init__(self, platform: Platform, who: str | None = None) -> None:
        """Args: who: whose decisions they are; default: the user of this process."""
        self._platform = platform
        self._who = who

    def list(
        self, dataset: str | None = None, *, status: RejectStatus | None = None, rule: str | None = None
    ) -> list[Reject]:
        """Rejects of one dataset or of all; those that wait for a decision come with status open, fixed or approved."""
        known = self._platform.rejects.datasets()
        if dataset is not None and dataset not in known:
            raise UsageError(f"{dataset} has no quarantine; there are: {', '.join(known) or 'none yet'}.")
        names = [dataset] if dataset else known
        found = [reject for name in names for reject in self._platform.rejects.find(name)]
        if status is not None:
            found = [reject for reject in found if reject.status is status]
        if rule is not None:
            found = [reject for reject in found if any(reason.rule == rule for reason in reject.reasons)]
        return found

    def get(self, id: str) -> Reject:
        """One reject by its id. Raises: UsageError when there is none."""
        try:
            dataset, record = parse_reject_id(id)
        except ValueError as error:
            raise UsageError(str(error)) from error
        found = self._platform.rejects.find(dataset, [record])
        if not found:
            raise UsageError(f"there is no reject {id}.", hint="See: entrepot rejects list")
        return found[0]

    def fix(self, id: str, values: Mapping[str, str | None], reason: str) -> Reject:
        """Note corrected values (as text; None for null). Nothing is written to the dataset before `retry`."""
        reject = self._undecided(id)
        known = [column.name for column in self._platform.project.contracts[reject.dataset].columns]
        for column in values:
            if column not in known:
                raise UsageError(f"{reject.dataset} has no column {column!r}; it has: {', '.join(known)}.")
        self._decide([(reject, "fix", column, value) for column, value in values.items()], reason)
        return self.get(id)

    def approve(self, ids: Sequence[str], reason: str) -> None:
        """Let records pass although they break rules (never types); the rules are noted as warnings on the row."""
        self._decide([(reject, "approve", None, None) for reject in self._all_undecided(ids)], reason)

    def discard(self, ids: Sequence[str], reason: str) -> None:
        """Decide that records are not wanted; they stay in quarantine, decided."""
        self._decide([(reject, "discard", None, None) for reject in self._all_undecided(ids)], reason)

    def reopen(self, ids: Sequence[str], reason: str) -> None:
        """Take decisions back."""
        self._decide([(reject, "reopen", None, None) for reject in self._all_undecided(ids)], reason)

    def check(self, id: str) -> SplitResult:
        """Judge a record with its fixes as a retry would, without committing anything."""
        reject = self._undecided(id)
        flow = self._flow_of(reject)
        into = self._platform.services.staging / f"check-{new_token()}"
        try:
            return flow.engine.split(self._check_task(flow, reject), into)
        finally:
            shutil.rmtree(into, ignore_errors=True)

    def retry(self, dataset: str | None = None, ids: Sequence[str] = ()) -> Retried:
        """Take fixed and approved records again, each exactly once, as the next batch of the flow that brought them."""
        rejects = self._all_undecided(ids) if ids else self.list(dataset)
        waiting = [reject for reject in rejects if reject.status in RETRYABLE]
        plans: list[Plan] = []
        taken = 0
        for group in _grouped(waiting).values():
            flow = self._flow_of(group[0])
            plans.extend(advance(flow, self._platform.services, retry=_position(group)).settled)
            taken += len(group)
        counts = [plan.counts for plan in plans if plan.counts and isinstance(plan.draft.position, RejectSet)]
        return Retried(taken, sum(c.accepted for c in counts), sum(c.rejected for c in counts), plans)

    def _check_task(self, flow: Flow, reject: Reject) -> SplitTask:
        position = _position([reject])
        pins = flow.pin()
        assert flow.contract is not None and flow.rejects is not None
        names = [str(dataset) for dataset in flow.contract.references]
        existing = pins.get(flow.target, -1)
        return SplitTask(
            parts=flow.rejects.read(position),
            contract=flow.contract,
            stamp=Stamp(1, flow.name, self._platform.clock.now()),
            existing=TableVersion(flow.target, existing) if existing >= 0 and flow.write == "append" else None,
            references={name: TableVersion(name, pins[name]) for name in names if pins[name] >= 0},
            approved_rules=bool(position.approved),
            system_columns=flow.system_columns,
        )

    def _all_undecided(self, ids: Sequence[str]) -> Sequence[Reject]:
        """Raises: UsageError for the first that cannot be decided."""
        found = {reject.id: reject for reject in self.find_all(ids)}
        return [self._require_undecided(found.get(id), id) for id in dict.fromkeys(ids)]

    def find_all(self, ids: Sequence[str]) -> Sequence[Reject]:
        """Those of the ids that there are: one question for each dataset. Raises: UsageError for what is no id."""
        wanted: dict[str, set[int]] = {}
        for id in ids:
            try:
                dataset, record = parse_reject_id(id)
            except ValueError as error:
                raise UsageError(str(error)) from error
            wanted.setdefault(dataset, set()).add(record)
        return [each for name, records in wanted.items() for each in self._platform.rejects.find(name, records)]

    def _undecided(self, id: str) -> Reject:
        return self._require_undecided(self.get(id), id)

    def _require_undecided(self, reject: Reject | None, id: str) -> Reject:
        if reject is None:
            raise UsageError(f"there is no reject {id}.", hint="See: entrepot rejects list")
        if reject.status in (RejectStatus.RETRIED, RejectStatus.VOIDED, RejectStatus.SUPERSEDED):
            raise UsageError(
                f"{id} is {reject.status.value}: nothing more can be decided about it.",
                hint="If it was rejected again, the newer reject stands for it: entrepot rejects list.",
            )
        if any(str(model.name) == reject.dataset for model in self._platform.project.models):
            raise UsageError(
                f"{id} was rejected by a model: it is mended where the record came from ({reject.origin}), or in the model.",
                hint="Correct the source's record, or change the model or its contract; the next run judges it anew.",
            )
        return reject

    def _flow_of(self, reject: Reject) -> Flow:
        for node in self._platform.nodes:
            if node.name == reject.flow and node.target == reject.dataset:
                return node.build()
        raise UsageError(
            f"{reject.id} came from the flow {reject.flow!r}, which the project no longer has.",
            hint="Put its source file back, or discard the record.",
        )

    def _decide(self, decisions: Sequence[tuple[Reject, str, str | None, str | None]], reason: str) -> None:
        """Append rows to the table of decisions, in one commit, as a flow of its own."""
        if not decisions:
            return
        platform, at, by = self._platform, self._platform.clock.now(), self._who or getpass.getuser()
        rows = [
            {
                "at": at, "by": by, "dataset": reject.dataset, "record": reject.record,
                "action": action, "column": column, "value": value, "reason": reason,
            }
            for reject, action, column, value in decisions
        ]  # fmt: skip
        with held("flow:decisions", platform.services, wait_s=30.0):
            platform.tables.repair(DECISIONS, platform.state.durable_version(DECISIONS))
            platform.tables.create(DECISIONS, DECISION_SCHEMA, description="What people decided about rejected records")
            staged = self._staged(pa.Table.from_pylist(rows, DECISION_SCHEMA))
            sequence = platform.tables.last_sequence(DECISIONS, "decisions") + 1
            committed = platform.tables.commit(DECISIONS, Batch("decisions", sequence, staged, Append()))
            platform.state.note_durable(DECISIONS, committed.version, platform.tables.table_id(DECISIONS))

    def _staged(self, table: pa.Table) -> Staged:
        path = self._platform.services.staging / f"decisions-{new_token()}.parquet"
        pq.write_table(table, path)
        return Staged(table.schema, (StagedFile(path, table.num_rows, path.stat().st_size),))


def _grouped(rejects: Sequence[Reject]) -> dict[tuple[str, bool, int], list[Reject]]:
    """By flow, the approved apart from the fixed (they are judged differently), and by batch, oldest first: a merge may not
    put a correction in the place of what came later."""
    groups: dict[tuple[str, bool, int], list[Reject]] = {}
    for reject in sorted(rejects, key=lambda reject: reject.batch):
        groups.setdefault((reject.flow, reject.status is RejectStatus.APPROVED, reject.batch), []).append(reject)
    return groups


def _position(rejects: Sequence[Reject]) -> RejectSet:
    return RejectSet(
        rejects=tuple(reject.record for reject in rejects),
        fixes={str(reject.record): dict(reject.fixes) for reject in rejects if reject.fixes},
        approved=tuple(reject.record for reject in rejects if reject.status is RejectStatus.APPROVED),
    )
