"""`entrepot kpis`: every KPI's newest closed period, one KPI's periods, on narrow and wide terminals and for machines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from entrepot.app.cli import cells, headlines, kpi_tables, kpis, output
from entrepot.app.cli.headlines import outcome_lines, print_outcome
from entrepot.app.cli.kpi_tables import draw_bars
from entrepot.app.cli.kpis import show_kpis
from entrepot.app.project import open_project
from entrepot.app.session import RunReport, run_project
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import ProjectError, UsageError

FILES = {
    "entrepot.yaml": "name: shop\ntime_zone: Europe/Berlin\n",
    "contracts/lines.odcs.yaml": """\
apiVersion: v3.2.0
kind: DataContract
id: lines
version: 1.0.0
status: active
schema:
  - name: lines
    physicalName: bronze.lines
    properties:
      - {name: id, logicalType: integer, primaryKey: true}
      - {name: day, logicalType: date, required: true}
      - {name: shop, logicalType: string, required: true}
      - {name: margin, logicalType: number, physicalType: "DECIMAL(10,2)", required: true}
      - {name: sales, logicalType: number, physicalType: "DECIMAL(10,2)", required: true}
""",
    "sources/lines.yaml": "connector: files\ndataset: bronze.lines\nwrite: append\n"
    "options: {path: storage/lines, pattern: '*.csv', wait: {stable_s: 0}}\n",
    "models/gold/lines.sql": "/* ---\nkind: full\n--- */\nSELECT day, shop, margin, sales FROM bronze.lines\n",
    "kpis/margin.yaml": """\
name: margin
title: Margin of everything that the many shops have sold
definition: What is left of sales.
formula: margin ÷ sales
model: gold.lines
numerator: sum(margin)
denominator: sum(sales)
grain: [day, shop]
unit: "%"
format: "0.0%"
owner: finance
target: 0.3
direction: higher_is_better
thresholds: {good: 0.25, warning: 0.2}
""",
    "kpis/sales.yaml": """\
name: sales
title: Sales
definition: All that was sold.
model: gold.lines
measure: sum(sales)
grain: [day]
unit: EUR
format: "#,##0.00"
owner: finance
""",
    "storage/lines/incoming/a.csv": """\
id,day,shop,margin,sales
1,2026-06-01,North,300000,1000000
2,2026-06-02,North,200000,1000000
3,2026-06-02,South,230000.5,1000000
4,2026-06-03,South,1,2
5,2026-06-03,South,1,broken
""",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, RunReport]:
    """A shop after its first run."""
    folder = tmp_path_factory.mktemp("kpis") / "shop"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    platform = Platform(open_project(folder))
    return platform, run_project(platform)


@pytest.fixture
def folder(ran: tuple[Platform, RunReport]) -> Path:
    """Its folder."""
    return ran[0].project.root


def on_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> io.StringIO:
    """Have everything printed on a terminal of that width."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, highlight=False, color_system=None)
    for module in (output, cells, kpis, kpi_tables, headlines):
        if hasattr(module, "console"):
            monkeypatch.setattr(module, "console", console)
    return screen


@pytest.mark.parametrize("width", [80, 140])
def test_figures_stay_whole_and_names_fold_between_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """No line is longer than the terminal, no number is cut, no word is broken; status has a word beside its colour."""
    screen = on_terminal(monkeypatch, width)
    show_kpis(folder, None, None, as_json=False)
    lines = screen.getvalue().splitlines()
    table = [line for line in lines if not line.startswith("release")]
    assert max(len(line.rstrip()) for line in table) <= width
    text = "\n".join(table)
    for figure in (
        "2026-06-02",
        "21.5%",
        "30.0%",
        "↓ -8.5 pp",
        "2,000,000.00",
        "1,000,000.00",
        "↑ +100.0%",
        "▲ warning",
    ):
        assert figure in text, figure
    assert {"Margin", "of", "everything", "that", "the", "many", "shops", "have", "sold"} <= set(text.split())


def test_one_kpi_shows_its_periods_and_its_worst_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, the open one marked; bars in proportion; the definition stands above."""
    screen = on_terminal(monkeypatch, 120)
    show_kpis(folder, "margin", None, as_json=False)
    text = screen.getvalue()
    assert "What is left of sales." in text
    assert "good: 25.0% or more; warning: 20.0% or more; else critical" in text
    assert text.index("2026-06-03 (open)") < text.index("2026-06-02 ") < text.index("2026-06-01 ")
    worst = text[text.index("The worst in 2026-06-02") :]
    assert worst.index("North") < worst.index("South")


def test_machines_get_the_rows_of_the_scorecard(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With JSON all columns; of one KPI its periods with all columns; piped tab-separated lines."""
    show_kpis(folder, None, "1", as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["release"] == 1
    rows = {row["kpi"]: row for row in found["kpis"]}
    assert rows["margin"]["status"] == "warning"
    assert (rows["sales"]["value"], rows["sales"]["change_percent"], rows["sales"]["trend"]) == (2000000.0, 100.0, None)
    show_kpis(folder, "gold.kpi_margin", None, as_json=True)
    one = json.loads(capsys.readouterr().out)
    assert [row["is_closed"] for row in one["periods"]] == [False, True, True]
    assert one["thresholds"] == {"good": 0.25, "warning": 0.2}
    show_kpis(folder, None, None, as_json=False)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [len(line) for line in lines] == [10] * 3
    assert lines[1][:3] == ["margin", "2026-06-02", "0.21500025"]


def test_unknown_names_and_releases_are_told(folder: Path) -> None:
    """With what there is."""
    with pytest.raises(UsageError) as caught:
        show_kpis(folder, "profit", None, as_json=False)
    assert "margin, sales" in (caught.value.hint or "")
    with pytest.raises(ProjectError, match="no release"):
        show_kpis(folder, None, "99", as_json=False)


def test_the_outcome_of_a_run_is_a_few_lines(ran: tuple[Platform, RunReport], monkeypatch: pytest.MonkeyPatch) -> None:
    """Datasets, rows, rejects, release, and how the KPIs stand."""
    platform, report = ran
    lines = outcome_lines(report)
    assert len(lines) == 3
    assert "5 rows came: 4 accepted, 1 rejected" in lines[1]
    assert "release 1 published" in lines[2]
    screen = on_terminal(monkeypatch, 120)
    print_outcome(platform, report)
    assert "▲ warning" in screen.getvalue()
    again = outcome_lines(run_project(platform))
    assert len(again) == 1
    assert again[0].startswith("nothing new to release")


def test_bars_are_in_proportion_and_nothing_has_none() -> None:
    """Half of the largest is half as long; null, zero and less than zero have no bar, the smallest above zero has one."""
    bars = draw_bars([10, 5, None, 0, -3, 0.001])
    assert (len(bars[0]), len(bars[1])) == (10, 5)
    assert bars[2:5] == ["", "", ""]
    assert bars[5] == "▏"
    assert draw_bars([None]) == [""]
