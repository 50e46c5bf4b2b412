"""Memory does not grow with the input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource, sys
from pathlib import Path
import pyarrow as pa
from entrepot.contracts.row_rules import Range
from entrepot.ports.engine import SplitTask
from entrepot.ports.relations import Part, Stream
from tests.adapters.embedded.landing import INTEGER, MONEY, STAMP, STRING, contract, make_lab

def batches():
    for n in range(int(sys.argv[2])):
        ids = pa.arange(n * 50_000, (n + 1) * 50_000, 1).cast(pa.string())
        yield pa.RecordBatch.from_arrays([ids, ids, pa.array([f"note {i} of some length" for i in range(50_000)])], names=["id", "amount", "note"])

schema = pa.schema([("id", pa.string()), ("amount", pa.string()), ("note", pa.string())])
under = contract(Range(id="r", column="amount", at_least=5), id=INTEGER, amount=MONEY, note=STRING)
lab = make_lab(Path(sys.argv[1]))
done = lab.engine.split(SplitTask(parts=[Part("big", Stream(schema, batches))], contract=under, stamp=STAMP), Path(sys.argv[1]) / "staged")
assert done.counts.rejected == 5, done.counts
print(done.counts.received, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
@pytest.mark.req("A9")
@pytest.mark.timeout(600)
def test_memory_is_bounded_for_millions_of_rows(tmp_path: Path, repository: Path) -> None:
    """Two million and six million rows take about the same memory, and less than 900 MB."""
    peaks = []
    for batches in (40, 120):
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(batches)],
            cwd=repository,
            capture_output=True,
            text=True,
            check=True,
        )
        received, peak = map(int, ran.stdout.split())
        assert received == batches * 50_000
        peaks.append(peak)
    assert max(peaks) < 900, peaks
    assert peaks[1] < peaks[0] * 1.5, peaks
