"""Arrays, objects, maps and vectors: typed strictly, judged inside, rejected with the path of what is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from entrepot.contracts.model import Column
from entrepot.contracts.row_rules import (
    AnyRule,
    Distinct,
    Has,
    Length,
    Matches,
    Multiple,
    OneOf,
    Range,
    Required,
    Severity,
    Size,
    Unique,
)
from entrepot.contracts.types import ColumnType, Kind, Property
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import Part
from tests.adapters.embedded.landing import (
    DATE,
    DOUBLE,
    INTEGER,
    LOCAL,
    MONEY,
    STRING,
    TIMESTAMP,
    Lab,
    contract,
    stream,
)

TIME = ColumnType(Kind.TIME)
BOOLEAN = ColumnType(Kind.BOOLEAN)
ANY_LIST, ANY_OBJECT = ColumnType(Kind.ARRAY), ColumnType(Kind.OBJECT)


def array(items: ColumnType, *rules: AnyRule) -> ColumnType:
    return ColumnType(Kind.ARRAY, items=Property("", items, rules=rules))


def thing(**inner: ColumnType | Property) -> ColumnType:
    made = (p if isinstance(p, Property) else Property(name, p) for name, p in inner.items())
    return ColumnType(Kind.OBJECT, properties=tuple(made))


def mapping(keys: ColumnType, values: ColumnType, *rules: AnyRule) -> ColumnType:
    return ColumnType(Kind.MAP, keys=Property("", keys), items=Property("", values, rules=rules))


LINES = array(
    thing(
        sku=Property(
            "sku",
            STRING,
            ("article",),
            (
                Required(id="required:v[].sku", column="v[].sku"),
                Matches(id="pattern:v[].sku", column="v[].sku", pattern="[A-Z]+"),
            ),
        ),
        price=Property("price", MONEY, rules=(Range(id="range:v[].price", column="v[].price", at_least=0),)),
    )
)


def typed(
    lab: Lab, column_type: ColumnType, texts: Sequence[str | None], *rules: AnyRule, zone: str = "UTC"
) -> list[Any]:
    """The value of each text, or the paths and rules that reject it."""
    found = lab.split(contract(*rules, zone=zone, v=column_type), {"v": texts})
    values: dict[int, Any] = {int(row["_origin"].rpartition("#")[2]): row["v"] for row in found.accepted}
    for row in found.rejected:
        number = int(row["_origin"].rpartition("#")[2])
        values[number] = {(reason["at"] or reason["column"], reason["rule"]) for reason in row["reasons"]}
    return [values[number] for number in range(1, len(texts) + 1)]


@pytest.mark.req("F2")
def test_values_inside_are_typed_strictly(lab: Lab) -> None:
    """JSON says what is a number, a text or a truth value, and that is held to."""
    inner = {
        "i": INTEGER, "m": MONEY, "d": DOUBLE, "s": STRING, "b": BOOLEAN, "on": DATE, "at": TIMESTAMP, "l": LOCAL, "t": TIME,
    }  # fmt: skip
    good = {
        '{"i": 3, "m": 2.5, "d": 1, "s": "x", "b": true, "on": "2026-01-31", "at": "2026-01-31T10:00+02:00", "l": "2026-01-31 10:00", "t": "10:00"}': {
            "i": 3, "m": Decimal("2.50"), "d": 1.0, "s": "x", "b": True, "on": date(2026, 1, 31),
            "at": datetime(2026, 1, 31, 8, tzinfo=UTC), "l": datetime.fromisoformat("2026-01-31 10:00"), "t": "10:00:00",
        },
        '{"i": 3.0, "m": "12.50", "d": 1e3}': {"i": 3, "m": Decimal("12.50"), "d": 1000.0},
        '{"i": null}': {},
        "{}": {},
    }  # fmt: skip
    for text, value in good.items():
        assert typed(lab, thing(**inner), [text]) == [dict.fromkeys(inner) | value], text
    bad = {
        "i": ['"3"', "3.5", "true", "9223372036854775808", "[]", "1e400"],
        "m": ["1.005", "10000000000", '"1,5"', '"x"', "true", "{}", "1e999999999"],
        "d": ['"1.5"', "1e400", "9007199254740993", "true"],
        "s": ["1", "true", '["x"]'],
        "b": ["1", '"true"', "0"],
        "on": ['"2026-02-30"', '"31.01.2026"', "20260131", '"2026-01-31 10:00"', '" 2026-01-31"'],
        "at": ['"2026-01-31T24:00"', '"2026-01-31T10:00:60"', '"10:00"', "1769853600", '"2026-01-31T10:00+25:00"'],
        "l": ['"2026-01-31T10:00Z"', '"x"'],
        "t": ['"24:00"', '"23:59:60"', '"10:00+01:00"', '"9:00"', "10"],
    }
    for name, values in bad.items():
        texts = [f'{{"{name}": {value}}}' for value in values]
        assert typed(lab, thing(**inner), texts) == [{(f"v.{name}", f"type:v.{name}")}] * len(texts), name


def test_what_is_no_json_or_another_shape_is_rejected(lab: Lab) -> None:
    """A text that is no JSON, says a key twice, or is an object where a list must be."""
    texts = [
        "[",
        "nope",
        "{}",
        '"x"',
        "1",
        "[1] 2",
        "[NaN]",
        '[{"sku":"A","sku":"B"}]',
        '["\\ud800"]',
        "[01]",
        "['x']",
        "[" * 100_000,
    ]
    assert typed(lab, LINES, texts) == [{("v", "type:v")}] * len(texts)


def test_nothing_stays_nothing(lab: Lab) -> None:
    """Null, empty text and JSON's null are no value; an empty list is one; nulls inside stay."""
    assert typed(lab, array(INTEGER), [None, "", " \n", "null", "[]", "[null, 1]", " [1]\u00a0"]) == [
        None,
        None,
        None,
        None,
        [],
        [None, 1],
        [1],
    ]
    required = Required(id="required:v", column="v")
    assert typed(lab, array(INTEGER), ["null", "[]", "x"], required) == [{("v", "required:v")}, [], {("v", "type:v")}]


@pytest.mark.req("F2")
def test_all_reasons_inside_are_found_with_their_paths(lab: Lab) -> None:
    """Missing, mistyped and forbidden values are told at once, each where it stands; items count from 0."""
    texts = ['[{"sku": "A"}, {"price": -1}, {"sku": "b", "price": 1.005}]', '[{"article": "B", "price": 2}]']
    assert typed(lab, LINES, texts) == [
        {
            ("v[1].sku", "required:v[].sku"),
            ("v[1].price", "range:v[].price"),
            ("v[2].sku", "pattern:v[].sku"),
            ("v[2].price", "type:v[].price"),
        },
        [{"sku": "B", "price": Decimal("2.00")}],
    ]
    (row,) = lab.split(contract(v=LINES), {"v": ['[{"sku": "b"}]']}).rejected
    assert json.loads(row["row"]) == {"v": '[{"sku": "b"}]'}
    assert row["reasons"] == [
        {"rule": "pattern:v[].sku", "column": "v", "value": "b", "expected": "a text like [A-Z]+", "at": "v[0].sku"}
    ]


RULES: list[tuple[ColumnType, AnyRule, list[str], list[str]]] = [
    (STRING, OneOf(id="r", column="v[]", values=("a", "b")), ['"a"'], ['"c"', '""']),
    (MONEY, OneOf(id="r", column="v[]", values=("1.50",)), ["1.5", '"1.5"'], ["1.51"]),
    (DATE, OneOf(id="r", column="v[]", values=("2026-01-01",)), ['"2026-01-01"'], ['"2026-01-02"']),
    (STRING, Length(id="r", column="v[]", at_least=1, at_most=2), ['"é👩"'], ['""', '"abc"']),
    (STRING, Matches(id="r", column="v[]", pattern="a|b$"), ['"a"', '"b"'], ['"ab"', '"b\\n"']),
    (INTEGER, Range(id="r", column="v[]", at_least=1, below=5), ["1", "4"], ["0", "5"]),
    (DOUBLE, Range(id="r", column="v[]", above=Decimal("0.1")), ["0.2"], ["0.1"]),
    (TIME, Range(id="r", column="v[]", at_least="08:00:00", at_most="08:00:00.500000"), ['"08:00"', '"08:00:00.4"'], ['"07:59:59.9"', '"08:00:00.6"']),
    (DATE, Range(id="r", column="v[]", at_most="2026-01-01"), ['"2026-01-01"'], ['"2026-01-02"']),
    (TIMESTAMP, Range(id="r", column="v[]", at_most="2026-01-01 00:00:00+00:00"), ['"2026-01-01T00:30+01:00"'], ['"2026-01-01T00:00:01Z"']),
    (MONEY, Multiple(id="r", column="v[]", of=Decimal("0.05")), ["1.05", "-10"], ["1.06"]),
    (INTEGER, Multiple(id="r", column="v[]", of=Decimal(5)), ["0", "-10"], ["7"]),
    (array(INTEGER), Size(id="r", column="v[]", at_least=1, at_most=2), ["[1]", "[null, 2]"], ["[]", "[1, 2, 3]"]),
    (array(INTEGER), Distinct(id="r", column="v[]"), ["[]", "[1, 2]"], ["[1, 1.0]", "[null, null]"]),
    (ANY_LIST, Distinct(id="r", column="v[]"), ["[1, true, \"1\"]", "[[1], [2]]"], ["[1, 1.0]", '[{"a": 1, "b": 2}, {"b": 2.0, "a": 1}]']),
    (ANY_OBJECT, Has(id="r", column="v[]", names=("a", "b")), ['{"a": 1, "b": 0}'], ['{"a": 1}', '{"a": 1, "b": null}']),
    (ANY_OBJECT, Size(id="r", column="v[]", at_least=1, at_most=1), ['{"a": 1, "b": null}'], ["{}", '{"a": 1, "b": 2}']),
]  # fmt: skip


@pytest.mark.req("F2")
@pytest.mark.parametrize(("inner", "rule", "kept", "broken"), RULES, ids=lambda item: type(item).__name__)
def test_rules_hold_inside(lab: Lab, inner: ColumnType, rule: AnyRule, kept: list[str], broken: list[str]) -> None:
    """Each rule judges values inside of an array, and names the item."""
    found = typed(lab, array(inner, rule), [f"[{value}]" for value in kept + broken])
    assert all(isinstance(value, list) for value in found[: len(kept)]), found
    assert found[len(kept) :] == [{("v[0]", "r")}] * len(broken)


def test_maps_keep_unknown_keys(lab: Lab) -> None:
    """Keys become values of their type; rules name the key."""
    rule = Range(id="range:v{}", column="v{}", at_most=9)
    assert typed(lab, mapping(STRING, INTEGER, rule), ['{"a": 1, "b": null}', "{}", '{"a": 10}', '{"a": "x"}', "[]"]) == [
        [("a", 1), ("b", None)], [], {('v["a"]', "range:v{}")}, {('v["a"]', "type:v{}")}, {("v", "type:v")},
    ]  # fmt: skip
    assert typed(lab, mapping(INTEGER, STRING), ['{"7": "x"}', '{"x": "x"}', '{"1": "a", "01": "b"}']) == [
        [(7, "x")], {('v["x"]', "type:v{key}")}, {("v", "type:v")},
    ]  # fmt: skip


def test_free_json_is_kept_as_it_came(lab: Lab) -> None:
    """Without properties or items the text stays, once it is JSON of the right kind."""
    texts = ['{"a":  1.10, "b": [1E400]}', " {} ", "[1]", "{"]
    assert typed(lab, ANY_OBJECT, texts) == ['{"a":  1.10, "b": [1E400]}', "{}", {("v", "type:v")}, {("v", "type:v")}]
    assert typed(lab, ANY_LIST, ["[1.10, {}]", "{}"]) == ["[1.10, {}]", {("v", "type:v")}]
    assert typed(lab, thing(x=ANY_OBJECT), ['{"x": {"k":1.10, "é": null}}']) == [{"x": '{"k": 1.10, "é": null}'}]


def test_unknown_keys_are_left_out_and_named_once(lab: Lab) -> None:
    """A key that the contract does not know is ignored like an unknown column, and told."""
    found = lab.split(
        contract(v=LINES), {"v": ['[{"sku": "A", "color": "red"}]', '[{"sku": "B", "color": "x", "size": 1}]']}
    )
    assert found.column("v") == [[{"sku": "A", "price": None}], [{"sku": "B", "price": None}]]
    assert found.result.notes == ("bronze.sales: ignored v[].color, v[].size, which the contract does not know",)


def test_warnings_and_approved_rows_are_kept(lab: Lab) -> None:
    """A warning inside marks the row; approval keeps what breaks a rule, but never what is not of its type."""
    warn = Range(id="range:v[]", column="v[]", at_most=9, severity=Severity.WARNING)
    hard = Range(id="hard:v[]", column="v[]", at_most=99)
    under = contract(v=array(INTEGER, warn, hard), w=INTEGER)
    found = lab.split(under, {"v": ["[1]", "[10, 11]", "[100]"], "w": ["1", "2", "3"]})
    assert found.column("_warnings") == [None, ["range:v[]"]]
    assert found.reasons == [["hard:v[]"]]
    assert found.result.reasons == {"hard:v[]": 1, "range:v[]": 1}
    found = lab.split(under, {"v": ["[100]", '["x"]'], "w": ["1", "2"]}, approved_rules=True)
    assert found.column("_warnings") == [["hard:v[]", "range:v[]"]]
    assert found.reasons == [["type:v[]"]]


def test_instants_inside_follow_the_zone(lab: Lab) -> None:
    """Without an offset the contract's or the property's zone counts; a time it skips or repeats is rejected."""
    own = array(ColumnType(Kind.TIMESTAMP, zone="Asia/Tokyo"))
    texts = ['["2026-07-01 12:00"]', '["2026-03-29 02:30"]', '["2026-10-25 02:30"]', '["2026-10-25 02:30+02:00"]']
    gone = {("v[0]", "type:v[]")}
    assert typed(lab, array(TIMESTAMP), texts, zone="Europe/Berlin") == [
        [datetime(2026, 7, 1, 10, tzinfo=UTC)], gone, gone, [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)],
    ]  # fmt: skip
    assert typed(lab, own, texts[:1], zone="Europe/Berlin") == [[datetime(2026, 7, 1, 3, tzinfo=UTC)]]


SHAPE = pa.struct(
    [
        ("sku", pa.string()),
        ("price", pa.float64()),
        ("on", pa.date32()),
        ("at", pa.timestamp("us")),
        ("t", pa.time64("us")),
        ("more", pa.map_(pa.string(), pa.int32())),
    ]
)
ROWS = [
    [
        {
            "sku": "A",
            "price": 2.55,
            "on": date(2026, 1, 1),
            "at": datetime.fromisoformat("2026-01-01 12:00"),
            "t": time(10, 0, 1),
            "more": [("k", 1)],
        }
    ],
    [],
    None,
    [None, {"sku": None, "price": 0.0, "on": None, "at": None, "t": None, "more": []}],
    [{"sku": "A", "price": 2.555, "on": None, "at": None, "t": None, "more": None}],
]
TYPED_INSIDE = array(thing(sku=STRING, price=MONEY, on=DATE, at=TIMESTAMP, t=TIME, more=mapping(STRING, INTEGER)))


def test_nested_arrow_and_parquet_are_typed_alike(lab: Lab) -> None:
    """A stream of Arrow lists, a Parquet file and JSON text give the same rows; a third digit of a price is rejected."""
    columns = {"v": pa.array(ROWS, pa.list_(SHAPE))}
    arrow = lab.split(contract(v=TYPED_INSIDE), stream(columns))
    parquet = lab.split(contract(v=TYPED_INSIDE), Part("x.parquet", lab.parquet("x.parquet", columns)))
    assert arrow.column("v") == parquet.column("v") == [
        [{"sku": "A", "price": Decimal("2.55"), "on": date(2026, 1, 1), "at": datetime(2026, 1, 1, 12, tzinfo=UTC), "t": "10:00:01",
          "more": [("k", 1)]}],
        [], None, [None, {"sku": None, "price": Decimal("0.00"), "on": None, "at": None, "t": None, "more": []}],
    ]  # fmt: skip
    (rejected,) = parquet.rejected
    assert [(reason["at"], reason["value"]) for reason in rejected["reasons"]] == [("v[0].price", "2.555")]
    again = lab.split(contract(v=array(thing(sku=STRING, price=DOUBLE))), {"v": [json.loads(rejected["row"])["v"]]})
    assert again.column("v") == [[{"sku": "A", "price": 2.555}]]


def test_what_never_fits_fails_the_batch(lab: Lab) -> None:
    """A number or bytes where a list must be is said at once, not row by row."""
    with pytest.raises(DataError, match="v holds bigint, which cannot become array of integer"):
        lab.split(contract(v=array(INTEGER)), stream({"v": pa.array([1], pa.int64())}))
    with pytest.raises(DataError, match=r"v\[\] holds blob"):
        lab.split(contract(v=array(STRING)), stream({"v": pa.array([[b"x"]], pa.list_(pa.binary()))}))


def test_rejects_of_other_columns_keep_nested_values_as_json(lab: Lab) -> None:
    """A row that a unique rule rejects can be read again, with what it held."""
    under = contract(
        Unique(id="key:k", columns=("k",), is_key=True),
        k=INTEGER,
        v=LINES,
        m=mapping(STRING, INTEGER),
        d=ColumnType(Kind.DATE, format="%d.%m.%Y"),
    )
    columns = {"k": ["1", "1"], "v": ['[{"sku": "A", "price": 1}]'] * 2, "m": ['{"a": 1}'] * 2, "d": ["31.01.2026"] * 2}
    (raw,) = lab.split(under, columns).raw
    again = lab.split(under, {name: [value] for name, value in raw.items()})
    assert again.accepted[0]["v"] == [{"sku": "A", "price": Decimal("1.00")}]
    assert again.accepted[0]["m"] == [("a", 1)]
    assert again.accepted[0]["d"] == date(2026, 1, 31)


def test_vectors_are_lists_of_one_length(lab: Lab) -> None:
    """Elements are stored in their width."""
    vector = ColumnType(Kind.ARRAY, items=Property("", ColumnType(Kind.DOUBLE, bits=32)))
    size = Size(id="size:v", column="v", at_least=2, at_most=2)
    found = lab.split(contract(size, v=vector), {"v": ["[1, 0.5]", "[1]", "[1, 1e39]"]})
    assert found.column("v") == [[1.0, 0.5]]
    assert found.result.accepted.schema.field("v").type == pa.list_(pa.float32())
    assert found.reasons == [["size:v"], ["type:v[]"]]


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "é"]), inner, max_size=3)
    ),
    max_leaves=6,
)
ORACLE_TYPE = thing(a=INTEGER, b=array(STRING), c=thing(a=DOUBLE, b=BOOLEAN))


def fits(value: Any) -> Any:
    """The plain reading of `ORACLE_TYPE`; raises ValueError."""

    def want(value: Any, kind: type) -> Any:
        if value is not None and type(value) is not kind:
            raise ValueError
        return value

    def whole(value: Any) -> Any:
        if isinstance(value, Decimal) and value == value.to_integral_value():
            value = int(value)
        if not -(2**63) <= (want(value, int) or 0) < 2**63:
            raise ValueError
        return value

    def real(value: Any) -> Any:
        if isinstance(value, bool) or (value is not None and not isinstance(value, int | Decimal)):
            raise ValueError
        if isinstance(value, int) and float(value) != value:
            raise ValueError
        return value if value is None else float(value)

    if want(value, dict) is None:
        return None
    inner = want(value.get("c"), dict)
    texts = want(value.get("b"), list)
    return {
        "a": whole(value.get("a")),
        "b": None if texts is None else [want(text, str) for text in texts],
        "c": None if inner is None else {"a": real(inner.get("a")), "b": want(inner.get("b"), bool)},
    }


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    values=st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "c", "x"]), JSON_VALUES, max_size=4) | JSON_VALUES,
        min_size=20,
        max_size=60,
    )
)
def test_any_json_is_typed_as_python_reads_it(lab: Lab, values: list[Any]) -> None:
    """What is accepted has exactly the plain reading's value; what that refuses is rejected."""
    expected = []
    for value in values:
        try:
            expected.append(fits(json.loads(json.dumps(value), parse_float=Decimal)))
        except ValueError:
            expected.append(None if value is None else "rejected")
    found = typed(lab, ORACLE_TYPE, [json.dumps(value) for value in values])
    assert ["rejected" if isinstance(value, set) else value for value in found] == expected


def test_columns_beside_are_untouched(lab: Lab) -> None:
    """Plain columns of the same row keep their rules and values."""
    under = contract(
        Range(id="range:n", column="n", at_least=0), n=Column("n", INTEGER, required=True), v=array(INTEGER)
    )
    found = lab.split(under, {"n": ["1", "-1", "", "2"], "v": ["[1]", "[x]", "[2]", None]})
    assert found.column("n") == [1, 2]
    assert found.reasons == [["range:n", "type:v"], ["required:n"]]
