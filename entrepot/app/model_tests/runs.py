"""Running tests: each in a folder of its own, which is gone afterwards."""

from __future__ import annotations

import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from entrepot.app.model_tests.compare import RejectDiff, RowDiff, compare_rejects, compare_rows
from entrepot.app.model_tests.definition import Columns, Expected, ModelTest, TextRow
from entrepot.app.model_tests.read import FOLDER, find_test_files, load_tests
from entrepot.app.model_tests.resolve import Resolver
from entrepot.app.model_tests.typed import bare_contract, check_columns, type_rows
from entrepot.app.model_tests.workbench import Bench, Outcome, Workbench
from entrepot.app.wiring import Platform
from entrepot.contracts.findings import suggest
from entrepot.contracts.inferred import contract_of_schema
from entrepot.kernel.errors import EntrepotError, ProjectError, UnexpectedError, UsageError, raise_all
from entrepot.kernel.names import parse_dataset


class TestVerdict(StrEnum):
    """How a test ended."""

    __test__ = False  # pytest need not look for tests in it

    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    """It could not be run: the test, the model or a given value is wrong."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One test that ran."""

    test: ModelTest
    verdict: TestVerdict
    seconds: float
    rows: RowDiff | None = None
    rejects: RejectDiff | None = None
    error: EntrepotError | None = None
    outcome: Outcome | None = None


def load_project_tests(root: Path) -> list[ModelTest]:
    """All tests of a project. Raises: ProjectError, or ManyErrors with all that is wrong in all files."""
    found: list[ModelTest] = []
    errors: list[EntrepotError] = []
    for path in find_test_files(root):
        try:
            found += load_tests(path)
        except EntrepotError as error:
            errors.extend(getattr(error, "errors", None) or [error])
    raise_all(errors)
    return found


def select_tests(tests: Sequence[ModelTest], words: Sequence[str], root: Path) -> list[ModelTest]:
    """Those that one of the words names: a dataset (also `gold.*`), a file of tests, or part of a test's name; all without words.

    Raises: UsageError for a word that names no test.
    """
    chosen: dict[int, ModelTest] = {}
    for word in words:
        found = {number: test for number, test in enumerate(tests) if _is_named(test, word, root)}
        if not found:
            targets = sorted({test.target for test in tests})
            hint = suggest(word, targets) or f"Tested are: {', '.join(targets) or 'no models'}."
            raise UsageError(f"{word!r} names no test.", hint=hint)
        chosen |= found
    return [test for _, test in sorted(chosen.items())] if words else list(tests)


def run_tests(
    platform: Platform,
    tests: Sequence[ModelTest],
    *,
    workers: int = 2,
    told: Callable[[Finished], None] = lambda each: None,
) -> list[Finished]:
    """Run all; `told` is called with each as it ends, in the order of `tests`."""
    resolver = Resolver(platform)
    finished: list[Finished] = []
    with tempfile.TemporaryDirectory(prefix="entrepot-test-") as folder, ThreadPoolExecutor(workers) as pool:
        folders = [Path(folder) / str(number) for number in range(len(tests))]
        for each in pool.map(lambda pair: run_test(platform, resolver, *pair), zip(tests, folders, strict=True)):
            told(each)
            finished.append(each)
    return finished


def run_test(platform: Platform, resolver: Resolver, test: ModelTest, folder: Path) -> Finished:
    """Run one test in an empty folder."""
    started = time.monotonic()
    try:
        bench = resolver.resolve(test)
        workbench = Workbench(platform.project, bench, folder)
        outcome = workbench.run()
        rows = _compare(workbench, bench, outcome)
    except EntrepotError as error:
        return Finished(test, TestVerdict.BROKEN, time.monotonic() - started, error=error)
    except Exception as cause:  # one test that meets a bug does not end the others
        unexpected = UnexpectedError(f"an error that nobody foresaw: {type(cause).__name__} in {_find_origin(cause)}.")
        unexpected.__cause__ = cause
        return Finished(test, TestVerdict.BROKEN, time.monotonic() - started, error=unexpected)
    rejects = compare_rejects(test.expect.rejected, outcome.rejected)
    passed = rejects.equal and (rows is None or rows.equal)
    verdict = TestVerdict.PASSED if passed else TestVerdict.FAILED
    return Finished(test, verdict, time.monotonic() - started, rows, rejects, outcome=outcome)


def _find_origin(error: BaseException) -> str:
    """The module and line that raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"


def _compare(workbench: Workbench, bench: Bench, outcome: Outcome) -> RowDiff | None:
    expect = bench.test.expect
    if expect.rows is None:
        return None
    target = parse_dataset(bench.test.target)
    contract = contract_of_schema(target, outcome.schema, workbench.platform.project.time_zone)
    columns = columns_compared(expect, expect.rows, outcome.schema.names, bench.test.target)
    bare = bare_contract(contract, contract.time_zone, columns)
    folder = workbench.platform.project.runtime / "tmp" / "expected"
    expected = type_rows(workbench.platform.engine, bare, expect.rows, folder)
    written = workbench.platform.project.contracts.get(bench.test.target)
    return compare_rows(expected, outcome.rows, columns, written.key if written else ())


def columns_compared(expect: Expected, rows: Sequence[TextRow], there: Sequence[str], dataset: str) -> list[str]:
    """The columns that are compared, which each expected row must name: a column left out is not null.

    Raises: ProjectError, ManyErrors.
    """
    check_columns(rows, there, dataset)
    named = {name for row in rows for name in row.cells}
    columns = [name for name in there if expect.columns is Columns.ALL or name in named]
    errors = []
    for row in rows:
        missing = [name for name in columns if name not in row.cells]
        if missing:
            partial = (
                "" if expect.columns is Columns.PARTIAL else ", or compare only what is named with columns: partial"
            )
            text = f"this expected row does not say what {', '.join(missing)} of {dataset} must be."
            errors.append(ProjectError(text, place=row.place, hint=f"Write null where it must be null{partial}."))
    raise_all(errors[:5])
    return columns


def _is_named(test: ModelTest, word: str, root: Path) -> bool:
    path = test.place.path
    names: list[Any] = [path.name, path.stem, str(path)]
    if path.is_relative_to(root):
        names += [str(path.relative_to(root)), str(path.relative_to(root / FOLDER))]
    return fnmatchcase(test.target, word) or word in names or (" " in word and word.lower() in test.name.lower())
