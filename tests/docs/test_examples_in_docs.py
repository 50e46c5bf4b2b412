"""The examples in the how-to pages are right as they stand."""

from __future__ import annotations

import re
from pathlib import Path

from entrepot.connectors import load_connector, read_options
from entrepot.contracts.load import load_contracts
from entrepot.kernel.documents import parse_document
from entrepot.lake.models import ModelKind, load_model
from entrepot.serve.kpis import load_kpi


def read_block(repository: Path, page: str, language: str, number: int = 0) -> str:
    """The text of a code block of a page."""
    text = (repository / "docs" / "how-to" / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)[number]


def test_the_contract_compiles_without_a_warning(repository: Path, tmp_path: Path) -> None:
    """The contract of the how-to is a right one, with the rules that the page shows."""
    path = tmp_path / "sales.odcs.yaml"
    path.write_text(read_block(repository, "contracts.md", "yaml"), encoding="utf-8")
    loaded = load_contracts(path, default_time_zone="UTC")
    assert [str(finding) for finding in loaded.warnings] == []
    [contract] = loaded.contracts
    assert (str(contract.dataset), contract.key) == ("bronze.sales", ("sale_id",))
    assert {type(rule).__name__ for rule in contract.rules} == {"Required", "Unique", "Matches", "Range"}


def test_the_source_s_options_are_right(repository: Path) -> None:
    """The source of the how-to has no unknown option."""
    source = parse_document(read_block(repository, "files.md", "yaml"), Path("sources/sales.yaml")).value
    options = read_options(load_connector(source["connector"]), source["options"])
    assert options["path"] == "inbox/sales"


def test_the_model_loads(repository: Path, tmp_path: Path) -> None:
    """The model of the how-to is a right one."""
    path = tmp_path / "models" / "silver" / "sales.sql"
    path.parent.mkdir(parents=True)
    path.write_text(read_block(repository, "models.md", "sql"), encoding="utf-8")
    model = load_model(path, tmp_path / "models")
    assert (str(model.name), model.kind, str(model.driving)) == ("silver.sales", ModelKind.MERGE, "bronze.sales")


def test_the_kpi_compiles(repository: Path, tmp_path: Path) -> None:
    """The KPI of the how-to is a right one, also with its targets."""
    path = tmp_path / "total_sales.yaml"
    path.write_text(
        read_block(repository, "kpis.md", "yaml") + read_block(repository, "kpis.md", "yaml", 1), encoding="utf-8"
    )
    assert str(load_kpi(path).dataset) == "gold.kpi_total_sales"
