"""What can go wrong between us and somebody else's API, each with what to check; no value of a record or a secret is in a text."""

from __future__ import annotations

from entrepot.kernel.errors import DataError, SystemError_


class RefusedError(SystemError_):
    """The server answers, and will answer the same again: asking once more is of no use."""

    code = "http.refused"
    retryable = False


class Unanswered(Exception):
    """A request without a whole answer. `reason` is a word of ours; `is_sent` False: the server cannot have seen it."""

    def __init__(self, reason: str, words: str, *, is_sent: bool = True, may_help: bool = True) -> None:
        super().__init__(words)
        self.reason = reason
        self.words = words
        self.is_sent = is_sent
        self.may_help = may_help
        """False: asking again would end in the same."""


_HINTS = {
    "refused": "Is the service up, and are host and port of the option url right?",
    "unknown_host": "Check the host in the option url, and name resolution and proxy of this machine.",
    "timeout": "Is the service slow or behind a firewall? The option timeout gives it more time, a smaller page size less to do.",
    "broken": "The connection ended within the answer; the next run tries again.",
    "tls": "Does this machine know the authority that signed its certificate? SSL_CERT_FILE names a file of authorities.",
    "cut": "The answer ended within the JSON document; the next run tries again.",
}
_STATUS_HINTS = {
    400: "Check params, body, pagination and cursor of the source.",
    401: "Check the option auth, and that its secret is the present one.",
    403: "The credentials are known, but may not read this: ask the owner of the API.",
    404: "Check the option url.",
    405: "Check the option method.",
    406: "Check the option headers (Accept).",
    407: "The proxy of this machine wants credentials: HTTPS_PROXY.",
    410: "The address was given up by its owner: ask for the new one.",
    414: "The parameters are too long for the query: try method: POST with in: body.",
    422: "Check params, body, pagination and cursor of the source.",
}
_STATUS_WORDS = {401: "authentication failed", 403: "access is forbidden", 404: "there is nothing at this address"}


def unanswered(where: str, error: Unanswered, attempts: int) -> SystemError_:
    """No attempt brought an answer."""
    after = f" after {attempts} attempts" if attempts > 1 else ""
    return SystemError_(f"{where}: {error.words}{after}.", hint=_HINTS.get(error.reason))


def busy(where: str, status: int, attempts: int) -> SystemError_:
    """The server asks for patience, and went on doing so."""
    what = "asks to be asked less often" if status == 429 else "says that it is in trouble"
    return SystemError_(
        f"{where}: the server {what} (status {status}) after {attempts} attempts.",
        hint="The next run goes on from here. The option per_second asks less often." if status == 429
        else "The next run tries again.",
    )  # fmt: skip


def waits_too_long(where: str, status: int, asked_s: float, allowed_s: float) -> SystemError_:
    """`Retry-After` is beyond our patience."""
    return SystemError_(
        f"{where}: the server (status {status}) wants to be asked again in {asked_s:,.0f} s; at most {allowed_s:,.0f} s are waited.",
        hint="The next run goes on from here; retry.longest_asked lets a run wait longer.",
    )


def refused(where: str, status: int) -> SystemError_:
    """A status that will not change by itself."""
    words = _STATUS_WORDS.get(status, "the request is refused")
    return RefusedError(
        f"{where}: {words} (status {status}).", hint=_STATUS_HINTS.get(status, "Check the source's options.")
    )


def redirected(where: str, status: int, why: str) -> SystemError_:
    """A redirect that is not followed."""
    return RefusedError(
        f"{where}: the server redirects (status {status}), {why}.", hint="Put the right address into the option url."
    )


def not_json(where: str, content_type: str, body: bytes, reason: str) -> DataError:
    """An answer that is something else; its kind is told, not its content."""
    return DataError(
        f"{where}: the answer is not JSON but {kind_of(body)} (content type {content_type or 'not said'}): {reason}.",
        hint="Check the option url, and the option headers: some servers want Accept: application/json.",
    )


def kind_of(body: bytes) -> str:
    """What a body looks like, by its first bytes."""
    start = body[:512].lstrip()
    if not start:
        return "empty"
    if start[:1] == b"<":
        return "HTML" if b"<html" in start.lower() or b"<!doctype html" in start.lower() else "XML or HTML"
    if start.startswith((b"%PDF", b"PK\x03\x04", b"\x1f\x8b")):
        return "a PDF, an archive or compressed"
    if b"\x00" in start:
        return "binary"
    return "broken JSON" if start[:1] in b'{["' else "text"
