"""Takes orders from Entrepôt's queue, books each, and acknowledges it: what is not acknowledged comes again."""

from __future__ import annotations

import logging
import threading

from app.agreed import read_order
from app.store import Store
from entrepot.client import Entrepot
from entrepot.kernel.errors import EntrepotError

QUEUE = "orders_to_app"
_PAUSE_S = 0.5
_log = logging.getLogger("uvicorn.error")


def run(store: Store, url: str, token: str, stop: threading.Event) -> None:
    """Until told to stop; waits while Entrepôt cannot be reached."""
    with Entrepot(url, token) as entrepot:
        while not stop.is_set():
            try:
                taken = turn(store, entrepot)
            except EntrepotError as error:
                _log.warning("%s", error)
                stop.wait(5)
                continue
            if not taken:
                stop.wait(_PAUSE_S)


def turn(store: Store, entrepot: Entrepot) -> int:
    """Take some, deal with each; how many there were."""
    messages = entrepot.take(QUEUE, limit=50, consumer="order application")
    for message in messages:
        try:
            order = read_order(message.json(), message.body)
        except (KeyError, ValueError, TypeError, ArithmeticError) as error:
            entrepot.give_back(message, reason=f"no agreed order: {type(error).__name__}", dead=True)
            continue
        status = store.book(order)
        entrepot.acknowledge(message)
        _log.info("order %s of %s: %s", order.order_id, order.shop, status)
    return len(messages)
