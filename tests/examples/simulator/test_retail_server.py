"""The simulator serves each event once over every way of paging, makes the trouble it is told to, and signs what it pushes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from entrepot.examples.simulator.events import instant_text
from entrepot.examples.simulator.pusher import EXAMPLE_SECRET, Pusher, push_forward, sign
from entrepot.examples.simulator.retail import RetailWorld
from entrepot.examples.simulator.server import RetailApi
from entrepot.examples.simulator.timing import SimulatedTime


@pytest.fixture
def api() -> RetailApi:
    """Two days of events, standing still."""
    world = RetailWorld()
    return RetailApi(world, SimulatedTime(world.first + timedelta(days=2), monotonic=lambda: 0.0))


def test_pages_of_each_kind_bring_all(api: RetailApi) -> None:
    """Cursor, page and offset lead through all events once, from the beginning or from `since` on."""
    world, now = api.world, api.time.now()
    for since in (world.first, world.first + timedelta(hours=30)):
        query = {"since": instant_text(since)}
        wanted = {
            name: [e.as_json() for e in world.served(name, since, now)]
            for name in ("web_traffic", "interactions", "loyalty")
        }
        found, cursor = [], ""
        while cursor is not None:
            body: Any = api.answer("/api/web-traffic/", {**query, "limit": "77", "cursor": cursor}).body
            found += body["data"]
            cursor = body["next_cursor"]
        assert found == wanted["web_traffic"]
        first: Any = api.answer("/api/customer-interaction/", {**query, "page_size": "7"}).body
        pages: list[Any] = [
            api.answer("/api/customer-interaction/", {**query, "page_size": "7", "page": str(n)}).body
            for n in range(1, first["pages"] + 1)
        ]
        assert [row for page in pages for row in page["results"]] == wanted["interactions"] and first["total"] == len(
            wanted["interactions"]
        )
        rows: list[Any] = []
        while True:
            response = api.answer("/api/loyalty/", {**query, "limit": "20", "offset": str(len(rows))})
            rows += list(response.body)
            if not response.headers:
                break
        assert rows == wanted["loyalty"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/api/nothing/", {}, 404),
        ("/api/web-traffic", {"limit": "0"}, 200),
        ("/api/web-traffic/", {"limit": "x"}, 400),
        ("/api/web-traffic/", {"cursor": "x"}, 400),
        ("/api/loyalty/", {"since": "yesterday"}, 400),
        ("/health", {}, 200),
    ],
)
def test_odd_requests(api: RetailApi, path: str, query: dict[str, str], status: int) -> None:
    """What cannot be read is a 400, what is not there a 404."""
    assert api.answer(path, query).status == status


def test_token_and_trouble(api: RetailApi) -> None:
    """With a token others get 401; trouble comes from the seed: the same requests meet the same."""
    api.token = "t"
    assert (
        api.answer("/api/loyalty/", {}, "Bearer x").status == 401
        and api.answer("/api/loyalty/", {}, "Bearer t").status == 200
    )
    statuses = []
    for _ in range(2):
        again = RetailApi(api.world, api.time, trouble=0.3)
        statuses.append([again.answer("/api/loyalty/", {"limit": "1"}).status for _ in range(200)])
    assert statuses[0] == statuses[1] and 30 < 200 - statuses[0].count(200) < 90 and {429, 500} < set(statuses[0])


@contextmanager
def webhook(statuses: list[int]) -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """A receiver that answers so, then 202."""
    got: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = statuses.pop(0) if statuses else 202
            if status < 500:
                got.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_pushed_events_are_signed_and_come_in_order(api: RetailApi) -> None:
    """Each event is posted to its stream's address until it is taken; a re-delivery is the same bytes under the same id; times of the past are not waited for."""
    since = api.world.first
    with webhook([500, 503]) as (url, got):
        pusher = Pusher(url + "/api/v1/in/{stream}", EXAMPLE_SECRET, sleep=lambda seconds: None)
        pushed = push_forward(api.world, pusher, api.time, since, most=300, sleep=lambda seconds: pytest.fail("waited"))
        pusher.close()
    assert (pushed.accepted, pushed.refused, pushed.repeated) == (300, 0, 2) and len(got) == 300
    key = base64.b64decode(EXAMPLE_SECRET.removeprefix("whsec_"))
    for path, headers, body in got:
        event = json.loads(body)
        assert path == "/api/v1/in/" + {"w": "web_traffic", "i": "interactions", "l": "loyalty"}[event["event_id"][0]]
        text = f"{event['event_id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == wanted and headers["webhook-id"] == event["event_id"]


def test_signature_is_that_of_the_standard() -> None:
    """The example that the standard's own libraries test with."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_refused_events_are_counted(api: RetailApi) -> None:
    """A 4xx is not tried again; an address or secret that cannot be used is told before anything is sent."""
    with webhook([401, 202]) as (url, _):
        pusher = Pusher(url, EXAMPLE_SECRET, sleep=lambda seconds: None)
        pushed = push_forward(api.world, pusher, api.time, api.world.first, streams=["web_traffic"], most=2)
        pusher.close()
    assert (pushed.accepted, pushed.refused) == (1, 1)
    for address, secret in (("ftp://x", EXAMPLE_SECRET), ("http://x", "whsec_???")):
        with pytest.raises(ValueError, match=r".+"):
            Pusher(address, secret)


def test_time_may_run_faster() -> None:
    """An hour of simulated time in a minute, and how long is still to be waited."""
    now = [0.0]
    world = RetailWorld()
    time = SimulatedTime(world.first, 60.0, lambda: now[0])
    now[0] = 60.0
    assert time.now() == world.first + timedelta(hours=1)
    assert time.seconds_until(world.first + timedelta(hours=2)) == 60.0
    assert time.seconds_until(world.first) == 0.0


def test_the_command_serves_until_it_is_stopped() -> None:
    """`entrepot simulate retail` says where it is, answers, and ends well when it is told to; what cannot be is refused with a hint."""
    command = [sys.executable, "-m", "entrepot", "simulate", "retail"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        found = re.search(r"http://127\.0\.0\.1:\d+/api/web-traffic/", "".join(lines))
        assert found is not None, lines
        with urllib.request.urlopen(found[0] + "?limit=1") as response:
            assert len(json.load(response)["data"]) == 1
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=20)
        assert process.returncode == 0 and "1 requests answered" in rest
    finally:
        process.kill()
    done = subprocess.run([*command[:-1], "bakery"], capture_output=True, text=True, env=environment)
    assert done.returncode == 2 and "There is: retail" in done.stdout + done.stderr
