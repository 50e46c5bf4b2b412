"""Is the memory flat? The CSV landing at three sizes; only the platform, once."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases.csv_landing import ENTREPOT, generate

CASE = Case(
    name="memory",
    title="Peak memory of the CSV landing by size",
    sizes={"tiny": (500, 1_000), "small": (250_000, 500_000, 1_000_000), "full": (1_000_000, 5_000_000, 10_000_000)},
    generate=generate,
    subjects=(ENTREPOT,),
    rounds=1,
)
