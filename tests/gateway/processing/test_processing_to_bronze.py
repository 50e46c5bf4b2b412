"""From the inbox through handler, contract and flow to bronze."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from entrepot.app.gateway_processing import make_processing, processing_basis, try_records
from entrepot.flow.lease import held
from entrepot.kernel.errors import UsageError
from tests.gateway.processing.inbound_shop import HANDLER, Shop, wait_until, write_shop

pytestmark = pytest.mark.req("G3")
MakeShop = Callable[..., Shop]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MakeShop]:
    """Opens the project; what is open is closed after the test."""
    made: list[Shop] = []

    def make(*, handler: str | None = None, more: str = "") -> Shop:
        made.append(Shop(write_shop(tmp_path, handler=handler, more=more)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_records_reach_bronze_with_their_identity(shop: MakeShop) -> None:
    """Each record's rows stand in bronze once, exactly as sent, with record id and reference; a second run brings nothing."""
    one = shop()
    ids = one.put(
        b'{"order_id": "a", "quantity": 1, "price": 1.10}',
        b'[{"order_id": "b", "quantity": 2, "price": "3"}, {"order_id": "c"}]',
    )
    with one.processing():
        assert one.wait(ids) == "pp"
    one.run()
    one.run()
    found = {row["order_id"]: row for row in one.rows()}
    assert len(one.rows()) == len(found) == 3
    assert found["a"]["price"] == Decimal("1.10")
    assert [found[name]["record_id"] for name in "abc"] == [ids[0], ids[1], ids[1]]
    assert found["c"]["external_reference"] == "ref-2"


def test_the_contract_is_kept_before_a_record_counts(shop: MakeShop) -> None:
    """A row that breaks type, requirement or rule makes its record an error, with column, rule and words; bronze rejects nothing later."""
    one = shop(handler=HANDLER)
    ids = one.put(
        b'{"id": "a", "n": 1, "price": 2.50}',
        b'{"id": null, "n": "many", "price": 2.50}',
        b'{"id": "c", "n": -1}',
        b'{"id": "d"}',
        b'{"id": "e", "n": 5}',
    )
    with one.processing():
        assert one.wait(ids) == "peeep"
    typed, ruled, raised = (one.get(ids[place]).error for place in (1, 2, 3))
    assert typed is not None and ruled is not None and raised is not None
    assert (typed.code, ruled.code, raised.code) == ("contract", "contract", "handler_failed")
    assert {each["path"] for each in typed.details} == {"order_id", "quantity"}
    assert any("'many' came" in str(each["message"]) for each in typed.details)
    assert ruled.details[0]["path"] == "quantity"
    one.run()
    assert sorted(row["order_id"] for row in one.rows()) == ["a", "e"]
    assert one.platform.tables.rows("quarantine.bronze.orders") == 0


def test_trying_tells_what_would_be_and_keeps_nothing(shop: MakeShop) -> None:
    """Rows, errors of the handler and of the contract come as processing would give them; the records stay as they were."""
    one = shop(handler=HANDLER)
    ids = one.put(b'{"id": "a", "n": 1}', b'{"id": "b", "n": -1}', b'{"id": "c"}')
    records = [one.get(id) for id in ids]
    good, broken, failed = try_records(one.platform, "orders", records, 20)
    assert good.rows == ('{"order_id":"a","quantity":1,"price":null}',) and good.error is None
    assert broken.error is not None and (broken.error.code, broken.rows) == ("contract", ())
    assert failed.error is not None and failed.error.code == "handler_failed"
    assert one.status(ids) == "jjj"
    with pytest.raises(UsageError, match="orders"):
        try_records(one.platform, "nothing", records, 20)


def test_trying_ends_in_time(shop: MakeShop) -> None:
    """Records that take too long have no outcome."""
    one = shop(
        handler="import time\ndef handle(record):\n    time.sleep(record.json())\n    return {'order_id': 'a', 'quantity': 1}\n"
    )
    ids = one.put(b"0", b"1000")
    found = try_records(one.platform, "orders", [one.get(id) for id in ids], 2)
    assert [each.seq for each in found] == [one.get(ids[0]).seq]


def test_two_loops_take_turns(shop: MakeShop) -> None:
    """While one process holds the lease of the integration the other waits, then goes on at once."""
    one = shop()
    ids = one.put(b'{"order_id": "a"}')
    other = Shop(one.root)
    with held("inbox:orders", other.platform.services):
        loop = make_processing(one.platform, one.inbound)
        thread = threading.Thread(target=loop.run)
        thread.start()
        thread.join(0.5)
        assert one.status(ids) == "j"
    assert one.wait(ids) == "p"
    loop.stop()
    thread.join(10)
    other.close()


def test_a_loop_tells_once_why_records_wait(shop: MakeShop) -> None:
    """A handler that cannot be loaded is one event, not one a second; mended, work goes on."""
    one = shop(handler="def handle(record:\n")
    ids = one.put(b'{"id": "a", "n": 1}')
    loop = make_processing(one.platform, one.inbound)
    thread = threading.Thread(target=loop.run)
    thread.start()
    wait_until(lambda: loop.trouble is not None)
    assert loop.trouble is not None and "orders.py:1" in loop.trouble
    thread.join(1.5)
    assert [event.name for event in one.events].count("processing_stopped") == 1
    (one.root / "handlers" / "orders.py").write_text(HANDLER)
    assert one.wait(ids) == "p"
    wait_until(lambda: loop.trouble is None)
    loop.stop()
    thread.join(10)


def test_a_fault_of_ours_does_not_end_the_loop(shop: MakeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by its kind and place, without the values in its text, and the records are tried again."""
    one = shop()
    real, tries = one.inbox.finish, []

    def finish(results: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise KeyError("value of a record")
        real(results)  # type: ignore[arg-type]

    monkeypatch.setattr(one.inbox, "finish", finish)
    ids = one.put(b'{"order_id": "a"}')
    with one.processing():
        assert one.wait(ids) == "p"
    told = [event.data["error"] for event in one.events if event.name == "processing_stopped"]
    assert len(told) == 1 and "KeyError" in told[0] and "value of a record" not in told[0]


def test_a_handler_that_never_returns_delays_only_its_own(shop: MakeShop, tmp_path: Path) -> None:
    """While one integration's handler hangs, another one's records come through."""
    one = shop(handler=HANDLER)
    (tmp_path / "sources" / "returns.yaml").write_text(
        "connector: inbox\ndataset: bronze.orders\noptions: {auth: none, reference: {header: X-Id}, handler: hangs, timeout_s: 1000}\n"
    )
    (tmp_path / "handlers" / "hangs.py").write_text("def handle(record):\n    while True: pass\n")
    both = Shop(tmp_path)
    hanging = both.put(b"{}", b"{}", integration="returns")
    loops = [make_processing(both.platform, both.inbounds[name]) for name in ("returns", "orders")]
    threads = [threading.Thread(target=loop.run) for loop in loops]
    for thread in threads:
        thread.start()
    for start in range(0, 100, 20):
        ids = both.put(*(f'{{"id": "o{n}", "n": 1}}'.encode() for n in range(20)), first=start + 10)
        assert both.wait(ids) == "p" * 20
    assert both.status(hanging) == "jj"
    for loop, thread in zip(loops, threads, strict=True):
        loop.stop()
        thread.join(10)
        assert not thread.is_alive()
    both.close()
    one.close()


def test_a_loop_is_made_anew_only_for_what_it_depends_on(shop: MakeShop) -> None:
    """Settings and contract are in its basis; another opening of the same files gives the same."""
    one = shop(handler=HANDLER)
    same = processing_basis(one.platform, one.inbound)
    assert processing_basis(Shop(one.root).platform, one.inbound) == same
    contract = one.root / "contracts" / "orders.odcs.yaml"
    contract.write_text(contract.read_text().replace("minimum: 0", "minimum: 1"))
    again = Shop(one.root)
    assert processing_basis(again.platform, again.inbound) != same


KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
from entrepot.kernel.points import install_hook
from tests.gateway.processing.inbound_shop import Shop
shop = Shop(Path(sys.argv[1]))
left = [int(sys.argv[3])]
def hook(name):
    if name == sys.argv[2]:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
install_hook(hook)
with shop.processing():
    while shop.inbox.counts("orders").by_status.get("just_in", 0):
        time.sleep(0.01)
shop.close()
"""


@pytest.mark.crash
@pytest.mark.parametrize("point", ["process.before", "process.after"])
def test_killed_while_processing_nothing_is_lost_or_doubled(shop: MakeShop, point: str) -> None:
    """Whenever the process dies, each record gives its rows once."""
    one = shop(handler=HANDLER)
    ids = one.put(*(f'{{"id": "o{n}", "n": {n}}}'.encode() for n in range(500)))
    for hit in (1, 1, 2, 1_000):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(one.root), point, str(hit)], cwd=Path.cwd(), timeout=60
        )
        assert done.returncode in (0, -9)
    assert set(one.status(ids)) == {"p"}
    one.run()
    assert sorted(row["order_id"] for row in one.rows()) == sorted(f"o{n}" for n in range(500))
