"""`SqliteState`: the port `State` on one SQLite file; each method is one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from entrepot.adapters.embedded.state import leases, marks, planning, plans, releases, runs
from entrepot.adapters.embedded.state.database import Database
from entrepot.adapters.embedded.state.quality import SqliteQuality
from entrepot.adapters.embedded.state.rows import draft_to_row
from entrepot.kernel.positions import Position
from entrepot.ports.clock import Clock
from entrepot.ports.engine import Counts
from entrepot.ports.state import Lease, Plan, PlanDraft, PlanStatus, Release, RunRecord, Totals


class SqliteState:
    """Opens or creates the file.

    Raises: ProjectError when a newer program wrote it, DamageError when it is no state, SystemError_ when it is locked or the disk refuses.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._database = Database(path)
        self._clock = clock
        self.quality = SqliteQuality(self._database)
        """Judgements over whole datasets: `ports.quality.QualityLog`."""

    def close(self) -> None:
        """Close the connections of all threads."""
        self._database.close()

    # leases
    def acquire(self, name: str, holder: str, seconds: float, *, replacing: str | None = None) -> Lease:
        """Take or prolong a lease. `holder` must name one process, or two would share the right."""
        with self._database.write(survives_power_loss=False) as connection:
            return leases.acquire(connection, self._clock.now(), name, holder, seconds, replacing)

    def renew(self, lease: Lease, seconds: float) -> Lease:
        """Prolong, also when it ran out and nobody took it."""
        with self._database.write(survives_power_loss=False) as connection:
            return leases.renew(connection, self._clock.now(), lease, seconds)

    def lease_holder(self, name: str) -> str | None:
        """Who holds the lease, also when it has run out."""
        with self._database.read() as connection:
            return leases.find_holder(connection, name)

    def release_lease(self, lease: Lease) -> None:
        """Give it back."""
        with self._database.write(survives_power_loss=False) as connection:
            leases.give_back(connection, self._clock.now(), lease)

    # plans
    def add_plan(self, draft: PlanDraft, lease: Lease, follows: int) -> Plan:
        """Insert the next plan as a compare-and-swap; see `planning` for what it must follow."""
        row = draft_to_row(draft)
        with self._database.write() as connection:
            # The clock is read under the lock: waiting for it may have used up the lease.
            now = self._clock.now()
            leases.require(connection, now, lease)
            return planning.add_plan(connection, now, draft, row, follows)

    def restore_plan(self, plan: Plan) -> None:
        """Put a plan back, in any order. A plan that is open here stays open, also when it comes back as settled."""
        with self._database.write() as connection:
            planning.restore_plan(connection, plan)

    def last_plan(self, flow: str) -> Plan | None:
        """The plan with the highest sequence."""
        with self._database.read() as connection:
            return plans.find_last(connection, flow)

    def last_position(self, flow: str) -> Position | None:
        """The range that the flow's next range must follow: that of the last plan which is neither voided nor a retry."""
        with self._database.read() as connection:
            return planning.last_position(connection, flow)

    def open_plan(self, flow: str) -> Plan | None:
        """The open plan, if there is one."""
        with self._database.read() as connection:
            return plans.find_open(connection, flow)

    def plans(
        self,
        *,
        flow: str | None = None,
        target: str | None = None,
        status: PlanStatus | None = None,
        limit: int | None = None,
    ) -> Sequence[Plan]:
        """Plans, oldest first."""
        with self._database.read() as connection:
            return plans.list_plans(connection, flow, target, status, limit)

    def totals(self, target: str) -> Totals:
        """One walk along an index that holds all that is added up."""
        with self._database.read() as connection:
            return plans.add_up(connection, target)

    def count_rejected(self, flow: str) -> int:
        """As the port says."""
        with self._database.read() as connection:
            return plans.count_rejected(connection, flow)

    def count_attempt(self, plan: Plan) -> int:
        """Add one attempt. Raises: FencedError when the plan is closed already."""
        with self._database.write(survives_power_loss=False) as connection:
            return plans.count_attempt(connection, plan)

    def settle(
        self,
        plan: Plan,
        *,
        counts: Counts,
        version: int,
        superseded_rows: int,
        at: datetime,
        details: Mapping[str, Any],
    ) -> Plan:
        """open → settled. Raises: DamageError when the counts do not close, or the plan is closed with other figures."""
        with self._database.write() as connection:
            return plans.settle(
                connection,
                plan,
                counts=counts,
                version=version,
                superseded_rows=superseded_rows,
                at=at,
                details=details,
            )

    def void(self, plan: Plan, *, reason: str, version: int, at: datetime) -> Plan:
        """open → voided. Raises: DamageError when the plan is settled."""
        with self._database.write() as connection:
            return plans.void(connection, plan, reason=reason, version=version, at=at)

    def note_acknowledged(self, plan: Plan) -> None:
        """The source has been told. Raises: DamageError when the plan is open."""
        with self._database.write(survives_power_loss=False) as connection:
            plans.note_acknowledged(connection, plan)

    def unacknowledged(self, flow: str) -> Sequence[Plan]:
        """Closed plans of which the source has not been told, oldest first."""
        with self._database.read() as connection:
            return plans.list_unacknowledged(connection, flow)

    def live_content(self, flow: str, sha256: str) -> Plan | None:
        """The plan under which the content is live."""
        with self._database.read() as connection:
            return plans.find_live(connection, flow, sha256)

    # tables
    def durable_version(self, table: str) -> int:
        """The mark, -1 when there is none."""
        with self._database.read() as connection:
            return marks.find_durable(connection, table)

    def note_durable(self, table: str, version: int, table_id: str) -> None:
        """Raise the mark; under a new identity it starts anew, because the old versions were of another table."""
        with self._database.write() as connection:
            marks.raise_durable(connection, table, version, table_id)

    def table_id(self, table: str) -> str | None:
        """The identity noted last."""
        with self._database.read() as connection:
            return marks.find_table_id(connection, table)

    # releases
    def publish(
        self,
        *,
        run: str,
        at: datetime,
        tables: Mapping[str, int],
        views: Mapping[str, str],
        held: Mapping[str, str],
        after: Release | None,
    ) -> Release:
        """As `State.publish`."""
        with self._database.write() as connection:
            return releases.publish(connection, run=run, at=at, tables=tables, views=views, held=held, after=after)

    def latest_release(self) -> Release | None:
        """The newest release."""
        with self._database.read() as connection:
            return releases.find_latest(connection)

    def release(self, id: int) -> Release | None:
        """The release of that number."""
        with self._database.read() as connection:
            return releases.find(connection, id)

    def release_at(self, at: datetime) -> Release | None:
        """The newest release not after `at`."""
        with self._database.read() as connection:
            return releases.find_at(connection, at)

    def releases(self, limit: int = 50, *, before: int | None = None) -> Sequence[Release]:
        """Newest first."""
        with self._database.read() as connection:
            return releases.list_releases(connection, limit, before)

    def expire_releases(self, before: datetime, keep_last: int) -> int:
        """Forget old releases, never the newest."""
        with self._database.write() as connection:
            return releases.expire(connection, before, keep_last)

    def expire_micro(self, before: datetime) -> int:
        """As `State.expire_micro`."""
        with self._database.write() as connection:
            return releases.expire_micro(connection, before)

    # readers' pins
    def pin_versions(self, holder: str, versions: Mapping[str, int], seconds: float) -> None:
        """Add to the holder's pins."""
        with self._database.write() as connection:
            marks.pin(connection, self._clock.now(), holder, versions, seconds)

    def unpin(self, holder: str) -> None:
        """Drop the holder's pins."""
        with self._database.write() as connection:
            marks.unpin(connection, holder)

    def pinned(self) -> Mapping[str, set[int]]:
        """table → versions pinned now."""
        with self._database.read() as connection:
            return marks.list_pinned(connection, self._clock.now())

    # runs
    def start_run(self, run: RunRecord) -> None:
        """Insert."""
        with self._database.write(survives_power_loss=False) as connection:
            runs.start(connection, run)

    def end_run(self, id: str, *, status: str, at: datetime, summary: Mapping[str, Any]) -> None:
        """Close. Raises: RunError when there is no such run."""
        with self._database.write(survives_power_loss=False) as connection:
            runs.end(connection, id, status=status, at=at, summary=summary)

    def runs(self, limit: int = 20, *, before: str | None = None) -> Sequence[RunRecord]:
        """Newest first."""
        with self._database.read() as connection:
            return runs.list_runs(connection, limit, before)

    def run(self, id: str) -> RunRecord | None:
        """The run of that id."""
        with self._database.read() as connection:
            return runs.find_run(connection, id)
