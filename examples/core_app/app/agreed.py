"""The agreed format: an order as Entrepôt hands it out, and the confirmation that goes back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    article: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    shop: str
    order_id: str
    record_id: str
    """Of the request that brought it: entrepot records show RECORD."""
    ordered_at: str
    country: str
    amount: Decimal
    lines: tuple[Line, ...]
    version: str
    """Of the content: an order that was corrected has another one."""


def read_order(message: dict[str, Any], body: bytes) -> Order:
    """Decimals come as texts, so that nothing rounds them. Raises: KeyError, ValueError for what is no agreed order."""
    return Order(
        message["shop"],
        message["order_id"],
        message["record_id"],
        message["ordered_at"],
        message["country"],
        Decimal(message["amount"]),
        tuple(Line(x["article"], int(x["quantity"]), Decimal(x["unit_price"])) for x in message["lines"]),
        hashlib.sha256(body).hexdigest()[:12],
    )


def make_confirmation(order: Order, status: str, reason: str | None) -> dict[str, Any]:
    """What a shop is told. Args: status: confirmed or declined."""
    return {
        "order_id": order.order_id,
        "status": status,
        "reason": reason,
        "amount": str(order.amount),
        "currency": "EUR",
    }
