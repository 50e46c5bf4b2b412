"""`entrepot report`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from entrepot.app.cli.opening import open_platform_with_data
from entrepot.app.cli.output import print_json, say
from entrepot.app.reports.facts import gather_report
from entrepot.app.reports.render import CONTENT_TYPES, render_report, write_report
from entrepot.kernel.errors import UsageError


def report_command(
    folder: Path, kpis: Sequence[str], format: str | None, out: Path | None, at: str | None, *, as_json: bool
) -> None:
    """Write a report of KPIs from a release."""
    chosen = format or _format_of(out)
    platform = open_platform_with_data(folder)
    report = gather_report(platform, platform.release_for(at), kpis)
    rendered = render_report(report, chosen)
    if out is not None and str(out) == "-":
        sys.stdout.buffer.write(rendered.body)
        return
    path = Path(rendered.name) if out is None else out / rendered.name if out.is_dir() else out
    write_report(rendered.body, path)
    if as_json:
        print_json(
            {
                "file": str(path),
                "format": chosen,
                "release": report.release,
                "kpis": [e.kpi.name for e in report.kpis],
                "bytes": len(rendered.body),
            }
        )
        return
    say(f"{path}: {len(report.kpis)} KPIs of release {report.release}")


def _format_of(out: Path | None) -> str:
    """As the file's name says; a page where it says nothing."""
    ending = "" if out is None else out.suffix.lower().removeprefix(".")
    if ending in ("", "htm") or (out is not None and (out.is_dir() or str(out) == "-")):
        return "html"
    if ending not in CONTENT_TYPES:
        raise UsageError(f"{out} says no format; there are {', '.join(CONTENT_TYPES)}.", hint="Say it with --format.")
    return ending
