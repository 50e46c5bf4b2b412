"""One step of a measurement, in a process of its own: `python -m benchmarks.step CASE SUBJECT STEP SETTING REPORT`.

Steps are generate, once, prepare, work and verify; the report is a JSON file. Only the standard library is imported here, so that the
peers' interpreter can run it, and so that a subject's own imports can be timed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.cases import CASES


def main(arguments: list[str]) -> None:
    """Take the step and leave the report."""
    case_name, subject_name, step, setting_file, report_file = arguments
    case = CASES[case_name]
    setting = Setting.from_json(json.loads(Path(setting_file).read_text()))
    report = take(case, case.subject(subject_name), step, setting)
    Path(report_file).write_text(json.dumps(report))


def take(case: Case, subject: Subject, step: str, setting: Setting) -> dict[str, Any]:
    """Do what the step's name says."""
    match step:
        case "generate":
            case.generate(setting.data, setting.rows)
        case "once":
            subject.once(setting)
        case "prepare":
            subject.prepare(setting)
        case "work":
            return _work(subject, setting)
        case "verify":
            _verify(subject, setting)
        case _:
            raise ValueError(f"unknown step {step!r}")
    return {}


def _work(subject: Subject, setting: Setting) -> dict[str, Any]:
    begun = time.perf_counter()
    subject.load()
    loaded = time.perf_counter()
    output = subject.work(setting)
    ended = time.perf_counter()
    _output_file(setting).write_text(json.dumps(output.to_json()))
    return {"import_seconds": loaded - begun, "seconds": ended - loaded}


def _output_file(setting: Setting) -> Path:
    return setting.work / "output.json"


def _verify(subject: Subject, setting: Setting) -> None:
    """Hold the output against what is right.

    Raises: AssertionError. A fast wrong result is no result.
    """
    file = _output_file(setting)
    output = Output.from_json(json.loads(file.read_text())) if file.exists() else subject.work(setting)
    found, expected = look_at(output), subject.expects(setting)
    assert found == expected, f"{subject.name} gave {found}; right is {expected}"


def look_at(output: Output) -> Facts:
    """What an output has, read by DuckDB; which files a Delta table has is asked of delta-rs, not of our own reader."""
    rows, cents = (
        _sums_in(*output.database) if output.database else _sums(list(output.files) + _delta_files(output.delta))
    )
    rejected, _ = _sums(_delta_files(output.quarantine), cents="0")
    return Facts(rows, cents, rejected)


def _delta_files(table: str | None) -> list[str]:
    if table is None:
        return []
    from deltalake import DeltaTable

    return [uri.removeprefix("file://") for uri in DeltaTable(table).file_uris()]


def _sums_in(file: str, table: str) -> tuple[int, int]:
    import duckdb

    with duckdb.connect(file, read_only=True) as connection:
        row = connection.execute(f"SELECT count(*), sum(round(amount * 100)::BIGINT) FROM {table}").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _sums(files: list[str], cents: str = "round(amount * 100)::BIGINT") -> tuple[int, int]:
    if not files:
        return 0, 0
    import duckdb

    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT count(*), coalesce(sum({cents}), 0) FROM read_parquet(?, union_by_name = true)", [files]
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


if __name__ == "__main__":
    main(sys.argv[1:])
