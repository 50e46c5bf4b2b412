"""Every error in one shape: which problem document (RFC 9457) an error becomes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi.exceptions import RequestValidationError

from entrepot.app.http.errors import ReferenceTaken
from entrepot.intake.gateway.problems import CONTENT_TYPE, Problem, problem_of, render_problem
from entrepot.kernel.errors import EntrepotError

MEDIA_TYPE = CONTENT_TYPE
LONGEST = 4_000
"""Characters of a message; a text of SQL may be repeated in one."""

TITLES = {
    "usage": "The request asks for something that cannot be done.",
    "not_found": "There is nothing of that name.",
    "method_not_allowed": "This address does not take this method.",
    "request.invalid": "The request does not have the shape that is documented.",
    "unauthorized": "The request shows no token that counts.",
    "too_large": "The request is too large.",
    "too_slow": "The request did not arrive in time.",
    "busy": "The server is busy.",
    "not_running": "This part of the platform is not running here.",
    "internal": "The server made a mistake.",
    "preview.gone": "What was previewed can no longer be applied.",
    "cursor.invalid": "This is no cursor of this list.",
    "query.stopped": "The question was stopped.",
    "project.invalid": "A text or a file of the project is wrong.",
    "system.unreachable": "Something outside is missing or cannot be reached.",
    "lease.busy": "Somebody else is at work there.",
    "conflict": "The reference stands for another content already.",
    "table.conflict": "It stands in the way of what is there.",
}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_SEE = "What there is: GET /api/v1/openapi.json."


def make_problem(
    status: int,
    code: str,
    detail: str,
    hint: str | None = None,
    *,
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Problem:
    """A problem with the title of its code."""
    pairs = tuple((name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in (headers or {}).items())
    return Problem(status, code, TITLES[code], _tidy(detail), hint, extra or {}, pairs)


def of_error(error: EntrepotError, root: Path) -> Problem:
    """The problem behind an error of ours; files are named from the project's folder on."""
    plain = problem_of(error)
    each = [{"at": "", "message": _from_root(str(one), root)} for one in getattr(error, "errors", ())]
    extra: dict[str, object] = {"errors": each} if each else {}
    if isinstance(error, ReferenceTaken):
        extra["first"] = error.first
    return Problem(
        plain.status,
        plain.code,
        TITLES.get(plain.code, f"{plain.title}."),
        _from_root(error.message, root),
        _from_root(error.hint, root) if error.hint else None,
        extra,
        plain.headers,
    )


def of_http(status: int, detail: str, headers: Mapping[str, str] | None) -> Problem:
    """The problem behind an answer that the framework decided: no such address, no such method."""
    code = _CODES.get(status, "request.invalid" if status < 500 else "internal")
    said = {404: "there is nothing at this address.", 405: "this address does not take this method."}
    return make_problem(status, code, said.get(status, detail), _SEE, headers=headers)


def of_request(error: RequestValidationError) -> Problem:
    """What is wrong with a request, place by place; what it held is not repeated."""
    found = [
        {"at": _tidy(".".join(map(str, one["loc"])))[:200], "message": _tidy(str(one["msg"]))} for one in error.errors()
    ]
    said = "; ".join(f"{one['at']}: {one['message']}" for one in found[:5])
    return make_problem(
        422, "request.invalid", said, "The shapes are in GET /api/v1/openapi.json.", extra={"errors": found}
    )


def internal() -> Problem:
    """The problem behind a mistake of ours; its text stays here, for it may hold values."""
    hint = "Please report it with the request's id and the server's log."
    return make_problem(500, "internal", "an unexpected error ended this request.", hint)


def render(problem: Problem, request_id: str) -> bytes:
    """The document's bytes."""
    return render_problem(problem, request_id)


def _from_root(text: str, root: Path) -> str:
    return _tidy(text.replace(f"{root}/", "").replace(str(root), "."))


def _tidy(text: str) -> str:
    """Text that can be sent: no half of a character, not without end."""
    return text[:LONGEST].encode("utf-8", "backslashreplace").decode()
