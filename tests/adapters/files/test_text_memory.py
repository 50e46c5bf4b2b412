"""Memory does not grow with a file: a list on a single line, lines of records, a log, packed or not."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LINE = '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /%d HTTP/1.1" 200 512 "-" "agent %s"'
READ = """
import resource, sys
from pathlib import Path
from tests.adapters.files.opened import open_part
rows = sum(batch.num_rows for batch in open_part(Path(sys.argv[1]), sys.argv[2].split(",")).rows.open())
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def records(count: int) -> Iterator[str]:
    """Records of some 300 bytes."""
    for number in range(count):
        yield json.dumps({"id": number, "price": number / 7, "tags": [number, {"x": None}], "text": f"{number} " * 30})


def one_line(path: Path, count: int) -> None:
    """A list without a line end."""
    with path.open("w") as file:
        for number, record in enumerate(records(count)):
            file.write(("[" if number == 0 else ",") + record)
        file.write("]")


def lines(path: Path, count: int) -> None:
    """Packed lines."""
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.writelines(record + "\n" for record in records(count))


def log(path: Path, count: int) -> None:
    """A log."""
    with path.open("w") as file:
        file.writelines(LINE % (number, "x" * 200) + "\n" for number in range(count))


@pytest.mark.parametrize(("write", "name"), [(one_line, "x.json"), (lines, "x.ndjson.gz"), (log, "x.log")])
def test_memory_is_flat(tmp_path: Path, write: Callable[[Path, int], None], name: str) -> None:
    """Six times as much takes at most 40 MB more."""
    peaks = []
    for count in (50_000, 300_000):
        write(tmp_path / name, count)
        done = subprocess.run(
            [sys.executable, "-c", READ, str(tmp_path / name), "id,price,tags,text,host"],
            capture_output=True,
            text=True,
            check=True,
        )
        rows, peak_kb = map(int, done.stdout.split())
        assert rows == count
        peaks.append(peak_kb / 1024)
    assert peaks[1] < peaks[0] + 40, peaks
    print(f"{name}: {peaks[0]:.0f} MB, {peaks[1]:.0f} MB")
