"""What could be read in two ways is refused with both readings and the option that decides, or shown by `entrepot check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.adapters.files.csv.options import CsvOptions
from entrepot.adapters.files.csv.reader import CsvFormat
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.intake.sources.formats import FormatContext, Sniffed
from tests.adapters.files.csv_reading import faults, read_rows, read_values, refusal

AMOUNT = FormatContext((Column("amount", ColumnType(Kind.DECIMAL)), Column("text", ColumnType(Kind.STRING))))


def sniff(
    folder: Path, content: str, context: FormatContext = AMOUNT, encoding: str = "utf-8", **options: object
) -> Sniffed:
    path = folder / "x.csv"
    path.write_bytes(content.encode(encoding))
    return CsvFormat(CsvOptions(**options), context).sniff(path, "x.csv")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["12,5", "3"], "decimal comma"), (["1.234,56"], "decimal comma"), (["1.234", "0,5"], "decimal comma"), (["1234,567"], "decimal comma"),
        (["1,234.56"], 'csv.thousands: ","'), (["1,234,567"], 'csv.thousands: ","'), (["1,234"], "could be 1.234 (a decimal comma) or 1234"),
        (["1,234", "12,5"], "decimal comma"),
    ],
)  # fmt: skip
def test_commas_in_numbers(tmp_path: Path, values: list[str], said: str) -> None:
    """Numbers with commas in a column of numbers are refused until an option says what the comma is."""
    content = "amount;text\n" + "".join(f"{value};x\n" for value in values)
    text = refusal(tmp_path, content, AMOUNT)
    assert said in text
    assert "csv." in text
    assert read_values(tmp_path, content, AMOUNT, decimal=".")[0][0] == values[0]
    assert read_values(tmp_path, content.replace("amount", "note"), AMOUNT)[0][0] == values[0]


def test_a_single_wrong_comma_refuses_no_file(tmp_path: Path) -> None:
    """Where other numbers of the column have a point, a comma is one row's fault."""
    assert len(read_values(tmp_path, "amount;text\n1.50;x\n2,50;x\n", AMOUNT)) == 2


def test_commas_that_are_exceptions(tmp_path: Path) -> None:
    """One comma among many whole numbers, or in a column of whole numbers, is that row's fault; grouped thousands are the file's."""
    whole = FormatContext((Column("pieces", ColumnType(Kind.INTEGER)),))
    assert len(read_values(tmp_path, "amount;text\n" + "3;x\n" * 30 + "2,50;x\n", AMOUNT)) == 31
    assert "decimal comma" in refusal(tmp_path, "amount;text\n" + "3;x\n2,50;x\n" * 15, AMOUNT)
    assert len(read_values(tmp_path, "pieces\n1,5\n2\n", whole, delimiter=";")) == 2
    assert 'csv.thousands: ","' in refusal(tmp_path, "pieces\n1,500\n2\n", whole, delimiter=";")


def test_stated_comma_still_doubts_points(tmp_path: Path) -> None:
    """With a decimal comma stated, 1.5 is neither 1.5 nor 15."""
    rows = read_rows(tmp_path, "amount;text\n1,5;x\n1.5;x\n", AMOUNT, decimal=",")
    assert faults(rows) == {2: "number_format"}


def test_points_that_may_group(tmp_path: Path) -> None:
    """1.234 in every row is read as written, and shown."""
    assert "three digits" in sniff(tmp_path, "amount;text\n" + "1.234;x\n" * 3).facts["look at"]
    assert "look at" not in sniff(tmp_path, "amount;text\n" + "1.234;x\n" * 3 + "1.5;x\n").facts
    assert "look at" not in sniff(tmp_path, "amount;text\n" + "1.234;x\n" * 3, decimal=".").facts


@pytest.mark.parametrize("sign", ["'", "`"])
def test_other_quotes(tmp_path: Path, sign: str) -> None:
    """Values that all stand between apostrophes: quotes or not, an option decides."""
    content = f"amount,text\n1,{sign}a{sign}\n2,{sign}b,c{sign}\n".replace("b,c", "b")
    assert "csv.quote" in refusal(tmp_path, content, AMOUNT)
    assert read_values(tmp_path, content, AMOUNT, quote=sign) == [("1", "a"), ("2", "b")]
    assert read_values(tmp_path, content, AMOUNT, quote='"')[0] == ("1", f"{sign}a{sign}")


def test_header_that_no_contract_knows(tmp_path: Path) -> None:
    """A file without a header would lose its first record and all its values; it is refused."""
    said = refusal(tmp_path, "1,x\n2,y\n", AMOUNT)
    assert "none of the 2 names" in said
    assert "csv.header: false" in said
    assert read_values(tmp_path, "1,x\n2,y\n", AMOUNT, header=False, columns=("amount", "text")) == [
        ("1", "x"),
        ("2", "y"),
    ]
    assert read_values(tmp_path, "AMOUNT \n1\n", AMOUNT) == [("1",)]


@pytest.mark.parametrize("sign", [":", "^", "~", "¦"])
def test_unusual_delimiter_is_named(tmp_path: Path, sign: str) -> None:
    """A delimiter that would give the contract's columns is told, not taken."""
    content = f"amount{sign}text\n1{sign}x\n"
    assert repr(sign) in refusal(tmp_path, content, AMOUNT)
    assert read_values(tmp_path, content, AMOUNT, delimiter=sign) == [("1", "x")]


@pytest.mark.parametrize(
    ("dates", "codes", "said"),
    [
        (["03/04/2025", "01/02/2025"], None, "could be dd/MM/yyyy or MM/dd/yyyy; the contract must give the format"),
        (["03/04/2025"], "%m/%d/%Y", "the contract decides for MM/dd/yyyy"), (["13/04/2025"], "%m/%d/%Y", "are dd/MM/yyyy; the contract says MM/dd/yyyy"),
        (["13.04.25"], None, "are dd.MM.yy; the contract gives no format"), (["13/04/2025", "04/13/2025"], "%d/%m/%Y", "both orders"),
        (["13/04/2025"], "%d/%m/%Y", None), (["2025-04-13"], None, None),
    ],
)  # fmt: skip
def test_dates_in_two_orders(tmp_path: Path, dates: list[str], codes: str | None, said: str | None) -> None:
    """Day and month are the contract's to tell; `check` shows what the file seems to have."""
    context = FormatContext((Column("sold_on", ColumnType(Kind.DATE, format=codes)),))
    notes = sniff(tmp_path, "sold_on\n" + "\n".join(dates) + "\n", context).facts.get("look at")
    assert (said is None and notes is None) or (said is not None and notes is not None and said in notes)


def test_a_wrong_single_byte_encoding_is_shown(tmp_path: Path) -> None:
    """cp1252 stated for what is valid UTF-8 gives other letters; it is done, and shown."""
    path = tmp_path / "x.csv"
    path.write_bytes("amount;text\n1;Zürich\n".encode())
    facts = CsvFormat(CsvOptions(encoding="cp1252"), AMOUNT).sniff(path, "x.csv").facts
    assert "valid utf-8" in facts["look at"]
    path.write_bytes("amount;text\n1;Zürich\n".encode("cp1252"))
    assert "look at" not in CsvFormat(CsvOptions(encoding="cp1252"), AMOUNT).sniff(path, "x.csv").facts


def test_facts(tmp_path: Path) -> None:
    """Every fact is shown with how it is known; shapes, never values."""
    facts = sniff(tmp_path, "sep=;\r\namount;text\r\n1;secret\r\n2\r\n", encoding="utf-8-sig").facts
    assert facts["delimiter"] == "semicolon (its first line says so)"
    assert facts["encoding"] == "utf-8 (byte-order mark)"
    assert facts["line ends"] == "CRLF"
    assert facts["header"] == "line 2, 2 names"
    assert facts["records"] == "2, 2 values each; 1 with more or fewer values would be rejected"
    assert facts["values"] == "1 × integer, 1 × text"
    assert "secret" not in str(facts)


@pytest.mark.timeout(20)
def test_long_digits_are_looked_at_once(tmp_path: Path) -> None:
    """No value makes looking at it slow: patterns go over it once."""
    for text in ("1" * 200_000, "1" * 200_000 + "x", "111." * 50_000 + "x", "0" * 200_000 + ".x"):
        assert "text" in sniff(tmp_path, f"amount;text\n{text};x\n").facts["values"]
