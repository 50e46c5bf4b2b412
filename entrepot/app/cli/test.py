"""`entrepot test`: run model tests, show what differs, take what came as expected, freeze a real record into a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entrepot.app.cli.opening import open_platform, open_platform_with_data
from entrepot.app.cli.output import print_json, say
from entrepot.app.cli.row_diff import SHOWN_ROWS, cell_text, print_rows, shorten
from entrepot.app.model_tests.compare import Pair, RejectDiff, Row
from entrepot.app.model_tests.runs import Finished, TestVerdict, load_project_tests, run_tests, select_tests
from entrepot.kernel.errors import UsageError

_STYLES = {TestVerdict.PASSED: "green", TestVerdict.FAILED: "red", TestVerdict.BROKEN: "red"}


def test_command(
    folder: Path,
    words: Sequence[str],
    *,
    update: bool,
    freeze: str | None,
    where: str | None,
    name: str | None,
    with_personal: bool,
    as_json: bool,
) -> None:
    """Run the chosen tests; exit code 1 when one fails. Raises: UsageError for options that do not fit together."""
    if freeze is not None:
        if update or words:
            raise UsageError(
                "--freeze writes one new test.", hint="entrepot test --freeze gold.sales --where \"sale_id = 'S1'\""
            )
        _freeze(folder, freeze, where, name, with_personal=with_personal, as_json=as_json)
        return
    if where is not None or with_personal or name is not None:
        raise UsageError("--where, --name and --with-personal belong to --freeze.")
    _run(folder, words, update=update, as_json=as_json)


def _run(folder: Path, words: Sequence[str], *, update: bool, as_json: bool) -> None:
    platform = open_platform(folder)
    root, zone = platform.project.root, platform.project.time_zone
    tests = select_tests(load_project_tests(root), words, root)
    if not tests and not as_json:
        say(
            "there is no test yet. Write tests/NAME.yaml, or freeze a record: entrepot test --freeze DATASET --where '…'"
        )
        return
    finished = run_tests(platform, tests, told=lambda each: None if as_json else print_finished(each, root, zone))
    updated = _update(finished, zone) if update else []
    bad = [each for each in finished if each.verdict is not TestVerdict.PASSED and each not in updated]
    if as_json:
        print_json({"tests": [finished_to_json(each, zone, each in updated) for each in finished], "failed": len(bad)})
    else:
        _print_summary(finished, updated, bad, update)
    if bad:
        raise SystemExit(1)


def _update(finished: Sequence[Finished], zone: str) -> list[Finished]:
    from entrepot.app.model_tests.rewrite import update_expected

    failed = [each for each in finished if each.verdict is TestVerdict.FAILED]
    update_expected(failed, zone)
    return failed


def _freeze(
    folder: Path, dataset: str, where: str | None, name: str | None, *, with_personal: bool, as_json: bool
) -> None:
    from entrepot.app.model_tests.freeze import freeze

    platform = open_platform_with_data(folder)
    try:
        frozen = freeze(platform, dataset, where, name, with_personal=with_personal)
    finally:
        platform.state.unpin(platform.holder)
    path = _relative(frozen.path, platform.project.root)
    if as_json:
        print_json(
            {"file": path, "test": frozen.name, "inputs": dict(frozen.inputs), "replaced": list(frozen.replaced)}
        )
        return
    listed = ", ".join(f"{rows:,} of {name}" for name, rows in frozen.inputs.items())
    say(_plain(f"{path}: the test {frozen.name!r} gives {listed or 'no rows'}."))
    if frozen.replaced:
        say(_plain(f"Values of {', '.join(frozen.replaced)} were replaced by stand-ins: the contract classifies them."))
    say(f"Run it with: entrepot test {path}")


def print_finished(each: Finished, root: Path, zone: str) -> None:
    """One line for a test that passed; for others what differs."""
    test = each.test
    style = _STYLES[each.verdict]
    word = "ok" if each.verdict is TestVerdict.PASSED else each.verdict.value
    say(
        f"[{style}]{word}[/]  {_plain(f'{test.target}: {test.name}')}  [dim]{_place(each, root)}  {each.seconds:.1f} s[/]"
    )
    if each.error is not None:
        say(_plain(f"    {each.error.message}".replace(f"{root}/", "")))
        if each.error.hint:
            say(_plain(f"    {each.error.hint}"))
    if each.rows is not None and not each.rows.equal:
        print_rows(each.rows, zone)
    if each.rejects is not None and not each.rejects.equal:
        print_rejects(each.rejects)


def print_rejects(diff: RejectDiff) -> None:
    """Rejects that did not come, and those that nobody expected."""
    for wanted in diff.missing:
        row = f" {dict(wanted.row)}" if wanted.row else ""
        say(_plain(f"    not rejected: a row by {', '.join(wanted.rules)}{row} (line {wanted.place.line})"))
    for came in diff.unexpected[:SHOWN_ROWS]:
        say(
            _plain(
                f"    rejected, though not expected: by {', '.join(came.rules)}: {shorten(str(dict(came.row)), 300)}"
            )
        )


def finished_to_json(each: Finished, zone: str, updated: bool) -> dict[str, Any]:
    """One test for machines."""
    place, error = each.test.place, each.error
    return {
        "name": each.test.name,
        "target": each.test.target,
        "file": str(place.path),
        "line": place.line,
        "verdict": "updated" if updated else each.verdict.value,
        "seconds": round(each.seconds, 3),
        "error": error and {"code": error.code, "message": error.message, "hint": error.hint},
        "rows": each.rows and [_pair_to_json(pair, each.rows.columns, zone) for pair in each.rows.pairs],
        "not_rejected": [{"rule": list(w.rules), "row": dict(w.row)} for w in each.rejects.missing]
        if each.rejects
        else [],
        "rejected": [{"rule": list(r.rules), "row": dict(r.row)} for r in each.rejects.unexpected]
        if each.rejects
        else [],
    }


def _pair_to_json(pair: Pair, columns: Sequence[str], zone: str) -> dict[str, Any]:
    def to_json(row: Row | None) -> dict[str, Any] | None:
        return (
            None
            if row is None
            else {name: None if row[name] is None else cell_text(row[name], zone) for name in columns}
        )

    differs = list(pair.columns) if pair.expected is not None and pair.actual is not None else []
    return {"expected": to_json(pair.expected), "actual": to_json(pair.actual), "differs": differs}


def _print_summary(
    finished: Sequence[Finished], updated: Sequence[Finished], bad: Sequence[Finished], update: bool
) -> None:
    passed = sum(each.verdict is TestVerdict.PASSED for each in finished)
    said = [f"{passed} passed", f"{len(updated)} updated" if updated else "", f"{len(bad)} failed" if bad else ""]
    say(f"\n{', '.join(filter(None, said))}, in {sum(each.seconds for each in finished):.1f} s.")
    if any(each.verdict is TestVerdict.FAILED for each in bad) and not update:
        say("If what came is right, take it as expected: entrepot test --update")


def _place(each: Finished, root: Path) -> str:
    return f"{_relative(each.test.place.path, root)}:{each.test.place.line}"


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _plain(text: str) -> str:
    """Text without markup of its own."""
    return text.replace("[", r"\[")
