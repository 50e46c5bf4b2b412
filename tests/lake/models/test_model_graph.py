"""Models together: order, missing inputs, cycles, selection, compilation."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.lake.models import Model, ModelGraph, ModelKind
from entrepot.lake.models.model import make_model
from entrepot.sql.query import parse_query

SALES, STORES = Dataset("bronze", "sales"), Dataset("bronze", "stores")


def model(name: str, sql: str, kind: str = "full", driving: str | None = None) -> Model:
    """A model without a file."""
    path = Path(f"models/{name.replace('.', '/')}.sql")
    drive = parse_dataset(driving) if driving else None
    return make_model(parse_dataset(name), ModelKind(kind), parse_query(sql, path), path, driving=drive)


def graph(*models: Model) -> ModelGraph:
    """A graph over bronze.sales and bronze.stores."""
    return ModelGraph(models, {SALES, STORES})


@pytest.fixture
def shop() -> ModelGraph:
    """A view over stores, appended sales, two gold tables, one made of the other."""
    return graph(
        model("gold.b", "SELECT * FROM gold.a"),
        model("gold.a", "SELECT * FROM silver.sales JOIN silver.stores USING (s)"),
        model("silver.stores", "SELECT s, name FROM bronze.stores", "view"),
        model("silver.sales", "SELECT * FROM bronze.sales", "append", "bronze.sales"),
        model("gold.z", "SELECT * FROM bronze.stores"),
    )


def names(datasets: object) -> list[str]:
    """As text."""
    return [str(name) for name in datasets]  # type: ignore[attr-defined]


def test_models_come_after_what_they_read(shop: ModelGraph) -> None:
    """Whatever the order in which they were given."""
    order = names(m.name for m in shop.ordered())
    assert order.index("silver.sales") < order.index("gold.a") < order.index("gold.b")
    assert order.index("silver.stores") < order.index("gold.a")


def test_a_missing_input_is_named_with_the_nearest(tmp_path: Path) -> None:
    """The place is that of the mention."""
    with pytest.raises(ProjectError, match=re.escape("models/gold/a.sql:2:6 — gold.a reads bronze.sale")) as caught:
        graph(model("gold.a", "SELECT *\nFROM bronze.sale"))
    assert "bronze.sales" in (caught.value.hint or "")


def test_a_cycle_is_told_as_a_chain() -> None:
    """Who reads whom, back to the beginning."""
    with pytest.raises(ProjectError, match="in a circle") as caught:
        graph(
            model("gold.a", "SELECT * FROM gold.b"),
            model("gold.b", "SELECT * FROM gold.c"),
            model("gold.c", "SELECT * FROM gold.a"),
        )
    chain = re.search(r"circle: (.*)\.", caught.value.message)
    assert chain is not None
    steps = chain[1].split(" reads ")
    assert steps[0] == steps[-1]
    assert all((a, b) in {("gold.a", "gold.b"), ("gold.b", "gold.c"), ("gold.c", "gold.a")} for a, b in pairwise(steps))


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ((model("gold.a", "SELECT 1"), model("gold.a", "SELECT 2")), "twice"),
        (
            (model("silver.x", "SELECT 1 AS a"), model("silver.y", "SELECT a FROM silver.x", "append", "silver.x")),
            "no record ids",
        ),
        ((model("silver.x", "SELECT a FROM bronze.sales GROUP BY a", "append", "bronze.sales"),), "GROUP BY"),
        ((model("gold.x", "SELECT _record_id FROM bronze.sales"),), "system column"),
    ],
)
def test_what_cannot_be_built_is_refused(models: tuple[Model, ...], said: str) -> None:
    """Before anything runs."""
    with pytest.raises(ProjectError, match=said):
        graph(*models)


def test_a_model_cannot_take_the_name_of_a_source() -> None:
    """One dataset has one origin."""
    with pytest.raises(ProjectError, match="from a source already"):
        ModelGraph([model("silver.x", "SELECT 1")], {Dataset("silver", "x")})


def test_compiled_sql_carries_ids_where_the_kind_does(shop: ModelGraph) -> None:
    """Append hands on record ids; a star in a full model leaves out those of its inputs."""
    sales, gold = shop.find(Dataset("silver", "sales")), shop.find(Dataset("gold", "a"))
    assert sales is not None
    assert gold is not None
    assert '"sales"._record_id AS _record_id' in sales.sql
    assert gold.sql.startswith("SELECT * EXCLUDE (_record_id, _batch,")
    b = shop.find(Dataset("gold", "b"))
    assert b is not None
    assert b.sql == "SELECT * FROM gold.a"


def test_tables_and_views_below_a_model(shop: ModelGraph) -> None:
    """The engine gets the tables behind views, and the views' text."""
    gold = shop.find(Dataset("gold", "a"))
    assert gold is not None
    assert names(shop.tables(gold)) == ["silver.sales", "bronze.stores"]
    assert shop.views(gold) == {Dataset("silver", "stores"): "SELECT s, name FROM bronze.stores"}


def test_a_views_change_changes_the_hash_of_what_reads_it() -> None:
    """Through views of views, and of nothing else."""

    def hashes(column: str) -> dict[str, str]:
        made = graph(
            model("silver.v", f"SELECT {column} AS c FROM bronze.stores", "view"),
            model("silver.w", "SELECT c FROM silver.v", "view"),
            model("gold.t", "SELECT c FROM silver.w"),
            model("gold.u", "SELECT c FROM gold.t"),
        )
        return {str(m.name): m.hash for m in made.models}

    before, after = hashes("a"), hashes("b")
    assert {name for name in before if before[name] != after[name]} == {"silver.v", "silver.w", "gold.t"}
