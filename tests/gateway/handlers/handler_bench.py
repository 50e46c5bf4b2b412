"""What the tests of handlers share: a project with a handler, and a pool that runs it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from entrepot.adapters.handlers.code import WatchedHandler
from entrepot.adapters.handlers.pool import HandlerPool
from entrepot.intake.gateway.processing.runner import Handled
from entrepot.intake.gateway.processing.settings import ProcessingSettings
from entrepot.ports.inbox import InboxRecord, RecordStatus

HEAD = "from entrepot.handlers import Record, Reject\n"


def write_handler(root: Path, body: str, *, name: str = "orders", head: str = "") -> Path:
    """A handler whose function has this body."""
    path = root / "handlers" / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEAD}{head}\ndef handle(record):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n")
    return path


def make_records(*bodies: bytes, first: int = 1, integration: str = "orders", **said: Any) -> list[InboxRecord]:
    """Records as the inbox gives them."""
    return [
        InboxRecord(
            seq, f"id-{seq}", integration, f"ref-{seq}", 1_700_000_000_000_000 + seq, RecordStatus.JUST_IN, body=body, **said
        )
        for seq, body in enumerate(bodies, first)
    ]  # fmt: skip


class Bench:
    """One handler's pool."""

    def __init__(self, root: Path, **said: Any) -> None:
        self.root = root
        idle_s = said.pop("idle_s", 60.0)
        self.settings = ProcessingSettings("orders", "orders", **{"timeout_s": 10.0, **said})
        self.pool = HandlerPool(self.settings, WatchedHandler(root, "orders").load, root / "tmp", idle_s=idle_s)

    def run(self, records: Sequence[InboxRecord], seconds: float = 30) -> dict[int, Handled]:
        """Handle records to the end; seq → outcome."""
        self.pool.submit(records)
        found: dict[int, Handled] = {}
        deadline = time.monotonic() + seconds
        while len(found) < len(records):
            assert time.monotonic() < deadline, f"only {len(found)} of {len(records)} came back"
            for each in self.pool.collect(0.5):
                assert each.seq not in found, "an outcome came twice"
                found[each.seq] = each
        return found

    def handle(self, *bodies: bytes) -> list[Handled]:
        """Outcomes of bodies, in order."""
        found = self.run(make_records(*bodies))
        return [found[seq] for seq in sorted(found)]
