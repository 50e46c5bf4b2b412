"""Secrets by scope and key: never in logs, errors, run records or hashes."""

from __future__ import annotations

import hmac
from typing import Protocol


class Secret:
    """A value that shows itself only where it is asked to."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        """`scope/key`: what may be shown."""
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def equals(self, other: str | bytes) -> bool:
        """Compare in constant time."""
        given = other.encode() if isinstance(other, str) else other
        return hmac.compare_digest(self._value.encode(), given)

    def __repr__(self) -> str:
        return f"Secret({self.name}, ***)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written down")


class Secrets(Protocol):
    """Where secrets are kept."""

    def get(self, scope: str, key: str) -> Secret:
        """The secret of that name, as it is now: rotated ones are seen without a restart.

        Raises: SystemError_ when there is none; the text names where it was looked for, never a value.
        """
        ...
