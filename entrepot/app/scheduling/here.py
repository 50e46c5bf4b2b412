"""Carrying out one trigger's firing in this process, without a scheduler that goes on."""

from __future__ import annotations

from entrepot.app.scheduling.running import ProjectRun
from entrepot.app.scheduling.scheduler import Scheduler
from entrepot.app.scheduling.settings import ScheduleSettings
from entrepot.app.scheduling.telling import build_sender
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import BusyError
from entrepot.ports.schedule import Firing, FiringStatus

_OPEN = (FiringStatus.WAITING, FiringStatus.RUNNING)


def carry_out(platform: Platform, name: str) -> Firing:
    """Let the trigger fire where it was asked for, run it, wait through its attempts; returns how it ended.

    Raises: BusyError when another process carries it out already.
    """
    settings = platform.project.schedule
    only = ScheduleSettings(
        tuple(each for each in settings.triggers if each.name == name), settings.hooks, settings.limits
    )
    scheduler = Scheduler(platform, ProjectRun(platform.project.root, platform.announce), settings=only)
    try:
        while True:
            scheduler.tick()
            scheduler.drain()
            if name in platform.schedule.pauses(platform.clock.now()):
                raise BusyError(f"{name} is paused.", hint=f"Go on with: entrepot triggers resume {name}")
            firing = platform.schedule.firings(trigger=name, limit=1)[0]
            if firing.status not in _OPEN:
                return firing
            if firing.status is FiringStatus.RUNNING:
                raise BusyError(f"{firing.id} runs in another process.", hint=f"See: entrepot triggers show {name}")
            platform.clock.sleep(0.5)
    finally:
        scheduler.close()
        build_sender(platform).work()
