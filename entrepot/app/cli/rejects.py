"""`entrepot rejects …`: quarantine, from looking to taking again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from entrepot.app.rejects_desk import RejectsDesk
    from entrepot.flow.rejects import Reject

app = typer.Typer(
    help="Records that broke their contract: see why, correct them, take them again — each exactly once.",
    no_args_is_help=True,
)

ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="A folder of the project (default: here).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept with the decision.")]
Ids = Annotated[list[str], typer.Argument(help="Ids as `rejects list` shows them, bronze.sales:12.345.")]


@app.command("list", epilog="Example: entrepot rejects list bronze.sales --rule required:store_id")
def list_rejects(
    dataset: Annotated[str | None, typer.Argument(help="One dataset; default all.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only records that break this rule.")] = None,
    status: Annotated[
        str | None, typer.Option(help="open, fixed, approved, discarded, retried, voided or superseded.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many to show.")] = 20,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """List rejects: a count by dataset and rule, then the records."""
    from entrepot.app.cli.output import print_json

    found = _desk(project).list(dataset, status=_status(status), rule=rule)
    if json:
        print_json([_to_json(reject) for reject in found])
        return
    _print_list(found, limit)


@app.command("show", epilog="Example: entrepot rejects show bronze.sales:1.17")
def show(id: str, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Show one record whole: values as they came, every reason, fixes so far."""
    from entrepot.app.cli.output import print_json

    reject = _desk(project).get(id)
    if json:
        print_json(_to_json(reject))
    else:
        _print_one(reject)


@app.command("fix", epilog="Example: entrepot rejects fix bronze.sales:1.17 quantity=3 --reason 'till 4 misread'")
def fix(
    id: str,
    values: Annotated[list[str], typer.Argument(help="column=value; column= for null.")],
    reason: ReasonOption = "corrected by hand",
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Note corrected values; `check` judges them, `retry` takes the record again."""
    from entrepot.app.cli.output import print_json, say

    desk = _desk(project)
    reject = desk.fix(id, _assignments(values), reason)
    if json:
        print_json(_to_json(reject))
    else:
        say(f"noted. See whether it passes: entrepot rejects check {id}; take it again: entrepot rejects retry {id}")


@app.command("check", epilog="Example: entrepot rejects check bronze.sales:1.17")
def check(id: str, project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Judge a record with its fixes, without committing anything; exit code 1 when it still breaks a rule."""
    from entrepot.app.cli.output import print_json, say

    desk = _desk(project)
    result = desk.check(id)
    is_open = desk.get(id).status == "open"
    passes = result.counts.accepted == 1
    if json:
        print_json({"id": id, "passes": passes, "breaks": sorted(result.reasons)})
    elif passes and is_open:
        say(
            f"{id} passes now, as it came. Let it pass with: entrepot rejects approve {id} --reason …, then: entrepot rejects retry {id}"
        )
    elif passes:
        say(f"{id} passes now. Take it again: entrepot rejects retry {id}")
    else:
        say(f"{id} still breaks: {', '.join(sorted(result.reasons))}")
    if not passes:
        raise SystemExit(1)


@app.command("approve", epilog="Example: entrepot rejects approve bronze.sales:1.17 --reason 'checked with the store'")
def approve(ids: Ids, reason: ReasonOption, project: ProjectOption = Path()) -> None:
    """Let records pass although they break rules; the rules stay on the row as warnings."""
    from entrepot.app.cli.output import say

    _desk(project).approve(ids, reason)
    say(f"{len(ids)} approved. Take them again: entrepot rejects retry")


@app.command("discard", epilog="Example: entrepot rejects discard bronze.sales:1.17 --reason 'test record'")
def discard(ids: Ids, reason: ReasonOption, project: ProjectOption = Path()) -> None:
    """Decide that records are not wanted; they stay in quarantine, decided."""
    from entrepot.app.cli.output import say

    _desk(project).discard(ids, reason)
    say(f"{len(ids)} discarded.")


@app.command("reopen", epilog="Example: entrepot rejects reopen bronze.sales:1.17 --reason 'wrong one'")
def reopen(ids: Ids, reason: ReasonOption, project: ProjectOption = Path()) -> None:
    """Take decisions back."""
    from entrepot.app.cli.output import say

    _desk(project).reopen(ids, reason)
    say(f"{len(ids)} open again.")


@app.command("retry", epilog="Example: entrepot rejects retry --dataset bronze.sales")
def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids; default: everything fixed or approved.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    project: ProjectOption = Path(),
    json: JsonOption = False,
) -> None:
    """Take fixed and approved records again, each exactly once; run afterwards to refresh what descends from them."""
    from entrepot.app.cli.output import print_json, say

    done = _desk(project).retry(dataset, ids or [])
    if json:
        print_json({"taken": done.taken, "accepted": done.accepted, "rejected": done.rejected})
        return
    say(f"{done.taken} taken again: {done.accepted} accepted, {done.rejected} rejected once more.")
    if done.accepted:
        say("Refresh what descends from them and publish: entrepot run")


def _desk(project: Path) -> RejectsDesk:
    from entrepot.app.cli.opening import open_platform_with_data
    from entrepot.app.rejects_desk import RejectsDesk

    return RejectsDesk(open_platform_with_data(project))


def _status(text: str | None) -> Any:
    from entrepot.flow.rejects import RejectStatus
    from entrepot.kernel.errors import UsageError

    if text is None:
        return None
    try:
        return RejectStatus(text)
    except ValueError as error:
        allowed = ", ".join(status.value for status in RejectStatus)
        raise UsageError(f"status is {text!r}; allowed are {allowed}.") from error


def _assignments(values: Sequence[str]) -> dict[str, str | None]:
    from entrepot.kernel.errors import UsageError

    found: dict[str, str | None] = {}
    for text in values:
        column, equals, value = text.partition("=")
        if not equals or not column:
            raise UsageError(f"{text!r} is not column=value.", hint="Write quantity=3, or quantity= for null.")
        found[column] = value or None
    return found


def _print_list(found: Sequence[Reject], limit: int) -> None:
    from entrepot.app.cli.output import print_table, say

    if not found:
        say("no rejects.")
        return
    totals: dict[tuple[str, str, str], int] = {}
    for reject in found:
        for rule in dict.fromkeys(reason.rule for reason in reject.reasons):
            key = (reject.dataset, rule, reject.status.value)
            totals[key] = totals.get(key, 0) + 1
    ranked = sorted(((*key, n) for key, n in totals.items()), key=lambda row: (row[0], -row[3]))
    print_table(
        f"{len(found):,} rejected records by rule", ("dataset", "rule", "status", "records"), ranked, right=("records",)
    )
    say()
    rows = [(r.id, r.origin, r.status.value, _first_reason(r)) for r in found[:limit]]
    print_table("Records", ("id", "origin", "status", "why"), rows)
    if len(found) > limit:
        say(f"… and {len(found) - limit:,} more (--limit)")
    say(f"\nOne of them whole: entrepot rejects show {found[0].id}")


def _first_reason(reject: Reject) -> str:
    if not reject.reasons:
        return ""
    reason = reject.reasons[0]
    text = f"{reason.rule}: {reason.value!r}" if reason.value is not None else reason.rule
    more = len(reject.reasons) - 1
    return f"{text} (+{more})" if more else text


def _print_one(reject: Reject) -> None:
    from entrepot.app.cli.output import print_table, say

    say(f"[bold]{reject.id}[/] · {reject.status.value} · from {reject.origin} by {reject.flow}")
    rows = [(name, value, reject.fixes.get(name)) for name, value in reject.row.items()]
    print_table("As it came", ("column", "value", "fix"), rows)
    say()
    columns = ("rule", "column", "value", "expected", "at")
    print_table("Why", columns, [(r.rule, r.column, r.value, r.expected, r.at) for r in reject.reasons])
    say(f"\nCorrect it: entrepot rejects fix {reject.id} column=value")


def _to_json(reject: Reject) -> Mapping[str, Any]:
    return {
        "id": reject.id,
        "dataset": reject.dataset,
        "flow": reject.flow,
        "origin": reject.origin,
        "received_at": reject.received_at,
        "status": reject.status.value,
        "row": dict(reject.row),
        "fixes": dict(reject.fixes),
        "reasons": [
            {"rule": r.rule, "column": r.column, "value": r.value, "expected": r.expected, "at": r.at}
            for r in reject.reasons
        ],
    }
