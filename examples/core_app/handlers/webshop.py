"""The web shop's JSON → the agreed format. Prices are cents, times have an offset."""

from decimal import Decimal

from entrepot.handlers import Record


def handle(record: Record) -> list[dict]:
    order = record.json()["order"]
    return [
        {
            "order_id": order["number"],
            "line": number,
            "ordered_at": order["placed"],
            "country": order["ship_to"]["country"],
            "article": item["sku"],
            "quantity": item["qty"],
            "unit_price": Decimal(item["price_cents"]) / 100,
        }
        for number, item in enumerate(order["items"], start=1)
    ]
