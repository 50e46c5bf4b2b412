"""Who asks: what a door knows of a caller once it has been let in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was let in. Roles hang on it once there are any."""

    name: str
    """Stands beside what the caller does, in decisions and receipts."""
    is_administrator: bool = False


class Authenticate(Protocol):
    """The one hook of every door. Called for each request, from any thread; must be quick."""

    def __call__(self, headers: Mapping[str, str]) -> Principal | None:
        """The caller behind a request, None when it shows nothing that counts.

        Args: headers: with names in lower case.
        """
        ...
