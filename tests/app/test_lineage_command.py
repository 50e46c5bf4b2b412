"""`entrepot lineage`: trees for people, JSON for machines, a picture; errors name what is near."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from entrepot.app.cli.lineage import lineage_command
from entrepot.kernel.errors import UsageError
from tests.app.test_lineage_of_projects import make


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shop"))


def run(project: Path, what: str | None, capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    """What the command prints."""
    given: dict[str, Any] = {
        "up": False,
        "down": False,
        "depth": None,
        "indirect": False,
        "svg": None,
        "as_json": False,
    }
    lineage_command(project, what, **(given | options))
    return capsys.readouterr().out


def test_a_column_up_to_its_source(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, "gold.checked.amount", capsys, up=True) == (
        "gold.checked.amount (models/gold/checked.sql:1) comes from\n"
        "└─ identity  gold.seen.amount  models/gold/seen.sql:4\n"
        "   └─ identity  silver.lines.amount  models/silver/lines.sql:5\n"
        "      └─ identity  bronze.lines.amount  source till\n"
    )


def test_a_column_down_to_a_kpi(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(project, "bronze.lines.amount", capsys, down=True)
    assert "bronze.lines.amount (source till) goes to\n" in found
    assert "aggregate  gold.kpi_turnover.value  kpis/turnover.yaml\n" in found


def test_what_stands_above_is_not_shown_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(project, "gold.kpi_scorecard.change", capsys, up=True)
    assert found.count("gold.seen.amount  models") <= 1
    lines = run(project, None, capsys).splitlines()
    assert sum("gold.kpi_turnover" in line for line in lines) == 1


def test_both_ways_by_default(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(project, "silver.lines", capsys)
    assert "silver.lines (models/silver/lines.sql) comes from\n└─ bronze.lines\n" in found
    assert "source till  sources/till.yaml  files: storage/lines" in found
    assert "silver.lines (models/silver/lines.sql) goes to\n" in found


def test_everything_from_the_sources_down(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(project, None, capsys)
    assert found.startswith("source till  sources/till.yaml  files: storage/lines\n└─ bronze.lines\n")
    for name in ("silver.shops", "gold.checked", "gold.kpi_scorecard"):
        assert name in found


def test_depth_ends_the_tree(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(project, "till", capsys, down=True, depth=2)
    assert "silver.lines" in found
    assert "gold." not in found


def test_columns_that_decide_rows_only_when_asked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = run(project, "gold.seen.shop", capsys, up=True)
    assert "decides rows" not in plain
    asked = run(project, "gold.seen.shop", capsys, up=True, indirect=True)
    assert "decides rows  silver.lines.amount  models/silver/lines.sql:5" in asked


def test_where_only_rows_are_decided_that_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(project, "gold.kpi_turnover.target", capsys, up=True)
    assert "no value; 1 column by way of the rows: --indirect" in found


def test_doubts_are_said_with_file_and_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(project, "gold.after.north", capsys, up=True)
    assert "(approximate)" in found
    assert "models/gold/odd.sql:2 — gold.odd: the names of the columns that PIVOT makes cannot be told" in found


@pytest.mark.parametrize(
    ("what", "message", "hint"),
    [
        ("silver.line", "there is no dataset 'silver.line'.", "Did you mean silver.lines"),
        ("silver.lines.amnt", "silver.lines has no column 'amnt'.", "Did you mean amount or at?"),
        ("zzz", "there is no dataset 'zzz'.", "There are: bronze.lines"),
        ("till.x.y", "there is no dataset 'till.x.y'.", "Did you mean"),
    ],
)
def test_what_is_not_there_is_named_with_what_is_near(project: Path, what: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        lineage_command(project, what, up=True, down=False, depth=None, indirect=False, svg=None, as_json=False)
    assert caught.value.message == message
    assert hint in str(caught.value.hint) or hint == "Did you mean"


def test_names_in_any_case(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "gold.checked.amount" in run(project, "GOLD.Checked.AMOUNT", capsys, up=True)


def test_json_holds_assets_and_edges(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(run(project, "gold.checked.amount", capsys, up=True, as_json=True))
    assert (value["dataset"], value["column"]) == ("gold.checked", "amount")
    assert [asset["name"] for asset in value["assets"]] == [
        "gold.checked", "gold.seen", "silver.lines", "bronze.lines", "till",
    ]  # fmt: skip
    assert value["edges"][0] == {"from": "till", "to": "bronze.lines"} or len(value["edges"]) == 4
    assert value["columns"][0] == {
        "from": "gold.seen.amount",
        "to": "gold.checked.amount",
        "direct": True,
        "how": "identity",
        "approximate": False,
    }
    assert len(value["columns"]) == 3
    assert value["assets"][0]["file"] == "models/gold/checked.sql"


def test_json_of_everything(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads(run(project, None, capsys, as_json=True, indirect=True))
    assert value["dataset"] is None
    assert {edge["how"] for edge in value["columns"]} >= {"identity", "aggregate", "decides rows"}
    doubts = {asset["name"]: asset["doubts"] for asset in value["assets"] if asset["doubts"]}
    assert doubts["gold.odd"] == [{"line": 2, "reason": "the names of the columns that PIVOT makes cannot be told"}]


def test_a_picture_to_a_file_and_to_standard_output(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "lineage.svg"
    assert "written" in run(project, "silver.lines", capsys, svg=str(target))
    assert target.read_text() == run(project, "silver.lines", capsys, svg="-")
    up = run(project, "silver.lines", capsys, svg="-", up=True)
    assert "gold.checked" not in up
    assert "bronze.lines" in up
    ET.fromstring(up)


def test_a_picture_that_cannot_be_written_is_an_error(project: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        lineage_command(
            project,
            None,
            up=False,
            down=False,
            depth=None,
            indirect=False,
            svg=str(tmp_path / "no" / "x.svg"),
            as_json=False,
        )
