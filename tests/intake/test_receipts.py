"""Receipts as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

from entrepot.intake.landing.receipts import MOST_FINDINGS, Finding, Outcome, Receipt, receipt_text
from entrepot.ports.engine import Counts


def text(*findings: Finding, counts: Counts | None = None) -> str:
    """The receipt of a file that was taken."""
    return receipt_text(
        Receipt(
            "sales_2026-06-01.csv", "ab" * 32, 1234, "sales", Outcome.ACCEPTED, datetime(2026, 6, 2, 7, tzinfo=UTC),
            "3 rows broke what the contract asks of them.", "Send these rows again.", "batch 7", counts or Counts(10, 7, 3), {}, findings,
        )
    )  # fmt: skip


def test_the_outcome_stands_before_the_ids() -> None:
    """Who sent the file reads first what became of it; hash and batch are for support and stand last."""
    lines = text(Finding("type:amount", 3, "amount is no number", "record 206", "n/a")).splitlines()
    assert lines[0] == "sales_2026-06-01.csv"
    assert lines[2] == "The file was taken. Some of its rows were set aside; none is lost."
    assert lines[-1] == "2026-06-02 07:00:00 UTC, flow sales, batch 7, 1,234 bytes, sha256 abababababababab"
    assert [line.split() for line in lines[3:6]] == [
        ["10", "rows", "received"],
        ["7", "rows", "accepted"],
        ["3", "rows", "rejected"],
    ]


def test_each_fault_says_how_many_rows_and_one_place() -> None:
    """A value stands there only when it was given; one row is a row."""
    said = text(
        Finding("type:amount", 1200, "amount is no number", "record 206", "n/a"),
        Finding("pattern:email", 1, "email is not written as it should be", "Kunden!17"),
    )
    assert "1,200  rows  amount is no number, for example record 206: n/a" in said
    assert "1  row  email is not written as it should be, for example Kunden!17\n" in said


def test_duplicates_are_told_only_where_there_are_any() -> None:
    """A line of zeros says nothing."""
    assert "duplicate" not in text()
    assert "2  rows duplicate" in text(counts=Counts(12, 7, 3, 2))


def test_long_lines_fold_and_many_faults_are_cut() -> None:
    """A receipt fits on a page; what is left out is counted."""
    findings = [Finding(f"r{n}", 1, "x " * 100, f"record {n}") for n in range(MOST_FINDINGS + 3)]
    said = text(*findings)
    assert max(map(len, said.splitlines())) <= 100
    assert "and 3 more kinds of faults" in said
