"""Texts and bodies that break others break nothing here: an answer below 500, in the one shape, and the server lives on."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.app.http.serving import Shop

JSON = {"content-type": "application/json"}


def _is_answer(response: httpx.Response) -> None:
    assert response.status_code < 500, (response.request.url, response.text)
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
    else:
        response.json()


@pytest.mark.real
@pytest.mark.timeout(300)
def test_naughty_strings_are_texts_like_any_other(client: httpx.Client, shared_data: Path) -> None:
    """In search, in names, in SQL, as reasons."""
    files = sorted((shared_data / "conformance" / "naughty-strings").glob("*.json"))
    texts = [text for file in files for text in json.loads(file.read_text(encoding="utf-8"))]
    assert len(texts) > 200
    for number, text in enumerate(texts):
        _is_answer(client.get("/search", params={"q": text[:200]}))
        _is_answer(client.get("/records", params={"q": text[:1000]}))
        if number % 15 == 0:
            _is_answer(client.post("/sql:check", json={"sql": f"SELECT {text[:2000]!r} AS a"}))
            _is_answer(client.post("/kpis/turnover/series", json={"filters": {"lane": [text[:1000]]}, "limit": 1}))
    assert client.get("/runs").status_code == 200


@pytest.mark.real
def test_any_bytes_as_a_body_are_refused_or_understood(client: httpx.Client, shared_data: Path) -> None:
    """The whole JSON test suite."""
    files = sorted((shared_data / "conformance" / "json-test-suite").rglob("*.json"))
    assert len(files) > 150
    for file in files:
        _is_answer(client.post("/sql:check", content=file.read_bytes(), headers=JSON))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"sql": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"sql": "' + b"(" * 90_000 + b'"}',
        b'{"sql": "SELECT ' + b"-" * 60_000 + b'1"}',
        b'{"sql": "SELECT 1", "limit": ' + b"9" * 5_000 + b"}",
        b'{"sql": "SELECT \\u0000"}',
        b"\xff\xfe",
        b'{"sql": "SELECT 1", "sql": "SELECT 2"}',
    ],
)
def test_deep_and_odd_bodies_end_soon(client: httpx.Client, body: bytes) -> None:
    """Neither the parser of JSON nor that of SQL falls over."""
    _is_answer(client.post("/sql:check", content=body, headers=JSON))
    _is_answer(client.post("/sql", content=body, headers=JSON))
    _is_answer(client.post("/explain", content=body.replace(b'"sql"', b'"dataset"'), headers=JSON))


@pytest.mark.parametrize(
    "path",
    [
        "/records/%00",
        "/records/..%2f..%2fetc",
        "/runs/%ff",
        "/receipts/..",
        "/receipts/%2e%2e%2fstate",
        "/operations/.x",
        "/runs/" + "a" * 5000,
    ],
)
def test_odd_addresses_are_not_found(client: httpx.Client, path: str) -> None:
    """No way out of a folder."""
    response = client.get(path)
    _is_answer(response)
    assert response.status_code in (404, 422)


def test_a_trigger_s_name_is_no_path(client: httpx.Client, shop: Shop) -> None:
    """Nor an integration's."""
    for name in ("..%2fadministrator", "%2e%2e", "a%00b"):
        _is_answer(client.post(f"/integrations/{name}:pause", json={"reason": "x"}))
        _is_answer(client.post(f"/triggers/{name}:pause", json={"reason": "x"}))
    assert not (shop.root / ".entrepot" / "paused").exists()
