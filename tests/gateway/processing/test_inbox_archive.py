"""Processed records go to the lake as they were received, each once, and leave the inbox."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from entrepot.adapters.embedded.state import SqliteState
from entrepot.app.inbox_archive import ARCHIVE, archive_inbox
from entrepot.app.inbox_archived import find_archived
from entrepot.flow.rebuild import rebuild_state
from entrepot.ports.inbox import RecordStatus
from tests.gateway.processing.inbound_shop import Shop, write_shop

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD_US = int((NOW - timedelta(days=40)).timestamp()) * 1_000_000
MONTH = {"orders": timedelta(days=30)}
HANDLER = """
from entrepot.handlers import Record, Reject

def handle(record):
    return {"order_id": record.reference, "quantity": len(record.body) % 7}
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A project whose handler makes a row of anything."""
    made = Shop(write_shop(tmp_path, handler=HANDLER))
    yield made
    made.close()


def take(shop: Shop, *bodies: bytes, first: int = 1, received_us: int = OLD_US) -> list[str]:
    """Put records, process them, bring them to bronze."""
    ids = shop.put(*bodies, first=first, received_us=received_us)
    with shop.processing():
        shop.wait(ids)
    shop.run()
    return ids


def archived(shop: Shop) -> list[dict[str, Any]]:
    """What the lake has, in the order of receipt."""
    return sorted(shop.rows(ARCHIVE), key=lambda row: (row["received_at"], row["revision"]))


def test_a_record_is_archived_as_received(shop: Shop) -> None:
    """Every byte, header and name of it; then the inbox has it no more, and its row stands in bronze as before."""
    ids = take(shop, b'{"a": 1.10, "b": "\xc3\xa4"}', b"\xff\x00\x01", b"nul \x00 inside")
    assert archive_inbox(shop.platform, MONTH, NOW) == 3
    text, raw, nul = archived(shop)
    assert (text["record_id"], text["reference"], text["integration"]) == (ids[0], "ref-1", "orders")
    assert (text["body"], text["body_encoding"]) == ('{"a": 1.10, "b": "ä"}', "utf-8")
    assert text["received_at"] == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=OLD_US + 1)
    assert (text["status"], text["revision"], text["edited_body"], text["changes"]) == ("processed", 0, None, None)
    assert base64.b64decode(raw["body"]) == b"\xff\x00\x01" and raw["body_encoding"] == "base64"
    assert base64.b64decode(nul["body"]) == b"nul \x00 inside"
    assert raw["sha256"] == hashlib.sha256(b"\xff\x00\x01").hexdigest()
    assert shop.status(ids) == "---"
    assert len(shop.rows()) == 3
    assert archive_inbox(shop.platform, MONTH, NOW) == 0


def test_only_what_is_old_processed_and_in_bronze_goes(shop: Shop) -> None:
    """Young records, errors, waiting ones and those that bronze has not taken stay; so do those of an integration that keeps all."""
    old = take(shop, b"old")
    young = take(shop, b"young", first=2, received_us=int(NOW.timestamp()) * 1_000_000)
    waiting = shop.put(b"waiting", first=3, received_us=OLD_US)
    assert archive_inbox(shop.platform, {"orders": None}, NOW) == 0
    assert archive_inbox(shop.platform, {"returns": timedelta(0)}, NOW) == 0
    assert archive_inbox(shop.platform, MONTH, NOW) == 1
    assert shop.status([*old, *young, *waiting]) == "-pj"
    with shop.processing():
        shop.wait(waiting)
    assert archive_inbox(shop.platform, MONTH, NOW) == 0, "its rows do not stand in bronze yet"
    shop.run()
    assert archive_inbox(shop.platform, MONTH, NOW) == 1


def test_a_replayed_record_keeps_both_bodies_and_its_history(shop: Shop) -> None:
    """What was received, what a person made of it, and who did it why."""
    (id,) = take(shop, b"first")
    shop.replay(id, b"second one")
    with shop.processing():
        shop.wait([id])
    shop.run()
    assert archive_inbox(shop.platform, MONTH, NOW) == 1
    (row,) = archived(shop)
    assert (row["body"], row["edited_body"], row["revision"]) == ("first", "second one", 1)
    changes = json.loads(row["changes"])
    assert ("tester", "because") in {(change["who"], change["reason"]) for change in changes}


def test_a_record_replayed_after_it_was_written_is_written_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the process dies between lake and inbox and the record is replayed then, its new revision is not forgotten."""
    (id,) = take(shop, b"first")
    with monkeypatch.context() as patch:
        patch.setattr(shop.inbox, "prune", lambda seqs: _die())
        with pytest.raises(KeyboardInterrupt):
            archive_inbox(shop.platform, MONTH, NOW)
    shop.replay(id, b"second one")
    with shop.processing():
        shop.wait([id])
    shop.run()
    assert archive_inbox(shop.platform, MONTH, NOW) == 1
    assert [(row["revision"], row["edited_body"]) for row in archived(shop)] == [(0, None), (1, "second one")]
    assert shop.status([id]) == "-"


def _die() -> int:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_many_records_go_in_portions(shop: Shop) -> None:
    """More than one commit takes: each once, and the small files are joined later."""
    take(shop, *(f"body {n}".encode() for n in range(3_000)))
    assert archive_inbox(shop.platform, MONTH, NOW) == 3_000
    assert Counter(row["reference"] for row in archived(shop)) == Counter(f"ref-{n}" for n in range(1, 3_001))
    assert shop.inbox.counts("orders").by_status.get(RecordStatus.PROCESSED, 0) == 0


def test_archived_records_are_found_again(shop: Shop) -> None:
    """By id and by reference, byte for byte; what is in nobody's archive is not found, whatever it is called."""
    ids = take(shop, b"one", b"\xfftwo")
    assert find_archived(shop.platform, ids=ids) == []
    archive_inbox(shop.platform, MONTH, NOW)
    assert [each.body for each in find_archived(shop.platform)] == [b"\xfftwo", b"one"]
    (one,) = find_archived(shop.platform, ids=[ids[0]])
    assert (one.id, one.reference, one.body, one.edited_body, one.headers) == (ids[0], "ref-1", b"one", None, ())
    (two,) = find_archived(shop.platform, integration="orders", reference="ref-2")
    assert two.id == ids[1]
    assert find_archived(shop.platform, reference="' OR 1=1 --") == []
    assert len(find_archived(shop.platform, limit=1)) == 1


def test_a_lost_state_is_rebuilt_beside_an_archive(shop: Shop) -> None:
    """The archive's commits are no plans of a flow, and nothing is archived again afterwards."""
    take(shop, b"one")
    archive_inbox(shop.platform, MONTH, NOW)
    fresh = SqliteState(shop.root / "other.db", shop.platform.clock)
    plans = rebuild_state(shop.platform.tables, fresh)
    assert {plan.flow for plan in plans} == {"orders"}
    assert fresh.durable_version(ARCHIVE) == shop.platform.tables.version(ARCHIVE)
    fresh.close()
    assert archive_inbox(shop.platform, MONTH, NOW) == 0


KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from entrepot.app.inbox_archive import archive_inbox
from entrepot.kernel.points import install_hook
from tests.gateway.processing.inbound_shop import Shop
from tests.gateway.processing.test_inbox_archive import MONTH, NOW
shop = Shop(Path(sys.argv[1]))
left = [int(sys.argv[3])]
def hook(name):
    if name == sys.argv[2]:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
install_hook(hook)
archive_inbox(shop.platform, MONTH, NOW)
"""


@pytest.mark.crash
def test_killed_at_any_point_each_record_is_archived_once(shop: Shop) -> None:
    """Before, in the middle of and after the commit, and between lake and inbox."""
    ids = take(shop, *(f"body {n}".encode() for n in range(700)))
    points = [
        "archive.before",
        "main.files_synced",
        "main.log_written",
        "main.linked",
        "archive.committed",
        "archive.after",
    ]
    killed = 0
    for point in points:
        for hit in (1, 2):
            code = subprocess.run(
                [sys.executable, "-c", KILLED, str(shop.root), point, str(hit)], cwd=Path.cwd()
            ).returncode
            assert code in (0, -9)
            killed += code == -9
    assert killed >= len(points)
    archive_inbox(shop.platform, MONTH, NOW)
    assert Counter(row["record_id"] for row in archived(shop)) == Counter(ids)
    assert set(shop.status(ids)) == {"-"}
