"""What the tests of processing share: a real inbox on disk, records in it, and a processor over it."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.adapters.handlers.code import WatchedHandler
from entrepot.adapters.handlers.pool import HandlerPool
from entrepot.app.clock import SystemClock
from entrepot.intake.gateway.plain import plain_rows
from entrepot.intake.gateway.processing.judging import AcceptAll, Judge
from entrepot.intake.gateway.processing.plain import PlainRunner
from entrepot.intake.gateway.processing.processor import Processor
from entrepot.intake.gateway.processing.runner import Runner
from entrepot.intake.gateway.processing.settings import ProcessingSettings
from entrepot.kernel.events import Event
from entrepot.ports.inbox import Accepted, Arrival, InboxRecord, RecordStatus, Replay

HANDLER = """
from entrepot.handlers import Record, Reject

def handle(record):
    order = record.json()
    if "fail" in order:
        raise Reject("refused", "this one is refused", path="fail")
    if "rows" in order:
        return [{"n": n} for n in range(order["rows"])]
    return order
"""


class Box:
    """An inbox, and what a test does with it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "handlers").mkdir(parents=True, exist_ok=True)
        (root / "handlers" / "orders.py").write_text(HANDLER)
        self.inbox = SqliteInbox(root / "inbox.db", SystemClock())
        self.events: list[Event] = []
        self._closing: list[Callable[[], None]] = []
        self._number = 0

    def put(self, *bodies: bytes, key: str | None = None, integration: str = "orders") -> list[str]:
        """Store records; return their ids when they are durable."""
        arrivals = []
        for body in bodies:
            self._number += 1
            arrivals.append(
                Arrival(integration, f"ref-{self._number}", 1_700_000_000_000_000 + self._number, body, key=key)
            )
        return [each.id for each in self.store(arrivals)]

    def store(self, arrivals: Sequence[Arrival]) -> Sequence[Accepted]:
        """Submit and wait."""
        found: list[Any] = []
        ready = threading.Event()

        def done(answer: Any) -> None:
            found.append(answer)
            ready.set()

        self.inbox.submit(arrivals, done)
        assert ready.wait(20), "the inbox did not answer"
        if isinstance(found[0], Exception):
            raise found[0]
        answer: Sequence[Accepted] = found[0]
        return answer

    def processor(
        self, *, runner: Runner | None = None, judge: Judge | None = None, handler: str | None = None, **said: Any
    ) -> Processor:
        """A processor of `orders`; without handler in this process."""
        settings = ProcessingSettings("orders", handler, **{"timeout_s": 10.0, **said})
        runner = runner or self.runner(settings)
        processor = Processor(
            settings, "bronze.orders", self.inbox, runner, judge or AcceptAll(), SystemClock(), self.events.append
        )
        self._closing.append(processor.close)
        return processor

    def runner(self, settings: ProcessingSettings) -> Runner:
        """As the wiring makes it."""
        if settings.handler is None:
            return PlainRunner(plain_rows)
        return HandlerPool(settings, WatchedHandler(self.root, settings.handler).load, self.root / "tmp")

    def handler(self, body: str) -> None:
        """Another handler from now on."""
        text = f"from entrepot.handlers import Record, Reject\n\ndef handle(record):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        (self.root / "handlers" / "orders.py").write_text(text)

    def drain(self, processor: Processor, *, seconds: float = 20) -> int:
        """Turn until nothing is left to do; return how many records were finished."""
        import time

        done, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = processor.turn()
            done += found
            if not found and not processor.under_way:
                return done
        raise AssertionError("it did not come to an end")

    def get(self, id: str) -> InboxRecord:
        """A record that is there."""
        found = self.inbox.get(id)
        assert found is not None
        return found

    def status(self, ids: Sequence[str]) -> str:
        """Letters of the statuses: j, p, e."""
        return "".join(self.get(id).status.value[0] for id in ids)

    def replay(self, *ids: str, body: bytes | None = None) -> int:
        """Again."""
        return self.inbox.replay(Replay(tuple(ids), "tester", "because", body))

    def rows(self, integration: str = "orders") -> list[str]:
        """All outputs' rows, in order."""
        last = self.inbox.last_output(integration)
        return [] if last is None else [output.row for output in self.inbox.outputs(integration, 0, last)]

    def count(self, status: RecordStatus) -> int:
        """How many stand there."""
        return self.inbox.counts("orders").by_status.get(status, 0)

    def close(self) -> None:
        """Stop everything."""
        for close in self._closing:
            close()
        self.inbox.close()
