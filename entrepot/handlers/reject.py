"""How a handler says that a record cannot be taken."""

from __future__ import annotations

import re
from collections.abc import Mapping

RESERVED = frozenset(
    {
        *("conflict", "parked", "handler_failed", "timeout", "out_of_memory", "contract", "too_large", "discarded"),
        *(
            "unreadable",
            "unsupported_content",
            "reference_missing",
            "reference_unusable",
            "key_unusable",
            "event_invalid",
        ),
    }
)
"""Codes that the platform itself gives."""
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


class Reject(Exception):
    """Say that a record cannot be taken, in words that its sender can use: the record becomes `error` with this code.

    Args:
        code: of your own, for programs: lower-case letters, digits and `_`, such as `unknown_customer`.
        message: one sentence for the sender: what is wrong, and what is allowed.
        path: where in the record, `customer.email` or `lines[2].price`.
        faults: several at once: path → what is wrong there.
    """

    def __init__(
        self, code: str, message: str, *, path: str | None = None, faults: Mapping[str, str] | None = None
    ) -> None:
        if not _CODE.match(code):
            raise ValueError(f"{code!r} is no code; allowed are lower-case letters, digits and _, a letter first.")
        if code in RESERVED and type(self) is Reject:
            raise ValueError(f"the code {code!r} is the platform's own; choose another one.")
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.path = path
        self.faults: dict[str, str] = dict(faults or {})


class Unreadable(Reject):
    """The body is not what the handler asked for. Raised by `Record.json` and its like; the record becomes `error` with the code `unreadable`."""

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__("unreadable", message, path=path)
