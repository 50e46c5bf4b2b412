"""From fetch to fetch: nothing is lost, what came before is left out as often as it came, and what was fetched stays as it was."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.adapters.http.marks import Mark, Values
from entrepot.kernel.errors import DataError
from entrepot.kernel.positions import Cursor, position_from_json, position_to_json
from entrepot.testing.sources import claim_next
from tests.adapters.http.api import Asked, Reply, in_turn, json_reply, serve
from tests.adapters.http.reading import Source, ids, rows_at

BY_TIME = {"field": "at", "param": "since"}


class Log:
    """An API of records with an instant; `since` is inclusive, as most are."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def put(self, id: int, at: str, **more: Any) -> None:
        """One more."""
        self.rows.append({"id": id, "at": f"2026-11-21T{at}Z", **more})

    def answer(self, asked: Asked) -> Reply:
        """All from `since` on."""
        return json_reply([row for row in self.rows if row["at"] >= asked.query.get("since", "")])


def test_records_at_the_edge_come_once(tmp_path: Path) -> None:
    """Records of the very instant at which a fetch ended are given again by the server: the known ones are left out, the new one is taken."""
    log = Log()
    log.put(1, "10:00:00")
    log.put(2, "10:00:00")
    with serve(log.answer) as api:
        source = Source(tmp_path, {"url": api.url, "cursor": BY_TIME})
        position, rows = source.take()
        assert ids(rows) == [1, 2] and source.build().find_next(position) is None
        log.put(3, "10:00:00")
        position, rows = source.take(position)
        assert ids(rows) == [3] and [row["_record"] for row in rows] == [3]
        assert api.asked[-1].query["since"] == "2026-11-21T10:00:00Z"


def test_equal_records_count(tmp_path: Path) -> None:
    """Two records that are alike letter by letter are two; a third one that comes later is not taken for one of them."""
    log = Log()
    log.put(1, "10:00:00")
    log.put(1, "10:00:00")
    with serve(log.answer) as api:
        source = Source(tmp_path, {"url": api.url, "cursor": BY_TIME})
        position, rows = source.take()
        assert ids(rows) == [1, 1]
        log.put(1, "10:00:00")
        position, rows = source.take(position)
        assert ids(rows) == [1] and source.build().find_next(position) is None


def test_late_and_changed_records_come_within_the_overlap(tmp_path: Path) -> None:
    """With an overlap a record that appears late is found, also where nothing newer came; a changed one comes again; the rest does not."""
    log = Log()
    log.put(1, "10:00:00.5")
    log.put(2, "10:09:00.5")
    with serve(log.answer) as api:
        source = Source(tmp_path, {"url": api.url, "cursor": {**BY_TIME, "overlap": "10m"}})
        position, _ = source.take()
        log.put(3, "10:01:00.5")
        position, rows = source.take(position)
        assert ids(rows) == [3] and api.asked[-1].query["since"] == "2026-11-21T09:59:00.5Z"
        log.rows[0]["text"] = "changed"
        position, rows = source.take(position)
        assert ids(rows) == [1] and rows[0]["text"] == "changed"
        log.put(4, "08:00:00.5")
        assert source.build().find_next(position) is None, "older than the overlap: never asked for"


def test_a_server_that_does_not_know_the_parameter_is_found_out(tmp_path: Path) -> None:
    """All records again, though only later ones were asked for: refused with what to check; with `older: take` they come once more, then no more."""
    log = Log()
    log.put(1, "08:00:00")
    log.put(2, "10:00:00")
    with serve(lambda asked: json_reply(log.rows)) as api:
        source = Source(tmp_path, {"url": api.url, "cursor": BY_TIME})
        position, _ = source.take()
        with pytest.raises(DataError, match="does the server know this parameter"):
            source.build().find_next(position)
        taking = {**BY_TIME, "older": "take"}
        position, rows = source.take(position, cursor=taking)
        assert ids(rows) == [1]
        assert source.build(cursor=taking).find_next(position) is None


def test_a_field_that_no_record_has(tmp_path: Path) -> None:
    """A misspelt field is an error; a record without a value is taken, once, and noted."""
    log = Log()
    log.put(1, "10:00:00")
    with serve(log.answer) as api:
        source = Source(tmp_path, {"url": api.url, "cursor": {**BY_TIME, "field": "att"}})
        with pytest.raises(DataError, match=r"no record has a value in att\. Correct the option cursor\.field"):
            source.build().find_next(None)
    with serve(lambda asked: json_reply([*log.rows, {"id": 2, "at": None}])) as api:
        source = Source(tmp_path, {"url": api.url, "cursor": BY_TIME})
        reader = source.build()
        position = claim_next(reader, None)
        (part,) = reader.read(position)
        assert part.notes == ("1 records have no value in at",)
        reader.acknowledge(position)
        assert source.build().find_next(position) is None


def test_nested_fields_and_other_types(tmp_path: Path) -> None:
    """The field may lie deeper; numbers are compared as numbers, of any size; a value of another type is an error."""
    rows: list[dict[str, Any]] = [{"id": 1, "meta": {"v": 9}}, {"id": 2, "meta": {"v": 18446744073709551617}}]
    cursor = {"field": "meta.v", "param": "since", "type": "integer"}
    with serve(lambda asked: json_reply(rows)) as api:
        source = Source(tmp_path, {"url": api.url, "cursor": {**cursor, "older": "take"}})
        position, _ = source.take()
        assert isinstance(position, Cursor) and Mark.read(position.upto).value == "18446744073709551617"
        rows.append({"id": 3, "meta": {"v": True}})
        with pytest.raises(DataError, match="its type is integer"):
            source.build().find_next(position)


def test_no_folder_of_the_last_fetch(tmp_path: Path) -> None:
    """Where the landing was deleted records of the edge come again, and people are told why."""
    import shutil

    log = Log()
    log.put(1, "10:00:00")
    with serve(log.answer) as api:
        source = Source(tmp_path, {"url": api.url, "cursor": BY_TIME})
        position, _ = source.take()
        shutil.rmtree(source.landing)
        log.put(2, "11:00:00")
        reader = source.build()
        following = claim_next(reader, position)
        (part,) = reader.read(following)
        assert ids(rows_at(reader, following)) == [1, 2] and "not known any more" in part.notes[0]


def test_snapshot_is_taken_when_it_changed(tmp_path: Path) -> None:
    """Without a cursor all records come, and only when one of them is another; an empty answer is believed only where the source says so."""
    log = Log()
    log.put(1, "10:00:00")
    log.put(2, "11:00:00")
    with serve(log.answer) as api:
        source = Source(tmp_path, {"url": api.url})
        position, rows = source.take()
        assert ids(rows) == [1, 2] and source.build().find_next(position) is None
        log.rows[0]["text"] = "changed"
        position, rows = source.take(position)
        assert ids(rows) == [1, 2] and rows[0]["text"] == "changed"
        log.rows.clear()
        assert source.build().find_next(position) is None
        _, rows = source.take(position, takes_empty=True)
        assert rows == []


def test_stream_goes_on_where_the_server_says(tmp_path: Path) -> None:
    """Batches of so many pages; where the server gives no further word the last page is asked for again, and its records are left out."""
    rows = [{"id": number} for number in range(1, 8)]

    def answer(asked: Asked) -> Reply:
        start = int(asked.query.get("after", 0))
        some = rows[start : start + 2]
        said = str(start + 2) if start + 2 < len(rows) else None
        return json_reply({"items": some, "next": said})

    with serve(answer) as api:
        cursor = {"from": "body.next", "param": "after"}
        source = Source(tmp_path, {"url": api.url, "records": "items", "cursor": cursor, "batch_pages": 2})
        position, first = source.take()
        position, second = source.take(position)
        assert (ids(first), ids(second)) == ([1, 2, 3, 4], [5, 6, 7])
        assert source.build().find_next(position) is None
        rows.append({"id": 8})
        position, third = source.take(position)
        assert ids(third) == [8] and source.build().find_next(position) is None


def test_what_was_fetched_stays_as_it_was_received(tmp_path: Path) -> None:
    """Pages, with status, headers and hash but without the query, lie under the name that `_origin` has; they go after `keep_raw`."""
    body = b'{"items" : [ {"id": 1.0},\n {"id":2} ]}'
    with serve(in_turn(Reply(body, headers=(("x-request-id", "r17"), ("set-cookie", "s=1"))))) as api:
        source = Source(tmp_path, {"url": f"{api.url}/o", "records": "items", "params": {"q": "Ada"}, "keep_raw": "2d"})
        reader = source.build()
        position = claim_next(reader, None)
        (part,) = reader.read(position)
        assert isinstance(position, Cursor)
        fetch = Mark.read(position.upto).fetch
        assert part.place == f"orders@{fetch}/page-000001.json"
        folder = source.landing / fetch
        manifest = (folder / "manifest.json").read_text()
        page = json.loads(manifest)["pages"][0]
        assert (page["status"], page["headers"][-1], page["records"]) == (200, ["x-request-id", "r17"], 2)
        assert "set-cookie" not in manifest
        assert "Ada" not in manifest and page["url"] == f"{api.url}/o"
        import pyarrow as pa

        with pa.input_stream(str(folder / "page-000001.json.zst"), compression="zstd") as file:
            assert file.read() == body
        reader.acknowledge(position)
        assert rows_at(source.build(), position)[0]["id"] == "1.0"
        source.clock.advance(timedelta(days=3).total_seconds())
        source.build().acknowledge(position)
        assert sorted(path.name for path in folder.iterdir()) == ["known.json", "manifest.json", "settled.json"]


def test_a_page_that_somebody_changed_is_refused(tmp_path: Path) -> None:
    """The rows of a batch are those that were fetched, or there are none."""
    with serve(in_turn(json_reply([{"id": 1}]))) as api:
        source = Source(tmp_path, {"url": api.url})
        reader = source.build()
        position = claim_next(reader, None)
        import pyarrow as pa

        assert isinstance(position, Cursor)
        page = source.landing / Mark.read(position.upto).fetch / "page-000001.json.zst"
        page.write_bytes(pa.compress(b'[{"id": 2}]', codec="zstd", asbytes=True))
        with pytest.raises(DataError, match="was changed since it was fetched"):
            rows_at(reader, position)
        page.unlink()
        with pytest.raises(DataError, match="cannot be read"):
            rows_at(reader, position)


def test_asking_what_is_new_leaves_nothing(tmp_path: Path) -> None:
    """`entrepot plan` asks and does not claim: what it fetched is removed; so is what a killed fetch left, a day later."""
    with serve(in_turn(json_reply([{"id": 1}]))) as api:
        source = Source(tmp_path, {"url": api.url})
        reader = source.build()
        assert reader.find_next(None) is not None
        del reader
        assert list(source.landing.iterdir()) == []
        left = source.landing / ".fetch-0123456789ab"
        left.mkdir()
        source.clock.advance(400 * 86_400)
        source.take()
        assert not left.exists()


def test_flattened_and_exploded(tmp_path: Path) -> None:
    """Objects become columns, a list becomes rows with the record's other values, as in files."""
    rows = [{"id": 1, "who": {"name": "Ada", "at": {"city": "Ulm"}}, "lines": [{"n": 1}, {"n": 2}]}]
    with serve(in_turn(json_reply(rows))) as api:
        source = Source(tmp_path, {"url": api.url, "flatten": {}, "explode": {"key": "lines", "prefix": "line_"}})
        _, found = source.take()
    assert [(row["id"], row["who_at_city"], row["line_n"], row["_record"]) for row in found] == [
        ("1", "Ulm", "1", 1), ("1", "Ulm", "2", 2),
    ]  # fmt: skip


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_arrivals_come_once(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever comes late within the overlap, in any order, with equal instants and equal records: each record is given exactly once."""
    log = Log()
    given_ids: list[int] = []
    put: list[int] = []
    now = 3600
    with serve(log.answer) as api:
        source = Source(tmp_path_factory.mktemp("arrivals"), {"url": api.url, "cursor": {**BY_TIME, "overlap": "60s"}})
        position = None
        for _ in range(data.draw(st.integers(1, 5))):
            greatest = now
            for late in data.draw(st.lists(st.integers(0, 60), max_size=6)):
                now += data.draw(st.integers(0, 40))
                at = max(greatest - 60, now - late)
                log.put(len(put) // 2, f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}")
                put.append(len(put) // 2)
                now = max(now, at)
            now = max(
                [
                    greatest,
                    *(int(r["at"][11:13]) * 3600 + int(r["at"][14:16]) * 60 + int(r["at"][17:19]) for r in log.rows),
                ]
            )
            reader = source.build()
            found = reader.find_next(position)
            if found is not None:
                position = position_from_json(position_to_json(reader.claim(found)))
                given_ids += ids(rows_at(source.build(), position))
                source.build().acknowledge(position)
    assert sorted(given_ids) == sorted(put)


@pytest.mark.parametrize(
    ("value", "overlap", "asked"),
    [
        ("2026-11-21T10:00:00.123456789Z", "10m", "2026-11-21T09:50:00.123456789Z"),
        ("2026-11-21T00:05:00+02:00", "10m", "2026-11-20T23:55:00+02:00"),
        ("2026-11-21 10:00", "1h", "2026-11-21 09:00"),
        ("2026-11-21", "1h", "2026-11-20"),
        ("2026-11-21", "48h", "2026-11-19"),
    ],
)
def test_looking_back_keeps_the_notation(value: str, overlap: str, asked: str) -> None:
    """What is asked for is written as the server writes it."""
    assert Values("instant", "x").look_back(value, overlap) == asked


def test_instants_are_compared_as_instants() -> None:
    """Zones and digits of fractions do not matter; with and without zone are not mixed."""
    values = Values("instant", "x")
    assert values.key("2026-11-21T10:00:00+02:00") == values.key("2026-11-21T08:00:00.000Z")
    assert values.key("2026-11-21T10:00:00.1000000001Z") > values.key("2026-11-21T10:00:00.1Z")
    with pytest.raises(DataError, match="sometimes without a zone"):
        values.greater(values.key("2026-11-21T10:00:00"), values.key("2026-11-21T10:00:00Z"))
    with pytest.raises(DataError, match="no instant"):
        values.key("yesterday")
