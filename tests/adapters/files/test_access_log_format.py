"""Access logs: every line is taken apart or put aside with its number, and real figures agree with an independent reading."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from pathlib import Path

import pytest

from entrepot.ports.relations import FAULTS, RECORD
from tests.adapters.files.opened import read_rows, read_values, reasons, refusal

GOOD = (
    '83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a?x=1 HTTP/1.1" 200 203023 "http://x.org/" "Mozilla/5.0 (X11)"'
)
COMMON = '2001:db8::1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326'


def log(folder: Path, *lines: str) -> Path:
    """A log of these lines."""
    path = folder / "access.log"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_combined_line(tmp_path: Path) -> None:
    """Each value has its column; a dash is null; the time keeps its offset."""
    assert read_values(log(tmp_path, GOOD)) == [
        {
            "host": "83.149.9.216", "ident": None, "user": None, "time": "2015-05-17T10:05:03+00:00", "request": "GET /a?x=1 HTTP/1.1",
            "method": "GET", "path": "/a?x=1", "protocol": "HTTP/1.1", "status": "200", "bytes": "203023", "referer": "http://x.org/",
            "agent": "Mozilla/5.0 (X11)",
        }
    ]  # fmt: skip


def test_common_line(tmp_path: Path) -> None:
    """The common layout ends after the bytes; hosts may be IPv6."""
    (row,) = read_values(log(tmp_path, COMMON), access_log={"layout": "common"})
    wanted = ("2001:db8::1", "frank", "2000-10-10T13:55:36-07:00", "2326", None)
    assert (row["host"], row["user"], row["time"], row["bytes"], row["agent"]) == wanted


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ("GET / HTTP/1.1", ("GET", "/", "HTTP/1.1")),
        ("GET /a b HTTP/1.1", ("GET", "/a b", "HTTP/1.1")),
        ("GET /", ("GET", "/", None)),
        ("-", (None, None, None)),
        ("", (None, None, None)),
        (r"\x16\x03\x01\x02", (None, None, None)),
        (r"GET /\"q\" HTTP/1.1", ("GET", '/"q"', "HTTP/1.1")),
    ],
)
def test_requests(tmp_path: Path, request_: str, wanted: tuple[str | None, ...]) -> None:
    """Of a request that is none only the request itself is filled; quotes within it are escaped."""
    (row,) = read_values(log(tmp_path, GOOD.replace("GET /a?x=1 HTTP/1.1", request_)))
    assert (row["method"], row["path"], row["protocol"]) == wanted


@pytest.mark.parametrize(
    ("logged", "sent"),
    [
        (r"a \"b\" c", 'a "b" c'),
        (r"C:\\x41", r"C:\x41"),
        (r"caf\xc3\xa9\t", "café\t"),
        (r"\xff", r"\xff"),
        (r"\x00", r"\x00"),
        (r"end\\", "end\\"),
        ("käse", "käse"),
    ],
)
def test_escapes(tmp_path: Path, logged: str, sent: str) -> None:
    """What Apache escapes comes back as it was sent; what is no text stays as it is logged, and `unescape: false` leaves all."""
    path = log(tmp_path, GOOD.replace("Mozilla/5.0 (X11)", logged))
    assert read_values(path)[0]["agent"] == sent
    assert read_values(path, access_log={"unescape": False})[0]["agent"] == logged


@pytest.mark.parametrize(
    "line",
    [
        COMMON, GOOD[:-1], GOOD + " 17", GOOD.replace("May", "Foo"), GOOD.replace(" 200 ", " OK "), "garbage", " " + GOOD, '"',
        GOOD.replace('"http', 'http'), GOOD.replace("[", ""),
    ],
)  # fmt: skip
def test_other_lines_are_rejected_with_their_number(tmp_path: Path, line: str) -> None:
    """A line that is written otherwise is a fault of the whole record; its neighbours are whole."""
    rows = read_rows(log(tmp_path, GOOD, "", line, GOOD))
    assert [row[RECORD] for row in rows] == [1, 3, 4]
    assert reasons(rows[1]) == [(None, "not_a_log_line", "line 3")]
    assert rows[1][FAULTS][0]["text"] == line
    assert rows[0][FAULTS] is None and rows[2][FAULTS] is None


def test_undecodable_line(tmp_path: Path) -> None:
    """A byte that is not of the encoding damages its own line only."""
    path = tmp_path / "access.log"
    path.write_bytes(f"{GOOD}\n".encode() + b"\xff\n" + f"{GOOD}\n".encode())
    assert reasons(read_rows(path)[1]) == [(None, "undecodable", "line 2")]
    assert read_rows(path)[1][FAULTS][0]["text"] == "\\xff"


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file of which no line fits is something else, and is refused as a whole."""
    assert "none of its first 2 lines" in refusal(log(tmp_path, "2026-01-01 INFO started", "2026-01-01 INFO stopped"))


@pytest.mark.real
def test_real_log_is_accounted_for_line_by_line(shared_data: Path, tmp_path: Path) -> None:
    """The public log: each line one row, values those of an independent pattern, sums those of its SOURCE.txt."""
    source = shared_data / "web" / "apache_access" / "access_2015-05-17_18.log"
    packed = tmp_path / "access.log.gz"
    packed.write_bytes(gzip.compress(source.read_bytes()))
    rows = read_rows(packed)
    lines = source.read_text().splitlines()
    assert [row[RECORD] for row in rows] == list(range(1, 4_526))
    independent = re.compile(r'([\d.]+) .*? \[(.*?)\] "(.*)" (\d+) (\S+) "(.*)" "(.*)"$')
    for line, row in zip(lines, rows, strict=True):
        host, _, request, status, size, referer, agent = independent.match(line).groups()  # type: ignore[union-attr]
        wanted = [None if value == "-" else value.replace('\\"', '"') for value in (request, size, referer, agent)]
        assert (row["host"], row["status"]) == (host, status)
        assert [row["request"], row["bytes"], row["referer"], row["agent"]] == wanted, line
    assert sum(int(row["bytes"] or 0) for row in rows) == 1_202_896_060
    assert sum(row["bytes"] is None for row in rows) == 380
    assert len({row["host"] for row in rows}) == 890
    assert Counter(row["status"] for row in rows) == {
        "200": 4030, "206": 21, "301": 110, "304": 268, "403": 1, "404": 93, "500": 2,
    }  # fmt: skip
    assert Counter(row["time"][:10] for row in rows) == {"2015-05-17": 1632, "2015-05-18": 2893}
