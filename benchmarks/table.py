"""The results as a table: Rich on a terminal, plain where it is piped."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.results import Result

COLUMNS = ("case", "subject", "rows", "s", "median", "imports", "process", "rows/s", "MB", "× floor", "× best peer")


def print_results(results: Sequence[Result]) -> None:
    """Print all rows, and the memory by size in one line."""
    rows = [_row(result) for result in results if result.case != "memory"]
    if sys.stdout.isatty():
        _print_rich(rows)
    else:
        _print_plain(rows)
    memory = [result for result in results if result.case == "memory"]
    if memory:
        print("peak memory of the CSV landing: " + ", ".join(f"{r.rows:,} rows {r.peak_mb:.0f} MB" for r in memory))


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.case,
        result.subject,
        f"{result.rows:,}",
        f"{result.seconds:.2f}",
        f"{result.seconds_median:.2f}",
        _number(result.import_seconds, ".2f"),
        f"{result.process_seconds:.2f}",
        _number(result.rows_per_s, ",.0f"),
        f"{result.peak_mb:.0f}",
        _number(result.ratio_to_floor, ".2f"),
        _number(result.ratio_to_best_peer, ".2f"),
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _print_rich(rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for number, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if number < 2 else "right")
    for row in rows:
        table.add_row(*row, style="dim" if row[1] == "floor" else None)
    Console().print(table)


def _print_plain(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for row in (COLUMNS, *rows):
        cells = [c.ljust(w) if n < 2 else c.rjust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))]
        print("  ".join(cells).rstrip())
