"""`entrepot topics …`: topics of the bus: how they stand, what is on them, what could not be used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from entrepot.app.topics_desk import TopicsDesk, TopicState
    from entrepot.ports.bus import Message

app = typer.Typer(
    help="Topics of the bus: how they stand, what is on them, what could not be used.", no_args_is_help=True
)

ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="A folder of the project (default: here).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Name = Annotated[str, typer.Argument(help="A topic.")]
Count = Annotated[int, typer.Option("--limit", "-n", help="How many to show.", min=1, max=10_000)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 200


@app.command("list", epilog="Example: entrepot topics list")
def list_topics(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """List topics: how much is on them, and how far behind their readers are."""
    from entrepot.app.cli.output import print_json, print_table, say
    from entrepot.app.topics_desk import to_json

    found = _desk(project).list()
    if json:
        print_json({"topics": [to_json(one) for one in found]})
        return
    rows = [
        (one.name, len(one.partitions), one.messages, _keep(one), len(one.groups), _most_behind(one), one.dead)
        for one in found
    ]
    numbers = ("partitions", "messages", "groups", "most behind", "dead")
    print_table(None, ("topic", "partitions", "messages", "kept", "groups", "most behind", "dead"), rows, right=numbers)
    if not found:
        say("No topic yet. Make one: entrepot topics set events --partitions 4 --keep 7d")


@app.command("show", epilog="Example: entrepot topics show events")
def show(name: Name, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show one topic: its partitions, and where each group stands."""
    from entrepot.app.cli.output import print_json, print_table, say
    from entrepot.app.topics_desk import to_json

    state = _desk(project).show(name)
    if json:
        print_json(to_json(state))
        return
    say(f"{state.name}: {state.messages:,} messages, kept {_keep(state)}, and until every group has taken them")
    partitions = [(one.number, one.start, one.end, one.end - one.start) for one in state.partitions]
    columns = ("partition", "first", "next", "messages")
    print_table(None, columns, partitions, right=columns)
    if state.groups:
        groups = [
            (one.group, sum(one.lag.values()), ", ".join(one.members) or "keeps its own place", one.generation)
            for one in state.groups
        ]
        print_table(None, ("group", "behind", "members", "generation"), groups, right=("behind", "generation"))
    if state.dead:
        say(f"{state.dead:,} could not be used: entrepot topics dead {state.name}")


@app.command("tail", epilog="Example: entrepot topics tail events -n 5")
def tail(
    name: Name,
    limit: Count = 10,
    partition: Annotated[int | None, typer.Option(help="Only this partition.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Print the newest messages, oldest first. No group moves by it. With --follow --json: a line each."""
    from entrepot.app.cli.output import print_json

    desk = _desk(project)
    found = desk.newest(name, limit, partition)
    if json and not follow:
        print_json({"messages": [_to_json(one) for one in found]})
        return
    _print(found, as_lines=json)
    if follow:
        _follow(desk, name, partition, as_lines=json)


@app.command("dead", epilog="Example: entrepot topics dead events")
def dead(name: Name, limit: Count = 20, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """List messages that could not be used, with the reason and where they stood."""
    from entrepot.app.cli.output import print_json, print_table, say

    found = _desk(project).dead(name, limit)
    if json:
        print_json({"messages": [_to_json(one) for one in found]})
        return
    if not found:
        say(f"Every message of {name} could be used.")
        return
    rows = []
    for one in found:
        about = {key: value.decode(errors="replace") for key, value in one.headers}
        place = f"{about.get('dead-letter-partition')}@{about.get('dead-letter-offset')}"
        rows.append((place, about.get("dead-letter-reason"), about.get("dead-letter-group"), _short(one.value)))
    print_table(None, ("stood at", "reason", "for", "value"), rows)


@app.command("set", epilog="Example: entrepot topics set events --partitions 8 --keep 30d")
def set_topic(
    name: Name,
    partitions: Annotated[
        int | None, typer.Option(help="How many; never fewer than before. A key may move to another.")
    ] = None,
    keep: Annotated[str | None, typer.Option(help="How long messages are kept at least: 7d, 12h, forever.")] = None,
    keep_mb: Annotated[
        float | None, typer.Option("--keep-mb", help="How much of each partition is kept; 0: no limit.", min=0)
    ] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Make a topic, or keep it otherwise. What a group has not taken is kept beyond both limits."""
    from entrepot.app.cli.output import print_json, say
    from entrepot.app.topics_desk import Wish, to_json

    state = _desk(project).set(name, Wish(partitions, keep, keep_mb))
    if json:
        print_json(to_json(state))
    else:
        say(f"{name}: {len(state.partitions)} partitions, kept {_keep(state)}.")


@app.command("put", epilog="Example: echo '{\"id\": 1}' | entrepot topics put events --key 1")
def put(
    name: Name,
    key: Annotated[str | None, typer.Option(help="Messages of one key stay in order.")] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Put each line of standard input on a topic. They are durable when this ends."""
    import sys

    from entrepot.app.cli.output import print_json, say

    lines = [line.rstrip(b"\r\n") for line in sys.stdin.buffer]
    placed = _desk(project).put(name, [line for line in lines if line.strip()], key)
    if json:
        print_json({"placed": [{"partition": one.partition, "offset": one.offset} for one in placed]})
    else:
        say(f"{len(placed):,} messages put on {name}.")


@app.command("forget", epilog="Example: entrepot topics forget events source:web_events")
def forget(
    name: Name,
    group: Annotated[str, typer.Argument(help="A group, as `topics show` names it.")],
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Keep nothing for a group any more: for a source or reader that is gone."""
    from entrepot.app.cli.output import print_json, say

    _desk(project).forget(name, group)
    if json:
        print_json({"topic": name, "forgotten": group})
    else:
        say(f"{group} is forgotten; should it read {name} again, it begins anew.")


def _desk(project: Path) -> TopicsDesk:
    from entrepot.app.cli.opening import open_platform
    from entrepot.app.topics_desk import TopicsDesk

    return TopicsDesk(open_platform(project).stores.bus())


def _follow(desk: TopicsDesk, name: str, partition: int | None, *, as_lines: bool) -> None:
    from entrepot.app.clock import SystemClock

    clock = SystemClock()
    try:
        for page in desk.follow(name, partition, clock):
            _print(page, as_lines=as_lines)
    except KeyboardInterrupt:
        return


def _print(messages: Sequence[Message], *, as_lines: bool) -> None:
    import json

    for one in messages:
        if as_lines:
            print(json.dumps(_to_json(one), ensure_ascii=False), flush=True)
        else:
            key = "-" if one.key is None else _short(one.key, 40)
            print(f"{_time(one.timestamp_us)}  {one.partition}@{one.offset}  {key}  {_short(one.value)}", flush=True)


def _to_json(message: Message) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "id": message.id,
        "published_at": _time(message.timestamp_us),
        "key": None if message.key is None else _text(message.key),
        "headers": [[name, _text(value)] for name, value in message.headers],
        "value": _text(message.value),
    }


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _short(value: bytes, most: int = _SHOWN) -> str:
    text = " ".join(value[: 4 * most].decode(errors="backslashreplace").split())
    return text if len(text) <= most else f"{text[:most]}…"


def _time(at_us: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="microseconds")
    except OverflowError:
        return str(at_us)


def _keep(state: TopicState) -> str:
    keep = state.settings
    age = "for ever" if keep.keep_us is None else f"for {_length(keep.keep_us)}"
    return age if keep.keep_bytes is None else f"{age}, at most {keep.keep_bytes / 1e6:g} MB a partition"


def _length(length_us: int) -> str:
    for name, unit_us in (("day", 86_400_000_000), ("hour", 3_600_000_000), ("minute", 60_000_000)):
        count, rest = divmod(length_us, unit_us)
        if count and not rest:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{length_us / 1_000_000:g} s"


def _most_behind(state: TopicState) -> int:
    return max((sum(one.lag.values()) for one in state.groups), default=0)
