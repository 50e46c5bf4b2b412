"""A stand-in for two shops: sends their orders to Entrepôt, each in its own format, and receives the confirmations.

    python shops.py                 # sends, then listens until Ctrl-C
    python shops.py --no-orders     # only listens

The orders are always the same ones, so that sending again does no harm. Only the standard library is used, as a shop would know nothing of Entrepôt.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import ClassVar
from xml.sax.saxutils import escape

ENTREPOT = os.environ.get("ENTREPOT_URL", "http://127.0.0.1:8400")
PORT = int(os.environ.get("SHOPS_PORT", "8471"))
SECRETS = Path(__file__).parent / ".entrepot" / "secrets"
"""Of the platform; real shops would have been given theirs."""

BERLIN = timezone(timedelta(hours=1))
FIRST = datetime(2026, 11, 2, 8, 0, tzinfo=BERLIN)
PRICES = {"A1": 499, "A2": 4_990, "A3": 1_250, "A4": 39_900, "A5": 129_900, "A6": 2_490}
"""In cents: coffee, grinder, cups, kettle, espresso machine, gift box."""
COUNTRIES = {"DE": "Deutschland", "AT": "Österreich", "CH": "Schweiz", "NL": "Niederlande"}
ORDERS = 12
"""Of each shop."""
SLIP = 7
"""The web shop's order with this number says 0 pieces: the shop's own mistake."""
_TOLERANCE_S = 300


@dataclass(frozen=True)
class Order:
    """An order as a shop knows it: article and pieces."""

    number: str
    placed: datetime
    country: str
    items: tuple[tuple[str, int], ...]


def make_orders(shop: str) -> list[Order]:
    """The same ones at each call."""
    dice = Random(shop)
    orders = []
    for number in range(1, ORDERS + 1):
        placed = FIRST + timedelta(hours=9 * number, minutes=dice.randrange(60))
        articles = dice.sample(sorted(PRICES), dice.randint(1, 3))
        items = tuple((article, 1 if PRICES[article] > 10_000 else dice.randint(1, 6)) for article in articles)
        orders.append(Order(f"{shop[0].upper()}-{1000 + number}", placed, dice.choice(sorted(COUNTRIES)), items))
    return orders


def as_json(order: Order, *, slip: bool = False) -> bytes:
    """The web shop's format: prices in cents."""
    items = [
        {"sku": article, "qty": 0 if slip else pieces, "price_cents": PRICES[article]}
        for article, pieces in order.items
    ]
    told = {
        "number": order.number,
        "placed": order.placed.isoformat(),
        "ship_to": {"country": order.country},
        "items": items,
    }
    return json.dumps({"order": told}).encode()


def as_xml(order: Order) -> bytes:
    """The marketplace's format: prices as Germans write them, countries by name."""
    lines = "".join(
        f'<Position pos="{place}"><Artikel>{escape(article)}</Artikel><Menge>{pieces}</Menge><Preis>{german(PRICES[article])}</Preis></Position>'
        for place, (article, pieces) in enumerate(order.items, start=1)
    )
    head = f"<Datum>{order.placed:%d.%m.%Y %H:%M}</Datum><Land>{COUNTRIES[order.country]}</Land>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Bestellung nr="{order.number}">{head}{lines}</Bestellung>'.encode()


def german(cents: int) -> str:
    """129900 → 1.299,00."""
    return f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))


def send_orders() -> None:
    """Send all, one after the other; a shop that gets no answer, or a 5xx, tries again."""
    signing, token = secret("webshop/signature"), secret("marketplace/token")
    for number, order in enumerate(make_orders("webshop"), start=1):
        body = as_json(order, slip=number == SLIP)
        signature = hmac.new(signing.encode(), body, hashlib.sha256).hexdigest()
        post("webshop", body, {"Content-Type": "application/json", "X-Shop-Signature": f"sha256={signature}"})
    for order in make_orders("marketplace"):
        headers = {"Content-Type": "application/xml", "X-Api-Key": token, "X-Order-Number": order.number}
        post("marketplace", as_xml(order), headers)


def post(shop: str, body: bytes, headers: dict[str, str]) -> None:
    request = urllib.request.Request(f"{ENTREPOT}/api/v1/in/{shop}", body, headers, method="POST")
    for wait_s in (0.2, 0.5, 1, 2, 5, 10, 20, 0):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                say(shop, f"sent {json.load(answer)['reference']}: {answer.status}")
                return
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                say(shop, f"refused, {error.code}: {error.read().decode()}")
                return
        except OSError:
            pass
        time.sleep(wait_s)
    say(shop, f"no answer from {ENTREPOT}. Start it with: entrepot up")


class Confirmations(BaseHTTPRequestHandler):
    """What the shops listen with: /webshop and /marketplace."""

    seen: ClassVar[set[str]] = set()
    """Ids of messages that came; one that comes again changes nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        shop = self.path.strip("/")
        if shop not in ("webshop", "marketplace"):
            return self._answer(404)
        if not is_signed(secret(f"{shop}/hook"), self.headers, body):
            say(shop, "a confirmation with a wrong signature came, and was refused")
            return self._answer(401)
        id = self.headers["webhook-id"]
        if id not in self.seen:
            self.seen.add(id)
            told = json.loads(body)
            told = told["data"] if "cloudevents" in self.headers.get("Content-Type", "") else told
            say(shop, f"{told['order_id']} is {told['status']}" + (f": {told['reason']}" if told["reason"] else ""))
        return self._answer(204)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()


def is_signed(hook: str, headers: Mapping[str, str] | Message, body: bytes) -> bool:
    """Check a request after Standard Webhooks."""
    id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (sent_at.isascii() and sent_at.isdigit()) or abs(time.time() - int(sent_at)) > _TOLERANCE_S:
        return False
    key = base64.b64decode(hook.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, f"{id}.{sent_at}.".encode() + body, hashlib.sha256).digest()).decode()
    given = [one.removeprefix("v1,") for one in headers.get("webhook-signature", "").split() if one.startswith("v1,")]
    return any(hmac.compare_digest(one, wanted) for one in given)


def secret(name: str) -> str:
    return (SECRETS / name).read_text()


def say(shop: str, text: str) -> None:
    sys.stdout.write(f"{shop:<11} {text}\n")  # in one piece: several confirmations come at once
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-orders", action="store_true", help="only listen")
    wanted = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Confirmations)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    if not wanted.no_orders:
        send_orders()
    print("Listening for confirmations until Ctrl-C.", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.shutdown()


if __name__ == "__main__":
    main()
