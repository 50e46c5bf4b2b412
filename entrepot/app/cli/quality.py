"""`entrepot quality`: how rules over whole datasets stand, the rows that break them, and accepting a version all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from entrepot.app.cli.opening import open_platform_with_data
from entrepot.app.cli.output import print_json, print_table, say
from entrepot.app.quality_desk import QualityDesk, RuleStanding
from entrepot.app.querying import read_records
from entrepot.contracts.set_rules import CountBroken, CountDuplicates
from entrepot.kernel.errors import UsageError
from entrepot.lake.quality.rejects import MAX_REJECTS
from entrepot.lake.quality.verdicts import say_result
from entrepot.ports.quality import Judgement

COLUMNS = ("dataset", "version", "rule", "verdict", "measured", "allowed", "rows", "severity", "judged (UTC)")


def quality_command(
    folder: Path,
    words: Sequence[str],
    *,
    rule: str | None,
    version: int | None,
    reason: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """`[DATASET]` shows, `accept DATASET` accepts: one command, for a dataset is never called accept.

    Raises: UsageError for words and options that do not fit together.
    """
    accepts = bool(words) and words[0] == "accept"
    rest = words[1:] if accepts else words
    if len(rest) > 1 or (accepts and not rest):
        hint = "entrepot quality [DATASET] [--rule ID], or: entrepot quality accept DATASET --rule ID --version N --reason '…'"
        raise UsageError(f"{' '.join(words)!r} is not one dataset.", hint=hint)
    if not accepts:
        if reason is not None or (version is not None and rule is None):
            raise UsageError("--version and --reason are for accepting.", hint="entrepot quality accept DATASET …")
        show_quality(folder, rest[0] if rest else None, rule, version, limit=limit, as_json=as_json)
        return
    if rule is None or version is None or reason is None:
        raise UsageError(
            "to accept, say which rule, which version and why.",
            hint="entrepot quality accept DATASET --rule ID --version N --reason '…'; see both with: entrepot quality",
        )
    accept_rule(folder, rest[0], rule, version, reason, as_json=as_json)


def show_quality(
    folder: Path, dataset: str | None, rule: str | None, version: int | None = None, *, limit: int, as_json: bool
) -> None:
    """Print how rules stand, or with `rule` the rows of a dataset that break it, also of an earlier version."""
    platform = open_platform_with_data(folder)
    desk = QualityDesk(platform)
    if rule is not None:
        if dataset is None:
            raise UsageError("a rule of which dataset?", hint="Write: entrepot quality DATASET --rule ID")
        try:
            _show_rows(desk, dataset, rule, version, limit, as_json=as_json)
        finally:
            platform.state.unpin(platform.holder)
        return
    standings = desk.standings(dataset)
    if as_json:
        print_json([standing_to_json(standing) for standing in standings])
        return
    if not standings:
        say("no rule over a whole dataset has been judged yet. Judge with: entrepot run")
        return
    print_standings(standings)
    holds = desk.holds()
    for name, why in holds.items():
        if dataset is None or name == dataset or f"made from {dataset}," in why:
            say(f"\n[yellow]{name} stays at its old version:[/] {_plain(why)}")
    for standing in standings:
        if standing.verdict == "failed":
            say(_plain("\n".join(["", *ways_out(standing, _has_rows(platform.project.contracts, standing))])))


def accept_rule(folder: Path, dataset: str, rule: str, version: int, reason: str, *, as_json: bool) -> None:
    """Let a version pass although a rule failed."""
    accepted = QualityDesk(open_platform_with_data(folder)).accept(dataset, rule, version, reason)
    if as_json:
        print_json(
            {
                "dataset": accepted.dataset,
                "rule": accepted.rule,
                "version": accepted.version,
                "by": accepted.by,
                "at": accepted.at,
                "reason": accepted.reason,
            }
        )
        return
    say(f"accepted: {dataset} version {version} although it broke {rule}. Release it with: entrepot run")


def print_standings(standings: Sequence[RuleStanding]) -> None:
    """One line for each rule; the description of a failed one below."""
    print_table("Rules over whole datasets", COLUMNS, [_row(each) for each in standings], right=("version", "rows"))


def print_warnings(judgements: Iterable[Judgement]) -> None:
    """Rules that only warn and did not hold, in the report of a run."""
    for judgement in judgements:
        for result in judgement.results:
            if not result.passed and not result.holds_release:
                expected = result.unit is None and result.detail is not None and result.error is None
                rule = "" if expected else f"{judgement.dataset}: the rule {result.rule}: "
                say(f"[yellow]warning[/] {_plain(f'{rule}{say_result(result)}')}")


def ways_out(standing: RuleStanding, has_rows: bool) -> list[str]:
    """What a person can do about a rule that holds a release."""
    name, rule, version = standing.dataset, standing.result.rule, standing.version
    lines = [f"{name} is held by {rule}: {say_result(standing.result)}. What you can do:"]
    if rule == MAX_REJECTS:
        lines.append(f"  see the records:      entrepot rejects list {name}")
        lines.append("  mend or discard them: entrepot rejects fix ID column=value, then: entrepot rejects retry")
    elif has_rows:
        lines.append(f"  see the rows:         entrepot quality {name} --rule {rule}")
    lines.append("  correct the data at its source, or change the contract; then: entrepot run")
    lines.append(
        f"  accept this version:  entrepot quality accept {name} --rule {rule} --version {version} --reason '…'"
    )
    return lines


def standing_to_json(standing: RuleStanding) -> dict[str, Any]:
    """One rule for machines."""
    result, accepted = standing.result, standing.accepted
    return {
        "dataset": standing.dataset,
        "version": standing.version,
        "current": standing.is_current,
        "rule": result.rule,
        "verdict": standing.verdict,
        "severity": result.severity.value,
        "dimension": result.dimension,
        "description": result.description,
        "measured": result.measured,
        "unit": result.unit,
        "allowed": result.limit,
        "bad_rows": result.bad_rows,
        "rows": result.rows,
        "error": result.error,
        "detail": result.detail,
        "run": standing.judgement.run,
        "at": standing.judgement.at,
        "accepted": accepted and {"by": accepted.by, "at": accepted.at, "reason": accepted.reason},
    }


def _row(standing: RuleStanding) -> tuple[object, ...]:
    result = standing.result
    measured = result.measured if result.unit in (None, "rows") else f"{result.measured} {result.unit}"
    verdict = standing.verdict if standing.is_current else f"{standing.verdict}, before the newest version"
    return (
        standing.dataset,
        str(standing.version),
        result.rule,
        verdict,
        f"not evaluated: {result.error}" if result.error else measured,
        result.limit,
        result.rows,
        result.severity.value,
        f"{standing.judgement.at:%Y-%m-%d %H:%M:%S}",
    )


def _show_rows(desk: QualityDesk, dataset: str, rule: str, wanted: int | None, limit: int, *, as_json: bool) -> None:
    version, reader = desk.broken_rows(dataset, rule, limit + 1, wanted)
    table = pa.Table.from_batches(reader, reader.schema)
    rows = read_records(table.slice(0, limit))
    if as_json:
        print_json({"dataset": dataset, "version": version, "rule": rule, "rows": rows, "more": table.num_rows > limit})
        return
    print_table(None, table.schema.names, [[_text(value) for value in row.values()] for row in rows])
    more = " shown, there are more (--limit)" if table.num_rows > limit else ""
    say(f"[dim]{len(rows)} row(s) of {dataset} version {version} break {_plain(rule)}{more}[/]")


def _has_rows(contracts: Any, standing: RuleStanding) -> bool:
    contract = contracts.get(standing.dataset)
    rules = contract.set_rules if contract else ()
    return any(rule.id == standing.result.rule and isinstance(rule, CountBroken | CountDuplicates) for rule in rules)


def _text(value: object) -> object:
    return value if value is None else str(value)


def _plain(text: str) -> str:
    """Text without markup of its own."""
    return text.replace("[", r"\[")
