"""The project's own hooks after a run that no trigger asked for."""

from __future__ import annotations

from entrepot.app.scheduling.running import find_facts
from entrepot.app.session import RunReport
from entrepot.app.wiring import Platform
from entrepot.runner.hooks import find_events, make_calls


def keep_hook_calls(platform: Platform, report: RunReport) -> int:
    """Write down the calls of `hooks:` in entrepot.yaml, once for each run; whoever sends calls makes them. Returns how many there are."""
    hooks = platform.project.schedule.hooks
    if not hooks:
        return 0
    release = platform.state.latest_release()
    facts = find_facts(report, platform.clock.now(), None if release is None else release.id)
    body = {"trigger": None, "firing": None, "reason": "a run by hand", "attempt": 1, **facts.to_json()}
    calls = make_calls(hooks, find_events(facts), report.id, body, facts.ended_at, scope="project")
    platform.schedule.add_calls(calls)
    return len(calls)
