"""`entrepot backfill`."""

from __future__ import annotations

from pathlib import Path

from entrepot.app.cli.headlines import print_outcome
from entrepot.app.cli.output import print_json, say
from entrepot.app.cli.progress import shown
from entrepot.app.cli.run import print_report
from entrepot.app.project import find_project, open_project
from entrepot.app.scheduling.backfill import carry_out, plan_backfill
from entrepot.app.wiring import Platform, parse_instant
from entrepot.kernel.errors import UsageError


def backfill_command(
    folder: Path, name: str, start: str, end: str | None, *, reason: str | None, dry_run: bool, as_json: bool
) -> None:
    """Take again what came to a source within a time."""
    with shown(quiet=as_json) as emit:
        platform = Platform(open_project(find_project(folder.resolve())), emit)
        zone = platform.project.time_zone
        backfill = plan_backfill(
            platform, name, parse_instant(start, zone), None if end is None else parse_instant(end, zone)
        )
        if not dry_run and not reason:
            raise UsageError("why is it taken again?", hint="Say it with --reason; --dry-run only shows what would be.")
        report = None if dry_run else carry_out(platform, backfill, reason or "")
    batches = [{"batch": batch, "files": [path.name for path in paths]} for batch, paths in backfill.batches]
    if as_json:
        run = None if report is None else report.to_json()
        print_json({"source": backfill.source.name, "order": backfill.order.value, "batches": batches, "run": run})
    elif report is None:
        for batch, paths in backfill.batches:
            say(f"batch {batch}: {', '.join(path.name for path in paths) or 'nothing: later files have replaced it'}")
        say(f"{backfill.files} file(s) of {backfill.source.name} would be taken again.")
    else:
        print_report(report, platform.project.contracts)
        print_outcome(platform, report)
    if report is not None and not report.succeeded:
        raise SystemExit(1)
