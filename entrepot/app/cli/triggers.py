"""`entrepot triggers`: how triggers stand, run one now, pause, resume, cancel."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from entrepot.app.scheduling.desk import TriggerDesk, TriggerStanding
    from entrepot.app.wiring import Platform

app = typer.Typer(
    help="When the project runs by itself: by time, file, release, event, request, and conditions over them.",
    no_args_is_help=True,
)
ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="A folder of the project (default: here).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
NameArgument = Annotated[str, typer.Argument(help="A trigger: the name of its file in triggers/.")]


def _open(folder: Path) -> tuple[Platform, TriggerDesk]:
    from entrepot.app.cli.opening import open_platform
    from entrepot.app.scheduling.desk import TriggerDesk

    platform = open_platform(folder)
    return platform, TriggerDesk(platform)


@app.command("list", epilog="Example: entrepot triggers list")
def list_triggers(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """List triggers: what each waits for, when its next time is, how its last run ended."""
    from entrepot.app.cli.output import console, print_json, print_table, say

    platform, desk = _open(project)
    standings = desk.standings()
    if json:
        print_json({"triggers": [each.to_json() for each in standings]})
        return
    zone = platform.project.time_zone
    rows = [_row(each, zone) for each in standings]
    if not rows:
        say("there are no triggers. Write one to triggers/NAME.yaml: `when: {every: 15m}`")
        return
    print_table(None, ["trigger", "state", "when", "next", "last", "ended"], rows)
    if console.is_terminal:
        say(f"[dim]times are those of {zone}; triggers fire while `entrepot up` runs[/]")


def _row(standing: TriggerStanding, zone: str) -> list[str]:
    from entrepot.runner.triggers.conditions import describe

    last = next((firing for firing in standing.firings), None)
    return [
        standing.trigger.name,
        standing.state,
        describe(standing.trigger.when),
        _show(standing.next_at, zone),
        "" if last is None else last.status.value,
        "" if last is None else _show(last.ended_at, zone),
    ]


def _show(at: datetime | None, zone: str) -> str:
    return "" if at is None else f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


@app.command("show", epilog="Example: entrepot triggers show nightly")
def show_trigger(name: NameArgument, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show one trigger: its firings with their reasons, its deadlines, what its runs usually take."""
    from rich.markup import escape

    from entrepot.app.cli.output import print_json, print_table, say
    from entrepot.runner.triggers.conditions import describe, say_seconds

    platform, desk = _open(project)
    standing = desk.standing(name)
    if json:
        print_json(standing.to_json())
        return
    zone, trigger = platform.project.time_zone, standing.trigger
    say(f"[bold]{trigger.name}[/] [dim]({standing.state}; {escape(str(trigger.path.name))})[/]")
    say(escape(f"when {describe(trigger.when)}"))
    if trigger.runs:
        say(escape(f"runs {', '.join(trigger.run) or 'everything'}"))
    if standing.next_at is not None:
        say(f"next at {_show(standing.next_at, zone)}")
    if standing.pause is not None:
        until = "" if standing.pause.until is None else f" until {_show(standing.pause.until, zone)}"
        say(f"[yellow]paused{until}[/] by {escape(standing.pause.by)}: {escape(standing.pause.reason)}")
    if standing.usual_s is not None:
        say(f"usually takes {say_seconds(max(1, round(standing.usual_s)))}")
    rows = [
        [f.id, f.status.value, _show(f.started_at, zone), _show(f.ended_at, zone), f.run or "", f.note or f.reason]
        for f in standing.firings
    ]
    if rows:
        print_table("firings", ["firing", "status", "started", "ended", "run", "why"], rows)
    deadlines = [[_show(d.deadline, zone), d.state.value, d.why] for d in standing.deadlines]
    if deadlines:
        print_table("deadlines", ["deadline", "state", "why"], deadlines)


@app.command("run", epilog="Example: entrepot triggers run nightly --reason 'a late correction'")
def run_trigger(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why, for those who read the log.")] = "",
    here: Annotated[bool, typer.Option("--here", help="Carry it out in this process, and wait for it.")] = False,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Ask for a run now: `entrepot up` begins it within seconds; with --here this command does."""
    from entrepot.app.cli.output import print_json, say

    platform, desk = _open(project)
    trigger = desk.ask(name, reason)
    if here:
        _carry_out(platform, name, as_json=json)
        return
    paused = platform.schedule.pauses(platform.clock.now()).get(name)
    if json:
        print_json({"trigger": trigger.name, "asked": True, "paused": paused is not None})
        return
    say(f"{name} is asked for: `entrepot up` begins it within seconds. See: entrepot triggers show {name}")
    if paused is not None:
        say(f"[yellow]it is paused[/] and waits for: entrepot triggers resume {name}")


def _carry_out(platform: Platform, name: str, *, as_json: bool) -> None:
    from entrepot.app.cli.output import print_json, say
    from entrepot.app.scheduling.desk import firing_to_json
    from entrepot.app.scheduling.here import carry_out
    from entrepot.ports.schedule import FiringStatus

    firing = carry_out(platform, name)
    if as_json:
        print_json(firing_to_json(firing))
    else:
        say(f"{firing.id}: {firing.status.value}" + (f", {firing.note}" if firing.note else ""))
    if firing.status is not FiringStatus.SUCCEEDED:
        raise SystemExit(1)


@app.command("pause", epilog="Example: entrepot triggers pause nightly --reason 'stock-taking' --until 2h")
def pause_trigger(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why: it stands in the list.")] = "",
    until: Annotated[
        str | None, typer.Option(help="A duration (2h, 3d) or an instant; without: until resumed.")
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Let a trigger not fire for a while; a run that is under way goes on."""
    from entrepot.app.cli.output import print_json, say
    from entrepot.app.scheduling.desk import find_end

    platform, desk = _open(project)
    zone = platform.project.time_zone
    pause = desk.pause(name, reason, find_end(until, platform.clock.now(), zone))
    if json:
        print_json({"trigger": name, "reason": pause.reason, "by": pause.by, "until": pause.until})
        return
    say(
        f"{name} is paused"
        + (f" until {_show(pause.until, zone)}." if pause.until else f". Go on with: entrepot triggers resume {name}")
    )


@app.command("resume", epilog="Example: entrepot triggers resume nightly")
def resume_trigger(name: NameArgument, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """End a pause: what came meanwhile is caught up as the trigger says."""
    from entrepot.app.cli.output import print_json, say

    _, desk = _open(project)
    was_paused = desk.resume(name)
    if json:
        print_json({"trigger": name, "was_paused": was_paused})
        return
    say(f"{name} goes on." if was_paused else f"{name} was not paused.")


@app.command("cancel", epilog="Example: entrepot triggers cancel nightly.42 --reason 'wrong file'")
def cancel_firing(
    firing: Annotated[str, typer.Argument(help="A firing (nightly.42), or a trigger: what of it runs or waits.")],
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Cancel what waits at once; what runs stops after the batches under way, and is not tried again."""
    from entrepot.app.cli.output import print_json, say
    from entrepot.app.scheduling.desk import firing_to_json
    from entrepot.ports.schedule import FiringStatus

    _, desk = _open(project)
    found = desk.cancel(firing, reason)
    if json:
        print_json(firing_to_json(found))
        return
    said = "is cancelled" if found.status is FiringStatus.CANCELLED else "is asked to stop after the batches under way"
    say(f"{found.id} {said}.")
