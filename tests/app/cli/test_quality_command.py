"""`entrepot quality` and `entrepot status`: how rules stand, which rows break them, what a person can do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrepot.app.cli.quality import accept_rule, quality_command, show_quality
from entrepot.app.cli.run import run_command
from entrepot.app.cli.status import show_status
from entrepot.kernel.errors import UsageError
from tests.flow.running import Shop

ORDERS = "contracts/orders.odcs.yaml"
CHECKS = """\
    quality:
      - {id: enough, metric: rowCount, mustBeGreaterThan: 5}
      - {id: many, metric: rowCount, mustBeGreaterThan: 50, severity: warning}
      - {id: twice, metric: duplicateValues, mustBeLessThan: 20, unit: percent, dimension: uniqueness, arguments: {properties: [product]}}
    properties:
"""


@pytest.fixture
def held(tmp_path: Path) -> Shop:
    """A shop of three orders, two of them of one product, whose release is held."""
    shop = Shop(tmp_path / "shop")
    shop.edit(ORDERS, "    properties:\n", CHECKS)
    shop.drop("products", p="product,price\np1,1.00\n")
    shop.orders("a", "1,p1,2026-01-01,5", "2,p2,2026-01-01,5", "3,p1,2026-01-01,5")
    shop.run()
    return shop


def said(capsys: pytest.CaptureFixture[str], command: Any, *arguments: Any, **options: Any) -> str:
    capsys.readouterr()
    command(*arguments, **options)
    return capsys.readouterr().out


def test_how_rules_stand(held: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each rule, why and since when it is held with what descends from it, and the commands that lead out."""
    text = said(capsys, show_quality, held.root, None, None, limit=10, as_json=False)
    rows = {
        line.split("\t")[2]: line.split("\t")[3:8] for line in text.splitlines() if line.startswith("bronze.orders\t")
    }
    assert rows == {
        "enough": ["failed", "3", "> 5", "3", "error"],
        "many": ["warning", "3", "> 50", "3", "warning"],
        "twice": ["failed", "33.3333 percent", "< 20", "3", "error"],
    }
    flat = " ".join(text.split())
    for words in (
        "bronze.orders stays at its old version: version",
        "; 1 more rule failed, failing since 20",
        "gold.turnover stays at its old version: it is made from bronze.orders",
        "entrepot quality bronze.orders --rule twice",
        "entrepot quality accept bronze.orders --rule enough --version ",
    ):
        assert words in flat, text
    assert "--rule enough entrepot" not in flat, "a rule that no row breaks shows no rows"


def test_for_machines(held: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON holds measured, allowed, rows, dimension, version and run of each rule."""
    found = json.loads(said(capsys, show_quality, held.root, "bronze.orders", None, limit=10, as_json=True))
    by_rule = {each["rule"]: each for each in found}
    twice = by_rule["twice"]
    assert (twice["verdict"], twice["bad_rows"], twice["rows"], twice["unit"]) == ("failed", 1, 3, "percent")
    assert (twice["dimension"], twice["allowed"], twice["current"], twice["accepted"]) == (
        "uniqueness",
        "< 20",
        True,
        None,
    )


def test_the_rows(held: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """All rows of the groups, with id and origin; --limit cuts and says so."""
    text = said(capsys, show_quality, held.root, "bronze.orders", "twice", limit=10, as_json=False)
    assert [line.split("\t")[1:3] for line in text.splitlines() if "#" in line] == [
        ["orders_a.csv#1", "1"],
        ["orders_a.csv#3", "3"],
    ]
    few = json.loads(said(capsys, show_quality, held.root, "bronze.orders", "twice", limit=1, as_json=True))
    assert (len(few["rows"]), few["more"], few["rule"]) == (1, True, "twice")
    with pytest.raises(UsageError, match="as a whole"):
        show_quality(held.root, "bronze.orders", "enough", limit=10, as_json=False)
    with pytest.raises(UsageError, match="of which dataset"):
        show_quality(held.root, None, "enough", limit=10, as_json=False)


def test_status_says_what_is_held(held: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """State of each dataset with the reason, the rules that failed or warn, also as JSON; accepted, it is released by the next run."""
    state = json.loads(said(capsys, show_status, held.root, None, as_json=True))
    by_name = {each["dataset"]: each for each in state["datasets"]}
    assert "broke the rule enough" in by_name["bronze.orders"]["state"]
    assert "made from bronze.orders" in by_name["gold.turnover"]["state"]
    assert by_name["bronze.products"]["state"] == "ok"
    assert {each["rule"] for each in state["quality"]} == {"enough", "many", "twice"}
    assert "Rules over whole datasets" in said(capsys, show_status, held.root, None, as_json=False)
    version = by_name["bronze.orders"]["version"]
    for rule in ("enough", "twice"):
        text = said(capsys, accept_rule, held.root, "bronze.orders", rule, version, "a small shop", as_json=False)
        assert "entrepot run" in text
    report = json.loads(said(capsys, run_command, held.root, [], as_json=True, workers=1))
    assert report["status"] == "succeeded" and report["held"] == {}
    state = json.loads(said(capsys, show_status, held.root, None, as_json=True))
    assert {each["state"] for each in state["datasets"]} == {"ok"}
    assert {each["verdict"] for each in state["quality"]} == {"accepted", "warning"}


def test_a_run_says_what_it_holds(held: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, the reason in the report, and warnings in yellow words, also when nothing was new."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        run_command(held.root, [], as_json=False, workers=1)
    text = capsys.readouterr().out
    assert caught.value.code == 1
    assert "the release of bronze.orders is held: version" in text
    assert "warning bronze.orders: the rule many: 3 rows, allowed > 50" in text


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["bronze.orders", "silver.orders"], {}, "not one dataset"),
        (["accept"], {"rule": "enough", "version": 1, "reason": "x"}, "not one dataset"),
        (["accept", "bronze.orders"], {"rule": "enough", "version": 1}, "which rule, which version and why"),
        (["bronze.orders"], {"version": 1}, "are for accepting"),
    ],
)
def test_words_that_do_not_fit_together(held: Shop, words: list[str], options: dict[str, Any], message: str) -> None:
    """One command for both: it says how each is written."""
    given: dict[str, Any] = {"rule": None, "version": None, "reason": None} | options
    with pytest.raises(UsageError, match=message) as caught:
        quality_command(held.root, words, limit=10, as_json=False, **given)
    assert "entrepot quality accept" in str(caught.value.hint)


def test_one_command_shows_and_accepts(held: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is typed."""
    nothing: dict[str, Any] = {"rule": None, "version": None, "reason": None}
    found = json.loads(said(capsys, quality_command, held.root, ["bronze.orders"], limit=1, as_json=True, **nothing))
    version = found[0]["version"]
    done = {"rule": "enough", "version": version, "reason": "why not"}
    taken = json.loads(
        said(capsys, quality_command, held.root, ["accept", "bronze.orders"], limit=1, as_json=True, **done)
    )
    assert (taken["rule"], taken["version"], taken["reason"]) == ("enough", version, "why not")


def test_status_says_what_waits_to_be_judged(held: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule that came after the last run has judged nothing yet: that is said, and not taken for good."""
    path = held.root / "contracts/products.odcs.yaml"
    path.write_text(
        path.read_text().replace(
            "    properties:\n", "    quality: [{metric: rowCount, mustBeGreaterThan: 0}]\n    properties:\n"
        )
    )
    state = json.loads(said(capsys, show_status, held.root, None, as_json=True))
    states = {each["dataset"]: each["state"] for each in state["datasets"]}
    assert states["bronze.products"] == "not judged yet: entrepot run"
