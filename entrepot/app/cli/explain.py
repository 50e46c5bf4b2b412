"""`entrepot explain`: from a number to the records that made it, and from a record to what it reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from entrepot.app.cli.opening import open_platform_with_data
from entrepot.app.cli.output import console, print_json, say
from entrepot.app.explaining import Answer, ExplainDesk, Fate, FileUse, ForwardAnswer, Limits, Reached, Step, Use
from entrepot.kernel.errors import UsageError

_SHOWN_FILES = 5
_SHOWN_COLUMNS = 7
_WIDE = 1_000


def explain_command(
    folder: Path,
    dataset: str | None,
    where: str | None,
    *,
    columns: Sequence[str],
    record: str | None,
    origin: str | None,
    at: str | None,
    limits: Limits,
    csv: Path | None,
    as_json: bool,
) -> None:
    """Choose between the two directions. Raises: UsageError where the words do not go together."""
    _check_words(dataset, where, record, origin, csv)
    desk = ExplainDesk(open_platform_with_data(folder), limits)
    if dataset is not None:
        answer = desk.explain(dataset, where, columns=columns, at=at, csv=csv)
        if as_json:
            print_json(asdict(answer))
        else:
            _print_answer(answer, csv)
        return
    found = desk.follow(record=record, origin=origin, at=at)
    if as_json:
        print_json(asdict(found))
    else:
        _print_forward(found)


def _check_words(
    dataset: str | None, where: str | None, record: str | None, origin: str | None, csv: Path | None
) -> None:
    given = [name for name, value in (("DATASET", dataset), ("--record", record), ("--origin", origin)) if value]
    if len(given) != 1:
        raise UsageError(
            f"{' and '.join(given) or 'nothing'} is named; name one of DATASET, --record, --origin.",
            hint="Example: entrepot explain gold.sales --where \"day = '2026-09-20'\"",
        )
    if dataset is None and (where or csv):
        raise UsageError("--where and --csv belong to a dataset; with --record and --origin they mean nothing.")


def _print_answer(answer: Answer, csv: Path | None) -> None:
    for row in answer.rows[:3]:
        say(f"[bold]{answer.dataset}[/]")
        console.print(_row_text(row, len(row)), soft_wrap=True)
    if len(answer.rows) > 3:
        say(f"[dim]… and {len(answer.rows) - 3} more rows[/]")
    steps = {(step.dataset, step.version): step for step in answer.steps}
    first = answer.steps[0]
    tree = Tree(_step_text(first))
    _grow(tree, first, steps, set())
    if console.is_terminal:
        console.print(tree)
    else:  # whole lines, for other programs
        Console(width=_WIDE, highlight=False).print(tree, no_wrap=True)
    say()
    for step in answer.sources:
        say(_summary(step))
    say(f"[dim]release {answer.release}[/]")
    if csv is not None:
        say(f"{answer.exported:,} records written to {csv}")
    elif any(not use.is_whole and use.total_is != "unknown" for step in answer.steps for use in step.uses):
        say("Not all rows are followed here. All of them: --full, and into a file: --full --csv records.csv")


def _grow(
    tree: Tree, step: Step, steps: Mapping[tuple[str, int | None], Step], seen: set[tuple[str, int | None]]
) -> None:
    for note in step.notes:
        tree.add(Text(f"note: {note}", style="yellow"))
    if step.refused:
        tree.add(Text(f"cannot be followed: {step.refused}", style="red"))
    for file in step.files[:_SHOWN_FILES]:
        tree.add(Text(_file_text(file)))
    if step.file_count > _SHOWN_FILES:
        tree.add(Text(f"… and {step.file_count - min(_SHOWN_FILES, len(step.files)):,} more places", style="dim"))
    for use in step.uses:
        branch = tree.add(_use_text(use))
        for row in use.sample:
            branch.add(_row_text(row, _SHOWN_COLUMNS))
        for text in use.absences:
            branch.add(Text(f"depends on absence · {text}", style="dim"))
        key = (use.dataset, use.version)
        below = steps.get(key)
        if below is None or not use.records:
            continue
        if key in seen:
            branch.add(Text("further down: see above", style="dim"))
            continue
        seen.add(key)
        _grow(branch, below, steps, seen)


def _step_text(step: Step) -> Text:
    return Text.assemble((step.dataset, "bold"), f" · {step.rows:,} row{'' if step.rows == 1 else 's'} · {step.kind}")


def _use_text(use: Use) -> Text:
    if use.total_is == "unknown":
        return Text.assemble((use.dataset, "bold"), " · read, rows not known")
    count = f"{use.total:,}" if use.total_is == "exact" else f"{use.total_is} {use.total:,}"
    followed = "" if use.is_whole else f", {use.records:,} followed"
    text = Text.assemble((use.dataset, "bold"), f" · {count} row{'' if use.total == 1 else 's'}{followed}")
    if use.is_exact:
        return text.append(" · exact", style="green")
    return text.append(f" · may hold more than needed: {'; '.join(use.longer[:2])}", style="yellow")


def _file_text(file: FileUse) -> str:
    return f"{file.place} · {file.records:,} record{'' if file.records == 1 else 's'}, such as {file.first}"


def _row_text(row: Mapping[str, Any], most: int) -> Text:
    origin = row.get("_origin")
    shown = [(name, value) for name, value in row.items() if name != "_origin" and value is not None]
    parts = [f"{name}={value}" for name, value in shown[:most]]
    more = " …" if len(shown) > most else ""
    return Text(f"{' '.join(parts)}{more}" + (f"  ← {origin}" if origin else ""), style="dim")


def _summary(step: Step) -> str:
    """`1,146 records from 3 files of source sales`; of an inbound integration `from 3 requests`."""
    from entrepot.intake.gateway.reader import origin_of

    sources = sorted({file.source for file in step.files if file.source})
    by = f" of source {', '.join(sources)}" if sources else ""
    place = "request" if step.files and all(file.place.startswith(origin_of("")) for file in step.files) else "file"
    places = f"{step.file_count:,} {place}{'' if step.file_count == 1 else 's'}"
    return f"{step.rows:,} record{'' if step.rows == 1 else 's'} from {places}{by}"


def _print_forward(answer: ForwardAnswer) -> None:
    for fate in answer.fates:
        _print_fate(fate)
    if not answer.reached:
        say("It reached no row of a model." if answer.fates else "")
    for reached in answer.reached:
        console.print(_reached_text(reached), soft_wrap=True)
        for row in reached.sample:
            console.print(Text("    ").append_text(_row_text(row, _SHOWN_COLUMNS)), soft_wrap=True)
        for note in reached.notes:
            console.print(Text(f"    note: {note}", style="yellow"), soft_wrap=True)
    say(f"[dim]release {answer.release}[/]")


def _print_fate(fate: Fate) -> None:
    say(f"[bold]{fate.id}[/]" + (f" ← {fate.origin}" if fate.origin else ""))
    console.print(Text(f"    {fate.state}: {fate.words}"), soft_wrap=True)
    if fate.row:
        console.print(Text("    ").append_text(_row_text(fate.row, _SHOWN_COLUMNS)), soft_wrap=True)


def _reached_text(reached: Reached) -> Text:
    text = Text.assemble((reached.dataset, "bold"))
    if reached.refused:
        return text.append(f" · cannot be followed: {reached.refused}", style="red")
    return text.append(
        f" · {reached.rows:,} row{'' if reached.rows == 1 else 's'} · through {', '.join(reached.through)}"
    )
