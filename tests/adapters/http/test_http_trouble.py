"""A server that refuses, stalls, breaks off or lies costs patience or a clear error, never a wrong row."""

from __future__ import annotations

import gzip
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from entrepot.contracts.model import Column
from entrepot.contracts.types import ColumnType, Kind
from entrepot.kernel.errors import DataError, EntrepotError, SystemError_
from tests.adapters.http.api import Api, Reply, in_turn, json_reply, serve
from tests.adapters.http.reading import Source, ids

ROWS = [{"id": number, "text": "x" * 50} for number in range(1, 101)]
GOOD = json_reply(ROWS)
QUICK = {"retry": {"wait": "1s", "attempts": 4}, "timeout": "300ms"}


def source_of(api: Api, root: Path, **options: Any) -> Source:
    """A source of all records of /orders."""
    return Source(root, {"url": f"{api.url}/orders", **QUICK, **options})


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(status=500),
        Reply(status=503),
        Reply(status=429),
        Reply(status=429, headers=(("retry-after", "7"),)),
        Reply(status=503, headers=(("retry-after", "Thu, 01 Jan 2026 12:00:20 GMT"),)),
        Reply(drops=True),
        Reply(GOOD.body, cut=200),
        Reply(GOOD.body, cut=200, says_length=False),
        Reply(GOOD.body, stall_s=0.5),
        Reply(gzip.compress(GOOD.body)[:-20], headers=(("content-encoding", "gzip"),)),
    ],
    ids=["500", "503", "429", "seconds", "date", "dropped", "cut", "cut without length", "stalled", "cut gzip"],
)
def test_passing_trouble_is_survived(tmp_path: Path, trouble: Reply) -> None:
    """Every kind of passing trouble, twice: in the end each row came once."""
    with serve(in_turn(trouble, trouble, GOOD)) as api:
        position, rows = source_of(api, tmp_path).take()
    assert ids(rows) == list(range(1, 101)) and len(api.asked) == 3, position


def test_retry_after_is_obeyed(tmp_path: Path) -> None:
    """The pause is at least what the server asks for, as seconds and as a date."""
    late = Reply(status=429, headers=(("retry-after", "7"),))
    later = Reply(status=503, headers=(("retry-after", "Thu, 01 Jan 2026 12:00:20 GMT"),))
    with serve(in_turn(late, later, GOOD)) as api:
        source = source_of(api, tmp_path)
        began = source.clock.now()
        source.take()
    assert 20 <= (source.clock.now() - began).total_seconds() < 23


def test_too_long_a_wait_ends_the_run(tmp_path: Path) -> None:
    """A server that wants to be asked again tomorrow is not waited for."""
    with serve(in_turn(Reply(status=429, headers=(("retry-after", "86400"),)))) as api:
        source = source_of(api, tmp_path)
        began = source.clock.now()
        with pytest.raises(SystemError_, match=r"again in 86,400 s; at most 300 s"):
            source.build().find_next(None)
        assert source.clock.now() == began


def test_patience_ends(tmp_path: Path) -> None:
    """After the last attempt the error says how many there were; nothing of the fetch stays behind."""
    with serve(in_turn(Reply(status=500))) as api:
        source = source_of(api, tmp_path)
        with pytest.raises(SystemError_, match=r"in trouble \(status 500\) after 4 attempts") as caught:
            source.build().find_next(None)
        assert len(api.asked) == 4 and caught.value.retryable
    assert list(source.landing.iterdir()) == []


@pytest.mark.parametrize(
    ("reply", "words", "retryable"),
    [
        (Reply(status=401), "authentication failed", False),
        (Reply(status=403), "access is forbidden", False),
        (Reply(status=404), "there is nothing at this address", False),
        (Reply(status=400, body=b'{"secret value": 1}'), "the request is refused", False),
    ],
)
def test_refusals_are_told_at_once(tmp_path: Path, reply: Reply, words: str, retryable: bool) -> None:
    """What will not change by itself is asked once, and the error says what to check; no value of the answer is in it."""
    with serve(in_turn(reply)) as api:
        with pytest.raises(SystemError_, match=words) as caught:
            source_of(api, tmp_path).build().find_next(None)
        assert len(api.asked) == 1 and caught.value.hint and caught.value.retryable is retryable
        assert "secret value" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!doctype html><html>Name: Ada</html>", "HTML"),
        (b"Ada Lovelace", "text"),
        (b'{"name": Ada}', "broken JSON"),
        (b"", "empty"),
        (b"%PDF-1.7 Ada", "a PDF"),
        (b"\x00\x01\x02Ada", "binary"),
        (b'[{"name": "Ada\xff"}]', "broken JSON"),
    ],
)
def test_what_is_no_json_is_told_by_its_kind(tmp_path: Path, body: bytes, kind: str) -> None:
    """An answer that is something else is refused with its kind and type, without its content."""
    with serve(in_turn(Reply(body, headers=(("content-type", "text/html"),)))) as api:
        with pytest.raises(DataError, match=f"not JSON but {kind}") as caught:
            source_of(api, tmp_path).build().find_next(None)
    assert "Ada" not in str(caught.value) and "text/html" in str(caught.value)


def test_nobody_listens(tmp_path: Path) -> None:
    """A port without a server, and a host without an address, are told apart."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    source = Source(tmp_path, {"url": f"http://127.0.0.1:{port}/orders", **QUICK})
    with pytest.raises(SystemError_, match="the connection is refused after 4 attempts"):
        source.build().find_next(None)
    with pytest.raises(SystemError_, match=r"host's name is not known|connection is refused"):
        source.build(url="http://no-such-host.invalid/orders").find_next(None)


def test_a_post_is_repeated_only_where_that_does_no_harm(tmp_path: Path) -> None:
    """A POST whose answer got lost may have been carried out: it is not sent again, unless the source says that it only reads."""
    options = {"method": "POST", "body": '{"query": "all"}'}
    with serve(in_turn(Reply(drops=True), GOOD)) as api:
        with pytest.raises(SystemError_, match="the connection broke"):
            source_of(api, tmp_path, **options).build().find_next(None)
        assert len(api.asked) == 1
    with serve(in_turn(Reply(status=500), GOOD)) as api:
        with pytest.raises(SystemError_, match="status 500"):
            source_of(api, tmp_path, **options).build().find_next(None)
        assert len(api.asked) == 1
    with serve(in_turn(Reply(status=503), GOOD)) as api:
        source_of(api, tmp_path / "a", **options).take()
    with serve(in_turn(Reply(drops=True), Reply(status=500), GOOD)) as api:
        source_of(api, tmp_path / "b", repeatable=True, **options).take()
        assert [one.body for one in api.asked] == ['{"query": "all"}'] * 3
        assert api.asked[0].headers["content-type"] == "application/json"


def test_large_answers_are_refused(tmp_path: Path) -> None:
    """An answer beyond the limit is an error, also when it is small on the wire: a compressed bomb."""
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    for reply in (GOOD, Reply(bomb, headers=(("content-encoding", "gzip"),))):
        with serve(in_turn(reply)) as api, pytest.raises(SystemError_, match=r"larger than 0\.001 MB; .*max_page_mb"):
            source_of(api, tmp_path, max_page_mb=0.001).build().find_next(None)
        assert len(api.asked) == 1


def test_compressed_answers_are_kept_as_they_read(tmp_path: Path) -> None:
    """A packed answer brings the same rows."""
    packed = Reply(gzip.compress(GOOD.body), headers=(("content-encoding", "gzip"),))
    with serve(in_turn(packed)) as api:
        assert ids(source_of(api, tmp_path).take()[1]) == list(range(1, 101))
        assert "gzip" in api.asked[0].headers["accept-encoding"]


def test_a_fetch_that_breaks_in_the_middle_is_begun_anew(tmp_path: Path) -> None:
    """The third page fails for good: nothing is claimed; the next run brings every row once."""
    pages = [json_reply(ROWS[start : start + 25]) for start in range(0, 100, 25)]
    with serve(in_turn(*pages[:2], Reply(status=404), *pages, json_reply([]))) as api:
        source = source_of(
            api, tmp_path, pagination={"kind": "page"}, cursor={"field": "id", "param": "since", "type": "integer"}
        )
        reader = source.build()
        found = reader.find_next(None)
        assert found is not None
        with pytest.raises(SystemError_, match="nothing at this address"):
            reader.claim(found)
        assert list(source.landing.iterdir()) == []
        assert ids(source.take()[1]) == list(range(1, 101))


def test_odd_json(tmp_path: Path) -> None:
    """A byte-order mark, another charset, no content at all; single bad records go to quarantine, the others go on."""
    marked = Reply(b"\xef\xbb\xbf" + GOOD.body)
    latin = Reply(
        '[{"id": 1, "text": "Zürich"}]'.encode("latin-1"),
        headers=(("content-type", "application/json; charset=ISO-8859-1"),),
    )
    odd = Reply(
        b'[{"id": 1}, {"id": 2, "id": 3}, 4, {"id": 5, "n": 1.10, "big": 12345678901234567890, "o": {"a": [1.0]}}]'
    )
    with serve(in_turn(marked, latin, odd, Reply(status=204))) as api:
        assert len(source_of(api, tmp_path / "a").take()[1]) == 100
        assert source_of(api, tmp_path / "b").take()[1][0]["text"] == "Zürich"
        rows = source_of(api, tmp_path / "c").take()[1]
        assert source_of(api, tmp_path / "d").build().find_next(None) is None
    assert [(row["id"], [fault["reason"] for fault in row["_faults"] or ()]) for row in rows] == [
        ("1", []), (None, ["duplicate_key"]), (None, ["not_an_object"]), ("5", []),
    ]  # fmt: skip
    assert (rows[3]["n"], rows[3]["big"], rows[3]["o"]) == ("1.10", "12345678901234567890", '{"a": [1.0]}')


@pytest.mark.parametrize(
    ("document", "records", "words"),
    [
        ({"data": []}, "items", "has no items; found: data"),
        ({"data": {"items": 3}}, "data.items", "neither a list nor an object"),
        ([1], "items", "found: a list"),
    ],
)
def test_records_are_where_they_are_said_to_be(tmp_path: Path, document: Any, records: str, words: str) -> None:
    """A wrong path is an error that names the keys there are."""
    with serve(in_turn(json_reply(document))) as api, pytest.raises(DataError, match=words):
        source_of(api, tmp_path, records=records).build().find_next(None)


def test_no_key_is_a_column_of_the_contract(tmp_path: Path) -> None:
    """Records of another kind are refused before anything is planned."""
    with serve(in_turn(GOOD)) as api:
        source = source_of(api, tmp_path)
        source.columns = (Column("order_number", ColumnType(Kind.STRING)),)
        with pytest.raises(DataError, match="no key of the records is a column of the contract; found: id, text"):
            source.take()
    assert list(source.landing.iterdir()) == []


def test_errors_name_no_values(tmp_path: Path) -> None:
    """No parameter's value stands in an error: it may be a secret, or personal."""
    with serve(in_turn(Reply(status=404))) as api:
        with pytest.raises(EntrepotError) as caught:
            source_of(api, tmp_path, params={"customer": "Ada"}).build().find_next(None)
    assert "Ada" not in f"{caught.value!r} {caught.value} {json.dumps(str(caught.value.__cause__))}"
