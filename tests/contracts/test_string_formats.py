"""String formats: the patterns say what Python's own readers say."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import uuid
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.contracts.odcs.formats import PATTERNS
from entrepot.contracts.row_rules import Length, Matches, Range, Required, Size
from entrepot.contracts.types import Kind


def fits(form: str, text: str) -> bool:
    found = pc.match_substring_regex(pa.array([text]), rf"\A(?:{PATTERNS[form]})\z")
    return bool(found[0].as_py())


def reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except (ValueError, binascii.Error):
        return False
    return True


ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda found: found.exploded),
    st.text("0123456789abcdefAF:.", max_size=20),
    st.lists(st.sampled_from(["", "0", "1", "ffff", "10000", "::", "1.2.3.4"]), min_size=1, max_size=9).map(":".join),
    st.lists(st.sampled_from(["", "0", "255", "256", "01", "1"]), min_size=1, max_size=5).map(".".join),
)


@pytest.mark.req("F2")
@settings(max_examples=400, deadline=None)
@given(ADDRESSES)
def test_addresses(text: str) -> None:
    """ipv4 and ipv6 take exactly what `ipaddress` takes."""
    assert fits("ipv4", text) == reads(ipaddress.IPv4Address, text)
    assert fits("ipv6", text) == reads(ipaddress.IPv6Address, text)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.binary(max_size=12).map(lambda data: base64.b64encode(data).decode()), st.text("AB+/=-_ ", max_size=9))
)
def test_bytes(text: str) -> None:
    """`byte` takes what base64 with its padding takes."""
    assert fits("byte", text) == (
        reads(lambda data: base64.b64decode(data, validate=True), text) and len(text) % 4 == 0
    )


CASES = {
    "email": (["a@b.de", "a.b+c@x-y.example", "o'neil@b", "a@b.c.d"], ["a", "a@", "@b", "a b@c.de", "a@b..de", "a@-b.de", "ä@b.de", "a@b.de\n"]),
    "uuid": ([str(uuid.UUID(int=5)), str(uuid.UUID(int=2**127)).upper()], ["5", "{00000000-0000-0000-0000-000000000005}", "0" * 32]),
    "uri": (["https://a.b/c?d=e#f", "urn:x:y", "mailto:a@b.c", "http://[::1]/%20"], ["a/b", "//a", "http://a b", "http://a/%2", "1a:b", "x:"]),
    "hostname": (["a", "a-b.c", "x" * 63, "1.de"], ["", "-a", "a-", "a_b", "x" * 64, "a..b", "a.", "ü.de"]),
    "date": (["2026-01-31"], ["2026-13-01", "26-01-01", "2026-1-1"]),
    "date-time": (["2026-01-31T10:00:00Z", "2026-01-31 10:00:00.5+02:00"], ["2026-01-31T10:00:00", "2026-01-31T24:00:00Z"]),
    "time": (["10:00:00", "10:00:00.25Z"], ["10:00", "24:00:00"]),
}  # fmt: skip


@pytest.mark.parametrize("form", CASES)
def test_others(form: str) -> None:
    """What people write, and what is near it."""
    good, bad = CASES[form]
    assert [text for text in good if not fits(form, text)] == []
    assert [text for text in bad if fits(form, text)] == []


def test_formats_and_options_become_rules(load_properties) -> None:
    """At columns and inside of them, under ids that name the place; what is not judged is deferred with its line."""
    loaded = load_properties(
        """\
        - {name: mail, logicalType: string, logicalTypeOptions: {format: hostname}}
        - {name: small, logicalType: integer, logicalTypeOptions: {format: u64}}
        - {name: ratio, logicalType: number, logicalTypeOptions: {format: f32}}
        - name: lines
          logicalType: array
          logicalTypeOptions: {minItems: 1, maxItems: 9}
          items:
            logicalType: object
            logicalTypeOptions: {required: [sku, other], maxProperties: 4}
            properties:
            - {name: sku, logicalType: string, unique: true, logicalTypeOptions: {maxLength: 3}}
            - name: n
              logicalType: integer
              quality: [{metric: nullValues, mustBe: 0}]
        - {name: opens, logicalType: time, logicalTypeOptions: {maximum: '18:00', defaultTimezone: UTC}}
        - {name: flag, logicalType: boolean, logicalTypeOptions: {minimum: 1}}
        """
    )
    (contract,) = loaded.contracts
    assert {rule.id: type(rule) for rule in contract.rules} == {
        "format:mail": Matches, "format:mail:length": Length, "format:small": Range, "format:ratio": Range, "size:lines": Size,
        "range:opens": Range,
    }  # fmt: skip
    items = contract.column("lines").type.items
    assert items is not None
    assert [rule.id for rule in items.rules] == ["size:lines[]", "has:lines[]"]
    sku, number = items.type.properties
    assert [rule.id for rule in sku.rules] == ["required:lines[].sku", "length:lines[].sku"]
    assert isinstance(sku.rules[0], Required)
    assert (number.type.kind, number.rules) == (Kind.INTEGER, ())
    assert [(rule.id, rule.place.line) for rule in loaded.deferred_rules] == [
        ("unique:lines[].sku", 20), ("nullValues:lines[].n:1", 23), ("defaultTimezone:opens", 24),
    ]  # fmt: skip
    assert ["flag is boolean" in warning.message for warning in loaded.warnings] == [True]
