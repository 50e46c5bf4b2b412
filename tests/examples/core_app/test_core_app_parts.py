"""The parts of the core_app example by themselves: both handlers, the application's bookings, the shops' stand-in."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from entrepot.examples import copy_example, find_example, generate_data
from entrepot.handlers import Record, Reject

ROOMS = ("app", "handlers", "shops")
MESSAGE = {
    "shop": "webshop",
    "order_id": "W-1",
    "record_id": "01a2007c-7c70-71ce-8245-b1d99ebff0a8",
    "ordered_at": "2026-11-02T16:48:00Z",
    "country": "DE",
    "amount": "57.38",
    "lines": [
        {"line": 1, "article": "A1", "quantity": 3, "unit_price": "4.99"},
        {"line": 2, "article": "A2", "quantity": 1, "unit_price": "42.41"},
    ],
}
HIDDEN = ("webshop", "marketplace", "price_cents", "preis", "bestellung", "x-shop", "x-api-key", "sku")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example, its folder importable as when it runs."""
    folder = tmp_path / "core"
    generate_data(copy_example("core_app", folder), folder)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] in ROOMS]:
        del sys.modules[name]


@pytest.fixture
def shops(project: Path) -> ModuleType:
    return import_module("shops")


def mend(project: Path) -> None:
    """As the tutorial says."""
    path = project / "handlers" / "marketplace.py"
    text = path.read_text(encoding="utf-8")
    mended = text.replace('text.replace(",", ".")', 'text.replace(".", "").replace(",", ".")')
    assert mended != text
    path.write_text(mended, encoding="utf-8")


@pytest.mark.req("G8")
def test_both_formats_of_one_order_become_the_same_rows(project: Path, shops: Any) -> None:
    """What comes out of a handler does not tell which shop's format went in."""
    mend(project)
    orders = shops.make_orders("marketplace")
    assert {article for order in orders for article, _ in order.items} == set(shops.PRICES)
    for order in orders:
        came = [
            import_module(f"handlers.{shop}").handle(Record(body=body))
            for shop, body in (("webshop", shops.as_json(order)), ("marketplace", shops.as_xml(order)))
        ]
        first, second = ([normal(row) for row in rows] for rows in came)
        assert first == second
        assert [row["unit_price"] for row in first] == [Decimal(shops.PRICES[a]) / 100 for a, _ in order.items]


def normal(row: dict[str, Any]) -> dict[str, Any]:
    """Values as the contract's types have them."""
    from datetime import datetime

    placed = row["ordered_at"]
    at = placed if isinstance(placed, datetime) else datetime.fromisoformat(placed)
    return row | {"ordered_at": at.timestamp(), "quantity": int(row["quantity"])}


def test_the_mistake_of_the_tutorial_refuses_and_never_reads_a_wrong_price(project: Path) -> None:
    """As shipped, a price with a point between thousands is an error; others are right."""
    read_price = import_module("handlers.marketplace").read_price
    assert read_price("49,90") == Decimal("49.90")
    with pytest.raises(ArithmeticError):
        read_price("1.299,00")


def test_an_unknown_country_is_told_to_the_marketplace(project: Path, shops: Any) -> None:
    """Not a crash but a reason in the sender's words."""
    body = shops.as_xml(shops.make_orders("marketplace")[0]).replace("Österreich".encode(), b"Atlantis")
    with pytest.raises(Reject) as caught:
        import_module("handlers.marketplace").handle(Record(body=body))
    assert caught.value.code == "unknown_country"


@pytest.mark.req("G8")
def test_the_application_knows_no_format_of_a_shop(project: Path) -> None:
    """No file of it names a shop, a field of one, or a handler."""
    texts = {path.name: path.read_text(encoding="utf-8").lower() for path in (project / "app").glob("*.py")}
    assert len(texts) >= 5
    assert [(name, word) for name, text in texts.items() for word in (*HIDDEN, "handlers") if word in text] == []


def make_order(**changes: Any) -> Any:
    message = MESSAGE | changes
    return import_module("app.agreed").read_order(message, json.dumps(message).encode())


def look(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


OUTBOX = "SELECT integration, reference, key, type FROM entrepot_outbox ORDER BY seq"


@pytest.mark.req("G7")
def test_an_order_that_comes_twice_is_booked_and_confirmed_once(project: Path) -> None:
    """A delivery that is repeated after a crash changes nothing."""
    path = project / "app" / "orders.db"
    store = import_module("app.store").Store(path)
    assert [store.book(make_order()), store.book(make_order())] == ["confirmed", "confirmed"]
    [row] = look(path, OUTBOX)
    assert (row[0], row[2], row[3]) == ("webshop_confirmations", "W-1", "order.confirmed")
    stock = {row["article"]: row["units"] for row in store.stock()}
    assert (stock["A1"], stock["A2"]) == (397, 59)


def test_a_corrected_order_takes_the_place_of_the_first(project: Path) -> None:
    """The stock is as if only the corrected one had come, and the shop is told again."""
    path = project / "app" / "orders.db"
    store = import_module("app.store").Store(path)
    store.book(make_order())
    store.book(make_order(amount="4.99", lines=[{"line": 1, "article": "A1", "quantity": 1, "unit_price": "4.99"}]))
    stock = {row["article"]: row["units"] for row in store.stock()}
    assert (stock["A1"], stock["A2"]) == (399, 60)
    assert len({reference for _, reference, _, _ in look(path, OUTBOX)}) == 2
    assert [order["amount"] for order in store.orders()] == ["4.99"]


@pytest.mark.req("G7")
def test_without_its_message_no_order_is_booked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both or neither: when the message cannot be written, order and stock are as before."""
    path = project / "app" / "orders.db"
    store = import_module("app.store").Store(path)
    monkeypatch.setattr(import_module("app.store"), "make_confirmation", lambda *_: {"amount": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        store.book(make_order())
    assert store.orders() == []
    assert {row["article"]: row["units"] for row in store.stock()}["A1"] == 400
    assert look(path, OUTBOX) == []


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([{"article": "A9", "quantity": 1, "unit_price": "1"}], "unknown article A9"),
        ([{"article": "A1", "quantity": 1, "unit_price": "1"}, {"article": "A5", "quantity": 21, "unit_price": "1"}], "A5 is sold out"),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_met_is_declined_as_a_whole(project: Path, lines: Any, reason: str) -> None:
    """Nothing is taken from stock, and the shop is told why."""
    path = project / "app" / "orders.db"
    store = import_module("app.store").Store(path)
    assert store.book(make_order(lines=lines)) == "declined"
    assert [order["reason"] for order in store.orders()] == [reason]
    assert {row["article"]: row["units"] for row in store.stock()}["A1"] == 400
    [(body,)] = look(path, "SELECT body FROM entrepot_outbox")
    assert json.loads(body)["reason"] == reason


def test_a_shop_believes_only_what_is_signed(shops: Any, project: Path) -> None:
    """A confirmation that was changed, is old, or is signed with another secret is none."""
    import base64
    import hashlib
    import hmac
    import time

    hook, body = shops.secret("webshop/hook"), b'{"order_id": "W-1"}'

    def sign(sent_at: int, key: str = hook) -> dict[str, str]:
        secret = base64.b64decode(key.removeprefix("whsec_"))
        digest = hmac.new(secret, f"m1.{sent_at}.".encode() + body, hashlib.sha256).digest()
        return {
            "webhook-id": "m1",
            "webhook-timestamp": str(sent_at),
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }

    now = int(time.time())
    assert shops.is_signed(hook, sign(now), body)
    assert not shops.is_signed(hook, sign(now), body + b" ")
    assert not shops.is_signed(hook, sign(now - 400), body)
    assert not shops.is_signed(hook, sign(now, shops.secret("marketplace/hook")), body)
    assert not shops.is_signed(hook, {}, body)


def test_each_project_has_secrets_of_its_own(project: Path, tmp_path: Path) -> None:
    """None stands in the example's files, no two projects share one, and only the owner reads them; made again, they stay."""
    other = tmp_path / "other"
    generate_data(copy_example("core_app", other), other)
    here = {
        path.relative_to(project): path for path in (project / ".entrepot" / "secrets").rglob("*") if path.is_file()
    }
    assert len(here) == 4
    for name, path in here.items():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text() != (other / name).read_text()
    before = {name: path.read_text() for name, path in here.items()}
    assert generate_data(find_example("core_app"), project) == {"secrets": 0}
    assert {name: path.read_text() for name, path in here.items()} == before


def test_check_finds_nothing_wrong(project: Path) -> None:
    """No error and no warning, with every model bound to what it reads."""
    command = [sys.executable, "-m", "entrepot", "check", "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "nothing wrong" in done.stdout
