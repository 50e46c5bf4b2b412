"""The senders: wrk when it is installed, else a client of raw sockets in a process of its own.

`python -m benchmarks.gateway.load PORT CONNECTIONS SECONDS KIND` is that client; it prints its figures as JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import randrange

from benchmarks.gateway.serve import TOKEN
from benchmarks.measure import REPOSITORY

BATCH = 1_000
PAD = "x" * 460
"""With its id a record has about 500 bytes."""

_SCRIPT = """
local n, run = 0, "%(run)s"
local pad = string.rep("x", 460)
local headers = {["content-type"] = "%(type)s", ["authorization"] = "Bearer %(token)s"}
function one() n = n + 1; return '{"id":"' .. run .. "-" .. n .. '","pad":"' .. pad .. '"}' end
function many() local t = {}; for i = 1, %(batch)d do t[i] = one() end; return table.concat(t, "\\n") end
request = function() return wrk.format("POST", "%(path)s", headers, %(body)s()) end
"""
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1_000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What the senders saw. Units: requests a second, milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    requests: int
    client: str


def run_load(port: int, connections: int, seconds: float, kind: str, work: Path) -> Load:
    """Send records of one kind, `single` or `batch`, over some connections. Raises: RuntimeError when an answer is no success."""
    if shutil.which("wrk") is None:
        command = [sys.executable, "-m", "benchmarks.gateway.load", str(port), str(connections), str(seconds), kind]
        done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-1000:])
        return Load(**json.loads(done.stdout))
    script = work / "load.lua"
    script.write_text(_SCRIPT % _words(kind))
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--latency",
        "--timeout",
        "20s",
        "-s",
        str(script),
    ]
    said = subprocess.run([*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True).stdout
    return _read_wrk(said)


def _words(kind: str) -> dict[str, object]:
    batch = kind == "batch"
    return {
        "run": f"{randrange(1 << 40):x}",
        "type": "application/x-ndjson" if batch else "application/json",
        "token": TOKEN,
        "batch": BATCH,
        "path": "/api/v1/in/orders" + ("/batch" if batch else ""),
        "body": "many" if batch else "one",
    }


def _read_wrk(said: str) -> Load:
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)

    def time_ms(percent: int) -> float:
        found = re.search(rf"{percent}%\s+([\d.]+)(us|ms|s)\b", said)
        assert found is not None, said
        return float(found[1]) * _UNITS[found[2]]

    per_second = re.search(r"Requests/sec:\s+([\d.]+)", said)
    requests = re.search(r"(\d+) requests in", said)
    assert per_second is not None and requests is not None, said
    return Load(float(per_second[1]), time_ms(50), time_ms(99), int(requests[1]), "wrk")


async def _send_all(port: int, connections: int, seconds: float, kind: str) -> Load:
    words = _words(kind)
    took: list[float] = []
    end = time.perf_counter() + seconds
    begun = time.perf_counter()
    await asyncio.gather(*(_send(port, number, end, words, took) for number in range(connections)))
    spent = time.perf_counter() - begun
    took.sort()
    half, most = took[len(took) // 2], took[int(len(took) * 0.99)]
    return Load(len(took) / spent, half * 1e3, most * 1e3, len(took), "asyncio")


async def _send(port: int, number: int, end: float, words: dict[str, object], took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0

    def one() -> bytes:
        nonlocal count
        count += 1
        return f'{{"id":"{words["run"]}-{number}-{count}","pad":"{PAD}"}}'.encode()

    make: Callable[[], bytes] = one if words["body"] == "one" else lambda: b"\n".join(one() for _ in range(BATCH))
    head = f"POST {words['path']} HTTP/1.1\r\nhost: x\r\ncontent-type: {words['type']}\r\nauthorization: Bearer {TOKEN}\r\n"
    while time.perf_counter() < end:
        body = make()
        begun = time.perf_counter()
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        await _answer(reader)
        took.append(time.perf_counter() - begun)
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 20"):
        raise RuntimeError(head.decode())
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None
    await reader.readexactly(int(length[1]))


def main() -> None:
    """Send, and print what was seen."""
    port, connections, seconds, kind = sys.argv[1:]
    print(json.dumps(asdict(asyncio.run(_send_all(int(port), int(connections), float(seconds), kind)))))


if __name__ == "__main__":
    main()
