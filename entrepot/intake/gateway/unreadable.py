"""What is said of a request that cannot be read: to its sender, without saying more than it sent."""

from __future__ import annotations

from entrepot.intake.gateway.integration import Refusal
from entrepot.ports.inbox import RecordError

_TITLES = {
    "unreadable": "The body cannot be read as what it is said to be.",
    "unsupported_content": "The body is of a kind that this integration cannot take.",
    "reference_missing": "The record does not say which one it is.",
    "reference_unusable": "What should say which record it is cannot be used.",
    "key_unusable": "The record's key cannot be used.",
    "event_invalid": "The request is not a valid CloudEvent.",
}


class Unreadable(Exception):
    """A record cannot be read; `code`, `message` and `path` are for its sender."""

    def __init__(self, code: str, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.path = path

    def as_refusal(self) -> Refusal:
        """As the answer to a whole request."""
        status = 415 if self.code == "unsupported_content" else 400
        return Refusal(status, self.code, _TITLES[self.code], detail=self.message)

    def as_error(self) -> RecordError:
        """As what is wrong with one record."""
        details = ({"path": self.path, "rule": self.code, "message": self.message},) if self.path else ()
        return RecordError(self.code, self.message, details)
