"""A record's body is read exactly, or refused in words for its sender."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.adapters.handlers.rendering import WrongResult, render_rows
from entrepot.handlers import Headers, Record, Reject
from entrepot.handlers.reject import Unreadable


def test_numbers_keep_their_digits() -> None:
    """What JSON writes is what the handler gets: no float comes between."""
    found = Record(body=b'{"a": 12345678901234567.89, "b": 1.10, "c": 123456789012345678901234567890, "d": 1e2}').json()
    assert found == {
        "a": Decimal("12345678901234567.89"),
        "b": Decimal("1.10"),
        "c": 123456789012345678901234567890,
        "d": Decimal("1E+2"),
    }
    assert str(found["b"]) == "1.10"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "expecting value at line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1} x', "extra data"),
        (b'{"a": 1, "a": 2}', "'a' twice"),
        (b"[NaN]", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"\xff", "byte 0"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 101 + b"]" * 101, "100 levels"),
        (rb'["\ud800"]', "half of a character"),
        (b"9" * 5_000, "digits"),
    ],
)
def test_what_is_no_json_is_refused(body: bytes, said: str) -> None:
    """Each way to be wrong has words of its own, and the code `unreadable`."""
    with pytest.raises(Unreadable) as caught:
        Record(body=body).json()
    assert caught.value.code == "unreadable"
    assert said in caught.value.message


def test_a_byte_order_mark_is_not_part_of_the_text() -> None:
    """Some senders put one before JSON."""
    assert Record(body=b'\xef\xbb\xbf{"a": "\xc3\xa4"}').json() == {"a": "ä"}


def test_text_follows_the_charset() -> None:
    """The content type's charset counts, then UTF-8; what does not fit is refused."""
    assert Record(body=b"\xe4", content_type="text/plain; charset=ISO-8859-1").text() == "ä"
    assert Record(body=b"\xc3\xa4").text() == "ä"
    assert Record(body=b"\xe4").text("latin-1") == "ä"
    for record in (Record(body=b"\xe4"), Record(body=b"x", content_type="text/plain; charset=klingon")):
        with pytest.raises(Unreadable):
            record.text()


def test_forms_are_read_whole() -> None:
    """No field is lost: one that comes twice is refused unless lists are asked for."""
    assert Record(body=b"a=1+2&b=%C3%A4&c=").form() == {"a": "1 2", "b": "ä", "c": ""}
    assert Record(body=b"a=1&a=2").form_lists() == {"a": ["1", "2"]}
    assert Record(body=b"").form() == {}
    for body in (b"a=1&a=2", b"a=%ff", b"\xff=1", b"abc"):
        with pytest.raises(Unreadable):
            Record(body=body).form()


def test_xml_is_read_without_entities() -> None:
    """Elements come with namespaces; a document type, the door to entities and files, is refused."""
    root = Record(body=b'<?xml version="1.0" encoding="iso-8859-1"?><o xmlns="u:x"><n a="1">\xe4 &amp; b</n></o>').xml()
    child = root[0]
    assert (root.tag, child.tag, child.text, child.attrib) == ("{u:x}o", "{u:x}n", "ä & b", {"a": "1"})
    laughs = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    outside = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'
    for body in (laughs, outside, b"<a>", b"", b"<a>" * 101, b"<a>&b;</a>", b'<?xml version="1.0" encoding="no"?><a/>'):
        with pytest.raises(Unreadable):
            Record(body=body).xml()


def test_headers_do_not_mind_case() -> None:
    """And several of one name are one."""
    headers = Headers((("X-Id", "1"), ("x-id", "2"), ("Other", "3")))
    assert headers["x-ID"] == "1, 2"
    assert headers.get("missing") is None
    assert dict(headers) == {"x-id": "1, 2", "other": "3"}


@pytest.mark.parametrize("code", ["", "Has-Dash", "1st", "ä", "x" * 65, "contract", "timeout", "unreadable"])
def test_codes_are_checked_where_they_are_written(code: str) -> None:
    """An author's code must be usable by programs, and none of the platform's own."""
    with pytest.raises(ValueError, match=r"code"):
        Reject(code, "no")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=5))
def test_rows_come_back_as_they_were(row: dict[str, object]) -> None:
    """What JSON can hold is written so that reading gives it again."""
    (text,) = render_rows(row)
    assert json.loads(text) == row


@settings(max_examples=60, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_are_exact(value: Decimal) -> None:
    """A Decimal becomes a text that is the same number with the same digits."""
    (text,) = render_rows({"value": value})
    back = json.loads(text)["value"]
    assert isinstance(back, str)
    assert Decimal(back).as_tuple() == value.as_tuple()


def test_dates_times_and_ids_are_texts() -> None:
    """In the forms that contracts read."""
    row = {
        "day": date(2026, 11, 21),
        "at": datetime(2026, 11, 21, 1, 2, 3, 4, tzinfo=UTC),
        "time": time(1, 2, 3),
        "id": UUID(int=5),
    }
    (text,) = render_rows([row])
    assert json.loads(text) == {
        "day": "2026-11-21",
        "at": "2026-11-21T01:02:03.000004+00:00",
        "time": "01:02:03",
        "id": "00000000-0000-0000-0000-000000000005",
    }


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("inf"), b"bytes", object(), "\ud800", 1j])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    """Nothing is turned into something like it, and the error shows no value."""
    with pytest.raises(WrongResult) as caught:
        render_rows({"value": value})
    assert "bytes'" not in str(caught.value)
