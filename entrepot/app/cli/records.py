"""`entrepot records …`: records of the gateway, from looking to replaying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from entrepot.app.records_desk import Effect, Preview, RecordFile, RecordsDesk
    from entrepot.ports.inbox import InboxRecord, RecordFilter

app = typer.Typer(
    help="Records that others sent to /api/v1/in: find one, see what became of it, replay it after a fix.",
    no_args_is_help=True,
)

ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="A folder of the project (default: here).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
IntegrationOption = Annotated[str | None, typer.Option("--integration", "-i", help="Only of this integration.")]
StatusOption = Annotated[str | None, typer.Option("--status", help="just_in, processed or error.")]
CodeOption = Annotated[
    str | None, typer.Option("--code", help="Only this error: contract, handler_failed, conflict, …")
]
ReferenceOption = Annotated[str | None, typer.Option("--reference", help="The sender's own id of the record.")]
SinceOption = Annotated[str | None, typer.Option("--since", help="Received at or after: 2026-11-21, or an instant.")]
UntilOption = Annotated[str | None, typer.Option("--until", help="Received before.")]
_SHOWN_BYTES = 4_000


@app.command("list", epilog="Example: entrepot records list --status error --integration shop")
def list_records(
    integration: IntegrationOption = None,
    status: StatusOption = None,
    code: CodeOption = None,
    reference: ReferenceOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[int, typer.Option(help="How many to show.", min=1, max=10_000)] = 20,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """List records, newest first."""
    from entrepot.app.cli.output import print_json, print_table, say

    desk, zone = _desk(project)
    wanted = _filter(zone, integration, status, code, reference, since, until)
    found, count = desk.find(wanted, limit), desk.count(wanted)
    if json:
        print_json({"records": [_to_json(record) for record in found], "count": count})
        return
    columns = ("received (UTC)", "record", "integration", "reference", "status", "tries", "reason")
    print_table(
        f"{count:,} records" + (f", the newest {len(found)}" if count > len(found) else ""),
        columns,
        [(_time(r.received_us), r.id, r.integration, r.reference, r.status.value, r.attempts, _why(r)) for r in found],
        right=("tries",),
    )
    if any(record.error for record in found):
        say(
            "\nOne of them whole: entrepot records show ID. Again after a fix: entrepot records replay --status error --dry-run"
        )


@app.command("show", epilog="Example: entrepot records show ORD-2026-118204")
def show(
    id: Annotated[str, typer.Argument(help="The record's id, or its sender's reference.")],
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Show one record: its life, its body as received, its error, the rows it became."""
    from entrepot.app.cli.output import print_json

    desk, _ = _desk(project)
    file = desk.show(id)
    if json:
        print_json(
            {
                **_to_json(file.record),
                "content_type": file.record.content_type,
                "headers": [list(pair) for pair in file.record.headers],
                "body": _body(file.received_body, None),
                "history": [_change(change) for change in file.history],
                "rows": [dict(row) for row in file.rows],
            }
        )
    else:
        _print_file(file)


@app.command(
    "replay", epilog="Example: entrepot records replay --status error --code handler_failed --reason 'handler mended'"
)
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids or references of records; or else a filter.")] = None,
    integration: IntegrationOption = None,
    status: StatusOption = None,
    code: CodeOption = None,
    reference: ReferenceOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with each record.")] = "",
    body: Annotated[
        Path | None, typer.Option(help="For one record: a file that is processed in place of the body as received.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change, in which tables.")] = False,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Process records again. What they give now takes the place of the rows they gave before; the same rows change nothing."""
    from entrepot.app.cli.output import print_json, say
    from entrepot.kernel.errors import UsageError

    stated = (integration, status, code, reference, since, until)
    if not ids and not any(stated):
        raise UsageError(
            "which records?", hint="Name ids, or a filter: entrepot records replay --status error --dry-run"
        )
    desk, zone = _desk(project)
    wanted = _filter(zone, *stated, ids=tuple(desk.resolve(id) for id in ids or ()))
    edited = None if body is None else _read(body)
    if dry_run:
        preview = desk.preview(wanted, body=edited)
        if json:
            print_json(_preview_to_json(preview))
        else:
            _print_preview(preview)
        return
    count = desk.replay(wanted, reason, body=edited)
    if json:
        print_json({"replayed": count})
    else:
        say(f"{_counted(count)} to be processed again. A running platform (entrepot up) does it within seconds.")


def _desk(folder: Path) -> tuple[RecordsDesk, str]:
    from entrepot.app.cli.opening import open_platform
    from entrepot.app.gateway_processing import try_records
    from entrepot.app.records_desk import RecordsDesk

    platform = open_platform(folder)
    return RecordsDesk(platform, try_records), platform.project.time_zone


def _filter(
    zone: str,
    integration: str | None,
    status: str | None,
    code: str | None,
    reference: str | None,
    since: str | None,
    until: str | None,
    ids: tuple[str, ...] = (),
) -> RecordFilter:
    from entrepot.app.wiring import parse_instant
    from entrepot.kernel.errors import UsageError
    from entrepot.ports.inbox import RecordFilter, RecordStatus

    known = [each.value for each in RecordStatus]
    if status is not None and status not in known:
        raise UsageError(f"--status {status} is none.", hint=f"A record is {', '.join(known)}.")
    return RecordFilter(
        integration,
        RecordStatus(status) if status else None,
        code,
        reference,
        parse_instant(since, zone) if since else None,
        parse_instant(until, zone) if until else None,
        ids,
    )


def _read(path: Path) -> bytes:
    from entrepot.kernel.errors import UsageError

    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"--body {path}: {error.strerror}.") from error


def _print_file(file: RecordFile) -> None:
    from entrepot.app.cli.output import print_table, say

    record = file.record
    say(f"[bold]{record.id}[/]  {record.integration}  {record.status.value}  reference {record.reference}")
    say(
        f"received {_time(record.received_us)} UTC, {len(file.received_body):,} bytes, {record.content_type or 'no content type'}"
    )
    print_table(
        None,
        ("at (UTC)", "status", "revision", "who", "reason"),
        [
            (
                f"{c.at:%Y-%m-%d %H:%M:%S.%f}",
                c.status.value,
                c.revision,
                c.who or None,
                " ".join([c.code, c.reason]).strip() or None,
            )
            for c in file.history
        ],
        right=("revision",),
    )
    if record.error is not None:
        say(f"\n[red]{record.error.code}[/] {_escaped(record.error.message)}")
        for detail in record.error.details:
            say("  " + _escaped("  ".join(str(value) for value in detail.values() if value is not None)))
    say("\nas received:")
    say(_escaped(_body(file.received_body, _SHOWN_BYTES)))
    if record.body != file.received_body:
        say("\nas last edited:")
        say(_escaped(_body(record.body, _SHOWN_BYTES)))
    if not file.rows and record.status.value == "processed":
        say(
            "\nNo row of it stands in its dataset: it gave none, they wait for the next round, or they were rejected: entrepot rejects list"
        )
    if file.rows:
        names = [name for name in file.rows[0] if not name.startswith("_")]
        say()
        print_table("Rows that came of it", names, [[row[name] for name in names] for row in file.rows])
        say(f"Where they went: entrepot explain --origin inbox/{record.id}")


def _print_preview(preview: Preview) -> None:
    from entrepot.app.cli.output import print_table, say

    kinds: dict[str, int] = {}
    for effect in preview.effects:
        kinds[effect.verdict] = kinds.get(effect.verdict, 0) + 1
    listed = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(kinds.items()))
    say(f"{_counted(preview.records)} to be processed again: {listed or 'none'}.")
    say(f"tables: {' → '.join(preview.tables) or 'none'}")
    shown = [effect for effect in preview.effects if effect.verdict not in ("unchanged", "not tried")][:20]
    if shown:
        print_table(
            None,
            ("record", "reference", "would be", "now", "then"),
            [(e.record.id, e.record.reference, e.verdict, _rows(e.before), e.said or _rows(e.after)) for e in shown],
        )
    say("Nothing was changed. Do it: the same command with --reason in place of --dry-run.")


def _counted(records: int) -> str:
    return f"{records:,} record{'' if records == 1 else 's'}"


def _rows(rows: Sequence[Mapping[str, object]]) -> str | None:
    import json

    return "\n".join(json.dumps(dict(row), default=str, ensure_ascii=False) for row in rows[:3]) or None


def _to_json(record: InboxRecord) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "id": record.id,
        "integration": record.integration,
        "reference": record.reference,
        "received_at": _instant(record.received_us).isoformat(),
        "status": record.status.value,
        "revision": record.revision,
        "attempts": record.attempts,
        "error": None if record.error is None else asdict(record.error),
    }


def _preview_to_json(preview: Preview) -> dict[str, Any]:
    return {
        "records": preview.records,
        "by_status": dict(preview.by_status),
        "tables": list(preview.tables),
        "effects": [_effect(effect) for effect in preview.effects],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "id": effect.record.id,
        "reference": effect.record.reference,
        "verdict": effect.verdict,
        "said": effect.said,
        "before": [dict(row) for row in effect.before],
        "after": [dict(row) for row in effect.after],
    }


def _change(change: Any) -> dict[str, Any]:
    return {
        "at": change.at.isoformat(),
        "status": change.status.value,
        "revision": change.revision,
        "code": change.code,
        "reason": change.reason,
        "who": change.who,
    }


def _why(record: InboxRecord) -> str | None:
    return None if record.error is None else f"{record.error.code}: {record.error.message}"


def _body(body: bytes, most: int | None) -> str:
    cut = body if most is None else body[:most]
    try:
        text = cut.decode("utf-8", errors="strict" if len(cut) == len(body) else "ignore")
    except UnicodeDecodeError:
        text = cut.hex(" ")
    return text if len(cut) == len(body) else f"{text}\n… {len(body):,} bytes in all: --json has them"


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _instant(received_us: int) -> datetime:
    return datetime.fromtimestamp(received_us / 1_000_000, UTC)


def _time(received_us: int) -> str:
    return f"{_instant(received_us):%Y-%m-%d %H:%M:%S.%f}"
