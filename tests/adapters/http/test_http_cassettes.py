"""What was recorded plays without the server and without secrets, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entrepot.kernel.errors import DataError, SystemError_
from entrepot.testing.cassettes import recording, replaying
from tests.adapters.http.api import Asked, Reply, in_turn, json_reply, serve
from tests.adapters.http.reading import Source, ids
from tests.adapters.http.test_http_credentials import SECRETS, TokenServer, oauth, written


def pages(asked: Asked) -> Reply:
    """Two pages; the second echoes what it was asked with, as careless servers do."""
    number = int(asked.query["page"])
    rows = (
        [{"id": number, "echo": f"{asked.query.get('api_key')} {asked.headers.get('authorization')}"}]
        if number < 3
        else []
    )
    return Reply(
        json.dumps(rows).encode(), headers=(("x-echo", asked.query.get("api_key", "")), ("set-cookie", "session=1"))
    )


def test_recorded_and_replayed(tmp_path: Path) -> None:
    """The replay gives the same rows from a closed port; no secret stands in any file, also where the server sent it back."""
    cassette = tmp_path / "cassettes"
    auth = {"key": {"value": {"secret": "shop/token"}, "query": "api_key"}}
    with serve(pages) as api:
        options: dict[str, Any] = {"url": f"{api.url}/orders", "pagination": {"kind": "page"}, "auth": auth}
        with recording(cassette):
            _, rows = Source(tmp_path / "live", options, SECRETS).take()
    assert ids(rows) == [1, 2]
    with replaying(cassette):
        _, again = Source(tmp_path / "offline", options).take()
    assert ids(again) == [1, 2] and again[0]["echo"] == "*** None"
    files = sorted((cassette / "orders").iterdir())
    assert [path.name for path in files] == ["0001.json", "0002.json", "0003.json"]
    assert "t0ken" not in written(cassette) and "session=1" not in written(cassette)


def test_a_password_that_is_echoed_is_not_recorded(tmp_path: Path) -> None:
    """Of basic credentials neither the header nor the password itself is written."""
    options = {"auth": {"basic": {"user": "ada", "password": {"secret": "shop/token"}}}}
    with serve(
        lambda asked: json_reply([{"id": 1, "you": asked.headers["authorization"], "say": SECRETS["shop/token"]}])
    ) as api:
        with recording(tmp_path / "c"):
            Source(tmp_path / "live", {"url": api.url, **options}, SECRETS).take()
    text = written(tmp_path / "c")
    assert "t0ken" not in text and "YWRhOn" not in text and text.count("***") == 2


def test_tokens_are_not_recorded(tmp_path: Path) -> None:
    """Asking for a token is neither recorded nor replayed; the token itself is scrubbed."""
    cassette = tmp_path / "cassette"
    server = TokenServer()
    with serve(server.answer) as api:
        options = {
            "url": f"{api.url}/orders",
            "auth": oauth(api, scope="cassette"),
            "cassette": {"folder": "../cassette", "mode": "record"},
        }
        Source(tmp_path / "live", options, SECRETS).take()
    assert (
        len(list(cassette.iterdir())) == 1 and "access-" not in written(cassette) and "cl!ent" not in written(cassette)
    )
    replay = {**options, "cassette": {"folder": "../cassette"}}
    assert ids(Source(tmp_path / "offline", replay).take()[1]) == [1]


def test_an_unknown_request_is_refused_by_name(tmp_path: Path) -> None:
    """A request that was not recorded names itself and the folder, and how to record it."""
    with serve(in_turn(json_reply([{"id": 1}]))) as api:
        options: dict[str, Any] = {"url": f"{api.url}/orders"}
        with recording(tmp_path / "c"):
            Source(tmp_path / "live", options).take()
    with replaying(tmp_path / "c"):
        source = Source(tmp_path / "offline", options)
        with pytest.raises(
            SystemError_, match=r"GET http://.*/orders\?status=paid: this request is not in the cassette .*orders"
        ):
            source.build(params={"status": "paid"}).find_next(None)
        (tmp_path / "c/orders/0001.json").write_text("{}")
        with pytest.raises(DataError, match="is no recorded exchange"):
            source.build().find_next(None)


def test_answers_to_one_request_play_in_order(tmp_path: Path) -> None:
    """A source that is asked twice for the same gets what it got then: first nothing new, then something."""
    replies = (json_reply([{"id": 1}]), json_reply([{"id": 1}]), json_reply([{"id": 1}, {"id": 2}]))
    with serve(in_turn(*replies)) as api:
        options: dict[str, Any] = {"url": f"{api.url}/orders"}

        def play(root: Path) -> list[list[int]]:
            reader = Source(root, options).build()
            seen = []
            position = None
            for _ in range(3):
                found = reader.find_next(position)
                if found is None:
                    seen.append([])
                    continue
                position = reader.claim(found)
                from tests.adapters.http.reading import rows_at

                seen.append(ids(rows_at(reader, position)))
                reader.acknowledge(position)
            return seen

        with recording(tmp_path / "c"):
            live = play(tmp_path / "live")
    with replaying(tmp_path / "c"):
        assert play(tmp_path / "offline") == live == [[1], [], [1, 2]]
