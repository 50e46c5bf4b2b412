"""`entrepot contract lint`: reports of contract files, for people, for machines, for GitHub."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from entrepot.app.cli.output import console, print_json, say
from entrepot.contracts.findings import Finding
from entrepot.contracts.lint import LintReport, Verdict, find_contract_files, lint_file
from entrepot.contracts.load import LoadedContracts, check_references, load_contracts
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.errors import Place, ProjectError, UsageError


def lint_files(paths: Sequence[Path], folder: Path, *, as_json: bool, as_github: bool) -> None:
    """Print what is wrong with contract files; exit code 2 when one of them is refused."""
    root, zone = _find_project(folder)
    if paths:
        reports = [_lint(path, root, zone) for path in _expand(paths)]
        across: list[Finding] = []
    else:
        reports, across = _lint_project(root, zone, folder)
    if as_json:
        print_json(_to_json(reports, across))
    elif as_github:
        _print_annotations(reports, across)
    else:
        _print_reports(reports, across)
    if across or any(report.verdict is Verdict.REFUSED for report in reports):
        raise SystemExit(2)


def _find_project(folder: Path) -> tuple[Path | None, str]:
    """The project around a folder and its time zone; contracts can be judged without one."""
    from entrepot.app.project import PROJECT_FILE, find_project
    from entrepot.contracts.odcs.time_zones import is_time_zone
    from entrepot.kernel.documents import load_document

    try:
        root = find_project(folder.resolve())
    except ProjectError:
        return None, "UTC"
    zone = load_document(root / PROJECT_FILE).value.get("time_zone")
    return root, zone if isinstance(zone, str) and is_time_zone(zone) else "UTC"


def _expand(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if not path.is_dir():
            yield path  # a file that is not there is a finding of its own
            continue
        files = find_contract_files(path)
        if not files:
            raise UsageError(f"{path} holds no file that ends in .yaml or .yml.", hint="Name a contract file.")
        yield from files


def _lint_project(root: Path | None, zone: str, folder: Path) -> tuple[list[LintReport], list[Finding]]:
    if root is None:
        raise UsageError(
            f"{folder.resolve()} lies in no project.", hint="Name files or folders: entrepot contract lint FILE …"
        )
    paths = sorted((root / "contracts").glob("*.y*ml"))
    reports = [_lint(path, root, zone) for path in map(_shorten, paths)]
    good = [report.path for report in reports if report.verdict is Verdict.GOOD]
    loaded = [load_contracts(path, default_time_zone=zone) for path in good]
    return reports, [*_find_twins(loaded), *check_references(loaded)]


def _find_twins(files: Iterable[LoadedContracts]) -> Iterable[Finding]:
    """Datasets that two files speak for."""
    seen: dict[str, Path] = {}
    for file in files:
        for contract in file.contracts:
            other = seen.setdefault(str(contract.dataset), file.path)
            if other != file.path:
                text = f"the dataset {contract.dataset} has a contract in {other} already; allowed is one."
                yield Finding(Severity.ERROR, Place(file.path), text, None, "contract.duplicate")


def _lint(path: Path, root: Path | None, zone: str) -> LintReport:
    """A file in the project's folder of contracts must be usable; another one must when it says so itself."""
    ours = root is not None and path.resolve().parent == (root / "contracts").resolve()
    return lint_file(path, default_time_zone=zone, is_ours=True if ours else None)


def _shorten(path: Path) -> Path:
    """The path from here, as a person would type it."""
    return Path(os.path.relpath(path))


def _print_reports(reports: Sequence[LintReport], across: Sequence[Finding]) -> None:
    for report in reports:
        for finding in report.errors:
            _print_finding("error", "red", finding)
        for finding in report.warnings:
            _print_finding("warning", "yellow", finding)
        if report.verdict is Verdict.FOREIGN:
            _print_foreign(report)
    for finding in across:
        _print_finding("error", "red", finding)
    say(_summary(reports, across))


def _print_finding(word: str, colour: str, finding: Finding) -> None:
    console.print(f"{finding.place}: ", end="", markup=False, soft_wrap=True)
    say(f"[{colour}]{word}[/] {finding.code}")
    console.print(f"    {finding.message}", markup=False, soft_wrap=True)
    if finding.hint:
        console.print(f"    {finding.hint}", markup=False, soft_wrap=True)


def _print_foreign(report: LintReport) -> None:
    console.print(f"{report.path}: ", end="", markup=False, soft_wrap=True)
    say(f"[green]good[/] a contract of ODCS {report.version}; it names no dataset of entrepot.")
    for finding in report.notes:
        place = f"{finding.place.line}:{finding.place.column}"
        console.print(f"    to use it here, {place}: {finding.message}", markup=False, soft_wrap=True)


def _summary(reports: Sequence[LintReport], across: Sequence[Finding]) -> str:
    counts = {verdict: sum(report.verdict is verdict for report in reports) for verdict in Verdict}
    errors = sum(len(report.errors) for report in reports) + len(across)
    warnings = sum(len(report.warnings) for report in reports)
    parts = [
        f"{counts[Verdict.GOOD]} good" if counts[Verdict.GOOD] else "",
        f"{counts[Verdict.FOREIGN]} good, of no dataset here" if counts[Verdict.FOREIGN] else "",
        f"{counts[Verdict.REFUSED]} refused" if counts[Verdict.REFUSED] else "",
    ]
    said = ", ".join(filter(None, parts)) or "nothing to judge"
    return f"{_count(len(reports), 'file')}: {said}; {_count(errors, 'error')}, {_count(warnings, 'warning')}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _to_json(reports: Sequence[LintReport], across: Sequence[Finding]) -> dict[str, Any]:
    return {
        "files": [
            {
                "file": str(report.path),
                "verdict": report.verdict.value,
                "standard": report.version,
                "is_dataset": report.is_ours,
            }
            for report in reports
        ],
        "findings": [
            {
                "file": str(finding.place.path),
                "line": finding.place.line,
                "column": finding.place.column,
                "code": finding.code,
                "severity": severity,
                "concern": finding.concern.value,
                "message": finding.message,
                "hint": finding.hint,
            }
            for severity, finding in _each(reports, across)
        ],
    }


def _each(reports: Sequence[LintReport], across: Sequence[Finding]) -> Iterable[tuple[str, Finding]]:
    for report in reports:
        yield from (("error", finding) for finding in report.errors)
        yield from (("warning", finding) for finding in report.warnings)
        yield from (("note", finding) for finding in report.notes)
    yield from (("error", finding) for finding in across)


def _print_annotations(reports: Sequence[LintReport], across: Sequence[Finding]) -> None:
    """Lines that GitHub Actions shows beside the file."""
    levels = {"error": "error", "warning": "warning", "note": "notice"}
    for severity, finding in _each(reports, across):
        place = finding.place
        where = f"file={_escape(str(place.path), more=True)}"
        where += f",line={place.line}" if place.line else ""
        where += f",col={place.column}" if place.column else ""
        text = finding.message if finding.hint is None else f"{finding.message} {finding.hint}"
        print(f"::{levels[severity]} {where},title={finding.code}::{_escape(text)}")


def _escape(text: str, *, more: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if more else text
