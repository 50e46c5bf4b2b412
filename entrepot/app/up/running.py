"""The running platform of one folder: its parts, what they share, and how it starts and ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from entrepot.app.administrator import AdministratorToken
from entrepot.app.clock import SystemClock
from entrepot.app.http.context import ApiContext
from entrepot.app.http.hub import EventHub
from entrepot.app.http.measures import Measures
from entrepot.app.http.projects import Projects
from entrepot.app.session import RunReport
from entrepot.app.stores import Stores
from entrepot.app.up.batches import LiveBatches
from entrepot.app.up.busy import BusyNodes
from entrepot.app.up.inbound import Inbounds
from entrepot.app.up.log import UpLog
from entrepot.app.up.parts import Loop, Part, Supervisor
from entrepot.app.up.runs import Runs
from entrepot.app.up.settings import PartName, UpOptions
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import BusyError
from entrepot.kernel.events import Event

ARCHIVE_EVERY_S = 300.0
FORWARD_EVERY_S = 0.5
TEND_EVERY_S = 60.0
END_S = 60.0
"""How long a batch under way may take to end; what is cut off is done again at the next start."""


class RunningPlatform:
    """Made once per process. Args: say: prints a line for people; None: only the log is written."""

    def __init__(self, root: Path, options: UpOptions, say: Callable[[str], None] | None) -> None:
        self.options = options
        self._wakers: list[Callable[[], None]] = []
        self._listeners: list[Callable[[str, str], None]] = []
        """Hear of events by name or type, and of whom they speak."""
        self.clock = SystemClock()
        self.hub = EventHub(self.clock)
        self._log = UpLog(root / "logs", say)
        self.projects = Projects(root, self.emit)
        runtime = self.projects.project().runtime
        self.stores = Stores(runtime, self.clock)
        self.projects.share(stores=self.stores)
        self.token = AdministratorToken(runtime)
        self.measures = Measures()
        self.busy = BusyNodes()
        self.runs = Runs(self.projects.platform, self.busy, self._tell_run)
        self.inbounds = Inbounds(self.projects.project, self.stores.secrets, self.token, self.emit)
        self._made: dict[PartName, Part] = {}
        self.context = ApiContext(self.projects, self.token, self.hub, clock=self.clock)
        makers: Mapping[PartName, Callable[[], list[Part]]] = {
            PartName.PROCESSING: self._make_processing,
            PartName.BATCHES: self._make_batches,
            PartName.DELIVERY: self._make_delivery,
            PartName.SCHEDULE: self._make_schedule,
            PartName.GATEWAY: self._make_gateway,
        }
        parts = [part for name, make in makers.items() if name in options.only for part in make()]
        self.supervisor = Supervisor(parts, self.emit)
        self.context.readiness = self._troubles

    def emit(self, event: Event) -> None:
        """Tell the log and whoever watches."""
        self._log(event)
        self.hub.listen(event)
        self._tell(event.name, event.subject)

    def _troubles(self) -> Mapping[str, str]:
        faults = self.projects.faults
        wrong = {"project": f"its files are wrong, it runs as it was before: {'; '.join(faults)}"} if faults else {}
        return {**self.supervisor.troubles(), **wrong}

    def start(self) -> None:
        """Start all parts."""
        self.supervisor.start()
        self.emit(
            Event(
                "platform_started",
                self.projects.project().name,
                {"parts": sorted(part.value for part in self.options.only)},
            )
        )

    def stop(self) -> list[str]:
        """End all parts and close what is open; return the names of parts that did not end in time."""
        self.context.stop()
        late = self.supervisor.stop(END_S)
        self.stores.close()
        self.emit(Event("platform_stopped", self.projects.project().name, {"late": late} if late else {}))
        self._log.close()
        return late

    # parts
    def _make_gateway(self) -> list[Part]:
        from entrepot.app.gateway_processing import try_records
        from entrepot.app.http.server import create_app
        from entrepot.app.up.server import HttpServer
        from entrepot.intake.gateway.door import Door, in_front_of

        self.context.inbox, self.context.outbox = self.stores.inbox(), self.stores.outbox()
        self.context.run_now = self.runs.run_now
        self.context.try_out = try_records
        door = Door(self.inbounds.integrations(), self.stores.inbox(), self.clock, accepted=self._wake_processing)
        self.measures.watch(lambda: _door_measures(door))
        self.server = HttpServer(in_front_of(door, create_app(self.context, self.measures)), self.options)

        def follow() -> float:
            if self.inbounds.look():
                door.use(self.inbounds.integrations())
            return 1.0

        return [self.server, Loop("integrations", follow, self.emit)]

    def _make_processing(self) -> list[Part]:
        from entrepot.app.forwarding import Forwarder
        from entrepot.app.gateway_processing import make_processing, processing_basis
        from entrepot.app.up.processing import ProcessingPart

        follow = Following(self.projects)
        self.processing = ProcessingPart(
            self.inbounds.present,
            lambda inbound: make_processing(self.projects.platform(), inbound, self._tell),
            lambda inbound: processing_basis(follow(), inbound),
            self.emit,
        )
        forwarder = Forwarder(follow(), self.inbounds.present)
        return [
            self.processing,
            Loop("archive", lambda: self._archive(follow()), self.emit),
            Loop("forwarding", lambda: 0.0 if forwarder.turn() else FORWARD_EVERY_S, self.emit),
            Loop("topics", self._tend_topics, self.emit),
        ]

    def _tend_topics(self) -> float:
        from entrepot.app.topics_upkeep import tend_topics

        tend_topics(self.stores.bus(), self.emit)
        return TEND_EVERY_S

    def _archive(self, platform: Platform) -> float:
        from entrepot.app.inbox_archive import archive_inbox

        after = {name: inbound.archive_after for name, inbound in self.inbounds.present().items()}
        if any(after.values()):
            with suppress(BusyError):  # another process does it
                archive_inbox(platform, after, self.clock.now())
        return ARCHIVE_EVERY_S

    def _make_batches(self) -> list[Part]:
        batches = LiveBatches(Following(self.projects), self.busy, self._tell_run)
        return [Loop(PartName.BATCHES, batches.turn, self.emit)]

    def _make_delivery(self) -> list[Part]:
        from entrepot.app.up.outbound import DeliveryPart

        part = DeliveryPart(Following(self.projects), self.emit)
        self._wakers.append(part.wake)
        return [part]

    def _make_schedule(self) -> list[Part]:
        from entrepot.app.scheduling.scheduler import Scheduler
        from entrepot.app.scheduling.telling import build_sender
        from entrepot.app.up.schedule import SchedulePart

        follow = Following(self.projects)
        platform = follow()
        scheduler = Scheduler(platform, self.runs, sender=build_sender(platform))
        part = SchedulePart(scheduler, follow, self.emit)
        self.context.wake_scheduler = part.wake
        self._listeners.append(part.tell)
        self._wakers.append(part.wake)
        return [part]

    # what they tell each other
    def _tell(self, event: str, source: str) -> None:
        for listener in self._listeners:
            listener(event, source)

    def _wake_processing(self, integration: str) -> None:
        if PartName.PROCESSING in self.options.only:
            self.processing.wake(integration)

    def _tell_run(self, report: RunReport) -> None:
        counts = [plan.counts for result in report.results for plan in result.plans if plan.counts is not None]
        said: dict[str, Any] = {
            "status": "succeeded" if report.succeeded else "failed",
            "seconds": round(report.seconds, 3),
            "received": sum(count.received for count in counts),
            "rejected": sum(count.rejected for count in counts),
            "release": report.release.id if report.release else None,
        }
        errors = {r.node.name: str(r.error.message) for r in report.results if r.error is not None}
        self.emit(Event("run_completed" if report.succeeded else "run_failed", report.id, said | errors))
        for wake in self._wakers:
            wake()


class Following:
    """The present project's platform: one and the same until the files change. For one thread."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects
        self._platform: Platform | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Platform:
        """The platform."""
        with self._lock:
            project = self._projects.project()
            if self._platform is None or self._platform.project is not project:
                self._platform = self._projects.platform()
            return self._platform


def _door_measures(door: Any) -> list[tuple[str, str, dict[str, float]]]:
    """How many records each integration has brought since the start, and how many requests were answered with what."""
    answers: dict[str, float] = {}
    for (integration, status), count in dict(door.answers).items():
        answers[f"{integration or 'unknown'}:{status}"] = count
    return [
        ("entrepot_inbox_records_total", "Records stored since the start, by integration.", dict(door.records)),
        ("entrepot_inbox_answers_total", "Answers at the door since the start, by integration and status.", answers),
    ]
