"""Processed records enter bronze by a run like any source: once, with their origin, also rejected, corrected and replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.app.project import open_project
from entrepot.app.rejects_desk import RejectsDesk
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.ports.relations import QueryScan, TableVersion
from tests.gateway.source.inbox_lab import Post

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    physicalName: bronze.orders
    properties:
      - {name: n, logicalType: integer, required: true}
      - {name: record_id, logicalType: string}
"""


def bronze(platform: Platform) -> list[tuple[int, str, str]]:
    """Number, record id and origin of each row."""
    table = TableVersion("bronze.orders", platform.tables.version("bronze.orders"))
    scan = QueryScan("SELECT n, record_id, _origin FROM q.t ORDER BY n", {"q.t": table})
    return [tuple(row.values()) for row in platform.engine.query(scan).batches().read_all().to_pylist()]


@pytest.mark.req("G1", "G5")
def test_once_rejected_corrected_and_replayed(tmp_path: Path) -> None:
    """Rows come once; a rejected one keeps its origin through its correction; a replay puts new rows in place of a record's old ones."""
    for name, text in {
        "entrepot.yaml": "name: p\n",
        "sources/orders.yaml": "connector: inbox\ndataset: bronze.orders\n",
        "contracts/orders.odcs.yaml": CONTRACT,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / ".entrepot").mkdir()
    post = Post(tmp_path / ".entrepot")
    platform = Platform(open_project(tmp_path), threads=1)
    a, b, c = post.post(["{}"] * 3, rows=[['{"n": 1}'], ['{"n": 2}', '{"n": 3}'], ['{"n": "x"}']])
    for _ in range(2):
        run_project(platform, ())
        assert bronze(platform) == [(1, a, f"inbox/{a}"), (2, b, f"inbox/{b}#1"), (3, b, f"inbox/{b}#2")]
    desk = RejectsDesk(platform)
    (reject,) = desk.list()
    assert reject.origin == f"inbox/{c}"
    desk.fix(reject.id, {"n": "4"}, "a test")
    desk.retry()
    assert bronze(platform)[-1] == (4, c, f"inbox/{c}")
    post.replay(b, ['{"n": 20}'])
    post.replay(a, [])
    run_project(Platform(open_project(tmp_path), threads=1), ())
    assert bronze(platform) == [(4, c, f"inbox/{c}"), (20, b, f"inbox/{b}")]
