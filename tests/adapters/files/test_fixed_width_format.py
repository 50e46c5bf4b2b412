"""Lines of fixed width: each value from its place, each misfit with its line, and a trailer that is believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.connectors import load_connector, read_options
from entrepot.kernel.errors import ProjectError
from entrepot.kernel.events import Event
from entrepot.ports.relations import FAULTS, RECORD, Stream
from tests.adapters.files.opened import opener, read_rows, read_values, reasons, refusal

COLUMNS = [
    {"name": "id", "start": 1, "width": 4},
    {"name": "name", "start": 5, "end": 10},
    {"name": "amount", "start": 11, "width": 7, "decimals": 2},
]


def fixed(**options: Any) -> dict[str, Any]:
    """Options of the format over the usual columns."""
    return {"format": "fixed_width", "fixed_width": {"columns": COLUMNS, **options}}


def file(folder: Path, text: str | bytes) -> Path:
    """A file of this text."""
    path = folder / "x.dat"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_values_stand_in_their_places(tmp_path: Path) -> None:
    """Widths are characters; blanks are cut off; a value of blanks is null; leading zeros stay."""
    path = file(tmp_path, "0001Müller0001234\r\n2   x          5-\n    é y          \n")
    rows = read_rows(path, **fixed())
    assert rows[0]["name"] == "Müller" and rows[0]["amount"] == "12.34"
    assert reasons(rows[1]) == [("amount", "number_format", "line 2, column 11")]
    assert rows[2] == {"id": None, "name": "é y", "amount": None, RECORD: 3, FAULTS: None}


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("0001234", "12.34"), ("   1234", "12.34"), ("-001234", "-12.34"), ("+1234  ", "+12.34"), ("001234-", "-12.34"),
        ("     34", "0.34"), ("   -034", "-0.34"), ("       ", None),
    ],
)  # fmt: skip
def test_implied_decimals(tmp_path: Path, written: str, wanted: str | None) -> None:
    """The point is put where it is meant; a sign may follow."""
    assert read_values(file(tmp_path, f"1   x     {written}\n"), **fixed())[0]["amount"] == wanted


@pytest.mark.parametrize("written", ["  12.34", "  12,34", "   1 34", "  abc  ", "      4", "--01234"])
def test_what_is_no_such_number_is_a_fault(tmp_path: Path, written: str) -> None:
    """A number with a point of its own, or with fewer digits than decimals, is not guessed."""
    (row,) = read_rows(file(tmp_path, f"1   x     {written}\n"), **fixed())
    assert reasons(row) == [("amount", "number_format", "line 1, column 11")]
    assert row[FAULTS][0]["text"] == written.strip()


def test_short_and_long_lines_are_rejected(tmp_path: Path) -> None:
    """Each with its line and text; empty lines are left out; the others are whole."""
    good = "0001abcdef0000001"
    rows = read_rows(file(tmp_path, f"{good}\n\n{good[:-1]}\n{good}x\n{good}\n0\0"), **fixed())
    assert [(row[RECORD], reasons(row)) for row in rows] == [
        (1, []),
        (3, [(None, "too_short", "line 3")]),
        (4, [(None, "too_long", "line 4")]),
        (5, []),
        (6, [(None, "nul_character", "line 6"), (None, "too_short", "line 6")]),
    ]
    assert rows[1][FAULTS][0]["text"] == good[:-1]
    assert rows[1]["id"] is None


def test_pad_and_length(tmp_path: Path) -> None:
    """Where editors cut trailing blanks a short line may be padded; a stated length leaves room behind the columns."""
    assert read_values(file(tmp_path, "0001ab\n"), **fixed(pad=True)) == [{"id": "0001", "name": "ab", "amount": None}]
    path = file(tmp_path, "0001abcdef0000001 FILLER\n")
    assert read_values(path, **fixed(length=24))[0]["amount"] == "0.01"
    assert reasons(read_rows(path, **fixed())[0]) == [(None, "too_long", "line 1")]


@pytest.mark.parametrize(("trim", "wanted"), [("both", "a"), ("left", "a  "), ("right", "  a"), ("none", "  a  ")])
def test_trim(tmp_path: Path, trim: str, wanted: str) -> None:
    """Blanks are cut off where the column says."""
    columns = [{"name": "v", "start": 1, "width": 5, "trim": trim}]
    path = file(tmp_path, "  a  \n")
    assert read_values(path, format="fixed_width", fixed_width={"columns": columns}) == [{"v": wanted}]


def test_header_and_trailer(tmp_path: Path) -> None:
    """Neither is a record; numbers stay those of the lines."""
    path = file(tmp_path, "whatever\nHBANK\nH2\n0001abcdef0000001\n0002abcdef0000001\nT000002\n\n")
    options = fixed(skip_lines=1, header="H", header_lines=2, trailer={"prefix": "T", "start": 2, "width": 6})
    assert [(row["id"], row[RECORD]) for row in read_rows(path, **options)] == [("0001", 4), ("0002", 5)]


def announced(path: Path, **options: Any) -> tuple[list[str], list[tuple[str, str, dict[str, int]]]]:
    """The ids that are read, and what is announced meanwhile."""
    told: list[Event] = []
    (part,) = opener(path.parent, emit=told.append, **options).parts(path, path.name)
    assert isinstance(part.rows, Stream)
    found = [row["id"] for batch in part.rows.open() for row in batch.to_pylist()]
    return found, [(event.name, event.subject, dict(event.data)) for event in told]


def test_only_the_first_line_is_a_header(tmp_path: Path) -> None:
    """Records that begin as the header does are records, and what is left out is counted and announced."""
    path = file(tmp_path, "HDR0bank  0000000\nH001abcdef0000001\nH002abcdef0000001\n0003abcdef0000001\n")
    ids, told = announced(path, **fixed(header="H"))
    assert ids == ["H001", "H002", "0003"]
    assert told == [("records_left_out", "x.dat", {"header": 1})]


def test_a_file_without_header_loses_no_later_record(tmp_path: Path) -> None:
    """The first line decides; behind a record there is no header."""
    path = file(tmp_path, "0001abcdef0000001\nH002abcdef0000001\n")
    assert announced(path, **fixed(header="H", header_lines=3)) == (["0001", "H002"], [])


def test_what_is_taken_for_a_trailer_is_announced(tmp_path: Path) -> None:
    """Nobody can tell a last record that begins like a trailer from one: so it is said, with skipped lines."""
    path = file(tmp_path, "x\n0001abcdef0000001\nT002abcdef0000001\n")
    ids, told = announced(path, **fixed(skip_lines=1, trailer={"prefix": "T"}))
    assert ids == ["0001"]
    assert told == [("records_left_out", "x.dat", {"skip_lines": 1, "trailer": 1})]


@pytest.mark.parametrize(
    ("end", "wanted"),
    [
        ("T000003\n", "does not count the 2 records"),
        ("Tx00002\n", "does not count the 2 records"),
        ("", "has no line that begins with the trailer's prefix"),
        ("T000002\n0003abcdef0000001\n", "line 4: something follows the trailer in line 3"),
    ],
)
def test_trailer_that_does_not_hold_refuses_the_file(tmp_path: Path, end: str, wanted: str) -> None:
    """A file that lost lines, or its end, is no file with fewer records."""
    path = file(tmp_path, "0001abcdef0000001\n0002abcdef0000001\n" + end)
    assert wanted in refusal(path, **fixed(trailer={"prefix": "T", "start": 2, "end": 7}))


def test_encodings(tmp_path: Path) -> None:
    """A stated encoding is used; a byte that is not of it damages its line only; UTF-16 is known by its mark."""
    line = "0001Müller0000001\n"
    assert read_values(file(tmp_path, line.encode("cp1252")), **fixed(encoding="cp1252"))[0]["name"] == "Müller"
    assert read_values(file(tmp_path, line.encode("utf-16")), **fixed())[0]["name"] == "Müller"
    rows = read_rows(file(tmp_path, line.encode() + line.encode("cp1252")), **fixed())
    assert [reasons(row) for row in rows] == [[], [(None, "undecodable", "line 2")]]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"columns": [{"name": "a", "start": 1}]}, "width"),
        ({"columns": [{"name": "a", "start": 1, "width": 1, "end": 1}]}, "not both"),
        ({"columns": [{"name": "a", "start": 5, "end": 4}]}, "before start"),
        ({"columns": [{"name": "a", "start": 1, "end": 1}, {"name": "A", "start": 2, "end": 2}]}, "twice"),
        ({"columns": [{"name": "_a", "start": 1, "end": 1}]}, "system columns"),
        ({"columns": [{"name": "a", "start": 1, "end": 9}], "length": 8}, "ends at 9"),
        ({"columns": COLUMNS, "trailer": {"prefix": "T", "start": 2}}, "width"),
        ({"columns": COLUMNS, "header": ""}, "header.*is empty or blank"),
        ({"columns": COLUMNS, "header": " "}, "header.*is empty or blank"),
        ({"columns": COLUMNS, "trailer": {"prefix": ""}}, "prefix.*is empty or blank"),
        ({"columns": COLUMNS, "header": "H", "header_lines": 0}, "header_lines"),
        ({"columns": COLUMNS, "encoding": "klingon"}, "names of encodings"),
    ],
)
def test_wrong_options_are_told(options: dict[str, Any], wanted: str) -> None:
    """What cannot be is refused by `check`, before any file comes."""
    with pytest.raises(ProjectError, match=wanted):
        read_options(load_connector("files"), {"path": "in", "fixed_width": options})


def test_columns_are_needed(tmp_path: Path) -> None:
    """A file of fixed width without places is refused with the option to state."""
    assert "fixed_width.columns" in refusal(file(tmp_path, "abc\n"), format="fixed_width")


def test_sniff(tmp_path: Path) -> None:
    """`check` shows columns, encoding and the length that is really there."""
    sniffed = opener(tmp_path, **fixed()).sniff(file(tmp_path, "0001abc\n"), "x.dat")
    assert sniffed.columns == ("id", "name", "amount")
    assert sniffed.facts == {"encoding": "utf-8", "length": "17 (stated)", "first record": "7 characters"}


_VALUES = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u00a0"), max_size=6)


@given(rows=st.lists(st.tuples(_VALUES, _VALUES, _VALUES), min_size=1, max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
def test_what_is_written_is_read(tmp_path: Path, rows: list[tuple[str, str, str]]) -> None:
    """Random values of any script, padded to their widths, come back letter by letter."""
    columns = [
        {"name": name, "start": start, "width": 6, "trim": "right"}
        for name, start in zip("abc", (1, 7, 13), strict=True)
    ]
    path = file(tmp_path, "".join("".join(value.ljust(6) for value in row) + "\n" for row in rows))
    wanted = [dict(zip("abc", (value.rstrip(" ") or None for value in row), strict=True)) for row in rows]
    assert read_values(path, format="fixed_width", fixed_width={"columns": columns}) == wanted
