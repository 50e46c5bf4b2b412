"""The marketplace's XML → the agreed format. Prices are written 49,90; times are Berlin's, 02.11.2026 09:15; countries have names."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from entrepot.handlers import Record, Reject

COUNTRIES = {"Deutschland": "DE", "Österreich": "AT", "Schweiz": "CH", "Niederlande": "NL"}
BERLIN = ZoneInfo("Europe/Berlin")


def handle(record: Record) -> list[dict]:
    order = record.xml()
    land = order.findtext("Land", "")
    if land not in COUNTRIES:
        raise Reject("unknown_country", f"Land is {land!r}; allowed are {', '.join(COUNTRIES)}", path="Land")
    placed = datetime.strptime(order.findtext("Datum", ""), "%d.%m.%Y %H:%M").replace(tzinfo=BERLIN)
    return [
        {
            "order_id": order.get("nr"),
            "line": int(position.get("pos", "")),
            "ordered_at": placed,
            "country": COUNTRIES[land],
            "article": position.findtext("Artikel"),
            "quantity": position.findtext("Menge"),
            "unit_price": read_price(position.findtext("Preis", "")),
        }
        for position in order.findall("Position")
    ]


def read_price(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))
