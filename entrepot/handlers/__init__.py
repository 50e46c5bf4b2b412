"""The façade for those who write handlers: the record that comes in, and how to say what is wrong with it.

A handler is `handlers/NAME.py` with one pure function::

    from entrepot.handlers import Record, Reject

    def handle(record: Record) -> dict | list[dict] | None:
        order = record.json()
        if order["total"] < 0:
            raise Reject("negative_total", "total must not be below 0", path="total")
        return {"order_id": order["id"], "total": order["total"]}
"""

from __future__ import annotations

from entrepot.handlers.record import Headers, Record
from entrepot.handlers.reject import Reject

__all__ = ["Headers", "Record", "Reject"]
