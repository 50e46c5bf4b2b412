"""A storage area in a temporary folder, and a clock for which its files are old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from entrepot.connectors import ReaderContext, build_reader
from entrepot.intake.sources.files import FilesReader
from entrepot.kernel.events import Event
from entrepot.testing.clock import FakeClock


class Area:
    """A project with one storage area `in`, whose readers are built anew for each step."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / "in"
        self.incoming = self.path / "incoming"
        self.processed = self.path / "processed"
        self.rejected = self.path / "rejected"
        self.clock = FakeClock(datetime.now(UTC) + timedelta(hours=1))
        self.events: list[Event] = []
        self.taken: dict[str, str] = {}

    def drop(self, name: str, content: str | bytes = "id,text\n1,a\n") -> Path:
        """Put a file into `incoming/`."""
        self.incoming.mkdir(parents=True, exist_ok=True)
        path = self.incoming / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def context(self, **changes: Any) -> ReaderContext:
        """What readers are given."""
        known: dict[str, Any] = {"flow": "sales", "root": self.root, "clock": self.clock, "emit": self.events.append}
        return ReaderContext(**{**known, "is_taken": self.taken.get, **changes})

    def reader(self, *, context: ReaderContext | None = None, **options: Any) -> FilesReader:
        """A reader of the area that moves files."""
        reader = build_reader("files", {"path": "in", **options}, context or self.context())
        assert isinstance(reader, FilesReader)
        return reader

    def names(self, folder: str) -> list[str]:
        """Names in one of the folders, sorted."""
        path = self.path / folder
        return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []

    def event_names(self) -> list[str]:
        """What was announced."""
        return [event.name for event in self.events]


@pytest.fixture
def area(tmp_path: Path) -> Area:
    """An empty storage area."""
    return Area(tmp_path)


@pytest.fixture
def cut_at() -> Any:
    """Stops the work at a named point of the protocol, as if the power were cut."""
    from entrepot.kernel.points import clear_hooks, install_hook

    def cut(point: str) -> Callable[[str], None]:
        def hook(name: str) -> None:
            if name == point:
                clear_hooks()
                raise KeyboardInterrupt(point)

        install_hook(hook)
        return hook

    yield cut
    clear_hooks()
