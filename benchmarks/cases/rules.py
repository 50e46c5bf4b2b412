"""Contract checks by their number: N rules over a whole table, and the same N as row rules while it lands.

The floor is bare DuckDB that scans the same Parquet files and computes the same counts in one statement; it keeps nothing. What is timed of the rules
over the table is a whole run that has nothing to do but to judge; of the row rules it is a landing, which also writes the table.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.case import Case, Facts, Output, Setting, Subject
from benchmarks.floor import load_duckdb
from benchmarks.project import copy_project, drop, load_platform, make_project, output, run, run_here
from benchmarks.sales import Sales

NUMBERS = (0, 5, 20, 80)


def _sales(rows: int) -> Sales:
    return Sales("rules", 1, rows, dirt=False)


def _generate(data: Path, rows: int) -> None:
    _sales(rows).make(data, "parquet")


def _file(setting: Setting) -> Path:
    return _sales(setting.rows).path(setting.data, "parquet")


def _checks(count: int) -> list[tuple[str, str, str]]:
    """(column, check without its limit, SQL that is true for a bad row); as different as five kinds and a number make them."""
    made = []
    for number in range(count):
        skus, stores = f"SKU-[0-9]{{6}}|x{number}", f"S[0-9]{{3}}|z{number}"
        channels, notes = f"'shop', 'web', 'app', 'phone', 'v{number}'", f"(receipt|paid by).*|y{number}"
        words = f"'N/A', 'none {number}'"
        made.append(
            [
                (
                    "sku",
                    f"metric: invalidValues, arguments: {{pattern: '{skus}'}}",
                    f"NOT regexp_full_match(sku, '{skus}')",
                ),
                (
                    "channel",
                    f"metric: invalidValues, arguments: {{validValues: [{channels}]}}",
                    f"channel NOT IN ({channels})",
                ),
                ("store", f"metric: missingValues, arguments: {{missingValues: [{words}]}}", f"store IN ({words})"),
                (
                    "note",
                    f"metric: invalidValues, arguments: {{pattern: '{notes}'}}",
                    f"NOT regexp_full_match(note, '{notes}')",
                ),
                (
                    "store",
                    f"metric: invalidValues, arguments: {{pattern: '{stores}'}}",
                    f"NOT regexp_full_match(store, '{stores}')",
                ),
            ][number % 5]
        )
    return made


def _give_rules(root: Path, count: int, limit: str) -> None:
    """Put the checks into the contract of the sales, each with its limit."""
    path = root / "contracts/sales.odcs.yaml"
    lines = []
    for line in path.read_text().splitlines():
        checks = [f"{{{text}, {limit}}}" for column, text, _ in _checks(count) if f"{{name: {column}," in line]
        end = line.rindex("}") if checks else len(line)
        lines.append(f"{line[:end]}, quality: [{', '.join(checks)}]}}" if checks else line)
    path.write_text("\n".join(lines) + "\n")


def _write_counts(counts: list[int], work: Path) -> Output:
    """One row for each rule, whose amount is the bad rows; the first has all rows."""
    import duckdb

    path = work / "counts.parquet"
    values = ", ".join(f"({count})" for count in counts)
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT amount FROM (VALUES {values}) AS t(amount)) TO '{path}' (FORMAT parquet)")
    return Output(files=(str(path),))


def _scan(count: int, setting: Setting) -> list[int]:
    import duckdb

    counts = [f"count(*) FILTER (WHERE {broken})" for _, _, broken in _checks(count)]
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT {', '.join(['count(*)', *counts])} FROM read_parquet('{_file(setting)}')"
        ).fetchone()
    assert row is not None
    return list(row)


def _floor(count: int, setting: Setting) -> Output:
    return _write_counts(_scan(count, setting), setting.work)


def _expected(count: int, setting: Setting) -> Facts:
    return Facts(count + 1, 100 * sum(_scan(count, setting)))


def _load_table(setting: Setting) -> None:
    root = make_project(setting.base / "project")
    drop(root, _file(setting))
    run_here(root)


def _prepare_judging(count: int, setting: Setting) -> None:
    _give_rules(
        copy_project(setting.base / "project", setting.work / "project"), count, "mustBeLessThan: 50, unit: percent"
    )


def _judge(count: int, setting: Setting) -> Output:
    report = run_here(setting.work / "project")
    results = [result for judgement in report.judgements for result in judgement.results]
    assert len(results) == count and all(result.passed for result in results)
    rows = {result.rows for result in results} or {setting.rows}
    return _write_counts([*rows, *(result.bad_rows for result in results)], setting.work)


def _prepare_landing(count: int, setting: Setting) -> None:
    root = make_project(setting.work / "project")
    _give_rules(root, count, "mustBe: 0")
    drop(root, _file(setting))


def _land(setting: Setting) -> Output:
    root = setting.work / "project"
    run(root)
    return output(root)


def _everything(setting: Setting) -> Facts:
    return _sales(setting.rows).all_rows(setting.data, "parquet")


def _case(count: int) -> Case:
    floor: Callable[[Setting], Output] = partial(_floor, count)
    expected: Callable[[Setting], Facts] = partial(_expected, count)
    return Case(
        name=f"rules{count}",
        title=f"{count} rules over a table, and as row rules while it lands",
        sizes={"tiny": (1_000,) if count == NUMBERS[2] else (), "small": (1_000_000,), "full": (10_000_000,)},
        generate=_generate,
        subjects=(
            Subject("floor", floor, expected, load=load_duckdb),
            Subject(
                "over the table", partial(_judge, count), expected,
                load=load_platform, once=_load_table, prepare=partial(_prepare_judging, count),
            ),
            Subject("row by row", _land, _everything, load=load_platform, prepare=partial(_prepare_landing, count)),
        ),
    )  # fmt: skip


ALL = tuple(_case(count) for count in NUMBERS)
