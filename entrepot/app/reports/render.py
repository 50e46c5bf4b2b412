"""A report in the format that is asked for, and writing it durably."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from entrepot.app.reports.facts import ReportFacts, file_name
from entrepot.kernel.errors import SystemError_, UsageError
from entrepot.kernel.ids import new_token

CONTENT_TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished report."""

    name: str
    content_type: str
    body: bytes


def render_report(report: ReportFacts, format: str) -> Rendered:
    """Render it. Raises: UsageError for another format, MissingExtra."""
    if format not in CONTENT_TYPES:
        raise UsageError(f"there is no report format {format!r}.", hint=f"There are: {', '.join(CONTENT_TYPES)}.")
    return Rendered(file_name(report, format), CONTENT_TYPES[format], _render(report, format))


def _render(report: ReportFacts, format: str) -> bytes:
    if format == "pdf":
        from entrepot.app.reports.pdf import render_pdf

        return render_pdf(report)
    if format == "xlsx":
        from entrepot.app.reports.xlsx import render_xlsx

        return render_xlsx(report)
    from entrepot.app.reports.html import render_html

    return render_html(report).encode()


def write_report(body: bytes, path: Path) -> None:
    """Aside, synced, renamed: nobody sees half a report. Raises: SystemError_."""
    aside = path.with_name(f".{path.name}.{new_token()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        _sync(path.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise SystemError_(
            f"the report cannot be written to {path}: {error.strerror}.", hint="Say another file with --out."
        ) from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
