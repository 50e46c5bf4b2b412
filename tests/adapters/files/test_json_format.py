"""JSON is read letter by letter: what stands in the file is what comes out, record by record, or it is refused with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.adapters.files.json import document
from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.intake.json_rows import grammar
from entrepot.intake.json_rows.grammar import Scanner
from entrepot.ports.relations import FAULTS, RECORD
from tests.adapters.files.opened import open_part, opener, read_rows, read_values, reasons, refusal

INTEGER = ColumnType(Kind.INTEGER)


def doc(folder: Path, text: str | bytes, name: str = "x.json") -> Path:
    """A file of this text."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def lines(folder: Path, text: str | bytes) -> Path:
    """A file with a record on each line."""
    return doc(folder, text, "x.ndjson")


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    """No number is rounded, no text becomes one."""
    text = '{"a":1.10,"b":12345678901234567890,"c":"001","d":-0,"e":1E400,"f":true,"g":null,"h":""}'
    wanted = {
        "a": "1.10",
        "b": "12345678901234567890",
        "c": "001",
        "d": "-0",
        "e": "1E400",
        "f": "true",
        "g": None,
        "h": "",
    }
    assert read_values(lines(tmp_path, text)) == read_values(doc(tmp_path, f"[{text}]")) == [wanted]


def test_nested_values_stay_letter_by_letter(tmp_path: Path) -> None:
    """Lists and objects that nothing opens are the JSON text that stands there, blanks and escapes and all."""
    text = '{"id": 1, "list": [1.10, {"x" : null} ,"\\u00e9"], "o": { "k" : 12345678901234567890 }, "e": {}, "f": []}'
    wanted = {
        "id": "1", "list": '[1.10, {"x" : null} ,"\\u00e9"]', "o": '{ "k" : 12345678901234567890 }', "e": "{}", "f": "[]",
    }  # fmt: skip
    assert read_values(lines(tmp_path, text)) == read_values(doc(tmp_path, text)) == [wanted]


def test_lines_are_numbered_and_bad_ones_put_aside(tmp_path: Path) -> None:
    """The line is the record's number; blank lines are left out; what is no record is rejected with its place and the rest goes on."""
    text = '{"a":1}\r\n \t\r\n{"a":2,}\n{"a":3} {"a":4}\n[1]\n{"a":1,"a":1}\n{"a":NaN}\n{"a":"\\ud800"}\n\x00\n\u00a0\n{"a":5}'
    rows = read_rows(lines(tmp_path, text))
    assert [(row[RECORD], row["a"], reasons(row)) for row in rows] == [
        (1, "1", []),
        (3, None, [(None, "bad_json", "line 3, column 8")]),
        (4, None, [(None, "bad_json", "line 4, column 9")]),
        (5, None, [(None, "not_an_object", "line 5")]),
        (6, None, [(None, "duplicate_key", "line 6")]),
        (7, None, [(None, "not_a_json_number", "line 7")]),
        (8, None, [(None, "half_surrogate", "line 8")]),
        (9, None, [(None, "bad_json", "line 9, column 1")]),
        (10, None, [(None, "bad_json", "line 10, column 1")]),
        (11, "5", []),
    ]
    assert rows[1][FAULTS][0]["text"] == '{"a":2,}'


def test_lines_do_not_lean_on_each_other(tmp_path: Path) -> None:
    """Lines that would be JSON only together are rejected each for itself, whatever stands between them."""
    text = '{"a":1}\n{"a":[1\n2]}\n{"b":1},{"c":2}\n{"b":1},null,{"c":2}\n'
    assert [bool(row[FAULTS]) for row in read_rows(lines(tmp_path, text))] == [False, True, True, True, True]


@given(data=st.lists(st.text(st.sampled_from('{}[],:"ab1 \\'), max_size=8), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_lines_at_once_are_lines_one_by_one(data: list[str]) -> None:
    """Reading many lines in one go gives what reading each alone gives, or leaves it to that."""
    scanner = Scanner(tells_numbers=False)
    together = scanner.read_lines(data)
    if together is not None:
        assert together == [scanner.read_whole(line) for line in data]


def test_bad_bytes_damage_their_line(tmp_path: Path) -> None:
    """A line that is not UTF-8 is rejected alone; a document is refused with the byte."""
    rows = read_rows(lines(tmp_path, b'{"a":1}\n{"a":"\xff"}\n{"a":2}\n'))
    assert [(row["a"], reasons(row)) for row in rows] == [
        ("1", []),
        (None, [(None, "undecodable", "line 2")]),
        ("2", []),
    ]
    assert "byte 7 cannot be read" in refusal(doc(tmp_path, b'[{"a":"\xff"}]'))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """Byte-order marks are believed; other encodings are stated."""
    stated: dict[str, Any] = {"encoding": "cp1252"} if encoding == "cp1252" else {}
    text = '{"a":"Müller"}\n'.encode(encoding)
    assert (
        read_values(lines(tmp_path, text), ndjson=stated)
        == read_values(doc(tmp_path, text), json=stated)
        == [{"a": "Müller"}]
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[{"a":1},]', "line 1, column 10: not a JSON document: expecting value"),
        ('[{"a":1}\n {"a":2}]', "line 2, column 2: not a JSON document: ',' or ']' is expected"),
        ('[{"a":1}]\n\n[]', "line 3, column 1: not a JSON document: something follows the document"),
        ('{"a":1}\n{"a":2}', "format: ndjson"),
        ('[{"a":1}', "line 1, column 9: not a JSON document: ',' or ']' is expected"),
        ("[{'a':1}]", "line 1, column 3: not a JSON document"),
        ('[{"a":1} // x\n]', "line 1, column 10"),
        ("", "is empty"),
        (" \n ", "is empty"),
        ("[" * 100_000, "more than 100 levels"),
        ("17", "none of the first 1 records"),
        ('[{"a":1}' + ' ' * 3_000_000 + "x", "line 1, column 3000009"),
    ],
)  # fmt: skip
def test_broken_documents_are_refused_with_their_place(tmp_path: Path, text: str, wanted: str) -> None:
    """What is no JSON document gives no rows, and line and column are told."""
    assert wanted in refusal(doc(tmp_path, text))


def test_odd_records_of_a_document_are_rejected_alone(tmp_path: Path) -> None:
    """A record that names a key twice or goes too deep is put aside; its neighbours come."""
    deep = '{"a":' + "[" * 100 + "]" * 100 + "}"
    rows = read_rows(doc(tmp_path, f'[{{"a":0}},\n{{"a":{{"b":1,"b":2}}}},{deep},\n7,{{"a":-Infinity}}]'))
    assert [(row[RECORD], reasons(row)) for row in rows] == [
        (1, []),
        (2, [(None, "duplicate_key", "line 2")]),
        (3, [(None, "too_deep", "line 2")]),
        (4, [(None, "not_an_object", "line 3")]),
        (5, [(None, "not_a_json_number", "line 3")]),
    ]


def test_too_deep_lines_are_rejected(tmp_path: Path) -> None:
    """Bombs of brackets end in a reject, however deep; a hundred levels are taken."""
    taken = '{"a":' + "[" * 99 + "]" * 99 + "}"
    bombs = ['{"a":' + "[" * depth + "]" * depth + "}" for depth in (100, 900, 200_000)]
    rows = read_rows(lines(tmp_path, "\n".join([taken, *bombs])))
    assert [reasons(row)[:1] and reasons(row)[0][1] for row in rows] == [[], "too_deep", "too_deep", "too_deep"]


def test_rows_at_a_stated_place(tmp_path: Path) -> None:
    """`rows` leads through objects; what stands beside is passed over, and the document is still read to its end."""
    text = '{"meta":{"items":[9]},"data":{"n":2,"items":[{"a":1},{"a":2}],"next":null},"tail":[]}'
    path = doc(tmp_path, text)
    assert read_values(path, json={"rows": "data.items"}) == [{"a": "1"}, {"a": "2"}]
    assert "has no data.rows; found: items, n, next" in refusal(path, json={"rows": "data.rows"})
    assert "no object that could hold tail.x" in refusal(path, json={"rows": "tail.x"})
    assert "line 1, column 86" in refusal(doc(tmp_path, text + "}"), json={"rows": "data.items"})
    twice = '{"data":[{"a":1}],"data":[{"a":2}]}'
    assert "named twice" in refusal(doc(tmp_path, twice), json={"rows": "data"})
    assert "duplicate_key" in refusal(doc(tmp_path, '{"m":{"x":1,"x":2},"data":[{"a":1}]}'), json={"rows": "data"})


def test_flatten(tmp_path: Path) -> None:
    """Objects become columns down to the stated depth; below, and in lists, the text stays; a name that comes twice is a reject."""
    path = lines(tmp_path, '{"a":{"b":{"c":{"d":1.0}},"l":[{"x":1}]},"e":{}}\n{"a_b":1,"a":{"b":2}}\n')
    whole, clash = read_rows(path, ndjson={"flatten": {}})
    assert (whole["a_b_c_d"], whole["a_l"], whole["e"]) == ("1.0", '[{"x":1}]', "{}")
    assert reasons(clash) == [(None, "duplicate_key", "line 2")]
    one = read_rows(path, ndjson={"flatten": {"separator": ".", "depth": 1}})[0]
    assert (one["a.b"], one["a.l"]) == ('{"c":{"d":1.0}}', '[{"x":1}]')


def test_explode(tmp_path: Path) -> None:
    """One row for each element, with the record's other values; rows are numbered on; empty and wrong lists are rejects or kept."""
    path = lines(
        tmp_path,
        '{"id":1,"c":{"n":"x"},"lines":[{"q":1,"t":[1.50]},{"q":2,"o":{"p":3}}]}\n{"id":2,"lines":[]}\n{"id":3}\n{"id":4,"lines":7}\n{"id":5,"lines":["s",[1]]}\n',
    )
    explode: dict[str, Any] = {"key": "lines", "prefix": "line_"}
    rows = read_rows(path, ndjson={"explode": explode, "flatten": {}})
    assert [row[RECORD] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert rows[0] | {FAULTS: 0} == {
        "id": "1", "c_n": "x", "line_q": "1", "line_t": "[1.50]", "line_o_p": None, "lines": None, RECORD: 1, FAULTS: 0,
    }  # fmt: skip
    assert (rows[1]["id"], rows[1]["line_q"], rows[1]["line_o_p"]) == ("1", "2", "3")
    assert [reasons(row) for row in rows[2:5]] == [
        [(None, "empty_list", "line 2")],
        [(None, "empty_list", "line 3")],
        [(None, "not_a_list", "line 4")],
    ]
    assert [(row["id"], row["lines"]) for row in rows[5:]] == [("5", "s"), ("5", "[1]")]
    kept = read_rows(path, ndjson={"explode": {**explode, "keep_empty": True}})
    assert [(row["id"], reasons(row)) for row in kept[2:4]] == [("2", []), ("3", [])]
    assert kept[0]["c"] == '{"n":"x"}'


def test_keys_go_to_the_contracts_columns_record_by_record(tmp_path: Path) -> None:
    """Keys may differ from record to record, also far into the file; another name of a column is taken where it stands."""
    price = Column("unit_price", INTEGER, headers=("Preis",))
    many = "".join('{"id":1}\n' for _ in range(60_000))
    path = lines(
        tmp_path, many + '{"Preis":1}\n{"Unit Price":2}\n{"unit_price":3,"Preis":4}\n{"UNIT-PRICE":5,"UnitPrice":6}\n'
    )
    part = open_part(path, ["id", price])
    assert part.rows.schema.names == ["id", "unit_price", RECORD, FAULTS]  # type: ignore[union-attr]
    rows = read_rows(path, ["id", price])[-4:]
    assert [(row["unit_price"], reasons(row)) for row in rows] == [
        ("1", []),
        ("2", []),
        ("3", []),
        ("5", [("unit_price", "ambiguous_key", "line 60004")]),
    ]


def test_keys_without_a_contract_are_all_found(tmp_path: Path) -> None:
    """Without a contract the whole file is looked through, so that no key is lost."""
    path = lines(tmp_path, "".join('{"id":1}\n' for _ in range(50_000)) + '{"late":2}\n')
    assert read_rows(path)[-1]["late"] == "2"


def test_keys_that_are_values(tmp_path: Path) -> None:
    """Without a contract a file with thousands of keys is refused; under one they cost no memory, and the contract's key is still found."""
    path = lines(tmp_path, "".join(f'{{"k{number}":1,"id":{number}}}\n' for number in range(6_000)))
    assert "6,001 different keys" in refusal(path)
    part = open_part(path, ["id"])
    assert len(part.rows.schema) < 300  # type: ignore[union-attr]
    assert [row["id"] for row in read_rows(path, ["id"])] == [str(number) for number in range(6_000)]


def test_a_stranger_is_refused(tmp_path: Path) -> None:
    """A file without any key of the contract, or without any record, does not belong here."""
    assert "no key of its first records" in refusal(lines(tmp_path, '{"x":1}\n'), ["id"])
    assert "none of the first 2 records can be read" in refusal(lines(tmp_path, "a,b\n1,2\n"))
    assert "format: json" in refusal(lines(tmp_path, '[\n{"a":1},\n{"a":2}\n]\n'))


def test_empty_lists_and_files_of_lines_have_no_rows(tmp_path: Path) -> None:
    """No record is no error where the form allows it."""
    assert (
        read_rows(lines(tmp_path, ""), ["id"])
        == read_rows(lines(tmp_path, "\n \n"))
        == read_rows(doc(tmp_path, "[]"), ["id"])
        == []
    )


def test_strict_types(tmp_path: Path) -> None:
    """When types are strict a text is no number, a number no text, and 1 not true."""
    columns = [Column("n", INTEGER), Column("s", ColumnType(Kind.STRING)), Column("b", ColumnType(Kind.BOOLEAN))]
    path = lines(
        tmp_path,
        '{"n":1,"s":"1","b":true}\n{"n":"001","s":1,"b":1}\n{"n":null,"s":null,"b":null}\n{"n":[1],"s":{},"b":"true"}\n',
    )
    rows = read_rows(path, columns, ndjson={"strict_types": True})
    wrong = [("n", "json_type"), ("s", "json_type"), ("b", "json_type")]
    assert [[reason[:2] for reason in reasons(row)] for row in rows] == [[], wrong, [], wrong]
    assert [fault["text"] for fault in rows[3][FAULTS]] == ["[1]", "{}", "true"]
    assert [row[FAULTS] for row in read_rows(path, columns)] == [None] * 4


def test_value_column(tmp_path: Path) -> None:
    """Records that are no objects are taken where a column is stated for them."""
    path = doc(tmp_path, '[1.0, "x", null, [1, 2], true]')
    rows = read_values(path, json={"value_column": "v"})
    assert [row["v"] for row in rows] == ["1.0", "x", None, "[1, 2]", "true"]


def test_one_long_line_of_many_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list on a single line is read piece by piece; a value that never ends is refused before it fills the memory."""
    records = [{"id": number, "text": "x" * (number % 500)} for number in range(20_000)]
    rows = read_values(doc(tmp_path, json.dumps(records)))
    assert rows == [{"id": str(one["id"]), "text": one["text"]} for one in records]
    monkeypatch.setattr(document, "LONGEST_VALUE", 1 << 20)
    assert "no value ends within" in refusal(doc(tmp_path, '[{"a":"' + "x" * 8_000_000))


def test_sniff(tmp_path: Path) -> None:
    """`check` shows the keys, where the records stand and the encoding."""
    path = doc(tmp_path, '\ufeff{"d":[{"a":1,"b":2}]}')
    sniffed = opener(tmp_path, json={"rows": "d"}).sniff(path, "x.json")
    assert (sniffed.format, sniffed.columns) == ("json", ("a", "b"))
    assert (sniffed.facts["records"], sniffed.facts["encoding"]) == ("at d", "utf-8")


_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
_INNER = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(
    records=st.lists(st.dictionaries(_TEXT.filter(lambda key: not key.startswith("_")), _INNER, max_size=4), min_size=1, max_size=8),
    ascii=st.booleans(),
    indent=st.sampled_from([None, 1]),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_what_is_written_is_read(
    tmp_path: Path, records: list[dict[str, Any]], ascii: bool, indent: int | None
) -> None:
    """Whatever Python writes comes back: texts as they are, the rest as the JSON that was written; in both formats."""
    by_line = lines(tmp_path, "\n".join(json.dumps(one, ensure_ascii=ascii) for one in records))
    whole = doc(tmp_path, json.dumps(records, ensure_ascii=ascii, indent=indent))
    for rows in (read_values(by_line), read_values(whole)):
        for row, record in zip(rows, records, strict=True):
            for key, text in row.items():
                value = record.get(key)
                if value is None or isinstance(value, str):
                    assert text == value
                else:
                    assert json.loads(text) == value
                    assert isinstance(value, (dict, list)) or text == json.dumps(value)


def test_levels_are_those_that_are_told() -> None:
    """The limit in the texts is the limit in the code."""
    assert grammar.MOST_LEVELS == 100
