"""Comparing contracts, for any two of them: nothing differs from itself, both directions say the same, and verdicts are true of rows.

The last is judged by the embedded engine: a change that is called compatible for senders never makes it reject a row that it took before; one
that is called compatible for readers never lets a row in that the old contract would not have promised.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from entrepot.contracts.diff.change import ChangeKind, Verdict
from entrepot.contracts.diff.compare import Comparison, Side, compare_contracts, read_side
from entrepot.contracts.model import Contract
from entrepot.contracts.odcs.document import Document
from entrepot.contracts.odcs.reading import parse_document
from tests.adapters.embedded.landing import make_lab, stream
from tests.contracts.test_contract_diff import ROWS, contract

Property = dict[str, Any]

VALUES: dict[str, list[str | None]] = {
    "string": ["x", "y", "z", "xx", "xyz", "x1", "abcd", "", "X", None],
    "integer": [
        "0",
        "1",
        "2",
        "3",
        "6",
        "7",
        "-1",
        "127",
        "128",
        "255",
        "256",
        "40000",
        "3000000000",
        "1.0",
        "x",
        None,
    ],
    "number": ["0", "1.5", "1.55", "1.555", "12.5", "123", "1234.5", "-0.5", "0.5", "99999", "x", None],
    "date": ["2026-01-02", "02.01.2026", "2026-02-28", "13.01.2026", "01.13.2026", "2025-12-31", "x", None],
    "timestamp": [
        "2026-01-02 03:04:05",
        "2026-03-29 02:30:00",
        "2026-01-02T03:04:05+05:00",
        "2026-10-25 02:30:00",
        "x",
        None,
    ],
    "boolean": ["true", "false", "1", "x", None],
    "object": [
        '{"x": 1}',
        '{"x": 300, "y": "a"}',
        '{"x": null, "y": "abc"}',
        "{}",
        '{"y": "b"}',
        '{"x": "1"}',
        "x",
        None,
    ],
    "array": ["[1, 2]", "[]", "[300]", '["1"]', "[null]", "[1, 1]", "x", None],
}
KINDS = tuple(VALUES)
ZONES = ("UTC", "Europe/Berlin", "Asia/Tokyo")


def subsets(*values: Any) -> st.SearchStrategy[list[dict[str, Any]]]:
    chosen = st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)
    return chosen.map(lambda found: [{"value": value} for value in found])


def checks(*checks: dict[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(
        st.sampled_from(checks), min_size=1, max_size=2, unique_by=lambda item: json.dumps(item, sort_keys=True)
    )


NULLS = {"metric": "nullValues", "mustBe": 0}
NULLS_WARN = {**NULLS, "severity": "warning"}
SOME_NULLS = {"metric": "nullValues", "mustBeLessThan": 5}
TWINS = {"metric": "duplicateValues", "mustBe": 0}
LISTED = {"metric": "invalidValues", "arguments": {"validValues": ["x", "y"]}, "mustBe": 0}

X: list[Property] = [
    {"name": "x", "logicalType": "integer"},
    {"name": "x", "logicalType": "integer", "logicalTypeOptions": {"format": "i32"}},
    {"name": "x", "logicalType": "integer", "required": True},
    {"name": "x", "logicalType": "integer", "logicalTypeOptions": {"maximum": 255}},
    {"name": "y", "logicalType": "string"},
    {"name": "y", "logicalType": "string", "logicalTypeOptions": {"maxLength": 2}},
]


def inner(numbers: list[int]) -> list[Property]:
    return [X[number] for number in numbers]


# What may be said of a property of a kind: a place in it, and what may stand there.
SAYINGS: dict[str, dict[tuple[str, ...], st.SearchStrategy[Any]]] = {
    "string": {
        ("enum",): subsets("x", "y", "z", "xyz"),
        ("logicalTypeOptions", "pattern"): st.sampled_from(["[a-z]+", "[a-z]", "x.*"]),
        ("logicalTypeOptions", "minLength"): st.integers(0, 2),
        ("logicalTypeOptions", "maxLength"): st.integers(2, 4),
        ("quality",): checks(NULLS, NULLS_WARN, SOME_NULLS, TWINS, LISTED),
    },
    "integer": {
        ("enum",): subsets(0, 1, 2, 3),
        ("logicalTypeOptions", "format"): st.sampled_from(["i8", "i16", "i32", "i64", "u8", "u16", "u32"]),
        ("logicalTypeOptions", "minimum"): st.integers(-1, 2),
        ("logicalTypeOptions", "exclusiveMinimum"): st.integers(-1, 2),
        ("logicalTypeOptions", "maximum"): st.sampled_from([6, 7, 127, 255, 256]),
        ("logicalTypeOptions", "exclusiveMaximum"): st.sampled_from([6, 7, 128, 256]),
        ("logicalTypeOptions", "multipleOf"): st.sampled_from([1, 2, 3, 6]),
        ("quality",): checks(NULLS, NULLS_WARN, SOME_NULLS, TWINS),
    },
    "number": {
        ("physicalType",): st.sampled_from(
            ["decimal(4,1)", "decimal(4,2)", "decimal(6,2)", "decimal(6,3)", "decimal(12,3)"]
        ),
        ("logicalTypeOptions", "minimum"): st.sampled_from([-1, 0, 0.5]),
        ("logicalTypeOptions", "maximum"): st.sampled_from([12.5, 13, 200]),
    },
    "date": {
        ("logicalTypeOptions", "format"): st.sampled_from(["dd.MM.yyyy", "MM.dd.yyyy", "yyyy-MM-dd"]),
        ("logicalTypeOptions", "minimum"): st.sampled_from(["2026-01-01", "2025-12-31"]),
        ("logicalTypeOptions", "exclusiveMaximum"): st.sampled_from(["2026-01-13", "2026-02-28"]),
    },
    "timestamp": {
        ("logicalTypeOptions", "timezone"): st.booleans(),
        ("logicalTypeOptions", "minimum"): st.sampled_from(["2026-01-02 03:04:05", "2026-01-01"]),
    },
    "boolean": {("enum",): subsets(True, False)},
    "object": {
        ("properties",): st.lists(
            st.sampled_from([0, 1, 2, 3, 4, 5]), min_size=1, max_size=2, unique_by=lambda n: n < 4
        ).map(inner)
    },
    "array": {
        ("items",): st.sampled_from([X[0], X[1], X[2], X[3]]).map(
            lambda x: {key: x[key] for key in x if key != "name"}
        ),
        ("logicalTypeOptions", "minItems"): st.integers(0, 2),
        ("logicalTypeOptions", "uniqueItems"): st.booleans(),
    },
}
COMMON: dict[tuple[str, ...], st.SearchStrategy[Any]] = {
    ("required",): st.booleans(),
    ("unique",): st.booleans(),
    ("primaryKey",): st.just(True),
    ("description",): st.sampled_from(["words", "other words"]),
    ("customProperties",): st.sampled_from(
        [
            [{"property": "entrepot.severity", "value": "warning"}],
            [{"property": "entrepot.severity", "value": "error"}],
            [{"property": "entrepot.headers", "value": ["other"]}],
        ]
    ),
}


def say(draw: st.DrawFn, prop: Property) -> None:
    """Say one more thing of a property, or take it back."""
    sayings = {**SAYINGS[prop["logicalType"]], **COMMON}
    steps = draw(st.sampled_from(sorted(sayings)))
    target = prop
    for step in steps[:-1]:
        target = target.setdefault(step, {})
    if draw(st.booleans()) or steps[-1] not in target or steps[-1] in ("properties", "items"):
        target[steps[-1]] = json.loads(json.dumps(draw(sayings[steps])))
    else:
        del target[steps[-1]]
    if not prop.get("logicalTypeOptions", True):
        del prop["logicalTypeOptions"]


@st.composite
def properties(draw: st.DrawFn, name: str) -> Property:
    prop: Property = {"name": name, "logicalType": draw(st.sampled_from(KINDS))}
    if prop["logicalType"] == "number":
        prop["physicalType"] = "decimal(6,2)"
    if prop["logicalType"] == "object":
        prop["properties"] = [X[0]]
    if prop["logicalType"] == "array":
        prop["items"] = {"logicalType": "integer"}
    for _ in range(draw(st.integers(0, 3))):
        say(draw, prop)
    return prop


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    columns = [draw(properties(name)) for name in ("a", "b", "c")[: draw(st.sampled_from([1, 1, 1, 2, 3]))]]
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": "x",
        "version": "1.0.0",
        "customProperties": [{"property": "entrepot.timeZone", "value": "UTC"}],
        "schema": [{"name": "t", "physicalName": "bronze.t", "properties": columns}],
    }


def change(draw: st.DrawFn, contract: dict[str, Any]) -> None:
    """One step of a contract's life."""
    columns = contract["schema"][0]["properties"]
    match draw(st.sampled_from([*["say"] * 9, "add", "drop", "type", "order", "rename", "zone"])):
        case "add" if len(columns) < 4:
            columns.insert(draw(st.integers(0, len(columns))), draw(properties("d")))
        case "drop" if len(columns) > 1:
            columns.pop(draw(st.integers(0, len(columns) - 1)))
        case "type":
            name = draw(st.sampled_from(columns))["name"]
            columns[[c["name"] for c in columns].index(name)] = draw(properties(name))
        case "order":
            columns[:] = draw(st.permutations(columns))
        case "rename":
            column = draw(st.sampled_from(columns))
            column.setdefault("physicalName", column["name"])
            column["name"] = "e"
        case "zone":
            contract["customProperties"][0]["value"] = draw(st.sampled_from(ZONES))
        case _:
            column = draw(st.sampled_from(columns))
            say(draw, column)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A contract and what became of it."""
    old = draw(contracts())
    new = json.loads(json.dumps(old))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        change(draw, new)
    names = [column["name"] for column in new["schema"][0]["properties"]]
    if len(set(names)) < len(names):
        new = json.loads(json.dumps(old))
    return old, new


def side(contract: dict[str, Any]) -> Side:
    data = json.dumps(contract, indent=1).encode()
    return read_side(Document(Path("x.yaml"), data, parse_document(Path("x.yaml"), data)))


def compare(old: dict[str, Any], new: dict[str, Any]) -> Comparison:
    return compare_contracts(side(old), side(new))


MIRROR = {ChangeKind.ADDED: ChangeKind.REMOVED, ChangeKind.REMOVED: ChangeKind.ADDED}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pair=pairs())
def test_both_directions_tell_the_same_changes(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Nothing differs from itself; the way back tells the same places with added and removed, old and new exchanged."""
    old, new = pair
    assert compare(old, old).changes == ()
    there = [(c.path, c.old_path, c.kind, repr(c.old), repr(c.new)) for c in compare(old, new).changes]
    back = [
        (c.old_path, c.path, MIRROR.get(c.kind, c.kind), repr(c.new), repr(c.old)) for c in compare(new, old).changes
    ]
    texts = sorted(set(there)), sorted(set(back))
    told = [[row for row in rows if row[3] != "None" or row[4] != "None"] for rows in texts]
    assert told[0] == told[1]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pair=pairs())
def test_what_is_tightened_one_way_is_loosened_the_other(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """A change that concerns nobody concerns nobody on the way back, unless something new became something gone."""
    old, new = pair
    there, back = compare(old, new), compare(new, old)
    news = {ChangeKind.ADDED, ChangeKind.REMOVED, ChangeKind.RENAMED}
    if any(c.kind in news and c.path.count(".") == 3 for c in there.changes) or "physicalName" in json.dumps(new):
        return
    if "entrepot.headers" in json.dumps([old, new]):
        return  # a header more is harmless, one less is not
    assert (there.verdict is Verdict.COMPATIBLE) == (back.verdict is Verdict.COMPATIBLE)


def rows(draw: st.DrawFn, contract: dict[str, Any]) -> dict[str, list[str | None]]:
    """Rows as texts: every value that tries a bound of its column, in any order, and some of them again."""
    columns = contract["schema"][0]["properties"]
    length = max(len(VALUES[column["logicalType"]]) for column in columns) + 3
    made = {}
    for column in columns:
        pool = draw(st.permutations(VALUES[column["logicalType"]]))
        made[column["name"]] = [pool[number % len(pool)] for number in range(length)]
    return made


def find_contract(found: Side) -> Contract | None:
    """The compiled contract, None when the file could not be used."""
    only = found.contracts.get("t")
    return (
        only
        if only and len(only.columns) == len(found.document.root.sections("schema")[0].items("properties"))
        else None
    )


def judge_pair(data: st.DataObject, folder: Path) -> None:
    """Take rows by the old contract; where a side is not concerned, what the verdict promises must hold for them."""
    old, new = data.draw(pairs())
    first, second = side(old), side(new)
    before, after = find_contract(first), find_contract(second)
    comparison = compare_contracts(first, second)
    if before is None or after is None or first.problems or second.problems:
        event("a contract that cannot be used")
        return
    readers = all(c.judgement.readers is Verdict.COMPATIBLE for c in comparison.changes)
    senders = all(c.judgement.senders is Verdict.COMPATIBLE for c in comparison.changes)
    event(f"readers {readers}, senders {senders}")
    told = [(str(c.verdict), c.path, c.judgement.reason) for c in comparison.changes]
    lab = make_lab(folder)
    if senders:
        brought = rows(data.draw, old)
        taken = lab.split(before, brought)
        if taken.accepted:
            kept = [row["_record_id"] & 0xFFFFFFFF for row in taken.accepted]
            again = {name: [values[number - 1] for number in kept] for name, values in brought.items()}
            assert lab.split(after, again).rejected == [], (told, again)
    if readers:
        taken = lab.split(after, rows(data.draw, new))
        names = [column.name for column in before.columns]
        typed = {
            name: pa.array([row[name] for row in taken.accepted], before.column(name).type.arrow()) for name in names
        }
        if taken.accepted:
            assert lab.split(before, stream(typed)).rejected == [], (told, typed)


@pytest.mark.req("F2")
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_verdicts_are_true_of_rows(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Compatible for senders: what was taken is taken. Compatible for readers: what is taken would have been promised before."""
    judge_pair(data, tmp_path_factory.mktemp("lab"))


def test_the_table_of_verdicts_is_true_of_rows(tmp_path: Path) -> None:
    """Each row of the table that calls senders safe is: what the old contract takes, the new one takes."""
    lab, judged = make_lab(tmp_path), 0
    for name, old, new, _, _, who in ROWS:
        if who not in ("nobody", "readers") or "foreign" in name:
            continue
        first, second = (
            read_side(Document(Path("x"), b"", parse_document(Path("x"), contract(text).encode())))
            for text in (old, new)
        )
        before, after = first.contracts["sales"], second.contracts["sales"]
        if before.references or after.references:
            continue
        pools = {column.name: VALUES.get(column.type.kind, VALUES["number"]) for column in before.columns}
        brought = {name: [pool[number % len(pool)] for number in range(18)] for name, pool in pools.items()}
        kept = [row["_record_id"] & 0xFFFFFFFF for row in lab.split(before, brought).accepted]
        again = {name: [values[number - 1] for number in kept] for name, values in brought.items()}
        assert not kept or lab.split(after, again).rejected == [], name
        judged += bool(kept)
    assert judged > 20


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_verdicts_are_true_of_many_rows(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """As above, for many pairs of contracts."""
    judge_pair(data, tmp_path_factory.mktemp("lab"))
