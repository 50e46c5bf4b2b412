"""Credentials reach the server of the source and nobody else, and are never written down."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.http.credentials import Tokens
from entrepot.connectors import check_options, load_connector
from entrepot.kernel.errors import SystemError_
from tests.adapters.http.api import Api, Asked, Reply, in_turn, json_reply, serve
from tests.adapters.http.reading import Source, ids

ROWS = json_reply([{"id": 1}])
SECRETS = {"shop/token": "t0ken-of-the-shop", "shop/client": "cl!ent:secret/ü"}
TOKEN = {"secret": "shop/token"}


def source_of(api: Api, root: Path, auth: dict[str, Any], **options: Any) -> Source:
    """A source with credentials."""
    return Source(root, {"url": f"{api.url}/orders", "auth": auth, **options}, SECRETS)


def written(root: Path) -> str:
    """All that stands in any file, unpacked where it is packed."""
    import pyarrow as pa

    texts = []
    for path in sorted(root.rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".zst":
                with pa.input_stream(str(path), compression="zstd") as file:
                    data = file.read()
            texts.append(data.decode("utf-8", "replace"))
    return "\n".join(texts)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"bearer": TOKEN}, "authorization", "Bearer t0ken-of-the-shop"),
        ({"key": {"value": TOKEN, "header": "X-Api-Key"}}, "x-api-key", "t0ken-of-the-shop"),
        (
            {"key": {"value": TOKEN, "header": "Authorization", "prefix": "Token "}},
            "authorization",
            "Token t0ken-of-the-shop",
        ),
        (
            {"basic": {"user": "ada", "password": TOKEN}},
            "authorization",
            "Basic " + base64.b64encode(b"ada:t0ken-of-the-shop").decode(),
        ),
    ],
)
def test_credentials_are_sent(tmp_path: Path, auth: dict[str, Any], header: str, value: str) -> None:
    """Each kind of credentials arrives as its standard says; nothing of it is on disk."""
    with serve(in_turn(ROWS)) as api:
        assert ids(source_of(api, tmp_path, auth).take()[1]) == [1]
        assert api.asked[0].headers[header] == value
    assert "t0ken" not in written(tmp_path)


def test_a_key_in_the_query_is_in_no_error_and_no_file(tmp_path: Path) -> None:
    """A key that must stand in the address stands in no manifest and no error."""
    auth = {"key": {"value": TOKEN, "query": "api_key"}}
    with serve(in_turn(ROWS, Reply(status=404))) as api:
        source = source_of(api, tmp_path, auth)
        position, _ = source.take()
        assert api.asked[0].query["api_key"] == "t0ken-of-the-shop"
        with pytest.raises(SystemError_) as caught:
            source.build().find_next(position)
    assert "t0ken" not in written(tmp_path) + str(caught.value) + repr(caught.value.__cause__)


class TokenServer:
    """Gives tokens and takes them, until it forgets one."""

    def __init__(self, lasts: object = 3600) -> None:
        self.valid = 0
        self.lasts = lasts

    def answer(self, asked: Asked) -> Reply:
        """A token, or orders for a token that is valid."""
        if asked.path == "/token":
            self.valid += 1
            return json_reply(
                {"access_token": f"access-{self.valid}", "token_type": "bearer", "expires_in": self.lasts}
            )
        if asked.headers.get("authorization") != f"Bearer access-{self.valid}":
            return Reply(status=401)
        return json_reply([{"id": self.valid}])


def oauth(api: Api, **more: str) -> dict[str, Any]:
    """Client credentials."""
    return {"oauth2": {"url": f"{api.url}/token", "client": "id:7", "client_secret": {"secret": "shop/client"}, **more}}


def test_token_is_asked_for_once(tmp_path: Path) -> None:
    """One token serves several fetches; client and secret go form-encoded into the header, or into the body; neither is on disk."""
    server = TokenServer()
    with serve(server.answer) as api:
        source = source_of(api, tmp_path / "a", oauth(api, scope="read all"))
        position, rows = source.take()
        assert source.build().find_next(position) is None
        assert ids(rows) == [1] and api.count("/token") == 1
        asked = next(one for one in api.asked if one.path == "/token")
        assert base64.b64decode(asked.headers["authorization"].split()[1]) == b"id%3A7:cl%21ent%3Asecret%2F%C3%BC"
        assert asked.body == "grant_type=client_credentials&scope=read+all"
        source_of(api, tmp_path / "b", oauth(api, **{"in": "body"})).take()
        assert "client_id=id%3A7&client_secret=cl%21ent" in api.asked[-2].body + api.asked[-3].body
    assert "access-" not in written(tmp_path) and "cl!ent" not in written(tmp_path)


def test_refused_token_is_renewed_once(tmp_path: Path) -> None:
    """A token that the server no longer takes is renewed once; a second 401 is the end."""
    server = TokenServer()
    with serve(server.answer) as api:
        source = source_of(api, tmp_path, oauth(api, audience="again"))
        position, _ = source.take()
        server.valid += 1
        position, rows = source.take(position)
        assert ids(rows) == [3] and api.count("/token") == 2
        api.answer = lambda asked: server.answer(asked) if asked.path == "/token" else Reply(status=401)
        with pytest.raises(SystemError_, match="authentication failed"):
            source.build().find_next(position)
        assert api.count("/token") == 3


def test_token_is_renewed_before_it_ends() -> None:
    """A fifth before its end a token is not used any more."""
    now = [0.0]
    tokens = Tokens(lambda: now[0])
    given = iter(range(10))
    ask = [tokens.get(("x",), lambda: (f"t{next(given)}", 100.0))]
    for at in (79.0, 80.0, 159.0, 160.0):
        now[0] = at
        ask.append(tokens.get(("x",), lambda: (f"t{next(given)}", 100.0)))
    assert ask == ["t0", "t0", "t1", "t1", "t2"]


def test_refused_client(tmp_path: Path) -> None:
    """The standard's word for what is wrong is told, nothing else of the answer."""
    refusal = json_reply({"error": "invalid_client", "error_description": "cl!ent of Ada"}, 401)
    with serve(in_turn(refusal)) as api:
        with pytest.raises(SystemError_, match=r"no token is given, status 401 \(invalid_client\)") as caught:
            source_of(api, tmp_path, oauth(api, scope="refused")).build().find_next(None)
    assert "Ada" not in str(caught.value) and len(api.asked) == 1


def test_redirects(tmp_path: Path) -> None:
    """A redirect within the host keeps the credentials, one to another host loses them; a circle and a POST that would become a GET end."""
    with serve(in_turn(ROWS)) as other, serve(in_turn(ROWS)) as api:
        auth = {"key": {"value": TOKEN, "query": "api_key"}}
        api.answer = lambda asked: (
            Reply(status=302, headers=(("location", "/moved?x=1"),)) if asked.path == "/orders" else ROWS
        )
        source_of(api, tmp_path / "a", auth).take()
        assert api.asked[-1].query == {"x": "1", "api_key": "t0ken-of-the-shop"}
        api.answer = in_turn(Reply(status=307, headers=(("location", f"{other.url}/elsewhere"),)))
        for number, one in enumerate((auth, {"bearer": TOKEN})):
            source_of(api, tmp_path / f"b{number}", one).take()
        assert all("t0ken" not in str(asked) for asked in other.asked) and len(other.asked) == 2
        api.answer = in_turn(Reply(status=302, headers=(("location", "/orders"),)))
        with pytest.raises(SystemError_, match="more than 5 times"):
            source_of(api, tmp_path / "c", auth).build().find_next(None)
        with pytest.raises(SystemError_, match="a POST into a GET"):
            source_of(api, tmp_path / "d", auth, method="POST").build().find_next(None)


def test_next_page_at_another_host_is_refused(tmp_path: Path) -> None:
    """A next link to another host gets no credentials; one that only misnames scheme or port of the own host is asked at the own address."""
    from entrepot.kernel.errors import DataError

    pages = in_turn(
        json_reply({"items": [{"id": 1}], "next": "https://127.0.0.1:1/orders?page=2"}),
        json_reply({"items": [{"id": 2}]}),
    )
    options: dict[str, Any] = {"records": "items", "pagination": {"kind": "link", "from": "body.next"}}
    with serve(pages) as api:
        assert ids(source_of(api, tmp_path / "a", {"bearer": TOKEN}, **options).take()[1]) == [1, 2]
        assert api.asked[1].query == {"page": "2"}
        api.answer = in_turn(json_reply({"items": [{"id": 1}], "next": "https://evil.example/orders?page=2"}))
        with pytest.raises(DataError, match="at another host"):
            source_of(api, tmp_path / "b", {"bearer": TOKEN}, **options).take()


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({}, "one of bearer, key, basic, oauth2; here are none"),
        ({"bearer": TOKEN, "basic": {"user": "x", "password": TOKEN}}, "here are bearer, basic"),
        ({"bearer": {"secret": "no-scope"}}, "scope/key"),
        ({"key": {"value": TOKEN}}, "in a header or in the query"),
        ({"bearer": "t0ken-written-down"}, "a secret value; allowed is a mapping"),
    ],
)
def test_wrong_credentials_are_found_without_running(auth: dict[str, Any], words: str) -> None:
    """`entrepot check` finds what is wrong; a secret that was written down is not repeated."""
    _, errors = check_options(load_connector("http"), {"url": "https://x.example/a", "auth": auth})
    text = "\n".join(map(str, errors))
    assert words in text and "t0ken" not in text
