"""Whatever bytes a file holds, it gives rows or is refused in our words: no other error ever comes out of a reader."""

from __future__ import annotations

import gzip
import json
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entrepot.kernel.errors import DataError
from entrepot.ports.relations import Stream
from tests.adapters.files.opened import opener

ROUNDS = int(os.environ.get("ENTREPOT_FUZZ_ROUNDS") or 150)
SAMPLES: dict[str, Any] = {
    "x.ndjson": {},
    "x.json": {"json": {"flatten": {}, "explode": {"key": "l", "keep_empty": True}}},
    "x.json.gz": {},
    "x.log": {},
    "x.fwf": {"fixed_width": {"columns": [{"name": "a", "start": 1, "width": 3, "decimals": 1}], "pad": True}},
    "x.db": {},
    "x.parquet": {},
}


def whole(folder: Path, name: str) -> bytes:
    """A file that is right."""
    records = [{"id": number, "o": {"k": 1.50}, "l": [1, {"ä": "\ud83d\ude00\\"}]} for number in range(30)]
    path = folder / name
    if name == "x.db":
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE t (a INTEGER, b TEXT)")
            database.executemany("INSERT INTO t VALUES (?, ?)", [(number, "text " * 20) for number in range(300)])
            database.commit()
        return path.read_bytes()
    if name == "x.parquet":
        pq.write_table(pa.table({"a": list(range(500)), "b": ["x"] * 500}), path, write_page_checksum=True)
        return path.read_bytes()
    texts = {
        "x.ndjson": "\n".join(map(json.dumps, records)),
        "x.json": json.dumps(records),
        "x.json.gz": json.dumps(records, ensure_ascii=True),
        "x.log": '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /\\"a HTTP/1.1" 200 512 "-" "agent"\n' * 20,
        "x.fwf": "123\n 12\n\n1-é\n" * 10,
    }
    raw = texts[name].encode()
    return gzip.compress(raw) if name.endswith(".gz") else raw


def damage(raw: bytes, chance: random.Random) -> bytes:
    """Bytes changed, left out, doubled, or the end cut off."""
    broken = bytearray(raw)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(broken) or 1)
        match chance.randrange(5):
            case 0:
                broken[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                broken[at : at + chance.randint(1, 40)] = b""
            case 2:
                broken[at:at] = broken[at : at + chance.randint(1, 200)]
            case 3:
                broken[at : at + 1] = chance.choice(
                    [b"\0", b'"', b"\\", b"[", b"{", b"\n", b"\xff", b"\xef\xbb\xbf", b"\\ud800"]
                )
            case _:
                broken = broken[: at + 1]
    return bytes(broken)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_files_end_well(tmp_path: Path, name: str) -> None:
    """Hundreds of damaged files of each format."""
    raw, chance = whole(tmp_path, name), random.Random(f"{name}{ROUNDS}")
    path = tmp_path / name
    opened = opener(tmp_path, **SAMPLES[name])
    outcomes = {"read": 0, "refused": 0}
    nameless: list[str] = []
    for number in range(ROUNDS):
        path.write_bytes(damage(raw, chance) if number else raw)
        try:
            for part in opened.parts(path, name):
                if isinstance(part.rows, Stream):
                    assert all(batch.schema == part.rows.schema for batch in part.rows.open())
            outcomes["read"] += 1
        except DataError as error:
            outcomes["refused"] += 1
            nameless += [str(error)] if name not in str(error) else []
    assert nameless == []
    assert outcomes["read"], outcomes
