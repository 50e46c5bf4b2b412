"""Nobody gets in without the token, every error has the one shape, every answer its headers."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from entrepot.app.administrator import AdministratorToken
from tests.app.http.serving import Shop, served

PROBLEM = {"type", "title", "status", "code", "instance", "request_id"}
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def is_problem(response: httpx.Response, status: int, code: str) -> None:
    """The one shape of errors."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document.keys() >= PROBLEM
    assert document.keys() <= PROBLEM | {"detail", "hint", "errors", "first"}
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["detail"]


def _requests(client: httpx.Client) -> Iterator[tuple[str, str]]:
    for path, item in client.get("/openapi.json").json()["paths"].items():
        for method in item:
            yield method.upper(), path


@pytest.mark.req("G9")
def test_every_address_but_health_needs_the_token(client: httpx.Client, address: str) -> None:
    """Of all documented operations, and of those that are not there."""
    seen = 0
    wanted = [*_requests(client), ("GET", "/api/v1/nothing"), ("GET", "/"), ("GET", "/docs")]
    with httpx.Client(base_url=address) as stranger:
        for method, path in wanted:
            for headers in ({}, {"Authorization": "Bearer entrepot_wrong"}, {"Authorization": "Basic YTpi"}):
                response = stranger.request(method, path, headers=headers)
                if path in ("/healthz", "/readyz"):
                    assert response.status_code == 200
                    continue
                is_problem(response, 401, "unauthorized")
                assert response.headers["www-authenticate"].startswith("Bearer")
                seen += 1
    assert seen > 180


def test_the_framework_s_own_errors_have_the_shape_too(client: httpx.Client) -> None:
    """No such address, no such method, not the documented shape, no JSON."""
    is_problem(client.get("/nothing"), 404, "not_found")
    is_problem(client.delete("/home"), 405, "method_not_allowed")
    is_problem(client.get("/runs", params={"limit": "many"}), 422, "request.invalid")
    is_problem(client.post("/sql", content=b"{", headers={"content-type": "application/json"}), 422, "request.invalid")
    is_problem(client.post("/sql", json={"sql": "SELECT 1", "odd": 1}), 422, "request.invalid")
    is_problem(client.get("/runs", params={"cursor": "AAAA"}), 400, "cursor.invalid")
    is_problem(client.get("/kpis/nothing"), 404, "not_found")


def test_an_error_names_no_path_of_the_machine(client: httpx.Client, shop: Shop) -> None:
    """Files are named from the project's folder on."""
    response = client.post("/sql", json={"sql": "SELEC 1"})
    is_problem(response, 422, "project.invalid")
    assert str(shop.root) not in response.text


def test_what_was_sent_is_not_repeated_when_its_shape_is_wrong(client: httpx.Client) -> None:
    """A value of the wrong kind may be a secret that went into the wrong place."""
    response = client.post("/sql", json={"sql": ["ZORA-QUILL"]})
    is_problem(response, 422, "request.invalid")
    assert "ZORA" not in response.text


def test_a_body_that_is_too_large_is_refused_unread(address: str, shop: Shop) -> None:
    """By its stated length, and while it is read when it states none."""

    def chunks() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * 65_536

    stated = httpx.post(f"{address}/api/v1/sql", content=b" " * 5_000_000, headers=shop.headers)
    is_problem(stated, 413, "too_large")
    chunked = httpx.post(f"{address}/api/v1/sql", content=chunks(), headers=shop.headers)
    is_problem(chunked, 413, "too_large")


def test_an_unexpected_error_is_a_problem_without_its_text(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What our mistakes say may hold values."""
    with served(shop) as address:
        monkeypatch.setattr(shop.context.projects, "project", lambda: 1 / 0)
        response = httpx.get(f"{address}/api/v1/integrations", headers=shop.headers)
    is_problem(response, 500, "internal")
    assert "division" not in response.text


def test_every_answer_has_its_headers(client: httpx.Client) -> None:
    """An id, and nothing for other sites."""
    given = client.get("/runs", headers={"X-Request-Id": "console-12345678", "Origin": "https://example.org"})
    assert given.headers["x-request-id"] == "console-12345678"
    odd = client.get("/runs", headers={"X-Request-Id": "a b"})
    assert odd.headers["x-request-id"].startswith("req-")
    for name in ("x-content-type-options", "x-frame-options", "content-security-policy", "cache-control"):
        assert given.headers[name]
    assert not any(name.startswith("access-control") for name in given.headers)


def test_an_unchanged_answer_is_not_sent_again(client: httpx.Client) -> None:
    """By its tag."""
    first = client.get("/runs")
    again = client.get("/runs", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/runs", headers={"If-None-Match": '"other"'}).status_code == 200


def test_measures_count_requests_by_route(client: httpx.Client, address: str, shop: Shop) -> None:
    """Under the documented path, never the one that was sent."""
    client.get("/kpis/turnover")
    text = httpx.get(f"{address}/metrics", headers=shop.headers).text
    assert 'route="/kpis/{kpi}"' in text
    assert "/kpis/turnover" not in text
    assert 'entrepot_dataset_rejected{subject="bronze.sales"} 3.0' in text
    assert 'entrepot_dataset_unexplained{subject="bronze.sales"} 0.0' in text


def test_a_token_is_made_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    """For the owner's eyes alone."""
    door = AdministratorToken(tmp_path / ".entrepot")
    token = door.ensure(NOW)
    assert token is not None
    assert len(token) >= 43
    assert AdministratorToken(tmp_path / ".entrepot").ensure(NOW) is None
    file = next((tmp_path / ".entrepot").iterdir())
    assert token not in file.read_text()
    assert token.removeprefix("entrepot_") not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert door({"authorization": f"Bearer {token}"}) is not None


def test_a_new_token_ends_the_old_one_at_once_in_every_process(tmp_path: Path) -> None:
    """And a revoked one lets nobody in."""
    ours, theirs = AdministratorToken(tmp_path), AdministratorToken(tmp_path)
    first = ours.ensure(NOW)
    assert theirs({"authorization": f"Bearer {first}"}) is not None
    second = ours.renew(NOW)
    assert theirs({"authorization": f"Bearer {first}"}) is None
    assert theirs({"authorization": f"Bearer {second}"}) is not None
    ours.revoke(NOW)
    assert theirs({"authorization": f"Bearer {second}"}) is None
    assert ours.ensure(NOW) is None


def test_without_a_file_or_with_a_damaged_one_nobody_gets_in(tmp_path: Path) -> None:
    """Not by an empty token either."""
    door = AdministratorToken(tmp_path)
    for text in (None, "", "{", "[]", '{"sha256": null}', '{"sha256": 5}'):
        if text is not None:
            (tmp_path / "administrator.json").write_text(text)
        for header in ("Bearer ", "Bearer null", "", "Bearer 5"):
            assert AdministratorToken(tmp_path)({"authorization": header}) is None
            assert door({"authorization": header}) is None
