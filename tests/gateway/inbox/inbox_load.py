"""A process that stores records as fast as it can and writes each acknowledged id to its output; it is meant to be killed.

`python -m tests.gateway.inbox.inbox_load DATABASE NAME`
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from entrepot.adapters.embedded.inbox import SqliteInbox
from entrepot.app.clock import SystemClock
from entrepot.ports.inbox import Accepted, Arrival, Processed


def main() -> None:
    """Store for ever, in submissions of 1 to 7 records; finish and prune some too."""
    path, name = Path(sys.argv[1]), sys.argv[2]
    inbox = SqliteInbox(path, SystemClock())
    room = threading.Semaphore(64)

    def told(references: Sequence[str]) -> Callable[[Sequence[Accepted] | Exception], None]:
        def done(answer: Sequence[Accepted] | Exception) -> None:
            if not isinstance(answer, Exception):
                lines = [f"{one.id} {reference}\n" for one, reference in zip(answer, references, strict=True)]
                sys.stdout.write("".join(lines))
                sys.stdout.flush()
            room.release()

        return done

    threading.Thread(target=_process, args=(inbox,), daemon=True).start()
    number = 0
    while True:
        references = [f"{name}-{number + step}" for step in range(1 + number % 7)]
        number += len(references)
        room.acquire()
        now_us = time.time_ns() // 1000
        inbox.submit([Arrival("till", one, now_us, one.encode()) for one in references], told(references))


def _process(inbox: SqliteInbox) -> None:
    while True:
        now = SystemClock().now()
        waiting = inbox.waiting("till", 0, 50)
        inbox.finish([Processed(one.seq, one.revision, now, (one.body.decode(),)) for one in waiting[::2]])
        time.sleep(0.005)


if __name__ == "__main__":
    main()
