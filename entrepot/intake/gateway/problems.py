"""Problem documents (RFC 9457): the one shape of an error over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson

from entrepot.kernel.errors import EntrepotError

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a request."""

    status: int
    code: str
    """Stable, for programs: `body.too_large`."""
    title: str
    """One short sentence, the same for every occurrence of the code."""
    detail: str | None = None
    """What came and what is allowed, this time."""
    hint: str | None = None
    """What to do next."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Further members, as `first` of a conflict."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Of the answer, `retry-after` for one."""


def problem_of(error: EntrepotError) -> Problem:
    """The problem that an error of ours is."""
    headers = ((b"retry-after", b"1"),) if error.retryable and error.http_status in (429, 503) else ()
    return Problem(
        error.http_status, error.code, _phrase(error.http_status), error.message, error.hint, headers=headers
    )


def render_problem(problem: Problem, request_id: str) -> bytes:
    """The document's bytes, to be sent as `application/problem+json`."""
    document: dict[str, object] = {
        "type": f"urn:entrepot:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "instance": f"urn:entrepot:request:{request_id}",
        "request_id": request_id,
    }
    document |= {name: value for name, value in (("detail", problem.detail), ("hint", problem.hint)) if value}
    return orjson.dumps(document | dict(problem.extra))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
