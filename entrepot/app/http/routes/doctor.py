"""The doctor: is the installation sound?"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from entrepot.app.doctor import Finding, look_at_environment, look_at_project
from entrepot.app.http.asked import Context
from entrepot.app.http.shapes import Instant, Shape

router = APIRouter(tags=["doctor"])


class Examined(Shape):
    """One thing that was looked at."""

    what: str
    verdict: str = Field(description="`ok`, `bad`, `open`, `none`, `absent`, `rebuilt`")
    detail: str


class Examination(Shape):
    """Everything that was looked at."""

    verdict: Literal["well", "needs somebody"]
    at: Instant
    items: list[Examined]


@router.get("/doctor", response_model=Examination)
def get_doctor(context: Context) -> Examination:
    """Look at Python, its libraries and the project's files."""
    findings = list(look_at_environment())
    faults = context.projects.faults
    findings += [Finding("project", "bad", fault) for fault in faults]
    if not faults:
        findings.append(Finding("project", "ok", context.projects.project().name))
    return _examined(context, findings)


@router.post("/doctor:run", response_model=Examination)
def run_doctor(context: Context) -> Examination:
    """Look at everything, also whether state and lake agree; takes longer."""
    with context.heavy():
        root = context.projects.root
        return _examined(context, [*look_at_environment(), *look_at_project(root, rebuild=False)])


def _examined(context: Context, findings: list[Finding]) -> Examination:
    root = f"{context.projects.root}/"
    items = [Examined(what=f.what, verdict=f.verdict, detail=f.detail.replace(root, "")) for f in findings]
    is_bad = any(finding.is_bad for finding in findings)
    return Examination(verdict="needs somebody" if is_bad else "well", at=context.clock.now(), items=items)
