"""Every way of writing that an option names is read as it was written, and what is written by others comes back value for value."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from entrepot.adapters.files.csv.examples import EXAMPLES
from entrepot.adapters.files.csv.spec import FORMAT
from entrepot.connectors import load_connector, read_options
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.intake.sources.formats import FormatContext
from entrepot.kernel.events import Event
from entrepot.ports.relations import Stream
from tests.adapters.files.csv_reading import faults, read_rows, read_values, refusal

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1f"), max_size=8)
AWKWARD = st.text(st.sampled_from("a\"'; ,\n\r|é\t\\#§𐍈\u2028\x85\x0c"), max_size=6)


@given(
    rows=st.lists(st.tuples(*[ANY_TEXT | AWKWARD] * 3), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", ";", "|", "\t", "^", "~", ":", " ", "\x01", "§", "||", "<>", "aXa"]),
    quote=st.sampled_from("\"'`"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_what_python_writes_is_read(
    tmp_path: Path, rows: list[tuple[str, ...]], delimiter: str, quote: str, quoting: Any, encoding: str
) -> None:
    """Tables of any text in any dialect and encoding come back equal; unquoted empties are null."""
    text = io.StringIO(newline="")
    if len(delimiter) > 1:
        quoting = csv.QUOTE_ALL  # Python writes delimiters of one character only
    writer = csv.writer(
        text,
        delimiter="\x1f" if len(delimiter) > 1 else delimiter,
        quotechar=quote,
        quoting=quoting,
        lineterminator="\r\n",
    )
    writer.writerow(["p", "q", "r"])
    writer.writerows(rows)
    content = text.getvalue().replace("\x1f", delimiter).encode(encoding)
    stated = {"encoding": encoding} if encoding == "gb18030" else {}
    wanted = [tuple(value or None for value in row) for row in rows] if quoting == csv.QUOTE_MINIMAL else rows
    assert read_values(tmp_path, content, delimiter=delimiter, quote=quote, **stated) == wanted


@given(
    rows=st.lists(st.tuples(*[st.text(st.sampled_from('ab"\\,\n\r; '), max_size=6)] * 2), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONE]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_escapes_that_python_writes_are_read(tmp_path: Path, rows: list[tuple[str, ...]], quoting: Any) -> None:
    """Escaped quotes, delimiters, line ends and escapes come back, within quotes and without any."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, escapechar="\\", doublequote=False, lineterminator="\r\n")
    writer.writerow(["p", "q"])
    writer.writerows(rows)
    wanted = rows if quoting == csv.QUOTE_ALL else [tuple(value or None for value in row) for row in rows]
    quote = "" if quoting == csv.QUOTE_NONE else '"'
    assert read_values(tmp_path, text.getvalue(), delimiter=",", escape="\\", quote=quote) == wanted


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-be"])
def test_lone_surrogates_are_refused(tmp_path: Path, encoding: str) -> None:
    """Half a character is no character: the file is refused with byte and line."""
    content = "a\nok\n\ud800x\n".encode(encoding, "surrogatepass")
    assert "(line 3) cannot be read" in refusal(tmp_path, content, encoding=encoding)


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1252", "latin-1", "cp437", "shift_jis", "cp500"],
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """Text in a stated encoding is read, also where its line ends are other bytes."""
    letters = "テスト" if encoding == "shift_jis" else "Zürich"
    assert read_values(tmp_path, f"a,b\n1,{letters}\n".encode(encoding), encoding=encoding) == [("1", letters)]


@pytest.mark.parametrize(("encoding", "line"), [("utf-8", 40_002), ("shift_jis", 40_002), ("utf-16-le", 40_002)])
def test_wrong_encoding_names_byte_and_line(tmp_path: Path, encoding: str, line: int) -> None:
    """However far into the file: the byte and the line are the right ones."""
    good = ("a,b\r\n" + "1,日本\r\n" * 40_000).encode(encoding)
    bad = {"utf-8": b"1,\xff\n", "shift_jis": b"1,\xff\n", "utf-16-le": b"\x00\xdc\n\x00"}[encoding]
    offset = len(good) + (0 if encoding == "utf-16-le" else 2)
    assert f"byte {offset} (line {line})" in refusal(tmp_path, good + bad, encoding=encoding)


def test_utf_16_without_a_mark_has_two_readings(tmp_path: Path) -> None:
    """The order of bytes is not guessed."""
    said = refusal(tmp_path, "a\n1\n".encode("utf-16-le"), encoding="utf-16")
    assert "two orders" in said
    assert "utf-16-le" in said
    assert "utf-16-be" in said


@pytest.mark.parametrize(
    ("magic", "words"),
    [
        (b"BZh91AY&SY", "bzip2"), (b"\xfd7zXZ\0aa", "xz"), (b"%PDF-1.7", "PDF"), (b"PAR1aaaa", "Parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"), (b"SQLite format 3\0", "SQLite"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, magic: bytes, words: str) -> None:
    """A file of another kind under a name of text is told by its first bytes."""
    said = refusal(tmp_path, magic + b"\n1,2\n")
    assert words in said
    assert "gzip or zstd" in said


def test_a_zip_of_one_file_is_read(tmp_path: Path) -> None:
    """An archive that holds one text is that text; a workbook under the name of text is refused."""
    for names, wanted in ((["a.csv"], True), (["[Content_Types].xml", "xl/workbook.xml"], False)):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name in names:
                archive.writestr(name, "a,b\n1,2\n")
        if wanted:
            assert read_values(tmp_path, packed.getvalue()) == [("1", "2")]
        else:
            assert "archive of 2 files" in refusal(tmp_path, packed.getvalue())


def test_delimiters_of_several_characters(tmp_path: Path) -> None:
    """They part values only outside quotes, also where two blocks meet and where they overlap with themselves."""
    line = '1aa"2aa3"aa4\n'
    rows = read_values(tmp_path, "xaayaaz\n" + line * 200_000, delimiter="aa")
    assert set(rows) == {("1", "2aa3", "4")}
    assert len(rows) == 200_000
    assert read_values(tmp_path, "x--y\n1---2\n", delimiter="--") == [("1", "-2")]
    assert "U+001F" in refusal(tmp_path, "x--y\n1--\x1f2\n", delimiter="--")
    ragged = read_rows(tmp_path, "x--y\n1--2--3\n", delimiter="--")
    assert ragged[0]["_faults"][0]["text"] == "1--2--3"


def test_separator_line(tmp_path: Path) -> None:
    """The line `sep=;` is believed and is no record; an option that says otherwise is a contradiction."""
    content = "sep=;\r\na;b\r\n1,5;2\r\n3\r\n"
    rows = read_rows(tmp_path, content)
    assert (rows[0]["a"], rows[0]["b"]) == ("1,5", "2")
    assert rows[1]["_faults"][0]["at"] == "line 4"
    assert read_values(tmp_path, content, delimiter=";") == [("1,5", "2")]
    assert "semicolon; the option csv.delimiter says comma" in refusal(tmp_path, content, delimiter=",")


def test_null_words(tmp_path: Path) -> None:
    """Stated words are null where they stand without quotes, and text where they are quoted or only a part."""
    rows = read_values(tmp_path, 'a,b\n#,NULL\n"#","NULL"\n#1,null\n', null_words=("#", "NULL"))
    assert rows == [(None, None), ("#", "NULL"), ("#1", "null")]


def test_columns_without_name_and_value_are_left_out(tmp_path: Path) -> None:
    """Empty columns at the end mean nothing; a record far behind with a value there is rejected, never cut."""
    good = "1,2,,\n" * 100_000
    rows = read_rows(tmp_path, "a,b,,\n" + good + "3,4,,x\n5,6,,\n")
    assert len(rows) == 100_002
    assert faults(rows) == {100_001: "unnamed_value"}
    assert list(rows[0])[:2] == ["a", "b"]
    assert "no name for column 3, 4 of 4" in refusal(tmp_path, "a,b,,\n1,2,,x\n")


def test_trailing_delimiters(tmp_path: Path) -> None:
    """A delimiter at the end of every record has two readings; an option decides."""
    content = "a,b\n1,2,\n3,4,\n"
    said = refusal(tmp_path, content)
    assert "csv.trailing_delimiter" in said
    assert "csv.columns" in said
    assert read_values(tmp_path, content, trailing_delimiter=True) == [("1", "2"), ("3", "4")]
    assert faults(read_rows(tmp_path, content + "5,6\n7,8,9\n", trailing_delimiter=True)) == {
        3: "ragged_record",
        4: "unnamed_value",
    }
    assert read_values(tmp_path, "1,2,\n", trailing_delimiter=True, header=False, columns=("a", "b")) == [("1", "2")]


def test_records_that_are_no_data_are_counted_and_announced(tmp_path: Path) -> None:
    """Totals at the end and records that begin with a word are left out, whole or ragged; the others keep their numbers."""
    told: list[Event] = []
    content = "a,b\n1,2\nTotal,2\n3,4\nTotal\n ,Total sum\n5,6\nprinted,today\nby,me\n"
    rows = read_rows(tmp_path, content, FormatContext(emit=told.append), skip_last=2, skip_starting=("Total",))
    assert [(row["_record"], row["a"]) for row in rows] == [(1, "1"), (3, "3"), (5, " "), (6, "5")]
    assert [(event.name, event.subject, dict(event.data)) for event in told] == [
        ("records_left_out", "x.csv", {"skip_starting": 2, "skip_last": 2})
    ]


@pytest.mark.parametrize("rows", [0, 1, 3, 70_000])
def test_last_records_over_blocks(tmp_path: Path, rows: int) -> None:
    """However blocks fall: all but the last three."""
    found = read_values(tmp_path, "a,b\n" + "".join(f"{number},{'x' * 30}\n" for number in range(rows)), skip_last=3)
    assert [value for value, _ in found] == [str(number) for number in range(max(0, rows - 3))]


def test_comments_over_blocks(tmp_path: Path) -> None:
    """Comment lines of several characters mean nothing anywhere outside quotes."""
    content = "-- head\na,b\n" + ("1,2\n" * 100_000 + '-- note, with a " in it\n' + '"x\n-- no note",4\n') * 4
    rows = read_values(tmp_path, content, comment="--")
    assert len(rows) == 400_004
    assert rows.count(("x\n-- no note", "4")) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": ""}, "one or more characters"), ({"delimiter": "a\n"}, "no line end"), ({"delimiter": ';"'}, "is the quote"),
        ({"quote": "þ"}, "one ASCII character"), ({"quote": "''"}, "one ASCII character"), ({"escape": '"'}, "is the quote"),
        ({"encoding": "utf-7"}, "names of encodings"), ({"encoding": "rot13"}, "names of encodings"), ({"null_words": ("",)}, "empty text"),
        ({"thousands": "."}, "same as decimal"), ({"header": False}, "csv.columns"), ({"columns": ("a", "A")}, "twice"),
    ],
)  # fmt: skip
def test_options_that_cannot_be(options: dict[str, Any], said: str) -> None:
    """What no file can be read by is told before any is."""
    assert FORMAT.check is not None
    filled = {field.name: field.default for field in FORMAT.fields} | options
    assert any(said in text for _, text in FORMAT.check(filled))
    assert FORMAT.check({field.name: field.default for field in FORMAT.fields}) == []


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (0, [("0400", "Maschinen", "1234.50"), ("0420", None, "-17.00")]),
        (1, [("ALB", "3"), ("BOS", "7")]),
        (2, [("1", "it's 5 || 6"), ("2", "plain")]),
    ],
)
def test_examples(tmp_path: Path, number: int, wanted: list[tuple[str | None, ...]]) -> None:
    """What `entrepot connectors show csv` teaches is so."""
    example = EXAMPLES[number]
    options = YAML(typ="safe").load(example.yaml)["csv"]
    filled = read_options(load_connector("files"), {"path": "in", "csv": options})["csv"]
    context = FormatContext((Column("Betrag", ColumnType(Kind.DECIMAL)), *map(text_column, ("Konto", "store", "id"))))
    (part,) = FORMAT.build(filled, context).parts(write(tmp_path, example.picture), "x.csv")
    assert isinstance(part.rows, Stream)
    rows = [tuple(row.values())[:-2] for batch in part.rows.open() for row in batch.to_pylist()]
    assert rows == wanted


def text_column(name: str) -> Column:
    return Column(name, ColumnType(Kind.STRING))


def write(folder: Path, text: str) -> Path:
    (folder / "x.csv").write_text(text)
    return folder / "x.csv"
