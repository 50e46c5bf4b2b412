"""What triggers wait for besides the time, watched from outside: files that arrived, datasets that a release brought on.

How far was watched is marked in the store together with what was seen, so that nothing is told twice or lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from entrepot.app.quality_desk import QualityDesk, find_inputs
from entrepot.app.wiring import Platform
from entrepot.intake.landing.arrivals import Arrival
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Event
from entrepot.ports.reader import Reader
from entrepot.ports.schedule import Happening, HappeningKind, ScheduleStore
from entrepot.ports.state import PlanStatus, Release
from entrepot.runner.triggers.trigger import Files, Released, Trigger, leaves

_RELEASE = "release"
_SHOWN = 3
_PLANS = 200
"""So many of a dataset's newest batches are asked whether they brought it on; of more, it is taken as changed."""


class _Looks(Protocol):
    """A reader of files that can be asked what has arrived."""

    def look(self) -> list[Arrival]: ...


class Watcher:
    """Watches for all triggers of a project; one process at a time is believed."""

    def __init__(self, platform: Platform, store: ScheduleStore) -> None:
        self._platform = platform
        self._store = store
        self._readers: dict[str, _Looks | None] = {}

    def watch(self, triggers: Iterable[Trigger]) -> None:
        """Tell the store of everything that is new."""
        wanted = [leaf for trigger in triggers if trigger.enabled for _, leaf in leaves(trigger.when)]
        for source in sorted({leaf.source for leaf in wanted if isinstance(leaf, Files)}):
            try:
                self._watch_files(source)
            except EntrepotError as error:  # a share that is not mounted must not stop the other triggers
                self._platform.announce(Event("watch_failed", source, {"code": error.code}))
        released = [leaf for leaf in wanted if isinstance(leaf, Released)]
        if released and self._platform.lake_exists():
            self._watch_releases(released)

    def _watch_files(self, source: str) -> None:
        reader = self._reader(source)
        if reader is None:
            return
        arrivals = reader.look()
        name = f"files:{source}"
        was = self._store.mark(name)
        known = {tuple(each) for each in json.loads(was or "[]")}
        seen = [(each.name, each.size_bytes, each.mtime_ns) for each in arrivals]
        mark = json.dumps(seen)
        new = [each[0] for each in seen if each not in known]
        if mark == (was or "[]"):
            return
        happenings = [Happening(HappeningKind.FILE, source, self._platform.clock.now(), why=_say_files(source, new))]
        self._store.tell_watched(happenings if new else [], name, was, mark)

    def _reader(self, source: str) -> _Looks | None:
        if source not in self._readers:
            platform = self._platform
            found = next((s for s in platform.project.sources if source in (s.name, s.group)), None)
            reader: Reader | None = None if found is None else platform.flows.source_flow(found).reader
            self._readers[source] = reader if reader is not None and hasattr(reader, "look") else None  # type: ignore[assignment]
        return self._readers[source]

    def _watch_releases(self, wanted: Iterable[Released]) -> None:
        release = self._platform.state.latest_release()
        if release is None:
            return
        was = self._store.mark(_RELEASE)
        before: Mapping[str, Any] | None = None if was is None else json.loads(was)
        if before is not None and before["id"] == release.id:
            return
        mark = json.dumps({"id": release.id, "tables": dict(release.tables)})
        leaves_ = list(wanted)
        happenings = [] if before is None else self._changes(release, before["tables"], leaves_)
        self._store.tell_watched(happenings, _RELEASE, was, mark)

    def _changes(self, release: Release, before: Mapping[str, int], wanted: Iterable[Released]) -> list[Happening]:
        asked = {name: False for leaf in wanted for name in leaf.datasets}
        for leaf in wanted:
            asked |= dict.fromkeys(leaf.datasets if leaf.healthy else (), True)
        inputs = find_inputs(self._platform)
        ill = self._find_ill(release) if any(asked.values()) else set()
        return [
            Happening(
                HappeningKind.RELEASE,
                name,
                release.at,
                why=f"release {release.id} with new {name}",
                is_healthy=not asks_health or _is_healthy(name, release, ill, inputs),
            )
            for name, asks_health in sorted(asked.items())
            if self._has_changed(name, release, before, inputs, set())
        ]

    def _has_changed(
        self, name: str, release: Release, before: Mapping[str, int], inputs: Mapping[str, list[str]], seen: set[str]
    ) -> bool:
        """Of a view: one of the tables below it."""
        if name not in release.tables:
            below = [each for each in inputs.get(name, []) if each not in seen]
            return any(self._has_changed(each, release, before, inputs, seen | {name}) for each in below)
        old, new = before.get(name), release.tables[name]
        return old is None or (old != new and self._brought_on(name, old, new))

    def _brought_on(self, name: str, old: int, new: int) -> bool:
        """True when a batch wrote one of the versions: compaction makes new versions of the same rows."""
        plans = self._platform.state.plans(target=name, status=PlanStatus.SETTLED, limit=_PLANS)
        low, high = min(old, new), max(old, new)  # somebody may have rolled back
        if len(plans) == _PLANS and plans[0].version is not None and plans[0].version > low:
            return True
        return any(plan.version is not None and low < plan.version <= high for plan in plans)

    def _find_ill(self, release: Release) -> set[str]:
        """Datasets that are held, or break a rule of their own that nobody accepted."""
        judged = QualityDesk(self._platform).standings()
        return {rule.dataset for rule in judged if rule.verdict not in ("passed", "accepted")} | set(release.held)


def _is_healthy(name: str, release: Release, ill: set[str], inputs: Mapping[str, list[str]]) -> bool:
    """A view is as healthy as the tables below it."""
    if name in ill:
        return False
    below = [] if name in release.tables else inputs.get(name, [])
    return all(_is_healthy(each, release, ill, inputs) for each in below)


def _say_files(source: str, names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"file{'s' if len(names) > 1 else ''} for {source}: {', '.join(names[:_SHOWN])}{more}"
