"""`entrepot doctor`: what is there, what is missing, whether state and lake agree."""

from __future__ import annotations

from pathlib import Path

from entrepot.app.cli.output import print_json, print_table, say
from entrepot.app.doctor import Finding, look_at_environment, look_at_project, put_state_aside
from entrepot.app.project import find_project
from entrepot.kernel.errors import EntrepotError


def examine(folder: Path, *, rebuild: bool, accept_loss: bool, as_json: bool) -> None:
    """Look at everything; exit code 1 when something is bad."""
    findings = list(look_at_environment())
    try:
        root = find_project(folder.resolve())
    except EntrepotError as error:
        findings.append(Finding("project", "none", error.message))
    else:
        if accept_loss:
            findings.append(put_state_aside(root))
        findings.extend(look_at_project(root, rebuild=rebuild or accept_loss))
    if as_json:
        print_json([{"what": f.what, "verdict": f.verdict, "detail": f.detail} for f in findings])
    else:
        print_table(None, ("what", "verdict", "detail"), [(f.what, f.verdict, f.detail) for f in findings])
        say("\nsomething needs you, see above." if any(f.is_bad for f in findings) else "\nall well.")
    if any(finding.is_bad for finding in findings):
        raise SystemExit(1)
