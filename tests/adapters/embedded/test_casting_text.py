"""Texts become values of the contract's types exactly, or their rows are rejected."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.contracts.types import ColumnType, Kind
from tests.adapters.embedded.landing import (
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    LOCAL,
    MONEY,
    STRING,
    TIMESTAMP,
    Lab,
    contract,
)

REFUSED = object()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


CASES: list[tuple[ColumnType, dict[str, object]]] = [
    (
        INTEGER,
        {
            "17": 17, "-3": -3, "+5": 5, "007": 7, " 12 ": 12, "\t5": 5, "17850.0": 17850, "17850.00": 17850, "12.": 12, "-0": 0,
            "": None, "   ": None, "1.5": REFUSED, ".5": REFUSED, "1_000": REFUSED, "0x1F": REFUSED, "0b11": REFUSED,
            "1e3": REFUSED, "1,000": REFUSED, "99999999999999999999": REFUSED, "-": REFUSED, "x": REFUSED, "１２": REFUSED,
            "9223372036854775807": 9223372036854775807, "9223372036854775808": REFUSED, "9007199254740993": 9007199254740993,
        },
    ),
    (ColumnType(Kind.INTEGER, bits=32), {"2147483647": 2147483647, "2147483648": REFUSED, "5.0": 5}),
    (
        MONEY,
        {
            "1.5": Decimal("1.50"), "100": Decimal("100.00"), "1.500": Decimal("1.50"), ".5": Decimal("0.50"), "-.50": Decimal("-0.50"),
            "+1.2": Decimal("1.20"), "1.": Decimal("1.00"), " 3.1 ": Decimal("3.10"), "9999999999.99": Decimal("9999999999.99"),
            "1e3": Decimal("1000.00"), "15e-1": Decimal("1.50"), "-1.25E+1": Decimal("-12.50"), "1000e-3": Decimal("1.00"),
            "0e5": Decimal("0.00"), "1.005": REFUSED, "0.004": REFUSED, "1e-3": REFUSED, "1e10": REFUSED, "1e400": REFUSED,
            "10000000000": REFUSED, "9999999999.995": REFUSED, "12,5": REFUSED, "1_0": REFUSED, "nan": REFUSED, ".": REFUSED, "e5": REFUSED,
        },
    ),
    (ColumnType(Kind.DECIMAL, 38, 0), {"9" * 38: Decimal("9" * 38), "1e37": Decimal(10**37), "1e38": REFUSED, "5.0": Decimal(5), "0.5": REFUSED}),
    (DOUBLE, {"1.5": 1.5, "1e3": 1000.0, " 2 ": 2.0, "-.5": -0.5, "nan": REFUSED, "inf": REFUSED, "-Infinity": REFUSED, "1e400": REFUSED,
              "1_0.5": REFUSED, "0x10": REFUSED, "1,5": REFUSED}),
    (BOOLEAN, {"true": True, "TRUE": True, "1": True, "yes": True, " Yes ": True, "false": False, "0": False, "no": False, "No": False,
               "t": REFUSED, "y": REFUSED, "2": REFUSED, "on": REFUSED, "": None}),
    (
        DATE,
        {
            "2020-01-05": date(2020, 1, 5), " 2020-01-05 ": date(2020, 1, 5), "2020-01-05 00:00:00": date(2020, 1, 5),
            "2020-01-05T00:00": date(2020, 1, 5), "2020-01-05 00:00:00.000": date(2020, 1, 5), "2020-02-29": date(2020, 2, 29),
            "2020-01-05 10:00:00": REFUSED, "2020-02-30": REFUSED, "2020-1-5": REFUSED, "2020/01/05": REFUSED, "05.01.2020": REFUSED,
            "2020-01-05x": REFUSED, "2020-01-5x": REFUSED, "epoch": REFUSED, "infinity": REFUSED, "12020-01-05": REFUSED,
            "2020-01-05 (BC)": REFUSED, "0000-01-01": REFUSED, "2020-01-05T00:00:00Z": REFUSED, "20200105": REFUSED, "43835": REFUSED,
        },
    ),
    (ColumnType(Kind.DATE, format="%d.%m.%Y"), {"31.12.2020": date(2020, 12, 31), " 31.12.2020": date(2020, 12, 31), "31.02.2020": REFUSED,
                                                "2020-12-31": REFUSED, "31.12.2020x": REFUSED, "": None}),
    (ColumnType(Kind.DATE, format="%d.%m.%Y %H:%M"), {"31.12.2020 00:00": date(2020, 12, 31), "31.12.2020 10:00": REFUSED}),
    (
        TIMESTAMP,
        {
            "2021-06-01 12:00:00": utc(2021, 6, 1, 10), "2021-06-01T12:00:00": utc(2021, 6, 1, 10), "2021-06-01 12:00": utc(2021, 6, 1, 10),
            "2021-06-01": utc(2021, 5, 31, 22), "2021-06-01 12:00:00.5": utc(2021, 6, 1, 10, 0, 0, 500000),
            "2021-06-01 12:00:00.123456000": utc(2021, 6, 1, 10, 0, 0, 123456), "2021-06-01T12:00:00Z": utc(2021, 6, 1, 12),
            "2021-06-01 12:00:00Z": utc(2021, 6, 1, 12), "2021-06-01T12:00z": utc(2021, 6, 1, 12),
            "2021-06-01 12:00:00+05:30": utc(2021, 6, 1, 6, 30), "2021-06-01 12:00:00 -0230": utc(2021, 6, 1, 14, 30),
            "2021-06-01 12:00+02": utc(2021, 6, 1, 10), "2021-01-01 12:00:00": utc(2021, 1, 1, 11),
            "2021-06-01 12:00:00.1234567": REFUSED, "2021-06-01 24:00:00": REFUSED, "2021-06-01 12:00:60": REFUSED,
            "2021-06-01 12:00:00 Europe/Paris": REFUSED, "infinity": REFUSED, "epoch": REFUSED, "2021-13-01 00:00:00": REFUSED,
            "2021-06-01 12:00:5Z": REFUSED, "2021-6-01 12:00:00": REFUSED,
            # Berlin's clocks skip 2:00 to 3:00 on 28 March and show it twice on 31 October
            "2021-03-28 01:59:59": utc(2021, 3, 28, 0, 59, 59), "2021-03-28 02:00:00": REFUSED, "2021-03-28 02:59:59": REFUSED,
            "2021-03-28 03:00:00": utc(2021, 3, 28, 1), "2021-10-31 01:59:59": utc(2021, 10, 30, 23, 59, 59),
            "2021-10-31 02:00:00": REFUSED, "2021-10-31 02:59:59": REFUSED, "2021-10-31 03:00:00": utc(2021, 10, 31, 2),
            "2021-10-31 02:30:00+02:00": utc(2021, 10, 31, 0, 30), "2021-10-31 02:30:00+01:00": utc(2021, 10, 31, 1, 30),
            "1949-05-08 02:30:00": utc(1949, 5, 8, 0, 30), "1980-04-06 02:30:00": REFUSED,
        },
    ),
    (ColumnType(Kind.TIMESTAMP, format="%d.%m.%Y %H:%M"), {"31.12.2020 10:00": utc(2020, 12, 31, 9), "28.03.2021 02:30": REFUSED}),
    (ColumnType(Kind.TIMESTAMP, format="%d.%m.%Y %H:%M %z"), {"31.12.2020 10:00 +00:00": utc(2020, 12, 31, 10), "31.12.2020 10:00": REFUSED}),
    (
        LOCAL,
        {
            "2021-03-28 02:30:00": datetime(2021, 3, 28, 2, 30), "2021-06-01T12:00": datetime(2021, 6, 1, 12),  # noqa: DTZ001
            "2021-06-01T12:00:00Z": REFUSED, "2021-06-01 12:00:00+02:00": REFUSED,
        },
    ),
    (STRING, {" kept ": " kept ", "": "", "ü": "ü", "1_000": "1_000", 'a"b\\': 'a"b\\'}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("column_type", "cases"), CASES, ids=lambda value: str(value) if isinstance(value, ColumnType) else ""
)
def test_text_is_typed_exactly_or_rejected(lab: Lab, column_type: ColumnType, cases: dict[str, object]) -> None:
    """Each spelling gives exactly its value, or rejects its row with the text as it came."""
    texts = list(cases)
    done = lab.split(contract(zone="Europe/Berlin", v=column_type), {"v": texts})
    found: dict[int, object] = {row["_record_id"] & 0xFFFF: row["v"] for row in done.accepted}
    found |= {row["_record_id"] & 0xFFFF: REFUSED for row in done.rejected}
    assert {text: found[n] for n, text in enumerate(texts, 1)} == cases
    for row in done.rejected:
        (reason,) = row["reasons"]
        assert reason["rule"] == "type:v"
        assert reason["column"] == "v"
        assert reason["value"] == texts[(row["_record_id"] & 0xFFFF) - 1]
        assert reason["expected"].startswith(str(column_type))
        assert reason["at"] is None


def test_null_texts_stay_null(lab: Lab) -> None:
    """A null is a null in every type."""
    types = {f"c{n}": case[0] for n, case in enumerate(CASES)}
    done = lab.split(contract(zone="Europe/Berlin", **types), {name: [None, None] for name in types})
    assert done.result.counts.accepted == 2
    assert all(row[name] is None for row in done.accepted for name in types)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.from_regex(r"\A[+-]?[0-9]{0,14}\.?[0-9]{0,6}([eE][+-]?[0-9]{1,2})?\Z"), min_size=1, max_size=60))
def test_decimals_agree_with_python(lab: Lab, texts: list[str]) -> None:
    """A decimal text is accepted exactly when Python's decimal fits into the type without rounding, and is that value."""
    done = lab.split(contract(v=MONEY), {"v": texts})
    found = {row["_record_id"] & 0xFFFF: row["v"] for row in done.accepted}
    for number, text in enumerate(texts, 1):
        assert found.get(number, REFUSED) == expected_money(text), text


def expected_money(text: str) -> object:
    if not text:
        return None
    if not any(char.isdigit() for char in text.lower().partition("e")[0]):
        return REFUSED
    value = Decimal(text)
    rounded = value.quantize(Decimal("0.01")) if abs(value) < 10**12 else Decimal(0)
    return rounded if rounded == value and abs(rounded) < 10**10 else REFUSED


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(alphabet="0123456789-:T Z+./ex", max_size=22), min_size=1, max_size=60))
def test_noise_is_never_a_timestamp_of_another_spelling(lab: Lab, texts: list[str]) -> None:
    """What is taken for a timestamp or a date is one for Python too, and the same."""
    done = lab.split(contract(at=TIMESTAMP, day=DATE), {"at": texts, "day": [None] * len(texts)})
    for row in done.accepted:
        text = texts[(row["_record_id"] & 0xFFFF) - 1].strip()
        if text:
            parsed = datetime.fromisoformat(text)
            assert row["at"] == (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
