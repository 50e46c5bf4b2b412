"""Uploaded files: streamed, durable under their name before they are acknowledged, and never outside their folder."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
from pathlib import Path

import pytest

from entrepot.intake.gateway.door_file import remove_stale
from tests.gateway.door.conftest import Lab, Reply

TOKEN = "Bearer t"


def form(*files: tuple[str, bytes]) -> tuple[bytes, str]:
    """A multipart form with a field and files."""
    parts = [b'--frontier\r\ncontent-disposition: form-data; name="note"\r\n\r\nhello\r\n']
    for name, content in files:
        head = f'--frontier\r\ncontent-disposition: form-data; name="f"; filename="{name}"\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + b"--frontier--\r\n", "multipart/form-data; boundary=frontier"


def names(lab: Lab) -> list[str]:
    """All that lies in the folder, hidden or not."""
    folder = lab.folder / "incoming"
    return sorted(os.listdir(folder)) if folder.exists() else []


@pytest.mark.req("G1")
def test_a_file_by_its_name_in_the_address(lab: Lab) -> None:
    """The bytes lie under the name; the answer says how many they are and their hash."""
    content = os.urandom(3_000_000)
    reply = lab.send("guarded/file?name=prices%202026.csv", content, authorization=TOKEN)
    assert reply.status == 202
    assert reply.json == {
        "files": [
            {
                "name": "prices 2026.csv",
                "stored_as": "prices 2026.csv",
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        ]
    }
    assert (lab.folder / "incoming" / "prices 2026.csv").read_bytes() == content
    assert names(lab) == ["prices 2026.csv"]


@pytest.mark.req("G1")
def test_files_of_a_form(lab: Lab) -> None:
    """Every part with a file name is a file; fields are none."""
    body, kind = form(("a.csv", b"x\r\n--frontie\r\n" * 30_000), ("b.csv", b""))
    reply = lab.send("guarded/file", body, authorization=TOKEN, content_type=kind)
    assert reply.status == 202
    assert names(lab) == ["a.csv", "b.csv"]
    assert (lab.folder / "incoming" / "a.csv").read_bytes() == b"x\r\n--frontie\r\n" * 30_000


def test_a_name_that_is_taken(lab: Lab) -> None:
    """Nothing is written over: the second file lies beside the first."""
    for content in (b"one", b"two"):
        reply = lab.send(
            "guarded/file", content, authorization=TOKEN, content_disposition='attachment; filename="a.csv"'
        )
        assert reply.status == 202
    assert len(names(lab)) == 2
    assert (lab.folder / "incoming" / "a.csv").read_bytes() == b"one"
    assert (lab.folder / "incoming" / reply.json["files"][0]["stored_as"]).read_bytes() == b"two"


@pytest.mark.parametrize(
    "name", ["../a.csv", "/etc/a", ".hidden", "a%00b", "a%0ab", "x" * 300, "a%5cb", "", "..", "%ff%fe"]
)
def test_names_that_leave_the_folder_or_hide(lab: Lab, name: str) -> None:
    """400, and nothing is left anywhere."""
    reply = lab.send(f"guarded/file?name={name}", b"x", authorization=TOKEN)
    assert (reply.status, reply.json["code"]) == (400, "file.name")
    assert names(lab) == []
    assert not (lab.folder / "a.csv").exists()


def test_who_may_not(lab: Lab) -> None:
    """Without token 401, where no files are taken 404; nothing is written, and a wrong signature writes nothing either."""
    assert lab.send("guarded/file?name=a.csv", b"x").status == 401
    reply = lab.send("till/file?name=a.csv", b"x")
    assert (reply.status, reply.json["code"]) == (404, "files.not_taken")
    assert lab.send("signed/file?name=a.csv", b"x", x_signature="no").status == 403
    assert names(lab) == []


def test_forms_that_are_none(lab: Lab) -> None:
    """No boundary, no end, no files, rubbish: 400; what was begun is gone."""
    body, kind = form(("a.csv", b"x" * 100_000))
    for sent, said in (
        (body[:-20], kind),
        (body, "multipart/form-data"),
        (b"rubbish", kind),
        (form()[0], kind),
        (b"", kind),
    ):
        reply = lab.send("guarded/file", sent, authorization=TOKEN, content_type=said)
        assert reply.status == 400, (sent[:50], said)
    assert names(lab) == []


def test_a_file_that_is_too_large_leaves_nothing(lab: Lab) -> None:
    """413 while it comes, without a length announced."""
    reply = _chunked(lab, 60)
    assert (reply.status, reply.json["code"]) == (413, "body.too_large")
    assert names(lab) == []


def test_a_sender_that_goes_away_leaves_nothing(lab: Lab) -> None:
    """The connection ends in the middle: no file, also none aside."""
    connection = http.client.HTTPConnection(lab.address, timeout=10)
    connection.putrequest("POST", "/api/v1/in/guarded/file?name=a.csv")
    connection.putheader("authorization", TOKEN)
    connection.putheader("content-length", "5000000")
    connection.endheaders(b"x" * 2_000_000)
    _until(lambda: bool(names(lab)))
    connection.close()
    _until(lambda: names(lab) == [])


def test_what_a_killed_process_left_goes_after_a_day(tmp_path: Path) -> None:
    """Old pieces that were put aside are removed; new ones and other files stay."""
    for name in (".old.upload.tmp", ".new.upload.tmp", "data.csv"):
        (tmp_path / name).write_bytes(b"x")
    os.utime(tmp_path / ".old.upload.tmp", (0, 0))
    os.utime(tmp_path / "data.csv", (0, 0))
    remove_stale(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".new.upload.tmp", "data.csv"]


def _chunked(lab: Lab, megabytes: int) -> Reply:
    connection = http.client.HTTPConnection(lab.address, timeout=30)
    try:
        connection.request(
            "POST",
            "/api/v1/in/guarded/file?name=a.csv",
            (bytes(1_000_000) for _ in range(megabytes)),
            {"authorization": TOKEN, "transfer-encoding": "chunked"},
            encode_chunked=True,
        )
    except (BrokenPipeError, ConnectionResetError):
        pass  # The answer may be there before all is sent.
    response = connection.getresponse()
    reply = Reply(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
    connection.close()
    return reply


def _until(holds: object) -> None:
    assert callable(holds)
    for _ in range(500):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to hold within ten seconds")
