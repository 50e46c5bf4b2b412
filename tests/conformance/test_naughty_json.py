"""The public list of naughty strings goes through JSON, fixed width and the engine, letter by letter."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from tests.adapters.embedded.landing import INTEGER, STRING, contract, make_lab
from tests.adapters.files.opened import open_part, read_values

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def naughty(shared_data: Path) -> list[str]:
    """The strings."""
    path = shared_data / "conformance" / "naughty-strings" / "blns_part1.json"
    found: list[str] = json.loads(path.read_text("utf-8"))
    assert len(found) > 200
    return found


@pytest.mark.parametrize("ascii", [True, False])
def test_through_ndjson_and_json(naughty: list[str], tmp_path: Path, ascii: bool) -> None:
    """Escaped or not, on lines, in a list, and packed."""
    records = [{"n": number, "s": text} for number, text in enumerate(naughty)]
    wanted = [{"n": str(one["n"]), "s": one["s"]} for one in records]
    by_line, whole = tmp_path / "x.ndjson.gz", tmp_path / "x.json.zst"
    by_line.write_bytes(gzip.compress("\n".join(json.dumps(one, ensure_ascii=ascii) for one in records).encode()))
    with pa.output_stream(str(whole), compression="zstd") as file:
        file.write(json.dumps(records, ensure_ascii=ascii).encode())
    assert read_values(by_line) == read_values(whole) == wanted


def test_through_fixed_width(naughty: list[str], tmp_path: Path) -> None:
    """Widths are characters, whatever the script."""
    texts = [text for text in naughty if text.strip(" ") and not set(text) & {"\n", "\r", "\0"}]
    width = max(map(len, texts))
    path = tmp_path / "x.fwf"
    path.write_text("".join(text.ljust(width) + "\n" for text in texts), "utf-8", newline="")
    columns = [{"name": "s", "start": 1, "width": width, "trim": "right"}]
    found = [row["s"] for row in read_values(path, fixed_width={"columns": columns})]
    assert found == [text.rstrip(" ") for text in texts]


def test_into_the_staged_table(naughty: list[str], tmp_path: Path) -> None:
    """What the reader gives is what the engine writes."""
    path = tmp_path / "x.ndjson"
    path.write_text("\n".join(json.dumps({"n": number, "s": text}) for number, text in enumerate([*naughty, "a\0b"])))
    under = contract(n=INTEGER, s=STRING)
    split = make_lab(tmp_path).split(under, open_part(path, under.columns))
    assert split.rejected == []
    assert split.column("s") == [*naughty, "a\0b"]
