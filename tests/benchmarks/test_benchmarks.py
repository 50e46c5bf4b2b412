"""The machinery of the benchmarks at a size at which its figures say nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.case import Facts, Output, Setting, Subject
from benchmarks.cases import CASES
from benchmarks.cases.csv_landing import CASE as CSV
from benchmarks.measure import ProcessFailed, Usage, run_process
from benchmarks.results import Journal, Result, open_journal, read_latest, write_latest
from benchmarks.rounds import Sample, ratio
from benchmarks.sales import Sales, typed_csv
from benchmarks.step import take

ROWS = 1_000
FIELDS = {"case", "subject", "size", "rows", "seconds", "rows_per_s", "peak_mb", "ratio_to_floor", "ratio_to_best_peer"}


def result(case: str = "csv", subject: str = "floor", seconds: float = 1.0) -> Result:
    return Result(
        case, subject, "tiny", ROWS, seconds, ROWS / seconds, 100.0, 1.0, None, seconds, 2.0, 0.5, 3, 0.0, "2026-11-21"
    )


def bench(into: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "--size", "tiny", "--into", str(into), *arguments]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=300)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_case_runs_is_verified_and_reported(tmp_path: Path) -> None:
    """All subjects but the peers finish with right results; the file holds the fields that are promised, the table a row for each."""
    done = bench(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "results" / "latest.json").read_text())["results"]
    assert {row["case"] for row in rows} == {name for name, case in CASES.items() if case.sizes["tiny"]}
    assert all(set(row) >= FIELDS and row["seconds"] > 0 and row["peak_mb"] > 10 for row in rows)
    assert all(row["ratio_to_floor"] > 0 for row in rows if row["case"] != "memory")
    assert "× floor" in done.stdout and "peak memory of the CSV landing: 500 rows" in done.stdout
    assert not list((tmp_path / "results").glob("unfinished*"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """A case that the journal holds is not measured again by a run of the same code, and is with --fresh."""
    assert bench(tmp_path, "--cases", "csv").returncode == 0
    journal = open_journal(tmp_path / "results", "tiny", peers=False)
    journal.add("csv", ROWS, [result(subject="entrepot", seconds=77.0)])
    again = bench(tmp_path, "--cases", "csv")
    assert "measured before" in again.stdout and "77.00" in again.stdout
    journal.add("csv", ROWS, [result(subject="entrepot", seconds=77.0)])
    fresh = bench(tmp_path, "--cases", "csv", "--fresh")
    assert "round 1" in fresh.stdout and "77.00" not in fresh.stdout


def test_an_unknown_case_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    """The name and the list stand in the message."""
    done = bench(tmp_path, "--cases", "csv,nonsense")
    assert done.returncode != 0
    assert "nonsense" in done.stderr and "merge" in done.stderr


def test_the_data_follow_from_the_seed_and_hold_what_the_manifest_says(tmp_path: Path) -> None:
    """Two generations give the same bytes; the manifest's sums are those of the file; there is some dirt, but little."""
    import duckdb

    sales = Sales("sales", 1, ROWS)
    first, second = sales.make(tmp_path / "a", "csv"), sales.make(tmp_path / "b", "csv")
    assert first.read_bytes() == second.read_bytes()
    found = duckdb.execute(f"SELECT count(*), sum(amount * 100)::BIGINT FROM ({typed_csv(first)})").fetchone()
    assert found is not None
    assert Facts(*found) == sales.all_rows(tmp_path / "a", "csv")
    assert 0 < sales.checked_rows(tmp_path / "a", "csv").rejected < ROWS // 50


def test_a_wrong_result_is_not_reported(tmp_path: Path) -> None:
    """A subject that loses a row fails its verification, though it was quick."""

    def lose_one(setting: Setting) -> Output:
        import duckdb

        path = setting.work / "out.parquet"
        duckdb.execute(f"COPY ({typed_csv(file)} OFFSET 1) TO '{path}' (FORMAT parquet)")
        return Output(files=(str(path),))

    setting = Setting(tmp_path / "data", tmp_path / "base", tmp_path / "work", ROWS)
    setting.work.mkdir()
    file = Sales("sales", 1, ROWS).make(setting.data, "csv")
    subject = Subject("liar", lose_one, CSV.subject("floor").expects)
    take(CSV, subject, "work", setting)
    with pytest.raises(AssertionError, match="liar gave"):
        take(CSV, subject, "verify", setting)


def test_a_failing_process_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    """The exit code and what it said are in the message; a good one is measured with its memory."""
    with pytest.raises(ProcessFailed, match=r"ended with 3[\s\S]*last words"):
        run_process([sys.executable, "-c", "print('last words'); raise SystemExit(3)"], tmp_path / "log")
    # Asked from a small process: until a child runs its program, the kernel counts what its parent had.
    asked = (
        "import sys; from pathlib import Path; from benchmarks.measure import run_process; "
        "print(run_process([sys.executable, '-c', 'x = bytearray(300_000_000)'], Path(sys.argv[1])).peak_mb)"
    )
    said = subprocess.run(
        [sys.executable, "-c", asked, str(tmp_path / "log")],
        capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert 300 < float(said.stdout) < 600


def test_the_ratio_is_the_median_of_rounds_not_of_best_times() -> None:
    """A busy round that slows both alike does not count against the subject."""

    def samples(*seconds: float) -> list[Sample]:
        return [Sample(number, each, None, Usage(each, 1)) for number, each in enumerate(seconds)]

    assert ratio(samples(2, 20, 3), samples(1, 10, 1)) == 2


def test_a_journal_of_other_code_counts_for_nothing(tmp_path: Path) -> None:
    """Only entries under the same head are taken over."""
    path = tmp_path / "unfinished.jsonl"
    Journal(path, "one").add("csv", ROWS, [result()])
    Journal(path, "one").add("merge", ROWS, [result("merge")])
    assert set(Journal(path, "one").finished()) == {("csv", ROWS), ("merge", ROWS)}
    assert Journal(path, "two").finished() == {}
    Journal(path, "two").add("key", ROWS, [result("key")])
    assert set(Journal(path, "two").finished()) == {("key", ROWS)}


def test_latest_keeps_what_was_not_measured_again(tmp_path: Path) -> None:
    """A row is replaced by its like; others stay."""
    write_latest(tmp_path, [result("csv", seconds=1.0), result("merge", seconds=2.0)])
    write_latest(tmp_path, [result("csv", seconds=3.0)])
    assert {r.case: r.seconds for r in read_latest(tmp_path)} == {"csv": 3.0, "merge": 2.0}
