"""What a connector's factory is given to build a reader from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from entrepot.contracts.model import Column
from entrepot.kernel.errors import SystemError_
from entrepot.kernel.events import Emit, ignore
from entrepot.ports.bus import Bus
from entrepot.ports.clock import Clock
from entrepot.ports.inbox import Inbox
from entrepot.ports.secrets import Secret


def nothing_taken(sha256: str) -> str | None:
    """The memory of a source that has no state: no content was taken before."""
    return None


def no_claims() -> set[str]:
    """The memory of a source that has no state: no plan knows a claimed file."""
    return set()


def no_secret(scope: str, key: str) -> Secret:
    """The secrets of a source that was given none. Raises: SystemError_."""
    raise SystemError_(f"the secret {scope}/{key} was asked for, but this reader was given no secrets.")


def no_inbox() -> Inbox:
    """The inbox of a source that was given none. Raises: SystemError_."""
    raise SystemError_("records of an inbox were asked for, but this reader was given none.")


def no_bus() -> Bus:
    """The bus of a source that was given none. Raises: SystemError_."""
    raise SystemError_("messages of a topic were asked for, but this reader was given no bus.")


@dataclass(frozen=True, slots=True)
class ReaderContext:
    """The surroundings of one flow's reader. With the defaults a reader works without state and without a lake."""

    flow: str
    """The flow's name: the source's, or `source.layer.dataset` where the source feeds several datasets."""
    root: Path
    """The project's folder: relative paths in options start here."""
    clock: Clock
    emit: Emit = ignore
    is_taken: Callable[[str], str | None] = nothing_taken
    """sha256 → the batch, in words for people, whose live plan has this content; None when it is new."""
    columns: tuple[Column, ...] = ()
    """The contract's columns: they say which columns of text hold numbers; values are typed later, by the engine."""
    known_claims: Callable[[], set[str]] = no_claims
    """`claimed` paths (relative to the storage area) of files that a plan names and whose source was not told yet."""
    source: str = ""
    """The source's name, where it feeds several datasets."""
    members: tuple[str, ...] = ()
    """The flows that take the same source, this one among them; none: it is alone."""
    secret: Callable[[str, str], Secret] = no_secret
    """(scope, key) → the secret, as it is now."""
    inbox: Callable[[], Inbox] = no_inbox
    """Where records of the gateway are kept."""
    bus: Callable[[], Bus] = no_bus
    """Where topics are kept."""
    scratch: Path | None = None
    """Folder for short-lived files; None: the project's `.entrepot/tmp`."""

    @property
    def runtime(self) -> Path:
        """The project's folder for things that are not files of the user."""
        return self.root / ".entrepot"

    def make_scratch(self) -> Path:
        """The folder for short-lived files, created when it is not there."""
        folder = self.scratch or self.runtime / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
