"""Very wide and very long text is read whole, in bounded memory; what is beyond the limits is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.adapters.files.csv_reading import faults, read_rows, read_values, refusal

_MEMORY = """
import sys
from pathlib import Path
from tests.adapters.files.formats import csv_format

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 // 1024

before = resident_mb()
(part,) = csv_format().parts(Path(sys.argv[1]), "x.csv")
rows = most = 0
for batch in part.rows.open():
    rows, most = rows + batch.num_rows, max(most, resident_mb())
print(rows, most - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is asked of Linux")
def test_ten_thousand_columns_are_flat(tmp_path: Path, repository: Path) -> None:
    """10,000 columns × 1,000 rows (80 MB) are read within 350 MB: some buffers for each column, whatever the number of rows."""
    path = tmp_path / "x.csv"
    with path.open("w") as file:
        file.write(",".join(f"column_with_a_name_{number}" for number in range(10_000)) + "\n")
        line = ",".join(str(number * 7919 % 10_000_000) for number in range(10_000)) + "\n"
        for _ in range(1_000):
            file.write(line)
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, str(path)], cwd=repository, capture_output=True, text=True, check=True
    )
    rows, grown_mb = map(int, done.stdout.split())
    assert rows == 1_000
    assert grown_mb < 350


def test_header_longer_than_the_sample(tmp_path: Path) -> None:
    """A header of a megabyte names all its columns."""
    names = [f"{'n' * 100}{number}" for number in range(10_000)]
    rows = read_rows(tmp_path, ",".join(names) + "\n" + ",".join("1" * 10_000) + "\n")
    assert list(rows[0])[:-2] == names
    assert set(list(rows[0].values())[:-2]) == {"1"}


def test_long_values(tmp_path: Path) -> None:
    """Values of megabytes, quoted and not, are whole; lines are right behind them."""
    long = "x,\n" * 1_000_000
    rows = read_rows(tmp_path, f'a,b\n1,"{long}"\n2,{"y" * 9_000_000}\n3\n')
    assert rows[0]["b"] == long
    assert len(rows[1]["b"]) == 9_000_000
    assert faults(rows) == {3: "ragged_record"}
    assert rows[2]["_faults"][0]["at"] == "line 1000004"


def test_values_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    """A value of more than 16 MB is refused with its line."""
    assert "line 3: a value is longer than" in refusal(tmp_path, f"a,b\n1,2\n3,{'y' * 20_000_000}\n")


def test_blank_and_empty_lines(tmp_path: Path) -> None:
    """Empty lines are no records; a line of blanks is one, and a line of delimiters is a record of nulls."""
    assert read_values(tmp_path, "\n\na,b\n\n1,2\r\n\r\n,\n\n") == [("1", "2"), (None, None)]
    assert faults(read_rows(tmp_path, "a,b\n1,2\n  \n")) == {2: "ragged_record"}
