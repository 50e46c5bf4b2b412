"""The running platform as a process: a record sent becomes a figure, nobody comes in without the token, it ends well and starts again."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.crash.gateway import free_port, read_kpi, write_project

WAIT_S = 60.0


class Up:
    """`entrepot up` on a port of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        """Start and wait until it answers."""
        command = [
            sys.executable,
            "-m",
            "entrepot.app.cli",
            "up",
            "--port",
            str(self.port),
            "--project",
            str(self.root),
        ]
        self.process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(self.end())

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict[str, object]]:
        """One request; status and JSON."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        finally:
            connection.close()

    def end(self, number: int = signal.SIGTERM) -> str:
        """Ask it to end; return what it printed."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        printed, _ = self.process.communicate(timeout=90)
        return printed


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """A project that takes records, not started yet."""
    write_project(tmp_path / "shop")
    running = Up(tmp_path / "shop")
    yield running
    if running.process is not None and running.process.poll() is None:
        running.process.kill()
        running.process.communicate()


@pytest.mark.req("G1", "G5", "G9", "S4", "S5", "X7")
@pytest.mark.timeout(240)
def test_from_a_record_to_a_figure_and_back(up: Up) -> None:
    """A record sent is answered with its id, reaches the KPI, is found by its reference; the token is shown once; SIGTERM ends it with 0."""
    up.start()
    record = {"number": 7, "kind": "a", "amount": 4.0, "half": 2.0}
    status, told = up.ask("POST", "/api/v1/in/plain", record)
    assert status == 202
    assert up.ask("POST", "/api/v1/in/handled", record, **{"x-number": "H-7"})[0] == 202
    assert up.ask("GET", "/api/v1/records")[0] == 401
    printed_token = wait_for_release(up)
    assert up.process is not None
    assert up.process.returncode == 0
    token = re.search(r"entrepot_[\w-]{20,}", printed_token)
    assert token is not None
    authorized = {"authorization": f"Bearer {token[0]}"}
    up.start("--only", "gateway")
    status, page = up.ask("GET", f"/api/v1/records/{told['id']}", **authorized)
    assert (status, page["status"], page["reference"]) == (200, "processed", "7")
    status, listed = up.ask("GET", "/api/v1/records?q=H-7", **authorized)
    assert status == 200
    assert listed["total"] == 1
    assert up.ask("GET", "/api/v1/records", authorization="Bearer entrepot_wrong")[0] == 401
    assert "entrepot_" not in up.end(signal.SIGINT).replace("entrepot_secret", "")


def wait_for_release(up: Up) -> str:
    """Wait until both records are in the KPI, then end the platform; return what it printed."""
    from entrepot.app.project import open_project
    from entrepot.app.wiring import Platform

    deadline = time.monotonic() + WAIT_S
    platform = Platform(open_project(up.root), threads=1)
    while read_kpi(platform) != (2, 8.0):
        assert time.monotonic() < deadline, "the records did not reach the KPI"
        time.sleep(0.1)
    return up.end()


@pytest.mark.timeout(240)
def test_a_taken_port_and_a_wrong_part_are_told(up: Up) -> None:
    """A second platform on the same port ends with 3 and says what to do; an unknown part ends with 2."""
    up.start("--only", "gateway", "--quiet")
    command = [sys.executable, "-m", "entrepot.app.cli", "up", "--project", str(up.root)]
    second = subprocess.run([*command, "--port", str(up.port)], capture_output=True, text=True, timeout=60)
    assert second.returncode == 3
    assert "entrepot up --port" in second.stdout + second.stderr
    wrong = subprocess.run([*command, "--only", "gatway"], capture_output=True, text=True, timeout=60)
    assert wrong.returncode == 2
    assert "gateway" in wrong.stdout + wrong.stderr
    up.end()
