"""Judgements and acceptances: kept whole, one for each basis, the newest found, and not without end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from state_values import AT, open_state

from entrepot.adapters.embedded.state import quality
from entrepot.contracts.row_rules import Severity
from entrepot.ports.quality import Acceptance, Judgement, RuleResult

RESULT = RuleResult(
    "few", Severity.WARNING, False, "0.5", "percent", "< 0.1", 5, 1000, None, "batch 3", "completeness", "Why"
)
JUDGEMENT = Judgement(
    "bronze.sales", 3, "rules", "b1", "run-1", AT, (RESULT, replace(RESULT, rule="other", error="no"))
)


def later(judgement: Judgement, minutes: int, **changes: object) -> Judgement:
    return replace(judgement, at=AT + timedelta(minutes=minutes), **changes)  # type: ignore[arg-type]


def test_a_judgement_comes_back_whole(tmp_path: Path) -> None:
    """Also by a process that opens the file anew; another dataset, version, kind or basis is not found."""
    open_state(tmp_path).quality.save(JUDGEMENT)
    log = open_state(tmp_path).quality
    assert log.find("bronze.sales", 3, "rules", "b1") == replace(JUDGEMENT, first_at=AT)
    for other in (
        ("bronze.x", 3, "rules", "b1"),
        ("bronze.sales", 4, "rules", "b1"),
        ("bronze.sales", 3, "rejects", "b1"),
        ("bronze.sales", 3, "rules", "b2"),
    ):
        assert log.find(*other) is None


def test_judged_again_keeps_the_first_instant(tmp_path: Path) -> None:
    """One row for each basis: results, run and instant are the newest, the first instant stays."""
    log = open_state(tmp_path).quality
    log.save(JUDGEMENT)
    log.save(later(JUDGEMENT, 5, run="run-2", results=()))
    (found,) = log.history("bronze.sales")
    assert (found.run, found.results, found.at, found.first_at) == ("run-2", (), AT + timedelta(minutes=5), AT)


def test_the_newest_of_each_kind(tmp_path: Path) -> None:
    """By when it was judged: a contract that was changed back is newest again once it is saved again."""
    log = open_state(tmp_path).quality
    log.save(JUDGEMENT)
    log.save(later(JUDGEMENT, 1, basis="b2"))
    log.save(later(JUDGEMENT, 2, kind="rejects"))
    assert [(each.kind, each.basis) for each in log.latest("bronze.sales")] == [("rules", "b2"), ("rejects", "b1")]
    log.save(later(JUDGEMENT, 3))
    assert [each.basis for each in log.latest("bronze.sales")] == ["b1", "b1"]
    assert [each.kind for each in log.history("bronze.sales", 2)] == ["rules", "rejects"]


def test_old_judgements_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest so many of a dataset stay; other datasets' are left alone."""
    monkeypatch.setattr(quality, "KEPT", 3)
    log = open_state(tmp_path).quality
    log.save(replace(JUDGEMENT, dataset="bronze.other"))
    for number in range(6):
        log.save(later(JUDGEMENT, number, version=number))
    assert [each.version for each in log.history("bronze.sales")] == [5, 4, 3]
    assert len(log.history("bronze.other")) == 1


def test_acceptances(tmp_path: Path) -> None:
    """Who, when and why of each rule and version; the last word counts."""
    log = open_state(tmp_path).quality
    first = Acceptance("bronze.sales", "few", 3, "b1", "ann", AT, "new shop")
    log.accept(first)
    log.accept(replace(first, version=4))
    log.accept(replace(first, by="bob", at=AT + timedelta(minutes=1)))
    assert [(each.version, each.by) for each in log.acceptances("bronze.sales")] == [(4, "ann"), (3, "bob")]
    assert log.acceptances("bronze.other") == []
