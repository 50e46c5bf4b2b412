"""Macros in a project: what check says about conversions whose missing rates would pass, and the commands that teach macros."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entrepot.app.cli.commands import app
from entrepot.app.project import open_project
from entrepot.kernel.errors import EntrepotError
from entrepot.sql.macros.catalogue import MACROS
from entrepot.sql.macros.page import macro_text, sample_text

RATES = """
apiVersion: v3.2.0
kind: DataContract
id: rates
version: 1.0.0
status: active
schema:
  - name: prices
    physicalName: bronze.prices
    properties:
      - {name: id, logicalType: string, primaryKey: true}
      - {name: price, logicalType: number, physicalType: "decimal(12,2)", required: true}
      - {name: currency, logicalType: string, required: true}
      - {name: day, logicalType: date, required: true}
  - name: rates
    physicalName: bronze.rates
    properties:
      - {name: currency, logicalType: string, primaryKey: true, primaryKeyPosition: 1}
      - {name: day, logicalType: date, primaryKey: true, primaryKeyPosition: 2}
      - {name: rate, logicalType: number, physicalType: "decimal(18,6)", required: true}
"""
OWN = """
  - name: x
    physicalName: silver.x
    properties:
      - {{name: id, logicalType: string}}
      - {{name: euro, logicalType: number, physicalType: "decimal(28,10)"{required}}}
"""
CALL = "convert(bronze.prices, amounts := [price], currency := currency, day := day, rates := bronze.rates, rate := 'exact')"


def make_project(root: Path, sql: str, contract: str = "") -> Path:
    """A project with prices, rates and one model."""
    for folder in ("contracts", "sources", "models/silver"):
        (root / folder).mkdir(parents=True)
    (root / "entrepot.yaml").write_text("name: prices\n")
    (root / "contracts/rates.odcs.yaml").write_text(RATES + contract)
    for name in ("prices", "rates"):
        (root / f"sources/{name}.yaml").write_text(
            f"connector: files\ndataset: bronze.{name}\nwrite: append\noptions: {{path: storage/{name}}}\n"
        )
    (root / "models/silver/x.sql").write_text(sql)
    return root


@pytest.mark.req("F4")
@pytest.mark.parametrize(
    ("sql", "contract", "said"),
    [
        (f"SELECT id, price_eur AS euro\nFROM {CALL}", None, "euro null: give the model a contract"),
        (f"/* ---\nkind: view\n--- */\nSELECT * FROM {CALL}", None, "price_eur and rate null: give the model a contract"),
        (f"SELECT id, price_eur AS euro\nFROM {CALL}", "", "euro null: the contract of the model should say required"),
        (f"SELECT day, sum(price_eur) AS euro FROM {CALL} GROUP BY day", None, "convert in a model of its own"),
        (f"SELECT id, round(price_eur, 2) AS euro FROM {CALL}", ", required: true", "convert in a model of its own"),
        (f"SELECT id, price_eur AS euro\nFROM {CALL}", ", required: true", None),
        (f"WITH c AS (SELECT id, price_eur AS e FROM {CALL} AS q) SELECT c.id, c.e AS euro FROM c", ", required: true", None),
        ("SELECT id, price AS euro FROM clean(bronze.prices, required := [id])", None, None),
    ],
)  # fmt: skip
def test_check_warns_where_a_missing_rate_would_pass(
    tmp_path: Path, sql: str, contract: str | None, said: str | None
) -> None:
    """Without a contract that requires an amount or the rate, a row without a rate is no reject: the warning says so, with the line."""
    own = "" if contract is None else OWN.format(required=contract)
    warnings = open_project(make_project(tmp_path, sql, own)).warnings
    if said is None:
        assert warnings == ()
    else:
        [warning] = warnings
        assert said in warning
        line = sql[: sql.index("convert(")].count("\n") + 1
        assert f"models/silver/x.sql:{line}:" in warning


@pytest.mark.req("A8")
def test_check_refuses_an_unknown_macro(tmp_path: Path) -> None:
    """With the file, the line, and what was meant."""
    root = make_project(tmp_path, "SELECT id\nFROM clan(bronze.prices, required := [id])")
    with pytest.raises(EntrepotError) as caught:
        open_project(root)
    assert "models/silver/x.sql:2:6 — there is no macro clan" in str(caught.value)
    found = CliRunner().invoke(app, ["check", "--project", str(root)])
    assert found.exit_code == 2
    assert "Did you mean clean?" in found.output


@pytest.mark.req("A8")
def test_a_wrong_column_is_found_before_a_run(tmp_path: Path) -> None:
    """The written-out SQL is bound to empty tables like any other: a misspelt column is an error of check."""
    root = make_project(tmp_path, "SELECT id FROM clean(bronze.prices, required := [idd])")
    found = CliRunner().invoke(app, ["check", "--project", str(root)])
    assert found.exit_code == 2
    assert "idd" in found.output


@pytest.mark.req("A8")
def test_commands_teach_macros(tmp_path: Path) -> None:
    """list, show and expand, for people and machines; an unknown name is told with the nearest."""
    run = CliRunner()
    listed = run.invoke(app, ["macros", "list", "--json"])
    assert [one["name"] for one in json.loads(listed.output)] == list(MACROS)
    for macro in MACROS.values():
        shown = run.invoke(app, ["macros", "show", macro.name])
        assert macro_text(macro) in shown.output
        assert json.loads(run.invoke(app, ["macros", "show", macro.name, "--json"]).output)["call"] == macro.signature
    unknown = run.invoke(app, ["macros", "show", "convrt"])
    assert unknown.exit_code != 0
    file = tmp_path / "x.sql"
    file.write_text("SELECT a\nFROM clean(bronze.x, required := [a])\n")
    assert run.invoke(app, ["macros", "expand", str(file)]).output == (
        "SELECT a\nFROM (SELECT * FROM bronze.x WHERE a IS NOT NULL) AS clean\n"
    )


@pytest.mark.req("A8")
def test_the_page_shows_every_macro_as_it_is(repository: Path) -> None:
    """docs/how-to/macros.md holds each example, and every argument."""
    page = (repository / "docs/how-to/macros.md").read_text(encoding="utf-8")
    for macro in MACROS.values():
        assert f"## {macro.name}\n" in page
        for sample in macro.samples:
            assert sample_text(sample) in page, macro.name
        for argument in macro.arguments:
            assert f"| `{argument.name} := {argument.form}` |" in page, (macro.name, argument.name)
