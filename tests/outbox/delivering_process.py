"""A process that hands in or delivers, to be killed: `python -m tests.outbox.delivering_process FOLDER deliver URL | send FIRST`."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from entrepot.adapters.embedded.outbox import SqliteOutbox
from entrepot.adapters.webhooks import Deliverer, Route
from entrepot.app.clock import SystemClock, is_alive, process_holder
from entrepot.serve.publish.keys import SecretName
from entrepot.serve.publish.settings import Webhook
from tests.outbox.outboxes import LOCAL, draft, find_secret


def main() -> None:
    """Never ends by itself."""
    folder, what, argument = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    outbox = SqliteOutbox(folder / "outbox.db", SystemClock())
    if what == "send":
        for number in range(int(argument), int(argument) + 1_000_000):
            (answer,) = outbox.enqueue([draft(number, key=f"k{number % 5}")])
            print(answer.id, flush=True)
            time.sleep(0.003)
    settings = Webhook(
        argument, secrets=(SecretName("a", "b"),), retry_after_s=(0.1,) * 20, ordered=True, concurrency=8
    )
    deliverer = Deliverer(
        outbox, [Route("shop", settings)], SystemClock(), process_holder(), find_secret, is_alive, LOCAL
    )
    deliverer.run(threading.Event())


if __name__ == "__main__":
    main()
