"""Load against a platform that is killed again and again: what was acknowledged is there once, in bronze and in the KPI.

The sender is a sender as the guide asks for: each record has a reference, what was not acknowledged is sent again with the same one.
Some are given up on purpose: of these nobody knows whether they arrived, so they may be there once or not at all.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from entrepot.app.project import open_project
from entrepot.app.wiring import Platform
from entrepot.kernel.points import GATEWAY_POINTS, POINTS
from entrepot.ports.relations import QueryScan, TableVersion
from entrepot.testing.faults import FAULT

FILES = {
    "entrepot.yaml": "name: load\ntime_zone: UTC\nlive: {interval: 200ms}\n",
    "contracts/events.odcs.yaml": """\
apiVersion: v3.1.0
kind: DataContract
id: events
version: 1.0.0
status: active
schema:
  - name: events
    physicalName: bronze.events
    properties:
      - {name: number, logicalType: integer, required: true}
      - {name: kind, logicalType: string, required: true}
      - {name: amount, logicalType: number, physicalType: "decimal(18,2)", required: true}
      - {name: record_id, logicalType: string, required: true}
      - {name: external_reference, logicalType: string, required: true}
""",
    "sources/plain.yaml": "connector: inbox\ndataset: bronze.events\noptions: {auth: none, reference: {body: number}}\n",
    "sources/handled.yaml": """\
connector: inbox
dataset: bronze.events
options: {auth: none, handler: doubled, reference: {header: X-Number}, key: {body: kind}}
""",
    "handlers/doubled.py": """\
from entrepot.handlers import Record


def handle(record: Record) -> dict:
    value = record.json()
    return {"number": value["number"], "kind": value["kind"], "amount": value["half"] * 2}
""",
    "models/silver/events.sql": """\
/* ---
name: silver.events
kind: append
driving: bronze.events
--- */
SELECT number, kind, amount FROM bronze.events
""",
    "models/gold/by_kind.sql": """\
/* ---
name: gold.by_kind
kind: partition
partition: [day, kind]
--- */
SELECT DATE '2026-11-01' + CAST(number % 7 AS INTEGER) AS day, kind, count(*) AS events, sum(amount) AS amount
FROM silver.events
GROUP BY 1, 2
""",
    "kpis/amount.yaml": """\
name: amount
title: Amount
definition: The amount of all events.
owner: tests
unit: EUR
model: gold.by_kind
measure: sum(amount)
also: {events: CAST(sum(events) AS BIGINT)}
grain: [day, kind]
""",
}
SENDERS = 8
RATE = 800
"""Records a second at most, so that a load lasts through many kills."""
_ASK_S = 5.0
_START_S = 60.0
_SETTLE_S = 180.0


def amount_of(number: int) -> float:
    """Of record `number`: even, so that the handler can double its half."""
    return float(2 * (number % 50))


@dataclass(slots=True)
class Sent:
    """What the senders know."""

    acknowledged: set[int] = field(default_factory=set)
    given_up: set[int] = field(default_factory=set)
    ids: dict[int, set[str]] = field(default_factory=dict)
    """Number → ids that were answered: one, however often it was sent."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, numbers: Sequence[int], ids: Sequence[str]) -> None:
        """These were acknowledged."""
        with self.lock:
            self.acknowledged.update(numbers)
            for number, id in zip(numbers, ids, strict=True):
                self.ids.setdefault(number, set()).add(id)


@dataclass(frozen=True, slots=True)
class Result:
    """What a trial came to."""

    acknowledged: int
    lost: Sequence[int]
    doubled: Sequence[int]
    kills: int
    wrong: Sequence[str]
    seconds: float


class Server:
    """`entrepot up` in a process of its own, started again whenever it died."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.port = free_port()
        self.kills = 0
        self._counted = False
        self._lives = 0
        self._random = random.Random(seed)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (root / "server.log").open("ab")

    def start(self, faults: dict[str, str]) -> None:
        """Start, with what is to kill it; return at once."""
        command = [sys.executable, "-m", "entrepot.testing.faults", "entrepot.app.cli"]
        command += ["up", "--quiet", "--port", str(self.port), "--project", str(self.root)]
        environment = {key: value for key, value in os.environ.items() if key != FAULT} | faults
        self._counted = False
        self._process = subprocess.Popen(command, env=environment, stdout=self._log, stderr=self._log)

    def wait_until_up(self) -> bool:
        """Wait until it answers; False when it died before."""
        assert self._process is not None
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            try:
                with closing(HTTPConnection("127.0.0.1", self.port, timeout=1)) as connection:
                    connection.request("GET", "/healthz")
                    with closing(connection.getresponse()) as answer:
                        if answer.status == 200:
                            return True
            except (OSError, HTTPException):
                time.sleep(0.05)
        raise AssertionError("the platform does not start: " + self.last_words())

    def draw_faults(self) -> dict[str, str]:
        """Kill at a named point, in some of the lives; in the others at a random instant, from outside.

        Each second life is long and undisturbed: a batch that ends its process again and again is blocked, rightly.
        """
        self._lives += 1
        if self._lives % 2 and self._random.random() < 0.7:
            return {FAULT: f"{self._random.choice((*POINTS, *GATEWAY_POINTS[:4]))}:{self._random.randint(1, 30)}:kill"}
        return {}

    def draw_life_s(self) -> float:
        """How long it may live, from when it answers."""
        return self._random.uniform(0.2, 4.0) if self._lives % 2 else self._random.uniform(3.0, 5.0)

    def died(self) -> bool:
        """True when it is dead; counts it once."""
        assert self._process is not None
        if self._process.poll() is None:
            return False
        code = self._process.returncode
        assert code == -signal.SIGKILL, f"the platform ended with {code}: " + self.last_words()
        self.kills += not self._counted
        self._counted = True
        return True

    def last_words(self) -> str:
        """The end of what it printed."""
        return (self.root / "server.log").read_text()[-2_000:]

    def kill(self) -> None:
        """Kill it from outside."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Ask it to end, as a service manager does. Raises: AssertionError when it does not end well."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(90)
        self._log.close()
        assert code == 0, f"the platform ended with {code}: " + self.last_words()


def write_project(root: Path) -> None:
    """The project that takes the load."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run_load(root: Path, records: int, seed: int, say: Callable[[str], None] = lambda line: None) -> Result:
    """Send `records` while the platform is killed; then let it come to rest and count."""
    began = time.monotonic()
    write_project(root)
    server, sent = Server(root, seed), Sent()
    numbers = _Numbers(records)
    senders = [
        threading.Thread(target=_send_all, args=(server.port, numbers, sent, seed * 100 + place))
        for place in range(SENDERS)
    ]
    server.start(server.draw_faults())
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        if server.wait_until_up():
            dies_at = time.monotonic() + server.draw_life_s()
            while time.monotonic() < dies_at and not server.died() and any(sender.is_alive() for sender in senders):
                time.sleep(0.02)
            server.kill()
        assert server.died()
        say(f"{server.kills} kills, {len(sent.acknowledged):,} of {records:,} acknowledged")
        server.start(server.draw_faults())
    server.kill()
    server.start({})
    assert server.wait_until_up()
    rest = _wait_until_quiet(root, sent)
    server.end()
    lost, doubled, wrong = _compare(root, sent)
    wrong += [] if rest else ["the platform did not come to rest"]
    return Result(len(sent.acknowledged), lost, doubled, server.kills, wrong, time.monotonic() - began)


class _Numbers:
    """Hands out ranges of numbers to senders."""

    def __init__(self, upto: int) -> None:
        self._next, self._upto = 1, upto
        self._lock = threading.Lock()

    def take(self, count: int) -> list[int]:
        """The next so many; fewer at the end."""
        with self._lock:
            start, self._next = self._next, min(self._next + count, self._upto + 1)
            return list(range(start, self._next))


def _send_all(port: int, numbers: _Numbers, sent: Sent, seed: int) -> None:
    chance = random.Random(seed)
    while True:
        single = chance.random() < 0.6
        mine = numbers.take(1 if single else chance.choice((10, 100, 400)))
        if not mine:
            return
        handled = chance.random() < 0.3
        time.sleep(len(mine) * SENDERS / RATE)
        patience = 0 if chance.random() < 0.01 else 10_000
        while not _send(port, mine, sent, single=single, handled=single and handled):
            if patience == 0:
                with sent.lock:
                    sent.given_up.update(mine)
                break
            patience -= 1
            time.sleep(0.02)


def _send(port: int, mine: Sequence[int], sent: Sent, *, single: bool, handled: bool) -> bool:
    bodies = [{"number": n, "kind": "abcdef"[n % 6], "amount": amount_of(n), "half": amount_of(n) / 2} for n in mine]
    name = "handled" if handled else "plain"
    path = f"/api/v1/in/{name}" if single else f"/api/v1/in/{name}/batch"
    body = "\n".join(json.dumps(each) for each in bodies)
    headers = {"content-type": "application/json" if single else "application/x-ndjson", "x-number": str(mine[0])}
    try:
        connection = HTTPConnection("127.0.0.1", port, timeout=_ASK_S)
        try:
            connection.request("POST", path, body, headers)
            with closing(connection.getresponse()) as answer:
                text = answer.read()
        finally:
            connection.close()
        if answer.status not in (200, 202):
            return False
        return _note([json.loads(line) for line in text.splitlines()], mine, sent)
    except (OSError, HTTPException, ValueError):
        return False


def _note(results: Sequence[Mapping[str, str]], mine: Sequence[int], sent: Sent) -> bool:
    if len(results) != len(mine):
        return False  # the server died while it answered
    taken = [(number, each["id"]) for number, each in zip(mine, results, strict=True) if "id" in each]
    sent.note([number for number, _ in taken], [id for _, id in taken])
    return len(taken) == len(mine)


def _wait_until_quiet(root: Path, sent: Sent) -> bool:
    """Wait until the KPI says as much as the inbox has."""
    deadline = time.monotonic() + _SETTLE_S
    platform = Platform(open_project(root), threads=1)
    while time.monotonic() < deadline:
        events = read_kpi(platform)[0]
        waiting = sum(
            platform.stores.inbox().counts(name).outputs_waiting
            + sum(
                count
                for status, count in platform.stores.inbox().counts(name).by_status.items()
                if status.value == "just_in"
            )
            for name in ("plain", "handled")
        )
        if waiting == 0 and events >= len(sent.acknowledged):
            platform.stores.close()
            return True
        time.sleep(0.3)
    platform.stores.close()
    return False


def read_kpi(platform: Platform) -> tuple[int, float]:
    """Events and amount that the newest release says."""
    release = platform.state.latest_release()
    version = -1 if release is None else release.tables.get("gold.kpi_amount", -1)
    if version < 0:
        return 0, 0.0
    sql = "SELECT coalesce(sum(events), 0)::BIGINT AS n, coalesce(sum(value), 0)::DOUBLE AS amount FROM q.t"
    rows = platform.engine.query(QueryScan(sql, {"q.t": TableVersion("gold.kpi_amount", version)})).batches().read_all()
    return rows["n"][0].as_py(), rows["amount"][0].as_py()


def _compare(root: Path, sent: Sent) -> tuple[list[int], list[int], list[str]]:
    platform = Platform(open_project(root), threads=1)
    version = platform.state.durable_version("bronze.events")
    scan = QueryScan("SELECT number, record_id FROM q.t", {"q.t": TableVersion("bronze.events", version)})
    rows = platform.engine.query(scan).batches().read_all()
    there = Counter(rows["number"].to_pylist())
    ids = dict(zip(rows["number"].to_pylist(), rows["record_id"].to_pylist(), strict=True))
    lost = sorted(sent.acknowledged - there.keys())
    doubled = sorted(number for number, count in there.items() if count > 1)
    wrong = []
    unknown = there.keys() - sent.acknowledged - sent.given_up
    if unknown:
        wrong.append(f"{len(unknown)} records were never acknowledged and never given up, {min(unknown)} for one")
    several = [number for number, answered in sent.ids.items() if len(answered) > 1]
    if several:
        wrong.append(f"{len(several)} records were answered with several ids, {several[0]} for one")
    others = [number for number, answered in sent.ids.items() if number in ids and ids[number] not in answered]
    if others:
        wrong.append(f"{len(others)} records stand in bronze under another id than was answered, {others[0]} for one")
    events, amount = read_kpi(platform)
    expected = sum(amount_of(number) for number in there)
    if (events, amount) != (sum(there.values()), expected) and not doubled:
        wrong.append(f"the KPI says {events} events and {amount}, bronze holds {sum(there.values())} and {expected}")
    return lost, doubled, wrong


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
