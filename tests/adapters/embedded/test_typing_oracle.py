"""Typing agrees with a plain reading in Python: what is accepted has exactly that value, what Python's strict reading refuses is rejected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
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

TIME = ColumnType(Kind.TIME)
BERLIN = "Europe/Berlin"
BLANKS = " \t\n\r\u00a0"
REFUSED = object()


def read_integer(text: str) -> Any:
    found = re.fullmatch(r"([+-]?[0-9]+)(\.0*)?", text)
    value = int(found[1]) if found else None
    return value if value is not None and -(2**63) <= value < 2**63 else REFUSED


def read_decimal(text: str) -> Any:
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        return REFUSED
    cents = Decimal(text) * 100
    return Decimal(text) if cents == cents.to_integral_value() and abs(cents) < 10**12 else REFUSED


def read_double(text: str) -> Any:
    if not re.fullmatch(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        return REFUSED
    return float(text) if math.isfinite(float(text)) else REFUSED


def read_boolean(text: str) -> Any:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.lower(), REFUSED)


def read_date(text: str) -> Any:
    found = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([ T]00:00(:00(\.0+)?)?)?", text)
    try:
        return date.fromisoformat(found[1]) if found else REFUSED
    except ValueError:
        return REFUSED


def read_time(text: str) -> Any:
    found = re.fullmatch(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6})0*)?)?", text)
    try:
        if not found:
            return REFUSED
        value = time(int(found[1]), int(found[2]), int(found[3] or 0), int((found[4] or "").ljust(6, "0")))
    except ValueError:
        return REFUSED
    return value.isoformat()


def read_local(text: str) -> Any:
    day, mark, clock = text[:10], text[10:11], text[11:]
    read = read_date(day), read_time(clock) if mark else "00:00:00"
    if REFUSED in read or mark not in ("", " ", "T") or len(day) != 10:
        return REFUSED
    return datetime.combine(read[0], time.fromisoformat(read[1]))


def read_instant(text: str) -> Any:
    """In Berlin; a time that its clocks skip or repeat is none."""
    found = re.fullmatch(r"(.{16,}?) ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)", text, re.DOTALL)
    local = read_local(found[1]) if found else REFUSED
    if found and local is not REFUSED and len(found[1]) > 10:
        hours, minutes = (0, 0) if found[2] in "Zz" else (int(found[2][1:3]), int(found[2][3:].lstrip(":") or 0))
        if hours > 15 or minutes > 59:
            return REFUSED
        sign = -1 if found[2].startswith("-") else 1
        try:
            return local.replace(tzinfo=UTC) - sign * timedelta(hours=hours, minutes=minutes)
        except OverflowError:
            return REFUSED
    local = read_local(text)
    if local is REFUSED:
        return REFUSED
    meant = {local.replace(tzinfo=ZoneInfo(BERLIN), fold=fold).utcoffset() for fold in (0, 1)}
    if len(meant) != 1:
        return REFUSED
    try:
        return local.replace(tzinfo=UTC) - meant.pop()
    except OverflowError:
        return REFUSED


def read_string(text: str) -> Any:
    return text


NUMBERS = st.one_of(
    st.integers().map(str),
    st.integers(-(2**64), 2**64).map(str),
    st.decimals(allow_nan=True).map(str),
    st.floats().map(repr),
    st.tuples(st.sampled_from(["", "-", "+", "00", "0x", " "]), st.integers(0, 10**14), st.sampled_from(["", ".", ".0", ".50", ".005", "e2", "E-2", "e400"])).map(
        lambda parts: f"{parts[0]}{parts[1]}{parts[2]}"
    ),
    st.text("0123456789+-.eE_ \t\u00a0\u0662\uff13", max_size=8),
)  # fmt: skip
CLOCKS = st.one_of(
    st.times().map(time.isoformat),
    st.from_regex(
        r"[0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,8})?)?", fullmatch=True, alphabet=st.characters(max_codepoint=127)
    ),
    st.sampled_from(
        [
            "24:00",
            "24:00:00",
            "23:59:60",
            "00:00",
            "0:00",
            "10:00:00.1234560",
            "10:00:00.1234567",
            "10:00Z",
            "02:30:00",
            "02:00",
        ]
    ),
    st.text("0123456789:.T ", max_size=9),
)
DAYS = st.one_of(
    st.dates().map(date.isoformat),
    st.sampled_from(
        [
            "2026-03-29",
            "2026-10-25",
            "2026-02-29",
            "2024-02-29",
            "1893-04-01",
            "1945-05-24",
            "0000-01-01",
            "9999-12-31",
            "0001-01-01",
            "10000-01-01",
        ]
    ),
    st.text("0123456789-./", max_size=10),
)
MOMENTS = st.one_of(
    st.tuples(DAYS, st.sampled_from([" ", "T", "", "t", "  "]), st.one_of(CLOCKS, st.just("")),
              st.sampled_from(["", "", "", "Z", "z", "+02:00", "-0130", "+05", " +01:00", "+16:00", "+02:60", "UTC", " Europe/Berlin"])).map("".join),
    CLOCKS, DAYS,
)  # fmt: skip
ANY = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "null", "NULL", "NaN", "inf", "\u200b1", "é" * 3, "👩‍👩‍👧", "0" * 40 + "7", "true", "Yes", "on"]
    ),
)
PADDED = st.tuples(
    st.sampled_from(["", "", "", " ", "\t", "\u00a0"]),
    st.one_of(NUMBERS, MOMENTS, ANY),
    st.sampled_from(["", "", " ", "\n"]),
).map("".join)

TYPES: list[tuple[ColumnType, Callable[[str], Any]]] = [
    (INTEGER, read_integer), (MONEY, read_decimal), (DOUBLE, read_double), (BOOLEAN, read_boolean), (DATE, read_date), (TIME, read_time),
    (LOCAL, read_local), (TIMESTAMP, read_instant), (STRING, read_string),
]  # fmt: skip


@pytest.mark.req("F2")
@pytest.mark.parametrize(
    ("column_type", "read"), TYPES, ids=lambda item: str(item) if isinstance(item, ColumnType) else ""
)
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    texts=st.lists(
        PADDED.filter(lambda text: ("\0" not in text and text.isprintable()) or text.strip(BLANKS) != text),
        min_size=150,
        max_size=250,
    )
)
def test_text_is_typed_as_python_reads_it(
    lab: Lab, column_type: ColumnType, read: Callable[[str], Any], texts: list[str]
) -> None:
    """One text, one reading: accepted with that value, or rejected."""
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    found = lab.split(contract(zone=BERLIN, v=column_type), {"v": texts})
    accepted = {int(row["_origin"].rpartition("#")[2]) - 1: row["v"] for row in found.accepted}
    for number, text in enumerate(texts):
        plain = text if column_type is STRING else text.strip(BLANKS)
        expected = read(plain) if plain or column_type is STRING else None
        if expected is REFUSED:
            assert number not in accepted, (text, accepted.get(number))
        else:
            assert number in accepted, (text, expected)
            assert accepted[number] == expected, text
