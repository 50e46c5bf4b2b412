"""From a number to the rows of the files that made it, through models of every kind; and from a row of a file to all it reached."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entrepot.app.cli.commands import app
from entrepot.app.explaining import Answer, ExplainDesk, Limits, Step
from entrepot.app.rejects_desk import RejectsDesk
from entrepot.kernel.errors import UsageError
from tests.flow.running import Shop

PRODUCTS = "product,price\np1,2.50\np2,4.00\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two runs: three files of orders in two batches, a reject, prices."""
    found = Shop(tmp_path_factory.mktemp("explain") / "shop")
    found.drop("products", prices=PRODUCTS)
    found.orders("a", "1,p1,2026-01-01,3", "2,p2,2026-01-01,4", "3,p1,2026-01-02,500")
    found.orders("b", "4,p1,2026-01-02,5")
    found.run()
    found.orders("c", "5,p1,2026-01-02,7", "6,p2,2026-01-03,9")
    found.run()
    return found


def _explain(shop: Shop, dataset: str, where: str, limits: Limits | None = None, **more: object) -> Answer:
    return ExplainDesk(shop.platform(), limits).explain(dataset, where, **more)  # type: ignore[arg-type]


def _origins(answer: Answer, dataset: str) -> set[str]:
    """The places of the records of a source that are shown."""
    uses = [use for step in answer.steps for use in step.uses if use.dataset == dataset]
    return {str(row["_origin"]) for use in uses for row in use.sample}


def _step(answer: Answer, dataset: str) -> Step:
    return next(step for step in answer.steps if step.dataset == dataset)


@pytest.mark.req("X2")
def test_a_sum_leads_to_its_rows_in_the_files(shop: Shop) -> None:
    answer = _explain(shop, "gold.turnover", "product = 'p1'", Limits(samples=9))
    assert _origins(answer, "bronze.orders") == {"orders_a.csv#1", "orders_b.csv#1", "orders_c.csv#1"}
    assert _origins(answer, "bronze.products") == {"prices.csv#1"}
    assert answer.rows[0]["units"] == 3 + 5 + 7
    assert {(f.place, f.records) for f in _step(answer, "bronze.orders").files} == {
        ("orders_a.csv", 1), ("orders_b.csv", 1), ("orders_c.csv", 1),
    }  # fmt: skip
    assert all(use.is_exact and use.is_whole for step in answer.steps for use in step.uses)
    assert not any(step.notes or step.refused for step in answer.steps)


@pytest.mark.req("X2")
def test_partitions_and_histories_are_explained_too(shop: Shop) -> None:
    answer = _explain(shop, "gold.daily", "ordered_on = '2026-01-02'", Limits(samples=9))
    assert _origins(answer, "bronze.orders") == {"orders_b.csv#1", "orders_c.csv#1"}
    states = shop.platform().engine
    assert states is not None
    answer = _explain(shop, "silver.states", "product = 'p1' AND most = 7", Limits(samples=9))
    assert "orders_c.csv#1" in _origins(answer, "bronze.orders")
    assert not any(step.refused for step in answer.steps)


def test_the_versions_of_the_asked_release_are_used(shop: Shop) -> None:
    first = min(release.id for release in shop.platform().state.releases())
    answer = _explain(shop, "gold.turnover", "product = 'p1'", Limits(samples=9), at=str(first))
    assert answer.rows[0]["units"] == 8
    assert _origins(answer, "bronze.orders") == {"orders_a.csv#1", "orders_b.csv#1"}


def test_only_so_many_rows_are_followed_and_all_are_counted(shop: Shop) -> None:
    answer = _explain(shop, "gold.turnover", "product = 'p1'", Limits(most=2))
    use = next(use for use in answer.steps[0].uses if use.dataset == "silver.orders")
    assert (use.records, use.total, use.total_is, use.is_whole) == (2, 3, "exact", False)
    assert any("only a part" in note for note in _step(answer, "bronze.orders").notes)
    whole = _explain(shop, "gold.turnover", "product = 'p1'", Limits(most=2, full=True))
    assert _step(whole, "bronze.orders").rows == 3


def test_steps_end_where_they_are_told_to(shop: Shop) -> None:
    answer = _explain(shop, "gold.turnover", "product = 'p2'", Limits(steps=1))
    assert [step.dataset for step in answer.steps if step.uses] == ["gold.turnover"]


def test_every_record_into_a_file(shop: Shop, tmp_path: Path) -> None:
    into = tmp_path / "records.csv"
    answer = _explain(shop, "gold.turnover", "product = 'p2'", Limits(full=True), csv=into)
    with into.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["origin"] for row in rows} == {"orders_a.csv#2", "orders_c.csv#2", "prices.csv#2"}
    assert answer.exported == len(rows) == 3
    assert {row["id"] for row in rows if row["dataset"] == "bronze.orders"} == {
        "bronze.orders:1.2",
        "bronze.orders:2.2",
    }


@pytest.mark.parametrize(
    ("dataset", "where", "says"),
    [
        ("gold.turnovr", "true", "Did you mean gold.turnover"),
        ("gold.turnover", "product = 'none'", "no row of gold.turnover"),
        ("gold.turnover", "true) UNION SELECT (1", "--where"),
        ("gold.turnover", "product = 'p1' LIMIT 3", "--where"),
        ("gold.turnover", "nothing = 1", "nothing"),
    ],
)
def test_what_cannot_be_asked_is_refused(shop: Shop, dataset: str, where: str, says: str) -> None:
    with pytest.raises(Exception, match=says):
        _explain(shop, dataset, where)


def test_too_many_rows_are_refused_with_the_key_to_narrow_by(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    shop.orders("many", *(f"{n},p{n},2026-01-01,1" for n in range(1, 41)))
    shop.run()
    with pytest.raises(UsageError, match=r"40 rows of gold\.turnover") as error:
        _explain(shop, "gold.turnover", "orders = 1")
    assert error.value.hint is not None and "product = …" in error.value.hint


def test_a_model_with_another_text_is_not_guessed(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    shop.edit("models/gold/turnover.sql", "sum(o.quantity) AS units", "sum(o.quantity + 1) AS units")
    answer = _explain(shop, "gold.turnover", "product = 'p1'")
    assert "another text" in (answer.steps[0].refused or "")
    assert {use.dataset for use in answer.steps[0].uses} == {"silver.orders", "bronze.products"}


@pytest.mark.req("X2")
def test_a_record_is_followed_to_every_row(shop: Shop) -> None:
    answer = ExplainDesk(shop.platform()).follow(record="bronze.orders:1.1")
    assert [(fate.state, fate.origin) for fate in answer.fates] == [("accepted", "orders_a.csv#1")]
    reached = {each.dataset: each for each in answer.reached}
    assert {name: each.rows for name, each in reached.items() if name != "silver.states"} == {
        "silver.orders": 1, "gold.turnover": 1, "gold.daily": 1,
    }  # fmt: skip
    assert reached["gold.turnover"].sample[0]["product"] == "p1"
    assert reached["gold.daily"].through == ("silver.orders",)
    assert answer == ExplainDesk(shop.platform()).follow(origin="orders_a.csv#1")


def test_a_rejected_record_says_why_and_its_correction_is_followed(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    shop.orders("a", "1,p1,2026-01-01,500", "2,p1,2026-01-01,4")
    shop.run()
    fate = ExplainDesk(shop.platform()).follow(origin="orders_a.csv#1").fates[0]
    assert fate.state == "rejected" and "open" in fate.words
    desk = RejectsDesk(shop.platform())
    desk.fix(fate.id, {"quantity": "5"}, "a test")
    desk.retry()
    shop.run()
    answer = ExplainDesk(shop.platform()).follow(record=fate.id)
    assert answer.fates[0].corrected_by is not None
    assert "gold.turnover" in {each.dataset for each in answer.reached}


def test_what_never_came_is_said(shop: Shop) -> None:
    assert ExplainDesk(shop.platform()).follow(record="bronze.orders:99.1").fates[0].state == "gone"
    with pytest.raises(UsageError, match="no record came from"):
        ExplainDesk(shop.platform()).follow(origin="nothing.csv#1")
    with pytest.raises(UsageError, match="not the id of a record"):
        ExplainDesk(shop.platform()).follow(record="17")


def test_the_command_speaks_to_people_and_machines(shop: Shop) -> None:
    words = ["explain", "gold.turnover", "--where", "product = 'p1'", "--project", str(shop.root)]
    text = CliRunner().invoke(app, words)
    assert text.exit_code == 0, text.output
    machine = CliRunner().invoke(app, [*words, "--json"])
    found = json.loads(machine.output)
    assert found["dataset"] == "gold.turnover"
    assert [step["dataset"] for step in found["steps"]][-1].startswith("bronze.")


DOUBLE = """\
import pyarrow as pa
from entrepot.models import model


@model(inputs={"orders": "silver.orders"})
def double(orders: pa.Table) -> pa.Table:
    return orders.select(["order_id", "product"])
"""

DOUBLE_CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: double
version: 1.0.0
status: active
schema:
  - name: double
    physicalName: gold.double
    properties:
      - {name: order_id, logicalType: integer, primaryKey: true}
      - {name: product, logicalType: string}
"""


def test_a_model_in_python_is_named_and_ends_the_way(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    (shop.root / "models/gold/double.py").write_text(DOUBLE)
    (shop.root / "contracts/double.odcs.yaml").write_text(DOUBLE_CONTRACT)
    (shop.root / "models/gold/above.sql").write_text("SELECT product, count(*) AS n FROM gold.double GROUP BY product")
    shop.orders("a", "1,p1,2026-01-01,3")
    shop.run()
    answer = _explain(shop, "gold.above", "product = 'p1'")
    step = _step(answer, "gold.double")
    assert (step.kind, step.rows) == ("python", 1)
    assert "model in Python" in (step.refused or "")
    assert [use.dataset for use in step.uses] == ["silver.orders"]
    reached = {each.dataset: each for each in ExplainDesk(shop.platform()).follow(origin="orders_a.csv#1").reached}
    assert "model in Python" in (reached["gold.double"].refused or "")
    assert "gold.above" not in reached
