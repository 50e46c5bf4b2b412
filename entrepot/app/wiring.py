"""Wiring: from a project's settings to adapters, and from its files to flows."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from entrepot.app.clock import SystemClock, is_alive, process_holder
from entrepot.app.flows import FlowBuilder
from entrepot.app.project import Project
from entrepot.flow.flow import Services
from entrepot.flow.rejects import Rejects
from entrepot.kernel.errors import ProjectError, UsageError
from entrepot.kernel.events import Emit, Event, ignore
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.ports.state import Release
from entrepot.runner.cancel import NEVER, CancelToken
from entrepot.runner.graph import Node
from entrepot.runner.limits import OPEN, Gate, SlotGate

if TYPE_CHECKING:
    from entrepot.adapters.embedded.cache import CachedQueries, CachedShapes, FileCache, SharedViews
    from entrepot.adapters.embedded.delta import DeltaTables
    from entrepot.adapters.embedded.engine import DuckEngine
    from entrepot.adapters.embedded.measurer import DuckMeasurer
    from entrepot.app.stores import Stores
    from entrepot.ports.schedule import ScheduleStore
    from entrepot.ports.state import State


@dataclass
class Platform:
    """An opened project with everything behind its ports. Adapters are made when first asked for."""

    project: Project
    emit: Emit = ignore
    threads: int = field(default_factory=lambda: max(1, min(os.cpu_count() or 1, 8)))
    memory_mb: int = 400
    tended_at: datetime | None = None
    """When old releases were last forgotten by this process."""
    vacuumed_at: dict[str, datetime] = field(default_factory=dict)
    """table → when this process last looked for files that nobody needs."""
    listeners: list[Emit] = field(default_factory=list)
    """Others who hear events for a while: the log of a run."""
    cancel: CancelToken = NEVER
    """Asked between flows and batches: whoever wants this platform's run to stop says so here."""

    def announce(self, event: Event) -> None:
        """Tell all who listen."""
        self.emit(event)
        for listener in tuple(self.listeners):
            listener(event)

    @cached_property
    def clock(self) -> SystemClock:
        """The machine's clock."""
        return SystemClock()

    @cached_property
    def holder(self) -> str:
        """This process, as leases and pins know it."""
        return process_holder()

    @cached_property
    def state(self) -> State:
        """State in SQLite."""
        from entrepot.adapters.embedded.state import SqliteState

        try:
            self.project.runtime.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectError(
                f"{self.project.runtime} cannot be made: {error.strerror}.",
                hint="The platform keeps its own things there.",
            ) from error
        return SqliteState(self.project.runtime / "state.db", self.clock)

    @cached_property
    def stores(self) -> Stores:
        """Inbox, outbox, bus and secrets."""
        from entrepot.app.stores import Stores

        return Stores(self.project.runtime, self.clock)

    @cached_property
    def schedule(self) -> ScheduleStore:
        """What triggers remember, firings, deadlines, slots."""
        from entrepot.adapters.embedded.schedule import SqliteSchedule

        self.project.runtime.mkdir(parents=True, exist_ok=True)
        return SqliteSchedule(self.project.runtime / "schedule.db")

    @cached_property
    def gate(self) -> Gate:
        """How many flows may use an outside system at once."""
        limits = self.project.schedule.limits
        return SlotGate(self.schedule, limits, self.holder, is_alive) if limits else OPEN

    @cached_property
    def tables(self) -> DeltaTables:
        """Delta tables on the local disk."""
        from entrepot.adapters.embedded.delta import DeltaTables

        return DeltaTables(self.project.runtime / "lake", memory_mb=self.memory_mb)

    @cached_property
    def engine(self) -> DuckEngine:
        """DuckDB."""
        from entrepot.adapters.embedded.delta import table_resolver
        from entrepot.adapters.embedded.engine import DuckEngine

        temp = self.project.runtime / "tmp"
        temp.mkdir(parents=True, exist_ok=True)

        return DuckEngine(
            table_resolver(self.tables),
            threads=self.threads,
            memory_mb=self.memory_mb,
            temp=temp,
            zone=self.project.time_zone,
        )

    @cached_property
    def cache(self) -> FileCache:
        """Answers kept aside, in files."""
        from entrepot.adapters.embedded.cache import FileCache

        stated = os.environ.get("ENTREPOT_CACHE_MB", "")
        limit_mb = int(stated) if stated.isdigit() else self.project.cache_mb
        return FileCache(self.project.runtime / "cache", limit_mb << 20)

    @cached_property
    def shapes(self) -> CachedShapes:
        """Names and types that queries give."""
        from entrepot.adapters.embedded.cache import CachedShapes

        def say_schema(table: TableVersion) -> str:
            return self.tables.snapshot(table.name, table.version).metadata.schema_string

        return CachedShapes(self.engine, self.cache, say_schema, self.project.time_zone)

    @cached_property
    def queries(self) -> CachedQueries:
        """Answers to the same question about the same versions are computed once."""
        from entrepot.adapters.embedded.cache import CachedQueries, lake_identity

        return CachedQueries(self.engine, self.cache, lake_identity(self.tables), self.project.time_zone)

    @cached_property
    def shared_views(self) -> SharedViews:
        """Views that several models of this run read."""
        from entrepot.adapters.embedded.cache import SharedViews
        from entrepot.adapters.embedded.connections import Settings
        from entrepot.adapters.embedded.delta import table_resolver

        uses = Counter(name for model in self.project.graph.models for name in self.flows.models.views_below(model))
        temp = self.project.runtime / "tmp"
        return SharedViews(
            Settings(self.threads, self.memory_mb, temp),
            self.project.time_zone,
            table_resolver(self.tables),
            temp / "views" / self.holder.replace("/", "~"),
            uses,
        )

    @cached_property
    def measurer(self) -> DuckMeasurer:
        """DuckDB, for rules over whole datasets."""
        from entrepot.adapters.embedded.delta import table_resolver
        from entrepot.adapters.embedded.measurer import DuckMeasurer

        return DuckMeasurer(
            table_resolver(self.tables),
            lake=self.project.runtime / "lake",
            temp=self.project.runtime / "tmp",
            zone=self.project.time_zone,
            threads=self.threads,
            memory_mb=self.memory_mb,
        )

    @cached_property
    def services(self) -> Services:
        """What all flows share."""
        staging = self.project.runtime / "tmp" / "staging"
        staging.mkdir(parents=True, exist_ok=True)
        return Services(
            state=self.state,
            clock=self.clock,
            staging=staging,
            holder=self.holder,
            is_alive=is_alive,
            emit=self.announce,
        )

    @cached_property
    def rejects(self) -> Rejects:
        """Quarantine."""
        return Rejects(self.tables, self.engine, self.state)

    @cached_property
    def flows(self) -> FlowBuilder:
        """Makes flows of sources and models."""
        return FlowBuilder(
            self.project,
            self.state,
            self.tables,
            self.engine,
            self.rejects,
            self.clock,
            self.announce,
            stores=self.stores,
            describe=self.shapes.describe,
            share=self._share,
        )

    def _share(self, scan: QueryScan) -> QueryScan:
        return self.shared_views.share(scan)  # asked late: which views are shared follows from the flows

    @cached_property
    def nodes(self) -> list[Node]:
        """Everything a run may do."""
        return self.flows.nodes()

    def lake_exists(self) -> bool:
        """True once the project has run."""
        return (self.project.runtime / "state.db").exists()

    def release_for(self, at: str | None) -> Release:
        """The release that `--at` names: a number, an instant, or nothing for the newest.

        Raises: ProjectError when there is none.
        """
        release = self._find_release(at)
        if release is None:
            wanted = f"of {at}" if at else "yet"
            runs = self.state.runs(1)
            held = dict(runs[0].summary.get("held", {})) if runs and runs[0].summary and not at else {}
            if held:
                name, why = next(iter(held.items()))
                raise ProjectError(
                    f"there is no release yet: {name} is held, {why}",
                    hint="When that is mended or accepted, publish with: entrepot run",
                )
            raise ProjectError(
                f"there is no release {wanted}.", hint="Publish one with: entrepot run. List them: entrepot status."
            )
        return release

    def _find_release(self, at: str | None) -> Release | None:
        if at is None:
            return self.state.latest_release()
        if at.isdigit():
            return self.state.release(int(at))
        return self.state.release_at(parse_instant(at, self.project.time_zone))


def parse_instant(text: str, time_zone: str) -> datetime:
    """Read `2026-11-21`, `2026-11-21 14:00` or an ISO instant; without zone it is the project's.

    Raises: UsageError.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is neither a release number nor an instant.",
            hint="Write --at 12, --at 2026-11-21 or --at '2026-11-21 14:00'.",
        ) from error
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(time_zone))).astimezone(UTC)


def read_pins(platform: Platform, versions: Mapping[str, int]) -> None:
    """Register the versions that this process is about to read, so that upkeep keeps them."""
    platform.state.pin_versions(platform.holder, dict(versions), timedelta(hours=1).total_seconds())
