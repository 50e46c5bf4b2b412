"""The retail example's models and KPIs over a few rows written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from retail_lake import BRONZE, SYSTEM, RetailLake

from entrepot.kernel.names import Dataset
from entrepot.lake.models import ModelGraph, load_models
from entrepot.serve.kpis import compile_kpis, load_kpis


@pytest.fixture(scope="session")
def retail_graph(repository: Path) -> ModelGraph:
    """The example's models and KPIs."""
    folder = repository / "examples" / "retail"
    models = [*load_models(folder / "models"), *compile_kpis(load_kpis(folder / "kpis"))]
    return ModelGraph(models, {Dataset("bronze", name) for name in BRONZE})


@pytest.fixture
def lake(retail_graph: ModelGraph) -> Iterator[RetailLake]:
    """The example's models over one region, store and product."""
    with duckdb.connect() as connection:
        # Not UTC on purpose: what the models say must not depend on the session.
        connection.execute(
            "SET TimeZone = 'Asia/Kolkata'; CREATE SCHEMA bronze; CREATE SCHEMA silver; CREATE SCHEMA gold"
        )
        for name, columns in BRONZE.items():
            connection.execute(f"CREATE TABLE bronze.{name} ({columns}, {SYSTEM})")
        lake = RetailLake(connection, retail_graph)
        lake.add("regions", "R01", "North", None)
        lake.add("stores", "S01", "Kiel 1", "R01", "Kiel", None, 500)
        lake.add("products", "P0001", "Milk", "Dairy", "Alba", "2.50", "1.50")
        yield lake
