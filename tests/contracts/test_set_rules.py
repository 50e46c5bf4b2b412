"""Checks over a whole dataset: which rule each becomes, and which are refused with what is allowed."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from entrepot.contracts.findings import ContractErrors
from entrepot.contracts.limits import Limit, Operator, RejectLimit, Unit
from entrepot.contracts.load import load_contracts
from entrepot.contracts.render import describe_set_rule
from entrepot.contracts.row_rules import Length, Matches, NotOneOf, OneOf, Required, Severity
from entrepot.contracts.set_rules import AnySetRule, CountBroken, CountDuplicates, CountRows, MeasureSql


def limit(operator: Operator, value: str, upto: str | None = None) -> Limit:
    return Limit(operator, Decimal(value), None if upto is None else Decimal(upto))


FEW = limit(Operator.LESS, "5")
NULL = Required(id="required:a", column="a")
NAMES = (("sales", "bronze.sales"), ("bronze.sales", "bronze.sales"))

CHECKS: list[tuple[str, AnySetRule]] = [
    (
        "{metric: nullValues, mustBeLessThan: 5, unit: percent}",
        CountBroken(id="nullValues:a", limit=FEW, metric="nullValues", column="a", rules=(NULL,), unit=Unit.PERCENT),
    ),
    (
        "{metric: nullValues, mustBeLessThan: 1, unit: percent}",
        CountBroken(
            id="nullValues:a", limit=limit(Operator.LESS, "1"), metric="nullValues", column="a", rules=(NULL,), unit=Unit.PERCENT
        ),
    ),
    (
        "{id: x, metric: missingValues, mustBeLessThan: 5, severity: info, dimension: completeness, description: Why, arguments: {missingValues: [null, '', N/A]}}",
        CountBroken(
            id="x", limit=FEW, metric="missingValues", column="a", severity=Severity.WARNING, dimension="completeness", description="Why",
            rules=(
                Required(id="required:a", column="a", severity=Severity.WARNING, description="Why"),
                Length(id="not_empty:a", column="a", at_least=1, severity=Severity.WARNING, description="Why"),
                NotOneOf(id="none_of:a", column="a", values=("N/A",), severity=Severity.WARNING, description="Why"),
            ),
        ),
    ),
    (
        "{metric: invalidValues, mustBeBetween: [0, 3], arguments: {validValues: [x], pattern: '[a-z]'}}",
        CountBroken(
            id="invalidValues:a", limit=limit(Operator.BETWEEN, "0", "3"), metric="invalidValues", column="a",
            rules=(OneOf(id="one_of:a", column="a", values=("x",)), Matches(id="pattern:a", column="a", pattern="[a-z]")),
        ),
    ),
    (
        "{metric: duplicateValues, mustBeLessOrEqualTo: 0.5, unit: percent}",
        CountDuplicates(id="duplicateValues:a", limit=limit(Operator.LESS_OR_EQUAL, "0.5"), columns=("a",), unit=Unit.PERCENT),
    ),
    ("{metric: rowCount, mustBeGreaterThan: 10}", CountRows(id="rowCount:a", limit=limit(Operator.GREATER, "10"))),
    ("{metric: rowCount, mustNotBe: 0}", CountRows(id="rowCount:a", limit=limit(Operator.NOT_BE, "0"))),
    (
        "{name: n, metric: rowCount, mustBeGreaterOrEqualTo: 1, unit: rows}",
        CountRows(id="n", limit=limit(Operator.GREATER_OR_EQUAL, "1")),
    ),
    ("{metric: rowCount, mustNotBeBetween: [1, 9]}", CountRows(id="rowCount:a", limit=limit(Operator.NOT_BETWEEN, "1", "9"))),
    (
        "{type: sql, query: 'SELECT 1', mustBe: true, unit: EUR}",
        MeasureSql(id="sql:a", limit=limit(Operator.BE, "1"), query="SELECT 1", column="a", unit="EUR", names=(NAMES[0],)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("check", "expected"), CHECKS)
def test_a_check_that_allows_some_becomes_a_set_rule(load_properties, check: str, expected: AnySetRule) -> None:
    """Exactly this rule, with id, limit, unit, severity and words; no row rule, nothing left aside; its place is the check's."""
    loaded = load_properties(f"- name: a\n  logicalType: string\n  quality:\n  - {check}\n")
    (contract,) = loaded.contracts
    assert contract.rules == () == loaded.deferred_rules
    assert contract.set_rules == (expected,)
    place = contract.set_rules[0].place
    assert place is not None and place.line == 13


def test_checks_of_the_object(load_properties) -> None:
    """rowCount, duplicates of several columns and SQL stand on the object; ids are unique together with the row rules'."""
    loaded = load_properties(
        "- {name: a, logicalType: string, required: true}\n- {name: b, logicalType: string}\n",
        tail="""\
          quality:
          - {metric: rowCount, mustBeGreaterThan: 0}
          - {metric: rowCount, mustBeLessThan: 9}
          - {name: 'required:a', metric: duplicateValues, mustBeLessThan: 5, arguments: {properties: [b, a]}}
          - type: sql
            query: |
              SELECT 1
            mustBe: 1
        tags: []
        """,
    )
    (contract,) = loaded.contracts
    assert [rule.id for rule in contract.set_rules] == [
        "rowCount",
        "rowCount:2",
        "required:a:duplicateValues:b,a",
        "sql",
    ]
    assert isinstance(contract.set_rules[2], CountDuplicates) and contract.set_rules[2].columns == ("b", "a")
    sql = contract.set_rules[3]
    assert sql.place is not None and sql.place.line == 18, "the line below the |"


def test_set_rules_in_words(load_properties) -> None:
    """As a person would say them, with limit, unit and severity."""
    check = "{metric: %s, mustBeLessThan: 5%s}"
    text = "- name: a\n  logicalType: string\n  quality:\n"
    for said in (
        check % ("nullValues", ", unit: percent"),
        check % ("duplicateValues", ", severity: warning"),
        check % ("rowCount", ""),
        "{type: sql, query: SELECT 1, mustBeBetween: [1, 2], unit: EUR}",
    ):
        text += f"  - {said}\n"
    (contract,) = load_properties(text).contracts
    assert [describe_set_rule(rule) for rule in contract.set_rules] == [
        "nullValues of a < 5 percent",
        "duplicateValues of a < 5 rows (warning)",
        "rowCount < 5",
        "SQL 1 to 2 EUR",
    ]


WRONG = [
    ("{metric: nullValues, mustBeLessThan: 5, unit: per cent}", "unit.*'per cent'; allowed is rows or percent"),
    ("{metric: rowCount, mustBeLessThan: 5, unit: percent}", "unit.*'percent'; allowed is rows"),
    ("{metric: rowCount, mustBeBetween: [9, 1]}", "9 to 1; allowed is the smaller number first"),
    ("{metric: rowCount, mustBe: many}", "no number; allowed is a number"),
    ("{metric: rowCount, mustBe: 3, arguments: {x: 1}}", "argument x; allowed for rowCount is no argument"),
    ("{metric: nullValues, mustBeLessThan: 5, severity: fatal}", "severity.*'fatal'"),
]


@pytest.mark.parametrize(("check", "words"), WRONG)
def test_a_wrong_check_is_refused_at_its_line(write_properties, check: str, words: str) -> None:
    """With what came and what is allowed."""
    path = write_properties(f"- name: a\n  logicalType: string\n  quality:\n  - {check}\n")
    with pytest.raises(ContractErrors, match=words) as caught:
        load_contracts(path, default_time_zone="UTC")
    assert caught.value.findings[0].place.line == 13


@pytest.mark.parametrize(
    ("operator", "good", "bad"),
    [
        (Operator.BE, [10], [9, 11]),
        (Operator.NOT_BE, [9, 11], [10]),
        (Operator.GREATER, [11], [9, 10]),
        (Operator.GREATER_OR_EQUAL, [10, 11], [9]),
        (Operator.LESS, [9], [10, 11]),
        (Operator.LESS_OR_EQUAL, [9, 10], [11]),
        (Operator.BETWEEN, [10, 15, 20], [9, 21]),
        (Operator.NOT_BETWEEN, [9, 21], [10, 15, 20]),
    ],
)
def test_operators(operator: Operator, good: list[int], bad: list[int]) -> None:
    """Between means both bounds with it; a third is not rounded."""
    tested = limit(operator, "10", "20" if "Between" in operator else None)
    assert [number for number in good if not tested.holds(Fraction(number))] == []
    assert [number for number in bad if tested.holds(Fraction(number))] == []
    assert limit(Operator.BE, "0.33").holds(Fraction(1, 3)) is False


def max_rejects(load_properties, value: str) -> RejectLimit | None:
    loaded = load_properties(
        "- {name: a, logicalType: string}\n",
        tail=f"  customProperties: [{{property: entrepot.maxRejects, value: {value}}}]\ntags: []\n",
    )
    found: RejectLimit | None = loaded.contracts[0].max_rejects
    return found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5%", RejectLimit(Decimal(5), Unit.PERCENT)),
        ("'0.25 %'", RejectLimit(Decimal("0.25"), Unit.PERCENT)),
        ("100", RejectLimit(Decimal(100), Unit.ROWS)),
        ("0", RejectLimit(Decimal(0), Unit.ROWS)),
    ],
)
def test_max_rejects(load_properties, value: str, expected: RejectLimit) -> None:
    """A number of rows or a percentage."""
    assert max_rejects(load_properties, value) == expected


@pytest.mark.parametrize("value", ["5 percent", "-1", "101%", "1.5", "true", "[5%]", "''"])
def test_wrong_max_rejects(load_properties, value: str) -> None:
    """Anything else is refused with what is allowed."""
    with pytest.raises(
        ContractErrors, match=r"entrepot.maxRejects .*; allowed is a number of rows, as 100, or a percentage"
    ):
        max_rejects(load_properties, value)


def test_a_limit_of_rejects(load_properties) -> None:
    """Exact: 5 of 100 are 5 %; no records are no rejects."""
    five = RejectLimit(Decimal(5), Unit.PERCENT)
    assert five.holds(5, 100) and not five.holds(6, 100) and not five.holds(51, 1000) and five.holds(0, 0)
    assert RejectLimit(Decimal(5), Unit.ROWS).holds(5, 5) and not RejectLimit(Decimal(5), Unit.ROWS).holds(6, 10**9)


def test_set_rules_change_their_own_hash_only(load_properties) -> None:
    """A new limit judges the dataset anew, and makes no row anew: the hash in plans stays; words change neither."""

    def hashes(check: str) -> tuple[str, str]:
        contract = load_properties(f"- name: a\n  logicalType: string\n  quality:\n  - {check}\n").contracts[0]
        return contract.hash, contract.set_hash

    base = hashes("{metric: nullValues, mustBeLessThan: 5}")
    other = hashes("{metric: nullValues, mustBeLessThan: 6}")
    assert base[0] == other[0] and base[1] != other[1]
    assert hashes("{metric: nullValues, mustBeLessThan: 5, description: Words, dimension: accuracy}") == base
    assert hashes("{metric: nullValues, mustBeLessThan: 5, severity: warning}")[1] != base[1]
