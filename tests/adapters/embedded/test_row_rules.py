"""Rules over single rows: each breaks where it should, and says so in words."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from entrepot.contracts.model import Column
from entrepot.contracts.row_rules import (
    AnyRule,
    ForeignKey,
    Length,
    Matches,
    Multiple,
    OneOf,
    Range,
    Required,
    Severity,
)
from entrepot.kernel.errors import ContractError, RunError
from entrepot.kernel.names import Dataset
from entrepot.ports.relations import Part
from tests.adapters.embedded.landing import (
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    MONEY,
    STRING,
    TIMESTAMP,
    Lab,
    contract,
    stream,
)

KEPT: list[tuple[AnyRule, object, list[str | None], list[str | None], str]] = [
    (Required(id="r", column="v"), STRING, ["x", ""], [None], "a value"),
    (Required(id="r", column="v"), INTEGER, ["0"], [None, "", "  "], "a value"),
    (OneOf(id="r", column="v", values=("DE", "FR")), STRING, ["DE", None], ["de", "", "DE "], "one of DE, FR"),
    (OneOf(id="r", column="v", values=(1, 2.5)), MONEY, ["1", "1.00", "2.5", None], ["2", "2.51"], "one of 1, 2.5"),
    (OneOf(id="r", column="v", values=(True,)), BOOLEAN, ["yes"], ["no"], "one of true"),
    (OneOf(id="r", column="v", values=("2021-01-01",)), DATE, ["2021-01-01"], ["2021-01-02"], "one of 2021-01-01"),
    (OneOf(id="r", column="v", values=("it's",)), STRING, ["it's"], ["its"], "one of it's"),
    (Matches(id="r", column="v", pattern="[A-Z]{2}[0-9]+"), STRING, ["AB1", None], ["AB", "xAB1", "AB1x", ""], "a text like [A-Z]{2}[0-9]+"),
    (Length(id="r", column="v", at_least=2, at_most=3), STRING, ["ab", "äöü", None], ["a", "abcd"], "at least 2 and at most 3 characters"),
    (Range(id="r", column="v", at_least=0, at_most=10), INTEGER, ["0", "10", None], ["-1", "11"], "at least 0 and at most 10"),
    (Range(id="r", column="v", above=Decimal("0.005"), below=1), MONEY, ["0.01", "0.99"], ["0", "0.00", "1"], "above 0.005 and below 1"),
    (Range(id="r", column="v", at_least=0.1), DOUBLE, ["0.1", "0.2"], ["0.09"], "at least 0.1"),
    (Range(id="r", column="v", at_least="2021-01-01"), DATE, ["2021-01-01"], ["2020-12-31"], "at least 2021-01-01"),
    (Range(id="r", column="v", below="2021-01-01 00:00:00"), TIMESTAMP, ["2020-12-31 23:59:59"], ["2021-01-01"], "below 2021-01-01 00:00:00"),
    (Multiple(id="r", column="v", of=Decimal("0.05")), MONEY, ["0.10", "-0.05", "0", None], ["0.07"], "a multiple of 0.05"),
    (Multiple(id="r", column="v", of=Decimal("0.1")), DOUBLE, ["0.3", "12.7"], ["0.35"], "a multiple of 0.1"),
    (Multiple(id="r", column="v", of=Decimal(3)), INTEGER, ["9"], ["10"], "a multiple of 3"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "column_type", "kept", "broken", "expected"), KEPT)
def test_rule_takes_and_rejects(
    lab: Lab, rule: AnyRule, column_type: object, kept: list[str | None], broken: list[str | None], expected: str
) -> None:
    """What keeps the rule is accepted; what breaks it is rejected with rule, column, value as it came, and what was expected."""
    done = lab.split(contract(rule, zone="Europe/Berlin", v=column_type), {"v": kept + broken})  # type: ignore[arg-type]
    assert done.result.counts.accepted == len(kept)
    reasons = [row["reasons"] for row in done.rejected]
    assert reasons == [
        [{"rule": "r", "column": "v", "value": value, "expected": expected, "at": None}] for value in broken
    ]
    assert done.result.reasons == {"r": len(broken)}


def test_all_reasons_of_a_row_are_told(lab: Lab) -> None:
    """A row that breaks several rules, and types, is rejected once with all of them."""
    under = contract(
        Range(id="positive", column="amount", at_least=0),
        OneOf(id="country_known", column="country", values=("DE",)),
        Length(id="country_short", column="country", at_most=2),
        id=Column("id", INTEGER, required=True), amount=MONEY, country=STRING,
    )  # fmt: skip
    done = lab.split(under, {"id": ["1", None, "x"], "amount": ["1", "-1", "zz"], "country": ["DE", "XXX", "DE"]})
    assert done.reasons == [["required:id", "positive", "country_known", "country_short"], ["type:id", "type:amount"]]
    assert done.result.counts.rejected == 2
    assert done.raw[1] == {"id": "x", "amount": "zz", "country": "DE"}


def test_a_wrong_value_is_not_a_missing_one(lab: Lab) -> None:
    """A required value that cannot be typed breaks its type, not the rule that it be there."""
    done = lab.split(contract(Required(id="there", column="v"), v=INTEGER), {"v": ["x", None]})
    assert done.reasons == [["type:v"], ["there"]]


def test_warnings_keep_the_row(lab: Lab) -> None:
    """A broken warning rule stands in `_warnings`, null where none is broken; it is counted."""
    under = contract(
        OneOf(id="known", column="v", values=("a",), severity=Severity.WARNING),
        Length(id="short", column="v", at_most=2, severity=Severity.WARNING),
        v=STRING,
    )
    done = lab.split(under, {"v": ["a", "bb", "ccc", None]})
    assert done.column("_warnings") == [None, ["known"], ["known", "short"], None]
    assert done.result.reasons == {"known": 2, "short": 1}


def test_approved_rows_keep_their_breaks_as_warnings(lab: Lab) -> None:
    """What a person approved is accepted, with the broken rules noted; what cannot be typed is not."""
    under = contract(Range(id="positive", column="v", at_least=0), v=INTEGER)
    done = lab.split(under, {"v": ["-1", "x", "1"]}, approved_rules=True)
    assert done.column("_warnings") == [["positive"], None]
    assert done.reasons == [["type:v"]]


REGIONS = Dataset("silver", "regions")


def test_foreign_keys_look_into_the_other_dataset(lab: Lab) -> None:
    """A value that is not there breaks the rule; null and partly null keys pass."""
    lab_regions = lab.table("regions", pa.table({"code": ["DE", "FR", "FR", None], "number": [1, 2, 2, 3]}))
    under = contract(
        ForeignKey(id="fk", columns=("code", "number"), dataset=REGIONS, to_columns=("code", "number")),
        code=STRING, number=INTEGER,
    )  # fmt: skip
    done = lab.split(
        under,
        {"code": ["DE", "FR", "DE", None, "XX"], "number": ["1", "2.0", "2", "9", None]},
        references={"silver.regions": lab_regions},
    )
    assert done.result.counts.accepted == 4
    assert done.rejected[0]["reasons"] == [
        {
            "rule": "fk",
            "column": "code, number",
            "value": "DE, 2",
            "expected": "a value of code, number in silver.regions",
            "at": None,
        }
    ]


def test_a_dataset_that_is_absent_has_no_rows(lab: Lab) -> None:
    """Without the other dataset every value breaks the rule, and null does not."""
    under = contract(
        ForeignKey(id="fk", columns=("v",), dataset=REGIONS, to_columns=("code",), severity=Severity.WARNING), v=STRING
    )
    assert lab.split(under, {"v": ["DE", None]}).column("_warnings") == [["fk"], None]


def test_foreign_keys_name_a_column_that_is_not_there(lab: Lab) -> None:
    """A rule over a column that the other dataset lacks fails, with what it has."""
    regions = lab.table("regions", pa.table({"code": ["DE"]}))
    under = contract(ForeignKey(id="fk", columns=("v",), dataset=REGIONS, to_columns=("nope",)), v=STRING)
    with pytest.raises(RunError, match=r"silver.regions has no column nope; it has code"):
        lab.split(under, {"v": ["DE"]}, references={"silver.regions": regions})


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Matches(id="r7", column="v", pattern="("), "rule r7: the pattern"),
        (Matches(id="r7", column="v", pattern=r"(?=x)"), "rule r7: the pattern"),
        (Range(id="r7", column="d", at_least="soon"), "rule r7: 'soon' is not a value of type date"),
        (Range(id="r7", column="n", at_least="soon"), "rule r7: 'soon' is not a number"),
        (Multiple(id="r7", column="n", of=Decimal(0)), "rule r7: no number"),
    ],
)
def test_rules_that_make_no_sense_are_named(lab: Lab, rule: AnyRule, text: str) -> None:
    """A pattern or bound that cannot be used is the contract's error and names the rule."""
    with pytest.raises(ContractError, match=text.replace("(", r"\(")):
        lab.split(contract(rule, v=STRING, d=DATE, n=INTEGER), {"v": ["x"], "d": [None], "n": [None]})


def test_nan_is_in_no_range(lab: Lab) -> None:
    """A typed NaN breaks a range, though DuckDB orders it above all numbers."""
    numbers = pa.array([1.0, float("nan")])
    done = lab.split(contract(Range(id="r", column="v", at_least=0), v=DOUBLE), Part("a", stream({"v": numbers})))
    assert done.reasons == [["r"]]
