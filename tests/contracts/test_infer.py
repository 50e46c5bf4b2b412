"""A contract drafted from data fits the data, says what it is unsure of, and finds what is likely personal."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.app.profiling import profile_file
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.contracts.infer.decide import Inferred, infer_contract
from entrepot.contracts.infer.write import render_draft
from entrepot.contracts.load import lint_contract, load_contracts
from entrepot.contracts.row_rules import OneOf
from entrepot.contracts.types import Kind
from entrepot.kernel.errors import DataError
from entrepot.kernel.names import Dataset
from entrepot.ports.relations import QueryScan, TableVersion

NAME = Dataset("bronze", "things")


def draft(path: Path, rows: int | None = None) -> Inferred:
    return infer_contract(profile_file(path, {}, rows, "Europe/Berlin"), NAME, "Europe/Berlin")


def write(folder: Path, **columns: Sequence[object]) -> Path:
    """A CSV file with these columns; headers may hold blanks as `_`."""
    path = folder / "things.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


N = 60
TYPES: dict[str, tuple[list[str], str]] = {
    "whole": ([str(n - 5) for n in range(N)], "integer"),
    "amount": ([f"{n}.{n % 10}5" for n in range(N)], "decimal(18,2)"),
    "measure": ([f"1.{n}e-3" for n in range(N)], "double"),
    "flag": (["yes", "no"] * (N // 2), "boolean"),
    "letter_flag": (["y", "n"] * (N // 2), "string"),
    "other_letter_flag": (["t", "F"] * (N // 2), "string"),
    "dash": (["-", "1"] * (N // 2), "string"),
    "plus": (["+", "1.5"] * (N // 2), "string"),
    "too_large": (["1e400", "1.5e2"] * (N // 2), "string"),
    "no_day": (["2024-02-30T10:00", "2024-02-28T10:00"] * (N // 2), "string"),
    "no_hour": (["2024-02-28T25:00", "2024-02-28T10:00"] * (N // 2), "string"),
    "skipped": (["2024-03-31 02:30:00", "2024-03-31 04:30:00"] * (N // 2), "timestamp_local"),
    "skipped_iso": (["2024-03-31T02:30", "2024-03-31T04:30"] * (N // 2), "timestamp_local"),
    "skipped_dotted": (["31.3.2024 02:30", "31.3.2024 04:30"] * (N // 2), "timestamp_local"),
    "repeated_mixed": (["2024-10-27T02:30", "2024-10-27T02:30Z"] * (N // 2), "string"),
    "zoneless": (["2024-03-31 01:30:00", "2024-03-31 04:30:00"] * (N // 2), "timestamp"),
    "day": ([f"2026-01-{n % 28 + 1:02}" for n in range(N)], "date"),
    "german_day": ([f"{n % 28 + 1}.1.2026" for n in range(N)], "date"),
    "american_day": ([f"1/{n % 28 + 1}/2026" for n in range(N)], "date"),
    "compact": ([f"202601{n % 28 + 1:02}" for n in range(N)], "date"),
    "moment": ([f"2026-01-01T10:00:{n:02}Z" for n in range(N)], "timestamp"),
    "text": ([f"t{n}" for n in range(N)], "string"),
    "zip": ([f"0{n:04}" for n in range(N)], "string"),
    "long": (["12345678901234567890"] * N, "string"),
    "either_day": (["03/04/2026"] * N, "string"),
    "nothing": ([""] * N, "string"),
    "comma": ([f"1.234,{n:02}" for n in range(N)], "string"),
}


def test_types(tmp_path: Path) -> None:
    """Each way to write values gets its type; what would lose something, or could be read two ways, stays text."""
    found = draft(write(tmp_path, **{name: values for name, (values, _) in TYPES.items()}))
    assert {c.name: str(c.type).split(" ")[0] for c in found.contract.columns} == {k: v for k, (_, v) in TYPES.items()}
    assert "leading zeros" in " ".join(found.remarks["zip"])
    assert "month/day" in " ".join(found.remarks["either_day"])
    assert "decimal comma" in " ".join(found.remarks["comma"])
    assert "no value" in " ".join(found.remarks["nothing"])
    for name in ("skipped", "skipped_iso", "skipped_dotted", "repeated_mixed"):
        assert "30 of 60 values are times that the clocks of Europe/Berlin skip or show twice" in " ".join(
            found.remarks[name]
        )


def draft_table(folder: Path, **columns: pa.Array) -> Inferred:
    path = folder / "things.parquet"
    pq.write_table(pa.table(columns), path)
    return draft(path)


def test_values_that_are_the_same_make_no_key(tmp_path: Path) -> None:
    """`5` and `+5` are one number, `1.1.2026` and `01.01.2026` one day: such columns are not unique."""
    ids = [*(str(n) for n in range(N - 1)), "+5"]
    days = [*(f"{n % 28 + 1}.{n // 28 + 1}.2026" for n in range(N - 1)), "01.01.2026"]
    found = draft(write(tmp_path, id=ids, day_id=days))
    assert [c.type.kind for c in found.contract.columns] == [Kind.INTEGER, Kind.DATE]
    assert found.contract.key == ()


def test_remarks_stand_above_their_columns(tmp_path: Path) -> None:
    """Also where a column holds named values itself."""
    found = draft_table(tmp_path, a=pa.array([{"x": 1, "y": "b"}, {"x": 2, "y": None}]), b=pa.array(["1", "2"]))
    lines = render_draft(found, "a test").splitlines()
    assert [line.strip() for line in lines[lines.index("  - name: a") - 1 :] if "distinct" in line] == [
        f"# {found.remarks[name][0]}" for name in ("a", "b")
    ]
    above = lines.index("  - name: b") - len(found.remarks["b"])
    assert lines[above].strip() == f"# {found.remarks['b'][0]}"


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1_000, 1_001], pa.timestamp("ns")),
        pa.array([1, -800_000], pa.int32()).cast(pa.date32()),
        pa.array([1, 2**62], pa.int64()).cast(pa.timestamp("us")),
        pa.array([1, 2**62], pa.int64()).cast(pa.timestamp("us", "UTC")),
    ],
)
def test_typed_values_that_no_table_holds_stay_text(tmp_path: Path, array: pa.Array) -> None:
    """Nanoseconds and years beyond 9999 are kept, with a remark on what they would need to be a timestamp."""
    found = draft_table(tmp_path, at=array)
    assert found.contract.columns[0].type.kind is Kind.STRING
    assert "that a table can hold" in " ".join(found.remarks["at"])


def test_key_required_and_lists(tmp_path: Path) -> None:
    """A unique column that is called like a key is the key; full columns are required; few values are a list."""
    path = write(
        tmp_path,
        amount=[n * 7 for n in range(N)],
        order_id=[n + 100 for n in range(N)],
        status=(["open", "closed", ""] * N)[:N],
    )
    contract = draft(path).contract
    assert contract.key == ("order_id",)
    assert [c.required for c in contract.columns] == [True, True, False]
    (listed,) = (rule for rule in contract.rules if isinstance(rule, OneOf))
    assert (listed.values, listed.severity) == (("closed", "open"), "warning")


def test_pairs_are_named_when_no_column_is_unique(tmp_path: Path) -> None:
    """Two columns that are unique together are said, not chosen."""
    found = draft(write(tmp_path, day=[n // 2 for n in range(N)], shop=[n % 2 for n in range(N)], x=[1] * N))
    assert found.contract.key == ()
    assert "day + shop" in " ".join(found.notes)


def test_few_rows_make_no_key(tmp_path: Path) -> None:
    """Three different values prove nothing."""
    found = draft(write(tmp_path, id=[1, 2, 3]))
    assert found.contract.key == ()
    assert "too few" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("e_mail", ["", "x"] * 30),
        ("contact", [f"p{n}@example.org" for n in range(N)]),
        ("CustomerName", [f"n{n}" for n in range(N)]),
        ("Geburtsdatum", ["1.1.1990"] * N),
        ("reach", [f"+49 30 12345{n:02}" for n in range(N)]),
        ("bank", [f"DE89 3704 0044 0532 0130 {n:02}" for n in range(N)]),
        ("gender", ["f", "m"] * 30),
    ],
)
def test_personal_data_are_found(tmp_path: Path, header: str, values: list[str]) -> None:
    """By name or by the look of the values, with the reason."""
    found = draft(write(tmp_path, **{header: values}))
    assert found.contract.columns[0].classification == "personal"
    assert "likely personal" in " ".join(next(iter(found.remarks.values())))


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("product_name", [f"n{n}" for n in range(N)]),
        ("ean", [f"40063813339{n:02}" for n in range(N)]),
        ("sold_on", ["2026-01-01"] * N),
        ("amount", [f"{n}.5" for n in range(N)]),
    ],
)
def test_products_and_numbers_are_not_personal(tmp_path: Path, header: str, values: list[str]) -> None:
    """Article numbers are no telephone numbers, products no people."""
    assert draft(write(tmp_path, **{header: values})).contract.columns[0].classification is None


def test_headers_become_names(tmp_path: Path) -> None:
    """Names are in snake case and unique; the source's header is kept as another name of the column."""
    path = tmp_path / "things.csv"
    path.write_text("Unit Price,unitPrice,2nd,€\n1,2,3,4\n")
    columns = draft(path).contract.columns
    assert [c.name for c in columns] == ["unit_price", "unit_price_2", "c_2nd", "column_4"]
    assert columns[0].headers == ("Unit Price",)


def test_the_draft_is_a_valid_contract(tmp_path: Path) -> None:
    """The written draft loads as what was inferred, and lint finds nothing wrong."""
    found = draft(write(tmp_path, **{name: values for name, (values, _) in TYPES.items()}))
    path = tmp_path / "things.odcs.yaml"
    path.write_text(render_draft(found, "a test"))
    assert [finding for finding in lint_contract(path) if finding.severity == "error"] == []
    (loaded,) = load_contracts(path, default_time_zone="UTC").contracts
    assert loaded.columns == found.contract.columns
    assert "# 60 values, 60 distinct, none missing, from -5 to 54" in path.read_text()


def test_a_header_of_values_is_told(tmp_path: Path) -> None:
    """A file whose header is not where it was looked for is not drafted in silence."""
    path = tmp_path / "things.csv"
    path.write_text("2026-01-01,1.5,x\n2026-01-02,2.5,y\n")
    assert "looks like a row of values" in " ".join(draft(path).notes)


def test_a_stated_number_style_is_used(tmp_path: Path) -> None:
    """Numbers with a decimal comma are numbers when the options say so, and thousands are not decimals."""
    path = tmp_path / "things.csv"
    path.write_text("id;pieces;price;name\n" + "".join(f"{n};1.{n:03};2,{n:02};x{n}\n" for n in range(10, 99)))
    profile = profile_file(path, {"csv": {"delimiter": ";", "decimal": ",", "thousands": "."}}, None, "UTC")
    columns = {column.name: str(column.type) for column in infer_contract(profile, NAME, "UTC").contract.columns}
    assert columns == {"id": "integer", "pieces": "integer", "price": "decimal(18,2)", "name": "string"}


def test_computed_numbers_are_no_decimals(tmp_path: Path) -> None:
    """Seventeen places are a computer's: as an exact decimal the next larger number would not fit."""
    found = draft(write(tmp_path, share=[repr(n / 7) for n in range(1, 30)]))
    assert found.contract.columns[0].type.kind is Kind.DOUBLE
    assert "decimal places" in " ".join(found.remarks["share"])


def test_rows_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """Broken records are not simply missing values."""
    path = tmp_path / "things.csv"
    path.write_text("id,text\n" + "".join(f"{n},a\n" for n in range(20)) + "20,a,more\n")
    assert "1 rows cannot be read" in " ".join(draft(path).notes)


def test_the_projects_zone_is_not_repeated(tmp_path: Path) -> None:
    """A draft follows the project's time zone; another one is written down."""
    found = draft(write(tmp_path, id=range(20)))
    assert "timeZone" not in render_draft(found, "a test", project_zone="Europe/Berlin")
    assert "timeZone" in render_draft(found, "a test", project_zone="UTC")


def test_a_sample_says_so(tmp_path: Path) -> None:
    """With --rows only the first rows are counted, and the draft says it."""
    found = draft(write(tmp_path, id=[*range(30), "x"]), rows=30)
    assert found.contract.columns[0].type.kind is Kind.INTEGER
    assert "first 30 rows" in " ".join(found.notes)


def test_sheets_with_other_columns_are_refused(tmp_path: Path) -> None:
    """What cannot be one dataset is said, with what to do."""
    import xlsxwriter

    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for title, header in {"A": "id", "B": "other"}.items():
            book.add_worksheet(title).write_row(0, 0, [header])
    with pytest.raises(DataError, match="other columns"):
        profile_file(path, {"excel": {"sheet": ["A", "B"]}}, None, "UTC")


VALUES = {
    "whole": st.integers(-(10**17), 10**17).map(str),
    "decimal": st.decimals(-(10**9), 10**9, places=4).map(str),
    "day": st.dates().map(str),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12),
    "words": st.sampled_from(["y", "n", "t", "f", "yes", "No", "TRUE", "false", "ye\u017f", "on"]),
    "letters": st.sampled_from(["y", "n"]),
    "signs": st.one_of(
        st.sampled_from(["-", "+", ".", "+5", "-0", "5", ".5", "5.", "-.5"]), st.integers(0, 9).map(str)
    ),
    "exponents": st.sampled_from(["1e400", "-1e999", "1e5", "1.5E-3", "1e-400", "12", "1e308", "9e308"]),
    "clock": st.sampled_from(
        [
            "2024-03-31 02:30:00",
            "2024-10-27 02:30:00",
            "2024-10-27 01:59:59",
            "0001-01-01 00:00:00",
            "2024-07-01 10:00:00",
        ]
    ),
    "iso": st.sampled_from(
        ["2024-03-31T02:30", "2024-10-27T02:30:00", "2024-02-30T10:00", "2024-02-29T10:00Z", "2024-10-27T02:30+02:00"]
    ),
    "iso_local": st.sampled_from(["2024-03-31T02:30", "2024-10-27T02:30:00", "2024-02-29T10:00"]),
    "short_day": st.sampled_from(["5.11.0", "5.11.26", "5.11.2026", "05.11.2026", "31.2.2026", "1.1.0001"]),
    "either_way": st.sampled_from(["03/04/2026 10:00", "31/03/2024 02:30", "10/03/2024 02:30"]),
    "blanks": st.sampled_from(["\t", "\u00a0", " ", "", "1", "x", " 1", "1 "]),
    "mixed": st.sampled_from(["1", "1.5", "x", "2026-01-01", "true", "007", ""]),
}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_draft_accepts_the_data(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """A source with the drafted contract takes every row that the draft was made from: nothing is rejected, nothing lost."""
    rows = data.draw(st.integers(1, 40))
    kinds = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=8))
    columns = {f"c{n}": data.draw(st.lists(VALUES[kind], min_size=rows, max_size=rows)) for n, kind in enumerate(kinds)}
    columns["number"] = [str(n) for n in range(rows)]
    root = tmp_path_factory.mktemp("infer")
    for folder in ("contracts", "sources", "in/incoming"):
        (root / folder).mkdir(parents=True)
    path = write(root, **columns)
    (root / "contracts/things.odcs.yaml").write_text(render_draft(draft(path), "a test"))
    (root / "entrepot.yaml").write_text("name: infer\ntime_zone: Europe/Berlin\n")
    source = {"connector": "files", "dataset": str(NAME), "options": {"path": "in", "wait": {"stable_s": 0}}}
    (root / "sources/things.yaml").write_text(json.dumps(source))
    path.rename(root / "in/incoming" / path.name)
    platform = Platform(open_project(root), threads=1)
    (result,) = run_project(platform).results
    assert result.error is None
    (plan,) = result.plans
    assert plan.counts is not None
    assert (plan.counts.accepted, plan.counts.rejected) == (rows, 0), plan.details.get("reasons")
    scan = QueryScan("SELECT number FROM q.t", {"q.t": TableVersion(str(NAME), platform.tables.version(str(NAME)))})
    taken = platform.engine.query(scan).batches().read_all()["number"].to_pylist()
    assert sorted(taken) == list(range(rows))
