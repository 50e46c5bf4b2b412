"""A source that feeds several datasets is claimed once, shared by its flows, and let go when all are done."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import xlsxwriter

from entrepot.app.cli.run import count_refused
from entrepot.app.project import open_project
from entrepot.app.session import RunReport, run_project
from entrepot.app.wiring import Platform
from entrepot.kernel.errors import ManyErrors
from entrepot.kernel.points import POINTS
from entrepot.ports.relations import QueryScan, TableVersion
from tests.crash.harness import kill_at, run_once

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: {name}s
version: 1.0.0
status: active
schema:
  - name: {name}s
    physicalName: bronze.{name}s
    properties:
      - {{name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, required: true}}
      - {{name: {name}, logicalType: {type}, required: true}}
"""
SOURCE = """\
connector: files
options: {path: in, pattern: ["*.csv", "*.xlsx"], wait: {stable_s: 0}}
datasets:
  bronze.prices: {options: {excel: {sheet: Prices}}}
  bronze.promos: {options: {excel: {sheet: Promos}, csv: {delimiter: ","}}}
"""


class Partners:
    """A project whose files hold prices and promotions."""

    def __init__(self, root: Path, source: str = SOURCE) -> None:
        self.root = root
        self.area = root / "in"
        (self.area / "incoming").mkdir(parents=True)
        for name, text in {
            "entrepot.yaml": "name: partners\n",
            "contracts/prices.odcs.yaml": CONTRACT.format(name="price", type="number"),
            "contracts/promos.odcs.yaml": CONTRACT.format(name="promo", type="string"),
            "sources/partners.yaml": source,
        }.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)

    def drop(self, name: str, text: str = "id,price,promo\n1,1.5,x\n2,2.5,y\n") -> None:
        """Put a file in."""
        (self.area / "incoming" / name).write_text(text)

    def run(self, *patterns: str) -> RunReport:
        """Run, opened anew."""
        return run_project(Platform(open_project(self.root), threads=1), patterns)

    def rows(self, table: str) -> Counter[int]:
        """Ids in a table."""
        platform = Platform(open_project(self.root), threads=1)
        if not platform.tables.exists(table):
            return Counter()
        scan = QueryScan("SELECT id FROM q.t", {"q.t": TableVersion(table, platform.tables.version(table))})
        return Counter(platform.engine.query(scan).batches().read_all()["id"].to_pylist())

    def names(self, folder: str) -> list[str]:
        """Files below a folder of the area, without tokens."""
        found = (path for path in (self.area / folder).rglob("*") if path.is_file())
        return sorted(path.name for path in found)


@pytest.fixture
def partners(tmp_path: Path) -> Partners:
    return Partners(tmp_path / "partners")


def test_each_dataset_gets_its_columns(partners: Partners) -> None:
    """Both datasets get their rows, and the file is in processed/ once, with nothing left behind."""
    partners.drop("a.csv")
    assert partners.run().succeeded
    assert partners.rows("bronze.prices") == partners.rows("bronze.promos") == Counter([1, 2])
    assert partners.names("processed") == ["a.csv"]
    assert partners.names("claimed") == partners.names("incoming") == []


def test_each_sheet_becomes_a_dataset(partners: Partners) -> None:
    """Sheets of one workbook go into datasets of their own."""
    with xlsxwriter.Workbook(partners.area / "incoming" / "a.xlsx") as book:
        for title, rows in {"Prices": [("id", "price"), (1, 1.5)], "Promos": [("id", "promo"), (7, "x")]}.items():
            sheet = book.add_worksheet(title)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    assert partners.run().succeeded
    assert (partners.rows("bronze.prices"), partners.rows("bronze.promos")) == (Counter([1]), Counter([7]))
    assert partners.names("processed") == ["a.xlsx"]


def test_the_file_waits_until_all_are_done(partners: Partners) -> None:
    """Selecting one of the flows takes its part only; the file stays claimed until the other has taken its own."""
    partners.drop("a.csv")
    partners.run("bronze.prices")
    assert partners.names("processed") == []
    assert partners.rows("bronze.promos") == Counter()
    partners.run("partners")
    assert partners.rows("bronze.promos") == partners.rows("bronze.prices") == Counter([1, 2])
    assert partners.names("processed") == ["a.csv"]


def test_refused_by_one_taken_by_the_other(partners: Partners) -> None:
    """A file that lacks a column is refused for that dataset, with a receipt that says so, and taken for the other."""
    partners.drop("a.csv", "id,price\n1,1.5\n")
    for _ in range(4):
        partners.run()
    assert partners.rows("bronze.prices") == Counter([1])
    assert partners.names("rejected") == []
    assert "a.csv" in partners.names("processed")
    receipt = (partners.area / "processed" / "a.csv.bronze.promos.receipt.txt").read_text()
    assert "promo" in receipt
    assert partners.names("claimed") == []


def test_refused_by_all(partners: Partners) -> None:
    """A file that no flow can read goes to rejected/, with a receipt of each."""
    partners.drop("a.csv", 'id,price,promo\n1,"never closed,1\n')
    for _ in range(4):
        partners.run()
    assert partners.names("rejected") == [
        "a.csv",
        *(f"a.csv.bronze.{name}.receipt.{kind}" for name in ("prices", "promos") for kind in ("json", "txt")),
    ]
    assert partners.names("claimed") == partners.names("processed") == []


def test_rejected_rows_leave_a_receipt_of_their_flow(partners: Partners) -> None:
    """Rows that break the contract are told in the receipt of that dataset, wherever the file stands then."""
    partners.drop("a.csv", "id,price,promo\n1,no number,x\n2,2.5,y\n")
    partners.run()
    assert partners.rows("bronze.prices") == Counter([2])
    assert "a.csv.bronze.prices.receipt.txt" in partners.names("processed")
    assert "a.csv.bronze.promos.receipt.txt" not in partners.names("processed")


def test_the_same_content_is_taken_once_by_each(partners: Partners) -> None:
    """The same bytes under another name change nothing, and say so."""
    partners.drop("a.csv")
    partners.run()
    partners.drop("b.csv")
    assert partners.run().succeeded
    assert partners.rows("bronze.prices") == partners.rows("bronze.promos") == Counter([1, 2])
    assert "b.csv" in partners.names("processed")
    assert partners.names("claimed") == []


def test_options_of_a_dataset_are_placed(tmp_path: Path) -> None:
    """An unknown option is told with the line at which it stands, also inside a dataset's part."""
    partners = Partners(tmp_path, SOURCE.replace("{delimiter:", "{delimeter:"))
    platform = Platform(open_project(partners.root), threads=1)
    with pytest.raises(Exception, match=r"partners.yaml:5:\d+.*delimeter"):
        platform.flows.source_flow(platform.project.sources[1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("connector: files\ndataset: bronze.prices\ndatasets: {bronze.promos: }\n", "one of them"),
        ("connector: files\ndatasets: [bronze.promos]\n", "not a mapping"),
        ("connector: files\ndatasets: {bronze.promos: {option: 1}}\n", "option"),
        ("connector: files\ndatasets: {bronze.nothing: }\n", "no contract for bronze.nothing"),
        ("connector: files\n", "key dataset is missing"),
    ],
)
def test_wrong_parts_are_refused(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong with `datasets` is said with its place."""
    partners = Partners(tmp_path, text)
    with pytest.raises(ManyErrors, match=said):
        open_project(partners.root)


def test_names_like_receipts_are_data(partners: Partners) -> None:
    """What arrives is data, whatever its name, and its receipts are told apart from it."""
    source = partners.root / "sources" / "partners.yaml"
    source.write_text(source.read_text().replace('pattern: ["*.csv", "*.xlsx"]', "format: csv"))
    partners.drop("a.receipt.json", "id,price,promo\n1,1.5,x\n")
    partners.drop("a.receipt.txt", "id,price,promo\n2,2.5,x\n")
    partners.drop("a", "id,price,promo\n3,no number,x\n4,1,y\n")
    assert partners.run().succeeded
    assert partners.rows("bronze.prices") == Counter([1, 2, 4])
    assert partners.rows("bronze.promos") == Counter([1, 2, 3, 4])
    assert partners.names("claimed") == partners.names("incoming") == []
    assert len(partners.names("processed")) == 5
    assert {"a", "a.bronze.prices.receipt.json"} < set(partners.names("processed"))


def test_no_receipt_is_lost_between_flows(partners: Partners) -> None:
    """However two flows interleave, each one's receipt ends beside the file, and nothing stays in claimed/."""
    source = partners.root / "sources" / "partners.yaml"
    source.write_text(source.read_text().replace("path: in,", "path: in, max_files: 1,"))
    for number in range(12):
        partners.drop(f"{number:02}.csv", f"id,price,promo\n{number},1,x\nx,1,{number}\n")
    partners.run()
    receipts = [name for name in partners.names("processed") if name.endswith(".receipt.json")]
    assert receipts == sorted(
        f"{number:02}.csv.bronze.{name}.receipt.json" for number in range(12) for name in ("prices", "promos")
    )
    assert partners.names("claimed") == []


def test_a_file_that_both_refuse_counts_once(partners: Partners) -> None:
    """The flows tell each file they refused, also of one batch; the run counts files."""
    for number in range(3):
        partners.drop(f"{number}.csv", "id;nothing\n" + f"{number};1\n" + '"never closed')
    partners.drop("z.csv")
    report = partners.run()
    assert [len(result.refused) for result in report.results] == [3, 3]
    assert count_refused(report) == 3


@pytest.mark.crash
@pytest.mark.req("X3", "F5")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_at_every_point(tmp_path: Path, nth: int) -> None:
    """A process that is killed at any point, in either of the flows, loses and doubles nothing, and leaves no file behind."""
    partners = Partners(tmp_path / "shop")
    killed = 0
    for number, point in enumerate(POINTS):
        partners.drop(f"{number:03}.csv", f"id,price,promo\n{number},1.5,x\nx,1,{number}\n")
        killed += run_once(partners.root, kill_at(point, nth)) < 0
        assert run_once(partners.root) == 0
        assert partners.names("claimed") == [], f"after {point}"
        files = [f"{done:03}.csv" for done in range(number + 1)]
        tags = [f".bronze.{name}.receipt.{kind}" for name in ("prices", "promos") for kind in ("json", "txt")]
        assert partners.names("processed") == sorted(file + tag for file in files for tag in ("", *tags)), (
            f"after {point}"
        )
    assert partners.rows("bronze.prices") == partners.rows("bronze.promos") == Counter(range(len(POINTS)))
    assert killed > len(POINTS) // 2


def test_an_unknown_connector_has_its_place(tmp_path: Path) -> None:
    """A misspelt connector is told with file and line, and the nearest that there is."""
    partners = Partners(tmp_path, SOURCE.replace("connector: files", "connector: filess"))
    with pytest.raises(ManyErrors, match=r"partners.yaml:1:\d+.*no connector 'filess'"):
        open_project(partners.root)
