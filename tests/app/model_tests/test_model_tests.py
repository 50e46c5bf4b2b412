"""Model tests: rows in, rows out, by the real engine; what differs is found and said with its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from entrepot.app.model_tests.read import load_tests
from entrepot.app.model_tests.rewrite import update_expected
from entrepot.app.model_tests.runs import Finished, TestVerdict, load_project_tests, run_tests, select_tests
from entrepot.kernel.errors import ManyErrors, ProjectError, UsageError
from tests.flow.running import Shop

HEAD = "model: gold.turnover\ntests:\n"
GIVEN = """\
  - name: units and money of each product
    given:
      silver.orders:
        - {order_id: 1, product: p1, quantity: 2}
        - {order_id: 2, product: p1, quantity: 3}
        - {order_id: 3, product: p2, quantity: 1}
      bronze.products: [{product: p1, price: 1.50}]
    expect:
"""
RIGHT = """\
      rows:
        - {product: p2, units: 1, orders: 1, turnover: null}
        - {product: p1, units: 5, orders: 2, turnover: 7.5}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


def write(shop: Shop, text: str, name: str = "turnover.yaml") -> Path:
    path = shop.root / "tests" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def finish(shop: Shop) -> Sequence[Finished]:
    return run_tests(shop.platform(), load_project_tests(shop.root))


def only(shop: Shop, text: str) -> Finished:
    write(shop, text)
    (each,) = finish(shop)
    return each


@pytest.mark.req("S12")
def test_rows_are_compared_by_value_and_without_order(shop: Shop) -> None:
    """7.5 is 7.50, the order does not matter, an input that is not given has no rows, and the project's lake is not touched."""
    found = only(shop, HEAD + GIVEN + RIGHT)
    assert found.verdict is TestVerdict.PASSED, found
    assert not (shop.root / ".entrepot" / "lake").exists()


@pytest.mark.parametrize(
    ("old", "new", "columns"),
    [
        ("turnover: 7.5", "turnover: 7.51", ("turnover",)),
        ("turnover: null", "turnover: 0", ("turnover",)),
        ("units: 5, orders: 2", "units: 6, orders: 3", ("units", "orders")),
        ("{product: p2", "{product: P2", ("product",)),
    ],
)
def test_a_row_that_differs_is_shown_with_its_cells(shop: Shop, old: str, new: str, columns: tuple[str, ...]) -> None:
    """One row differs: the pair that stands for each other is found, and exactly its cells."""
    text = HEAD + GIVEN + RIGHT
    assert old in text
    found = only(shop, text.replace(old, new))
    assert found.verdict is TestVerdict.FAILED and found.rows is not None
    (pair,) = found.rows.pairs
    assert pair.columns == columns and pair.expected and pair.actual


def test_rows_too_many_and_too_few_fail(shop: Shop) -> None:
    """A row that is expected twice is missing once; a row that nobody expects is told."""
    line = "        - {product: p2, units: 1, orders: 1, turnover: null}\n"
    doubled = only(shop, HEAD + GIVEN + RIGHT.replace(line, line * 2))
    assert doubled.rows is not None
    assert [(bool(pair.expected), bool(pair.actual)) for pair in doubled.rows.pairs] == [(True, False)]
    dropped = only(shop, HEAD + GIVEN + RIGHT.replace(line, ""))
    assert dropped.rows is not None
    assert [(bool(pair.expected), bool(pair.actual)) for pair in dropped.rows.pairs] == [(False, True)]


def test_only_named_columns_are_compared_where_partial_is_said(shop: Shop) -> None:
    """`columns: partial` compares what the rows name; without it a column left out is an error, as it is not null."""
    rows = "      rows:\n        - {product: p1, units: 5}\n        - {product: p2, units: 1}\n"
    assert only(shop, HEAD + GIVEN + "      columns: partial\n" + rows).verdict is TestVerdict.PASSED
    broken = only(shop, HEAD + GIVEN + rows)
    assert broken.verdict is TestVerdict.BROKEN
    assert "turnover.yaml:12" in str(broken.error) and "orders, turnover" in str(broken.error)


def test_models_on_the_way_are_computed(shop: Shop) -> None:
    """`through` gives what the chain reads, not what it makes between; driven models get records as from a source."""
    text = HEAD + GIVEN.replace("silver.orders:", "bronze.orders:").replace(
        "given:", "through: [silver.orders]\n    given:"
    )
    assert only(shop, text + RIGHT).verdict is TestVerdict.PASSED


@pytest.mark.parametrize(
    ("model", "given", "expected"),
    [
        (
            "gold.daily",
            "silver.orders: [{product: p1, ordered_on: 2026-01-02, quantity: 2}, {product: p1, quantity: 1}]\n"
            "      bronze.products: [{product: p1, price: 3}]",
            "[{ordered_on: 2026-01-02, units: 2, turnover: 6}, {ordered_on: null, units: 1, turnover: 3.00}]",
        ),
        (
            "silver.states",
            "bronze.orders: [{product: a, ordered_on: 2026-01-05, quantity: 2}, {product: a, ordered_on: 2026-01-01, quantity: 1}]",
            "[{product: a, most: 1, valid_from: 2026-01-01, valid_to: 2026-01-05, is_current: false}, "
            "{product: a, most: 2, valid_from: 2026-01-05, valid_to: null, is_current: true}]",
        ),
        (
            "silver.orders",
            "bronze.orders: [{order_id: 7, product: p1, ordered_on: 2026-01-02, quantity: 2}]",
            "[{order_id: 7, product: p1, ordered_on: 2026-01-02, quantity: 2}]",
        ),
    ],
)
def test_every_kind_of_model_can_be_tested(shop: Shop, model: str, given: str, expected: str) -> None:
    """Kinds partition, history and append run by the same flow as in a project."""
    text = f"model: {model}\ntests:\n  - name: it\n    given:\n      {given}\n    expect: {{rows: {expected}}}\n"
    found = only(shop, text)
    assert found.verdict is TestVerdict.PASSED, found


def test_a_view_can_be_tested_and_stand_between(shop: Shop) -> None:
    """A view is computed from what is given below it, or given itself."""
    view = shop.root / "models/silver/dear.sql"
    view.write_text("/* ---\nkind: view\n--- */\nSELECT product, price FROM bronze.products WHERE price > 1\n")
    (shop.root / "models/gold/names.sql").write_text("SELECT product FROM silver.dear\n")
    given = "given: {bronze.products: [{product: a, price: 1}, {product: b, price: 2}]}\n"
    head = "tests:\n  - name: it\n    "
    of_view = only(shop, f"model: silver.dear\n{head}{given}    expect: {{rows: [{{product: b, price: 2}}]}}\n")
    assert of_view.verdict is TestVerdict.PASSED, of_view
    between = only(shop, f"model: gold.names\n{head}{given}    expect: {{rows: [{{product: b}}]}}\n")
    assert between.verdict is TestVerdict.PASSED, between
    itself = "given: {silver.dear: [{product: c, price: 0}]}\n"
    assert (
        only(shop, f"model: gold.names\n{head}{itself}    expect: {{rows: [{{product: c}}]}}\n").verdict
        is TestVerdict.PASSED
    )


@pytest.mark.req("S12", "F2")
def test_a_contract_is_tested_with_rows_of_text(shop: Shop) -> None:
    """Rows come as a source brings them; those that break the contract are expected by rule, and by values where it matters."""
    text = """\
contract: bronze.orders
tests:
  - name: a quantity of nothing, and no product
    given:
      bronze.orders:
        - {order_id: "1", product: p1, ordered_on: "2026-01-02", quantity: "1"}
        - {order_id: "2", product: p1, ordered_on: "2026-01-02", quantity: "0"}
        - {order_id: x, ordered_on: "2026-01-02", quantity: "5"}
    expect:
      rows: [{order_id: 1, product: p1, ordered_on: 2026-01-02, quantity: 1}]
      rejected:
        - {rule: "range:quantity", row: {order_id: "2"}}
        - {rule: ["type:order_id", "required:product"]}
"""
    assert only(shop, text).verdict is TestVerdict.PASSED, only(shop, text)
    fewer = only(shop, text.replace('        - {rule: "range:quantity", row: {order_id: "2"}}\n', ""))
    assert fewer.verdict is TestVerdict.FAILED and fewer.rejects is not None
    assert [each.rules for each in fewer.rejects.unexpected] == [("range:quantity",)]
    other = only(shop, text.replace('row: {order_id: "2"}', 'row: {order_id: "9"}'))
    assert other.rejects is not None and len(other.rejects.missing) == 1 == len(other.rejects.unexpected)


def test_rejects_of_a_model_are_expected_or_fail(shop: Shop) -> None:
    """The contract of a model judges in a test as in a run."""
    contract = (shop.root / "contracts/products.odcs.yaml").read_text()
    gold = (
        contract.replace("id: products", "id: dear")
        .replace("bronze.products", "gold.dear")
        .replace("name: products", "name: dear")
    )
    (shop.root / "contracts/dear.odcs.yaml").write_text(gold)
    (shop.root / "models/gold/dear.sql").write_text("SELECT product, price FROM bronze.products\n")
    text = (
        "model: gold.dear\ntests:\n  - name: no price\n    given: {bronze.products: [{product: a}, {product: b, price: 1}]}\n"
        "    expect:\n      rows: [{product: b, price: 1}]\n"
    )
    assert only(shop, text).verdict is TestVerdict.FAILED
    assert only(shop, text + '      rejected: [{rule: "required:price"}]\n').verdict is TestVerdict.PASSED


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "silver.orders:",
            "silver.order:",
            "turnover.yaml:5:7 — gold.turnover does not read silver.order; .* Did you mean silver.orders",
        ),
        ("quantity: 2", "quantitty: 2", "turnover.yaml:6:.* no column quantitty.* Did you mean quantity"),
        (
            "quantity: 2",
            "quantity: two",
            "turnover.yaml:6:48 — 'two' is no value for silver.orders.quantity: expected integer",
        ),
        ("price: 1.50", "price: 1.505", "turnover.yaml:9:.*'1.505' is no value for bronze.products.price"),
        ("turnover: 7.5", "turnover: much", "turnover.yaml:13:.*'much' is no value for gold.turnover.turnover"),
        ("turnover: 7.5", "turnover: 7.5, tax: 1", "gold.turnover has no column tax"),
    ],
)
def test_what_is_wrong_in_a_test_is_told_with_its_place(shop: Shop, old: str, new: str, said: str) -> None:
    """Unknown datasets and columns, and values that are none of their column's type."""
    import re

    text = HEAD + GIVEN + RIGHT
    assert old in text
    found = only(shop, text.replace(old, new))
    assert found.verdict is TestVerdict.BROKEN and found.error is not None
    assert re.search(said, str(found.error)), str(found.error)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("tests: [{name: a, expect: {rows: []}}]", "neither model: nor contract:"),
        (
            "model: gold.turnover\ntests: [{name: a, gives: {}, expect: {rows: []}}]",
            "unknown key 'gives'.*Did you mean given",
        ),
        ("model: gold.turnover\ntests: [{name: a}]", "needs expect"),
        ("model: gold.turnover\ntests: [{expect: {rows: []}}]", "needs a name"),
        ("model: gold.turnover\ntests: [{name: a, expect: {rows: nowhere.csv}}]", "nowhere.csv cannot be read"),
        ("model: gold.turnover\ntests: [{name: a, expect: {rows: [1]}}]", "a row is a mapping"),
        ("model: gold.turnover\ntests: [{name: a, expect: {rows: [], columns: some}}]", "allowed is all or partial"),
    ],
)
def test_a_file_that_is_no_test_is_refused(shop: Shop, text: str, said: str) -> None:
    """Every error names file and line."""
    write(shop, text)
    with pytest.raises(ProjectError, match=said) as caught:
        load_project_tests(shop.root)
    assert "turnover.yaml" in str(caught.value)


def test_all_that_is_wrong_is_told_at_once(shop: Shop) -> None:
    """Two tests of one name, and one without expectation."""
    one = "{name: a, expect: {rows: []}}"
    write(shop, f"model: gold.turnover\ntests: [{one}, {one}, {{name: b}}]")
    with pytest.raises(ManyErrors) as caught:
        load_project_tests(shop.root)
    assert len(caught.value.errors) == 2


def test_rows_may_stand_in_a_file(shop: Shop) -> None:
    """An empty field is null; texts mean what the column's type says."""
    (shop.root / "tests").mkdir()
    (shop.root / "tests/orders.csv").write_text("order_id,product,quantity\n1,p1,2\n2,p1,3\n3,p2,1\n")
    (shop.root / "tests/want.csv").write_text("product,units,orders,turnover\np1,5,2,7.50\np2,1,1,\n")
    given = "    given: {silver.orders: orders.csv, bronze.products: [{product: p1, price: 1.50}]}\n"
    found = only(shop, f"{HEAD}  - name: it\n{given}    expect: {{rows: want.csv}}\n")
    assert found.verdict is TestVerdict.PASSED, found


def test_updating_writes_what_came_and_keeps_the_rest(shop: Shop) -> None:
    """After --update the test passes; comments, other tests and quotes stay."""
    wrong = RIGHT.replace("units: 5", "units: 50").replace("product: p2", 'product: "p2"')
    other = "  - name: nothing\n    given: {}   # nobody\n    expect: {rows: []}\n"
    path = write(shop, "# by hand\n" + HEAD + GIVEN + wrong + other)
    failed = [each for each in finish(shop) if each.verdict is TestVerdict.FAILED]
    update_expected(failed, "UTC")
    text = path.read_text()
    assert text.startswith("# by hand\n") and "given: {}   # nobody" in text and "units: 50" not in text
    assert [each.verdict for each in finish(shop)] == [TestVerdict.PASSED] * 2


def test_times_stand_in_the_zone_of_the_project(shop: Shop) -> None:
    """A time without offset is one of the project's clocks, in what is given and in what is expected."""
    shop.edit("entrepot.yaml", "time_zone: UTC", "time_zone: Europe/Berlin")
    shop.edit(
        "contracts/orders.odcs.yaml",
        "name: ordered_on\n        logicalType: date",
        "name: ordered_on\n        logicalType: timestamp",
    )
    (shop.root / "models/gold/hours.sql").write_text("SELECT ordered_on, hour(ordered_on) AS hour FROM bronze.orders\n")
    for name in ("gold/daily.sql", "silver/states.sql", "gold/turnover.sql", "silver/orders.sql"):
        (shop.root / "models" / name).unlink()
    text = (
        "model: gold.hours\ntests:\n  - name: summer\n    given: {bronze.orders: [{ordered_on: 2026-07-01 08:00}]}\n"
        '    expect: {rows: [{ordered_on: "2026-07-01T06:00:00Z", hour: 8}]}\n'
    )
    found = only(shop, text)
    assert found.verdict is TestVerdict.PASSED, found


def test_tests_are_chosen_by_dataset_file_or_words(shop: Shop) -> None:
    """A word that names nothing is an error with what is near."""
    write(shop, HEAD + GIVEN + RIGHT)
    write(shop, "model: gold.daily\ntests: [{name: an empty day, expect: {rows: []}}]", "days.yaml")
    tests = load_project_tests(shop.root)

    def names(*words: str) -> list[str]:
        return [test.target for test in select_tests(tests, words, shop.root)]

    assert names() == ["gold.daily", "gold.turnover"] == names("gold.*")
    assert names("gold.turnover") == ["gold.turnover"] == names("tests/turnover.yaml") == names("money of each")
    assert names("days") == ["gold.daily"]
    with pytest.raises(UsageError, match=r"Did you mean gold\.daily"):
        names("gold.dayly")


def test_the_command_says_what_differs_and_fails(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; the place, both rows and what differs, for people and machines."""
    import json

    from entrepot.app.cli.test import test_command as command

    write(shop, HEAD + GIVEN + RIGHT.replace("units: 5", "units: 6"))
    options = {"update": False, "freeze": None, "where": None, "name": None, "with_personal": False}
    with pytest.raises(SystemExit) as ended:
        command(shop.root, [], as_json=False, **options)  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert ended.value.code == 1
    for word in ("gold.turnover: units and money", "tests/turnover.yaml:3", "6 ≠", "5 ≠", "--update"):
        assert word in said, said
    with pytest.raises(SystemExit):
        command(shop.root, ["gold.turnover"], as_json=True, **options)  # type: ignore[arg-type]
    found = json.loads(capsys.readouterr().out)
    (pair,) = found["tests"][0]["rows"]
    assert (pair["differs"], pair["expected"]["units"], pair["actual"]["units"]) == (["units"], "6", "5")
    command(shop.root, [], as_json=False, **options | {"update": True})  # type: ignore[arg-type]
    assert "1 updated" in capsys.readouterr().out
    with pytest.raises(UsageError, match="belong to --freeze"):
        command(shop.root, [], as_json=False, **options | {"where": "true"})  # type: ignore[arg-type]


def test_the_examples_of_the_page_are_tests(repository: Path, tmp_path: Path) -> None:
    """What the how-to shows can be read."""
    import re

    page = (repository / "docs/how-to/model-tests.md").read_text(encoding="utf-8")
    (tmp_path / "products.csv").write_text("product_id,product\nP1,Bread\n")
    blocks = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block)
        assert len(load_tests(path)) == 1
    assert len(blocks) == 2


TYPES = """\
apiVersion: v3.2.0
kind: DataContract
id: all
version: 1.0.0
status: active
schema:
  - name: all
    physicalName: bronze.all
    properties:
      - {name: code, logicalType: string}
      - {name: amount, logicalType: number, physicalType: "decimal(30,4)"}
      - {name: share, logicalType: number, physicalType: double}
      - {name: sure, logicalType: boolean}
      - {name: at, logicalType: timestamp}
      - {name: local, logicalType: timestamp, physicalType: timestamp_ntz, logicalTypeOptions: {timezone: false}}
      - {name: clock, logicalType: time}
      - {name: tags, logicalType: array, items: {logicalType: string}}
      - name: who
        logicalType: object
        properties: [{name: name, logicalType: string}, {name: age, logicalType: integer}]
"""


def test_values_of_every_type_survive_being_written(shop: Shop) -> None:
    """Given, computed, written by --update and read again: texts that look like numbers, long decimals, arrays and objects stay what they are."""
    (shop.root / "contracts/all.odcs.yaml").write_text(TYPES)
    (shop.root / "sources/all.yaml").write_text("connector: files\ndataset: bronze.all\noptions: {path: storage/all}\n")
    (shop.root / "models/gold/all.sql").write_text("SELECT * FROM bronze.all\n")
    text = (
        "model: gold.all\ntests:\n  - name: it\n    given:\n      bronze.all:\n"
        '        - {code: 007, amount: 12345678901234567890.1234, share: 0.1, sure: true, at: 2026-03-01 10:00, clock: "13:15", '
        'tags: [a, "1", null], who: {name: "x: y", age: 3}}\n'
        '        - {code: "null", amount: -0.0001, share: 1e300, sure: false, local: 2026-03-01 10:00, tags: []}\n'
        '        - {code: ""}\n    expect: {columns: partial, rows: []}\n'
    )
    path = write(shop, text)
    (failed,) = finish(shop)
    assert failed.verdict is TestVerdict.FAILED, failed
    update_expected([failed], "UTC")
    written = path.read_text()
    for part in ("12345678901234567890.1234", "'007'", "'null'", "code: ''"):
        assert part in written.partition("expect")[2], written
    assert written.partition("expect")[0] == text.partition("expect")[0], "what is given is not touched"
    (each,) = finish(shop)
    assert each.verdict is TestVerdict.PASSED, (each.error, each.rows, written)
