"""The 22 queries of TPC-H as models: the answers that DuckDB publishes, from data that came in through sources and contracts.

Two generators make the data, at the scale of the answers (0.01). DuckDB's own (its `tpch` extension) gives every answer to the letter. Its
random texts are not those of the standard, though: `tpchgen-cli` writes the standard's, so with it the answers hold but for addresses
and comments and for what is counted by the words of a comment (query 13).

The queries are run as they are, but for the layer before each table's name; they have their parameters filled in. A table has no order,
so rows are compared as a multiset; where a LIMIT cuts, its ORDER BY has no ties at the cut in these data.
"""

from __future__ import annotations

import csv
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from entrepot.app.project import open_project
from entrepot.app.wiring import Platform
from entrepot.ports.relations import QueryScan, TableVersion
from tests.real.feeding import RealProject

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
SCALE = "0.01"
PARQUET = ("lineitem", "orders", "partsupp")
"""These come as Parquet, the others as CSV."""
CSV = ("region", "nation", "supplier", "customer", "part")
MONEY = {
    "supplier": ("s_acctbal",),
    "customer": ("c_acctbal",),
    "part": ("p_retailprice",),
    "partsupp": ("ps_supplycost",),
    "orders": ("o_totalprice",),
    "lineitem": ("l_quantity", "l_extendedprice", "l_discount", "l_tax"),
}
"""What DuckDB takes for a number of another type in a CSV file."""
TEXTS = {
    "q02": {"s_address", "s_comment"},
    "q10": {"c_address", "c_comment"},
    "q15": {"s_address"},
    "q20": {"s_address"},
}
"""Columns of random texts, which differ between the generators."""
BY_WORDS = "q13"
"""Counts customers by orders whose comment does not hold certain words."""

Rows = list[tuple[object, ...]]


def generate_by_duckdb(folder: Path) -> None:
    """DuckDB's generator, from its package on PyPI."""
    if find_spec("duckdb_extension_tpch") is None:
        _miss("duckdb-extension-tpch")
    import_module("duckdb_extensions").import_extension("tpch")
    with duckdb.connect() as connection:
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("LOAD tpch")
        connection.execute(f"CALL dbgen(sf = {SCALE})")
        for name in PARQUET:
            connection.execute(f"COPY {name} TO '{folder}/{name}.parquet' (FORMAT parquet)")
        for name in CSV:
            connection.execute(f"COPY {name} TO '{folder}/{name}.csv' (HEADER)")


def generate_by_tpchgen(folder: Path) -> None:
    """The standard's data."""
    beside = Path(sys.executable).with_name("tpchgen-cli")
    command = str(beside) if beside.exists() else shutil.which("tpchgen-cli")
    if command is None:
        _miss("tpchgen-cli")
    for form, names in (("parquet", PARQUET), ("csv", CSV)):
        arguments = [command, form, "-s", SCALE, "-o", str(folder), "--tables", ",".join(names)]
        subprocess.run(arguments, check=True, capture_output=True)


def _miss(package: str) -> NoReturn:
    """Skip, but not unseen where all must be proved."""
    reason = f"{package} is not installed"
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (under CI this is a failure)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(params=[generate_by_duckdb, generate_by_tpchgen], ids=["duckdb", "tpchgen"])
def generate(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    """A generator."""
    made: Callable[[Path], None] = request.param
    return made


@pytest.fixture
def files(generate: Callable[[Path], None], tmp_path: Path) -> Path:
    """The eight tables as files."""
    folder = tmp_path / "files"
    folder.mkdir()
    generate(folder)
    return folder


@pytest.fixture
def other_texts(generate: Callable[[Path], None]) -> dict[str, set[str]]:
    """Query → columns in which the generator's texts are others than those of the answers."""
    return TEXTS if generate is generate_by_tpchgen else {}


@pytest.fixture
def queries(shared_data: Path) -> dict[str, str]:
    """Name → text of each query."""
    folder = shared_data / "conformance/tpch/queries"
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}


def over_bronze(text: str) -> str:
    """The query with its tables named as they are in the lake; nothing else is touched."""
    tree = sqlglot.parse_one(text, dialect="duckdb")
    defined = {cte.alias for cte in tree.find_all(exp.CTE)}
    starts = [
        table.this.meta["start"] for table in tree.find_all(exp.Table) if not table.db and table.name not in defined
    ]
    for start in sorted(starts, reverse=True):
        text = f"{text[:start]}bronze.{text[start:]}"
    return text.strip().rstrip(";")


def equal(found: object, right: str) -> bool:
    """A value and the text that is published for it: exact, but for the last places of a double."""
    if found is None or right == "":
        return found is None and right == ""
    if isinstance(found, float):
        return math.isclose(found, float(right), rel_tol=1e-12)
    try:
        return Decimal(str(found)) == Decimal(right)
    except InvalidOperation:
        return str(found) == right


def differences(found: Rows, right: Sequence[Sequence[str]]) -> list[str]:
    """What is in one and not in the other, row by row in one order; texts stand for values whose last places may differ."""
    if len(found) != len(right):
        return [f"{len(found)} rows instead of {len(right)}"]
    ours = sorted(found, key=lambda row: tuple(map(_sorting, row)))
    theirs = sorted(right, key=lambda row: tuple(map(_sorting, row)))
    return [
        f"{row} instead of {wanted}"
        for row, wanted in zip(ours, theirs, strict=True)
        if not all(map(equal, row, wanted))
    ]


def _sorting(value: object) -> tuple[int, float, str]:
    """Numbers by size, to nine digits; texts by letters; nothing first."""
    text = "" if value is None else str(value)
    try:
        return (1, float(f"{float(text):.9g}"), "")
    except ValueError:
        return (0, 0.0, text) if text == "" else (2, 0.0, text)


def answers(folder: Path, name: str) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of a published answer; an empty line is a row whose one value is null."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file, delimiter="|")
    return columns, [row or [""] for row in rows]


def models_of(project: RealProject, names: Iterable[str]) -> dict[str, Rows]:
    """The rows of each model in the newest release, with their columns in the order of the query."""
    platform = Platform(open_project(project.root))
    tables = {name: TableVersion(name, version) for name, version in platform.release_for(None).tables.items()}
    found: dict[str, Rows] = {}
    for name in names:
        scan = QueryScan(f"SELECT * FROM gold.{name}", {f"gold.{name}": tables[f"gold.{name}"]})
        rows = platform.engine.query(scan).batches().read_all().to_pylist()
        found[name] = [tuple(row.values()) for row in rows]
    return found


def plain_answers(files: Path, queries: dict[str, str]) -> Iterator[tuple[str, list[list[str]]]]:
    """What plain DuckDB gives for the same files, as texts."""
    with duckdb.connect() as connection:
        for file in files.iterdir():
            name = file.name.partition(".")[0]
            exact = ", ".join(f"{column}::DECIMAL(15,2) AS {column}" for column in MONEY.get(name, ()))
            replaced = f"* REPLACE ({exact})" if exact else "*"
            connection.execute(f"CREATE VIEW {name} AS SELECT {replaced} FROM '{file}'")
        for name, text in queries.items():
            rows = connection.execute(text).fetchall()
            yield name, [["" if value is None else str(value) for value in row] for row in rows]


def run_queries(project: RealProject, files: Path, queries: dict[str, str]) -> tuple[dict[str, int], dict[str, Rows]]:
    """Bring the files in, run the queries as models: rows of each table, of which none is rejected, and each model's rows."""
    assert len(queries) == 22
    for path in files.iterdir():
        project.drop(path.name.partition(".")[0], path)
    for name, text in queries.items():
        model = project.root / f"models/gold/{name}.sql"
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_text(f"/* ---\nkind: full\n--- */\n{over_bronze(text)}\n")
    report = project.run()
    assert sum(balance.rejected for balance in report.balances) == 0
    live = {balance.dataset.removeprefix("bronze."): balance.live for balance in report.balances}
    return live, models_of(project, queries)


def wrong_models(models: dict[str, Rows], files: Path, queries: dict[str, str]) -> dict[str, list[str]]:
    """Models that are not what plain DuckDB gives for the same files."""
    compared = {name: differences(models[name], rows) for name, rows in plain_answers(files, queries)}
    return {name: found for name, found in compared.items() if found}


@pytest.mark.req("F4")
def test_the_published_answers(
    files: Path,
    queries: dict[str, str],
    shared_data: Path,
    real_project: Callable[[str], RealProject],
    other_texts: dict[str, set[str]],
) -> None:
    """Nothing is rejected; every model equals plain DuckDB over the same files, and the published answer."""
    live, models = run_queries(real_project("tpch"), files, queries)
    assert (live["lineitem"], live["orders"], live["region"]) == (60_175, 15_000, 5)
    assert wrong_models(models, files, queries) == {}
    published = shared_data / "conformance/tpch/answers/sf0.01"
    wrong = {}
    for name, rows in models.items():
        columns, right = answers(published, name)
        kept = [number for number, column in enumerate(columns) if column not in other_texts.get(name, ())]
        ours, theirs = ([tuple(row[number] for number in kept) for row in each] for each in (rows, right))
        wrong[name] = differences(ours, [list(map(str, row)) for row in theirs])
    assert {name for name, found in wrong.items() if found} == ({BY_WORDS} if other_texts else set()), wrong


@pytest.mark.req("F4")
def test_a_small_sample_without_any_generator(
    queries: dict[str, str], shared_data: Path, tmp_path: Path, real_project: Callable[[str], RealProject]
) -> None:
    """Some thousand rows of each table, packed and cut by bars: every model equals plain DuckDB, and most have rows."""
    files = tmp_path / "files"
    shutil.copytree(shared_data / "conformance/tpch_small", files, ignore=shutil.ignore_patterns("*.txt"))
    live, models = run_queries(real_project("tpch"), files, queries)
    assert (live["lineitem"], live["part"]) == (8_233, 8_060)
    assert wrong_models(models, files, queries) == {}
    assert sum(bool(rows) for rows in models.values()) == 19


def test_the_comparison_can_fail() -> None:
    """A row too few, a cent, a text, a null, a digit within a double's reach: each is a difference; order and trailing zeros are none."""
    right = [["a", "1.50", "0.3333333333333333"], ["b", "", "2"]]
    assert differences([("b", None, 2.0), ("a", Decimal("1.5"), 1 / 3)], right) == []
    for wrong in (
        [("a", Decimal("1.5"), 1 / 3)],
        [("b", None, 2.0), ("a", Decimal("1.51"), 1 / 3)],
        [("b", None, 2.0), ("A", Decimal("1.5"), 1 / 3)],
        [("b", 0, 2.0), ("a", Decimal("1.5"), 1 / 3)],
        [("b", None, 2.0), ("a", Decimal("1.5"), 0.33333333)],
    ):
        assert differences(wrong, right), wrong


def test_only_names_of_tables_get_a_layer() -> None:
    """Aliases, columns and common tables of the same name stay."""
    text = "WITH nation AS (SELECT n_name AS part FROM region, nation n1) SELECT part FROM nation, part WHERE part = 'part';"
    assert over_bronze(text.replace("nation n1", "supplier n1")) == (
        "WITH nation AS (SELECT n_name AS part FROM bronze.region, bronze.supplier n1) SELECT part FROM nation, bronze.part WHERE part = 'part'"
    )
