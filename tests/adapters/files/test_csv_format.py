"""Delimited text is read record for record: numbered, flat in memory, and damaged files are errors."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from entrepot.kernel.errors import DataError
from entrepot.ports.relations import FAULTS, RECORD, Stream
from tests.adapters.files.formats import csv_format


def open_csv(
    folder: Path, content: str | bytes, *, numeric: tuple[str, ...] = (), known: tuple[str, ...] = (), **options: Any
) -> Stream:
    """The stream of one file."""
    path = folder / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (part,) = csv_format(numeric=numeric, known=known, **options).parts(path, "x.csv")
    assert isinstance(part.rows, Stream)
    return part.rows


def read(folder: Path, content: str | bytes, **options: Any) -> list[tuple[str | None, ...]]:
    """Values of all records, without numbers and faults."""
    return [tuple(row.values())[:-2] for row in read_all(folder, content, **options)]


def read_all(folder: Path, content: str | bytes, **options: Any) -> list[dict[str, Any]]:
    """All records whole; the schema must be the promised one."""
    stream = open_csv(folder, content, **options)
    batches = list(stream.open())
    assert all(batch.schema == stream.schema for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()]


def refusal(folder: Path, content: str | bytes, **options: Any) -> str:
    """What the refusal of a file says."""
    with pytest.raises(DataError) as caught:
        read(folder, content, **options)
    return str(caught.value)


def test_unquoted_empty_is_null_and_quoted_empty_is_text(tmp_path: Path) -> None:
    """The two empties differ, and words such as NULL or NA are text."""
    assert read(tmp_path, 'a,b,c\n,"",NA\n"",,NULL\n') == [(None, "", "NA"), ("", None, "NULL")]


def test_nothing_is_typed(tmp_path: Path) -> None:
    """Values stay as they are written."""
    assert read(tmp_path, "a,b,c\n00001,1.50,2026-01-01\n") == [("00001", "1.50", "2026-01-01")]


def test_ragged_records_are_faults_in_their_place(tmp_path: Path) -> None:
    """A record with too few or too many values keeps its number, its line and its text; its neighbours are whole."""
    rows = read_all(tmp_path, 'a,b\n1,2\n3\n\n"x\ny",5\n6,7,8\n9,10\n')
    assert [row[RECORD] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["a"] for row in rows] == ["1", None, "x\ny", None, "9"]
    assert rows[1][FAULTS] == [{"column": None, "at": "line 3", "reason": "ragged_record", "text": "3"}]
    assert rows[3][FAULTS] == [{"column": None, "at": "line 7", "reason": "ragged_record", "text": "6,7,8"}]
    assert [row[FAULTS] for row in rows[::2]] == [None, None, None]


def test_numbers_and_lines_over_many_blocks(tmp_path: Path) -> None:
    """Over many blocks of the parser every record has its number and every ragged one its line."""
    chance = random.Random(7)
    written: list[str] = ["a,b\n"]
    wanted: list[tuple[int, str | None, str | None]] = []
    line = 2
    for number in range(1, 60_001):
        kind = chance.choice(["plain"] * 8 + ["ragged", "quoted", "blank", "long"])
        text = {
            "plain": f"{number},v\n", "ragged": f"{number}\n", "quoted": f'{number},"x\ny"\n', "blank": f"\n{number},v\n",
            "long": f"{number},{'z' * 400}\n",
        }[kind]  # fmt: skip
        begin = line + (kind == "blank")
        wanted.append((number, None, f"line {begin}") if kind == "ragged" else (number, str(number), None))
        line += text.count("\n")
        written.append(text)
    rows = read_all(tmp_path, "".join(written))
    assert [(row[RECORD], row["a"], row[FAULTS] and row[FAULTS][0]["at"]) for row in rows] == wanted


def test_record_longer_than_a_block(tmp_path: Path) -> None:
    """A long record makes the parser begin again with larger blocks; nothing is lost or given twice."""
    lines = [f"{number},x\n" for number in range(200_000)]
    lines[150_000] = f"150000,{'y' * 3_000_000}\n"
    stream = open_csv(tmp_path, "a,b\n" + "".join(lines))
    numbers = [number for batch in stream.open() for number in batch.column(RECORD).to_pylist()]
    assert numbers == list(range(1, 200_001))


@pytest.mark.parametrize("tail", ['4,"x\n5,y\n', '4,"x""\n5,y\n', '4,"x\n' + "5,y\n" * 400_000])
def test_open_quote_is_refused_with_its_line(tmp_path: Path, tail: str) -> None:
    """A quote that is never closed would swallow the rest of the file; it is refused, and the line is named."""
    assert "line 3: a quote is opened and never closed" in refusal(tmp_path, "a,b\n1,2\n" + tail)


@pytest.mark.parametrize("row", ['"x" y', '"5" pipe"', '"a"b"', '"x"""y'])
def test_text_after_a_closing_quote_is_refused(tmp_path: Path, row: str) -> None:
    """The parser would drop the quote and keep the rest; it is refused instead."""
    assert "line 3: text follows a closing quote" in refusal(tmp_path, f"a,b\n1,2\n3,{row}\n4,5\n")


def test_stray_quotes_stand_for_themselves(tmp_path: Path) -> None:
    """A quote within an unquoted value is a character like any other."""
    assert read(tmp_path, 'a,b\n1,5" pipe\n2,6"\n3,"q"\n') == [("1", '5" pipe'), ("2", '6"'), ("3", "q")]


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    """A file without even a header is no file with zero rows."""
    assert "empty" in refusal(tmp_path, content)


@pytest.mark.parametrize("content", ["a,b\n", "a,b", "\n\na,b\r\n\r\n"])
def test_header_alone_gives_no_rows(tmp_path: Path, content: str) -> None:
    """A file with a header only is right and has no rows."""
    assert read(tmp_path, content) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,\n1,2,3\n", "no name for column 3 of 3"),
        ("a,b,A\n1,2,3\n", "names columns twice"),
        ("\n\na,,c\n1,2,3\n", "x.csv line 3 has no name for column 2"),
    ],
)
def test_unclear_headers_are_refused(tmp_path: Path, content: str, said: str) -> None:
    """Blank and double names are refused with the header's line and the option that helps."""
    text = refusal(tmp_path, content)
    assert said in text
    assert "csv.columns" in text


def test_stated_columns(tmp_path: Path) -> None:
    """Names can be stated in place of the header's, or where there is none."""
    assert [*read_all(tmp_path, "x,,x\n1,2,3\n", columns=("a", "b", "c"))[0]][:3] == ["a", "b", "c"]
    assert read(tmp_path, "1,2\n3,4\n", columns=("a", "b"), header=False) == [("1", "2"), ("3", "4")]
    assert "names 3 columns" in refusal(tmp_path, "1,2\n", columns=("a", "b", "c"), header=False)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    """The four usual delimiters are told apart, also beside decimal commas and quoted commas."""
    content = f'a{delimiter}b\n"1,5"{delimiter}x\n2{delimiter}"y;|,z"\n'
    assert read(tmp_path, content) == [("1,5", "x"), ("2", "y;|,z")]


def test_unclear_delimiter_is_refused_or_settled_by_the_contract(tmp_path: Path) -> None:
    """Where two delimiters fit, the contract's columns settle it; else it must be stated."""
    content = "id;name,first\n1;x,y\n2;z,w\n"
    assert "not clear" in refusal(tmp_path, content)
    assert read(tmp_path, content, known=("id", "name,first")) == [("1", "x,y"), ("2", "z,w")]
    assert read(tmp_path, content, delimiter=",") == [("1;x", "y"), ("2;z", "w")]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be-bom"])
def test_byte_order_marks_are_believed(tmp_path: Path, encoding: str) -> None:
    """A mark tells the encoding and is not part of the first name."""
    text = "na\u00efve;b\nZ\u00fcrich;\u65e5\u672c\n"
    content = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-bom" else text.encode(encoding)
    rows = read_all(tmp_path, content)
    assert rows[0]["na\u00efve"] == "Zürich"
    assert rows[0]["b"] == "日本"


def test_other_encodings_must_be_stated(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused with their offset; a stated encoding reads them, or says that it cannot."""
    content = b"a\n" + b"x" * 70_000 + b"M\xfcller\n"
    text = refusal(tmp_path, content)
    assert "byte 70003 (line 2)" in text
    assert "csv.encoding" in text
    assert read(tmp_path, content, encoding="cp1252")[0][0].endswith("Müller")  # type: ignore[union-attr]
    assert "byte 2 " in refusal(tmp_path, b"a\n\x81\n", encoding="cp1252")


def test_multi_byte_character_across_chunks(tmp_path: Path) -> None:
    """Characters that two chunks share are whole; a bad byte behind them has its right offset."""
    text = "a\n" + "é日\U0001f9fe\n" * 300_000
    assert len(read(tmp_path, text)) == 300_000
    bad = text.encode() + b"\xff\n"
    assert f"byte {len(bad) - 2} " in refusal(tmp_path, bad)


def test_nul_is_refused(tmp_path: Path) -> None:
    """A NUL is no text; UTF-16 without a mark is suspected."""
    assert "NUL character at byte 6" in refusal(tmp_path, "a,b\n1,\0\n2,3\n")
    assert "utf-16-le" in refusal(tmp_path, "a,b\n1,2\n".encode("utf-16-le"))
    assert read(tmp_path, "a,b\n1,2\n".encode("utf-16-le"), encoding="utf-16-le") == [("1", "2")]


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compressed(tmp_path: Path, kind: str) -> None:
    """Compressed files are read as they are; a cut or changed one is refused, however little is missing."""
    chance = random.Random(3)
    text = ("a,b\n" + "".join(f"{number},{chance.random()}\n" for number in range(100_000))).encode()
    if kind == "gzip":
        packed = gzip.compress(text)
    else:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(text)
        packed = sink.getvalue().to_pybytes()
    assert len(read(tmp_path, packed)) == 100_000
    for length in (len(packed) - 1, len(packed) // 2, 8):
        assert "compression is broken" in refusal(tmp_path, packed[:length])
    assert "compression is broken" in refusal(tmp_path, packed + b"garbage")


def test_skipped_lines_and_comments_keep_line_numbers(tmp_path: Path) -> None:
    """Lines that mean nothing are left out, but count."""
    content = 'A title, with "one quote\n# c\na|b\n# x|y\n1|2\n"3\n# no comment"|4\n5\n'
    rows = read_all(tmp_path, content, skip_lines=1, comment="#", quote='"')
    assert [row["a"] for row in rows] == ["1", "3\n# no comment", None]
    assert rows[2][FAULTS][0]["at"] == "line 8"
    assert rows[2][RECORD] == 3


def test_escapes_and_no_quotes(tmp_path: Path) -> None:
    """Escaped quotes, and quotes that mean nothing, when it is said so."""
    assert read(tmp_path, 'a,b\n"q\\"z",2\n', escape="\\") == [('q"z', "2")]
    assert read(tmp_path, 'a,b\n"q,2\n', quote="") == [('"q', "2")]


def test_old_and_mixed_line_ends(tmp_path: Path) -> None:
    """Lines end as on old Macs, on Unix and on Windows, also within one file."""
    assert read(tmp_path, "a,b\r1,2\r3,4\r") == [("1", "2"), ("3", "4")]
    assert read(tmp_path, "a,b\r\n1,2\n3,4\r\n") == [("1", "2"), ("3", "4")]


def test_decimal_comma_only_in_number_columns(tmp_path: Path) -> None:
    """Numbers are rewritten where the contract wants numbers; a doubtful one is a fault with column and text."""
    rows = read_all(tmp_path, "Amount;text\n1.234,5;1.234,5\n1.5;x\n", numeric=("amount",), decimal=",", thousands=".")
    assert rows[0]["Amount"] == "1234.5"
    assert rows[0]["text"] == "1.234,5"
    assert rows[1][FAULTS] == [{"column": "Amount", "at": "record 2", "reason": "number_format", "text": "1.5"}]


def test_wrong_delimiter_is_refused_before_memory_is_full(tmp_path: Path) -> None:
    """A large file of nothing but ragged records is refused; the error shows no record."""
    text = refusal(tmp_path, "a,b\n" + "secret\n" * 150_000)
    assert "one after the other" in text
    assert "secret" not in text


def test_abandoned_reading_closes_the_file(tmp_path: Path) -> None:
    """A consumer may stop after the first batch."""
    stream = open_csv(tmp_path, "a,b\n" + "1,2\n" * 1_000_000)
    batches = stream.open()
    assert next(iter(batches)).num_rows > 0
    batches.close()  # type: ignore[attr-defined]


def test_sniff_says_what_was_found(tmp_path: Path) -> None:
    """`entrepot check` tells what was found out and what was stated."""
    path = tmp_path / "x.csv"
    path.write_text("a;b\n1;2\n")
    found = csv_format().sniff(path, "x.csv")
    assert found.facts["delimiter"] == "semicolon (found out)"
    assert found.columns == ("a", "b")
    assert "stated" in csv_format(delimiter=";").sniff(path, "x.csv").facts["delimiter"]
