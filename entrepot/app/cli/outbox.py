"""`entrepot outbox …`: messages that go out: how integrations stand, what became of a message, sending again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from entrepot.app.outbox_desk import OutboxDesk
    from entrepot.ports.outbox import Message

app = typer.Typer(
    help="Messages that go out: how integrations stand, what became of each message, sending again.",
    no_args_is_help=True,
)

ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="A folder of the project (default: here).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]
Ids = Annotated[list[str], typer.Argument(help="Ids as `outbox list` shows them.")]
Integration = Annotated[str, typer.Argument(help="The name of a file in publish/.")]

WHO = "command line"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@app.command("status", epilog="Example: entrepot outbox status")
def status(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show every integration: how many messages stand where, since when they wait, whether and why it is paused."""
    from entrepot.app.cli.output import print_json, print_table
    from entrepot.ports.outbox import MessageStatus

    with _open(project) as desk:
        found = desk.integrations()
    if json:
        print_json(
            [
                {
                    "integration": one.publication.name,
                    "connector": one.connector,
                    "paused": one.state.paused,
                    "reason": one.state.reason,
                    "failures": one.state.failures,
                    "status": dict(one.counts.by_status),
                    "delivery": dict(one.counts.by_delivery),
                    "dead": dict(one.counts.by_code),
                    "oldest_queued": _instant(one.counts.oldest_queued_us),
                }
                for one in found
            ]
        )
        return
    rows = []
    for one in found:
        by = one.counts.by_status
        figures = (
            by.get(MessageStatus.QUEUED, 0),
            by.get(MessageStatus.ACKNOWLEDGED, 0),
            by.get(MessageStatus.DEAD, 0),
        )
        standing = (
            f"paused: {one.state.reason}"
            if one.state.paused
            else f"{one.state.failures} failures in a row"
            if one.state.failures
            else "well"
        )
        rows.append((one.publication.name, one.connector, *figures, _instant(one.counts.oldest_queued_us), standing))
    numbers = ("queued", "acknowledged", "dead")
    print_table(None, ("integration", "connector", *numbers, "oldest queued", "stands"), rows, right=numbers)


@app.command("list", epilog="Example: entrepot outbox list partner --status dead")
def list_messages(
    integration: Annotated[str | None, typer.Argument(help="One integration; default all.")] = None,
    status: Annotated[str | None, typer.Option(help="queued, acknowledged or dead.")] = None,
    code: Annotated[str | None, typer.Option(help="Only messages with this code, http_503 or conflict.")] = None,
    reference: Annotated[str | None, typer.Option(help="The sender's own id of it.")] = None,
    limit: Annotated[int, typer.Option(help="How many to show.")] = 20,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """List messages, newest first."""
    from entrepot.app.cli.output import print_json, print_table
    from entrepot.kernel.errors import UsageError
    from entrepot.ports.outbox import MessageFilter, MessageStatus

    allowed = [one.value for one in MessageStatus]
    if status is not None and status not in allowed:
        raise UsageError(f"--status is {status!r}; allowed are {', '.join(allowed)}.")
    stated = None if status is None else MessageStatus(status)
    wanted = MessageFilter(integration, stated, code=code, reference=reference)
    with _open(project) as desk:
        found, count = desk.list(wanted, limit=limit).messages, desk.count(wanted)
    if json:
        print_json({"count": count, "messages": [_to_json(message) for message in found]})
        return
    columns = ("id", "integration", "reference", "created", "status", "delivery", "attempts", "why")
    rows = [
        (m.id, m.integration, m.reference, _instant(m.created_us), m.status, m.delivery, m.attempts, m.reason)
        for m in found
    ]
    print_table(f"{len(found)} of {count:,} messages", columns, rows, right=("attempts",))


@app.command("show", epilog="Example: entrepot outbox show 0199a3c2-…")
def show(
    id: Annotated[str, typer.Argument(help="As `outbox list` shows it.")],
    body: Annotated[bool, typer.Option("--body", help="Print the body too.")] = False,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show one message: every change and every attempt, with what the receiver answered."""
    from entrepot.app.cli.output import print_json, print_table, say

    with _open(project) as desk:
        found = desk.show(id)
    text = found.message.body.decode(errors="replace")
    if json:
        attempts = [asdict(one) | {"started": _instant(one.started_us)} for one in found.attempts]
        known = {"history": [asdict(one) for one in found.history], "attempts": attempts}
        print_json(_to_json(found.message) | known | ({"body": text} if body else {}))
        return
    m = found.message
    say(f"{m.id}  {m.integration}  reference {m.reference}" + (f"  key {m.key}" if m.key is not None else ""))
    print_table(
        "history",
        ("at", "status", "delivery", "code", "why", "who"),
        [(c.at, c.status, c.delivery, c.code, c.reason, c.who) for c in found.history],
    )
    rows = [
        (a.number, _instant(a.started_us), a.target, a.status, f"{a.duration_ms} ms", a.error or a.excerpt[:200])
        for a in found.attempts
    ]
    print_table("attempts", ("number", "at", "to", "answer", "took", "what was said"), rows, right=("number",))
    if body:
        say()
        typer.echo(text)


@app.command("resend", epilog="Example: entrepot outbox resend 0199a3c2-… --reason 'the receiver is mended'")
def resend(ids: Ids, reason: ReasonOption, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Send messages again, with the same ids: a receiver that has one already can tell."""
    with _open(project) as desk:
        _say_ids(desk.resend(ids, who=WHO, why=reason), "queued again", as_json=json)


@app.command("acknowledge", epilog="Example: entrepot outbox acknowledge 0199a3c2-… --reason 'told by phone'")
def acknowledge(ids: Ids, reason: ReasonOption, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Settle messages by hand: they are not sent any more."""
    with _open(project) as desk:
        _say_ids(desk.acknowledge(ids, who=WHO, why=reason), "acknowledged", as_json=json)


@app.command("pause", epilog="Example: entrepot outbox pause partner --reason 'they are moving'")
def pause(integration: Integration, reason: ReasonOption, project: ProjectOption = Path()) -> None:
    """Hold an integration back; messages are taken in and wait."""
    from entrepot.app.cli.output import say

    with _open(project) as desk:
        changed = desk.pause(integration, who=WHO, why=reason)
    say(
        f"{integration} is paused. Go on with: entrepot outbox resume {integration}"
        if changed
        else f"{integration} was paused already."
    )


@app.command("resume", epilog="Example: entrepot outbox resume partner --reason 'they are back'")
def resume(integration: Integration, reason: ReasonOption = "", project: ProjectOption = Path()) -> None:
    """Go on with an integration that was paused, by a person or by itself."""
    from entrepot.app.cli.output import say

    with _open(project) as desk:
        changed = desk.resume(integration, who=WHO, why=reason)
    say(f"{integration} goes on." if changed else f"{integration} was not paused.")


@contextmanager
def _open(folder: Path) -> Iterator[OutboxDesk]:
    from entrepot.app.cli.opening import open_platform
    from entrepot.app.outbox_desk import OutboxDesk

    platform = open_platform(folder)
    try:
        yield OutboxDesk(platform.stores.outbox(), platform.project.publications, platform.clock)
    finally:
        platform.stores.close()


def _say_ids(ids: Any, what: str, *, as_json: bool) -> None:
    from entrepot.app.cli.output import print_json, say

    if as_json:
        print_json({"ids": list(ids)})
    else:
        say(f"{len(ids)} {what}.")


def _to_json(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "integration": message.integration,
        "reference": message.reference,
        "key": message.key,
        "type": message.type,
        "created": _instant(message.created_us),
        "status": message.status,
        "delivery": message.delivery,
        "attempts": message.attempts,
        "next": _instant(message.next_us),
        "code": message.code,
        "reason": message.reason,
        "content_type": message.content_type,
    }


def _instant(us: int | None) -> datetime | None:
    return None if us is None else _EPOCH + timedelta(microseconds=us)
