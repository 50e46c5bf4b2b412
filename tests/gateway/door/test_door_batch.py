"""Many records in one request: each has its answer, in order, and its bytes as received."""

from __future__ import annotations

import gzip
import itertools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.intake.gateway.door_lines import Elements, Lines, Slice, Splitter
from entrepot.ports.inbox import RecordFilter
from tests.gateway.door.conftest import Lab

NDJSON = "application/x-ndjson"


def results(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in body.splitlines()]


@pytest.mark.req("G1")
def test_a_bad_line_spoils_no_other(lab: Lab) -> None:
    """Good, broken, repeated, conflicting and blank lines: one result for each but the blank, and the good ones are stored."""
    lines = [
        b'{"id": 1, "price": 1.10}',
        b"{broken",
        b"",
        b'{"id": 1, "price": 1.10}',
        b'{"id": 1}',
        b' {"id": 2}\r',
        b"NaN",
    ]
    reply = lab.send("till/batch", b"\n".join(lines), content_type=NDJSON)
    assert (reply.status, reply.headers["content-type"]) == (200, NDJSON)
    told = results(reply.body)
    assert [(one["number"], one["status"], one.get("code")) for one in told] == [
        (1, "just_in", None),
        (2, "refused", "unreadable"),
        (3, "just_in", None),
        (4, "error", "conflict"),
        (5, "just_in", None),
        (6, "refused", "unreadable"),
    ]
    assert told[2]["id"] == told[0]["id"] == told[3]["first"]
    assert (reply.headers["x-records-taken"], reply.headers["x-records-refused"]) == ("4", "2")
    stored = [lab.inbox.body_as_received(one["id"]) for one in (told[0], told[4])]
    assert stored == [b'{"id": 1, "price": 1.10}', b'{"id": 2}']


@pytest.mark.req("G1")
def test_an_array_keeps_the_bytes_of_its_elements(lab: Lab) -> None:
    """Numbers, escapes and blanks inside an element come as they were; brackets in strings part nothing."""
    elements = [
        b'{"id": 1, "n": 1.10e5}',
        rb'{"id":2,"s":"],\"[{"}',
        b"[1, [2, 3]]",
        b'"text, with"',
        b"1E400",
        b"null",
    ]
    reply = lab.send("till/batch", b" [ " + b" ,\n".join(elements) + b" ] ", content_type="application/json")
    assert reply.headers["content-type"] == "application/json"
    told = reply.json
    assert [one["number"] for one in told] == [1, 2, 3, 4, 5, 6]
    assert [lab.inbox.body_as_received(one["id"]) for one in told if "id" in one] == elements
    assert lab.send("till/batch", b"[]", content_type="application/json").json == []


@pytest.mark.parametrize(
    ("body", "taken", "why"),
    [
        (b'[{"id": 1}, {"id": 2}', 1, "not closed"),
        (b'[{"id": 1}, {"id": 2', 1, "not closed"),
        (b'[{"id": 1}] x', 1, "behind"),
        (b'[{"id": 1},]', 1, "not JSON"),
        (b'[{"id": 1},,{"id": 2}]', 2, "not JSON"),
        (b'[{"id": 1]}, {"id": 2}]', 1, "not JSON"),
        (b'[{"id": 1} {"id": 2}, {"id": 3}]', 1, "not JSON"),
    ],
)
def test_an_array_that_is_none(lab: Lab, body: bytes, taken: int, why: str) -> None:
    """What can be told apart is taken; what is wrong is said; nothing is guessed."""
    reply = lab.send("till/batch", body, content_type="application/json")
    assert reply.status == 200
    assert lab.inbox.count(RecordFilter()) == taken
    assert any(why in one.get("detail", "") for one in reply.json)


@pytest.mark.req("G1")
def test_many_slices_keep_their_order(lab: Lab) -> None:
    """2,500 records, compressed and with a reference in the header: numbered, in order, and the same again is the same."""
    body = gzip.compress(b"".join(b'{"n": %d}\n' % number for number in range(2_500)))
    first = lab.send("till/batch", body, content_type=NDJSON, content_encoding="gzip", x_id="B")
    again = lab.send("till/batch", body, content_type=NDJSON, content_encoding="gzip", x_id="B")
    assert first.body == again.body
    told = results(first.body)
    assert [one["reference"] for one in told] == [f"B#{number}" for number in range(1, 2_501)]
    waiting = lab.inbox.waiting("till", 0, 3_000)
    assert [record.reference for record in waiting] == [one["reference"] for one in told]
    assert {record.content_type for record in waiting} == {"application/json"}


def test_the_answer_has_the_shape_that_is_asked_for(lab: Lab) -> None:
    """Lines for lines, an array for an array, unless Accept says otherwise."""
    lines = lab.send("till/batch", b'[{"id":1},{"id":2}]', accept=NDJSON)
    assert [one["number"] for one in results(lines.body)] == [1, 2]
    array = lab.send("till/batch", b'{"id":1}\n{"id":2}\n', content_type=NDJSON, accept="application/json")
    assert [one["number"] for one in array.json] == [1, 2]


def test_a_record_that_is_too_long(lab: Lab) -> None:
    """It alone is refused; the ones before and behind are taken."""
    body = b'{"id": 1}\n{"id": 2, "x": "' + b"x" * 3_000_000 + b'"}\n{"id": 3}\n'
    told = results(lab.send("till/batch", body, content_type=NDJSON).body)
    assert [one.get("code") for one in told] == [None, "body.too_large", None]
    told = lab.send("till/batch", b"[" + b",".join(body.splitlines()) + b"]").json
    assert [one.get("code") for one in told] == [None, "body.too_large", None]


def test_a_signed_batch_is_refused_whole(lab: Lab) -> None:
    """A wrong signature over the body: nothing is taken."""
    assert lab.send("signed/batch", b'{"id": 1}\n', content_type=NDJSON, x_signature="x").status == 403
    assert lab.inbox.count(RecordFilter()) == 0


def test_an_encoding_that_breaks_off(lab: Lab) -> None:
    """What was stored before is told, and then why the rest was not taken."""
    text = b"".join(b'{"id": %d}\n' % number for number in range(5_000))
    whole = gzip.compress(text)
    told = results(lab.send("till/batch", whole[:-9], content_type=NDJSON, content_encoding="gzip").body)
    assert told[-1]["code"] == "encoding.broken"
    assert lab.inbox.count(RecordFilter()) == len(told) - 1 > 0


def pieces(splitter: Splitter, body: bytes, cuts: list[int]) -> tuple[Slice, str | None]:
    """Feed a body cut anywhere."""
    found: Slice = []
    places = sorted({min(cut, len(body)) for cut in cuts} | {0, len(body)})
    for start, end in itertools.pairwise(places):
        for records in splitter.feed(body[start:end]):
            found += records
    last, wrong = splitter.end()
    return found + last, wrong


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.lists(values, max_size=8), st.lists(st.integers(0, 400), max_size=10), st.booleans(), st.sampled_from([None, 1])
)
@settings(max_examples=200, deadline=None)
def test_an_array_is_cut_at_its_commas_wherever_pieces_end(
    elements: list[Any], cuts: list[int], ascii_only: bool, indent: int | None
) -> None:
    """Property: the elements of any array are those that a JSON parser finds, however the bytes arrive."""
    body = json.dumps(elements, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    found, wrong = pieces(Elements(10_000_000), body, cuts)
    assert wrong is None
    assert [json.loads((one or b"").decode("utf-8", "surrogatepass")) for one in found] == elements


@given(
    st.lists(st.binary().filter(lambda line: b"\n" not in line), max_size=8), st.lists(st.integers(0, 200), max_size=10)
)
@settings(max_examples=200, deadline=None)
def test_lines_are_cut_wherever_pieces_end(lines: list[bytes], cuts: list[int]) -> None:
    """Property: the lines are those of the whole, without blank ones."""
    found, wrong = pieces(Lines(1_000_000), b"\n".join(lines), cuts)
    assert (found, wrong) == ([line.strip() for line in lines if line.strip()], None)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6), st.integers(1, 30))
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_the_cutting(body: bytes, cuts: list[int], most: int) -> None:
    """Property: any bytes are cut without an error, and no record is longer than allowed."""
    for splitter in (Elements(most), Lines(most)):
        found, _ = pieces(splitter, b"[" + body, cuts)
        assert all(one is None or len(one) <= most for one in found)
