"""The platform as a subject: a project made on the fly, and its real loop."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks.case import Output
from benchmarks.sales import contract

SOURCE = """\
connector: files
dataset: bronze.{dataset}
write: {write}
options:
  path: storage/{dataset}
  max_files: 2000
  wait: {{stable_s: 0}}
"""


def load_platform() -> None:
    """Import what a run needs, so that it can be timed by itself."""
    import duckdb  # noqa: F401
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401

    import entrepot.adapters.embedded.delta
    import entrepot.adapters.embedded.engine
    import entrepot.adapters.embedded.state
    import entrepot.adapters.files.csv.reader
    import entrepot.adapters.files.parquet
    import entrepot.adapters.files.source
    import entrepot.app.session  # noqa: F401


def make_project(root: Path, *, dataset: str = "sales", write: str = "append", key: bool = False) -> Path:
    """Write a project of one source, or add a source to it."""
    files = {
        "entrepot.yaml": "name: benchmark\ntime_zone: UTC\n",
        f"contracts/{dataset}.odcs.yaml": contract(dataset=dataset, key=key),
        f"sources/{dataset}.yaml": SOURCE.format(dataset=dataset, write=write),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "storage" / dataset / "incoming").mkdir(parents=True)
    return root


def drop(root: Path, *files: Path, dataset: str = "sales") -> None:
    """Put shared files in as further names of the same bytes: what is timed is taking them, not copying them."""
    for file in files:
        os.link(file, root / "storage" / dataset / "incoming" / file.name)


def run(root: Path, *, dataset: str = "sales") -> Output:
    """Open the project and bring it up to date; what comes out is to be looked at."""
    report = run_here(root)
    assert report.release is not None
    return output(root, dataset)


def run_here(root: Path) -> Any:
    """`entrepot run` in this process. Raises: RuntimeError when it does not succeed."""
    from entrepot.app.project import open_project
    from entrepot.app.session import run_project
    from entrepot.app.wiring import Platform

    report = run_project(Platform(open_project(root)))
    if not report.succeeded:
        reasons = [str(result.error or result.refused) for result in report.results if result.error or result.refused]
        raise RuntimeError("; ".join([*reasons, *report.problems]))
    return report


def output(root: Path, dataset: str = "sales") -> Output:
    """A dataset's tables, for whoever verifies them."""
    lake = root / ".entrepot" / "lake"
    quarantine = lake / "quarantine" / f"bronze.{dataset}"
    return Output(delta=str(lake / "bronze" / dataset), quarantine=str(quarantine) if quarantine.exists() else None)


def copy_project(base: Path, root: Path) -> Path:
    """A project as it was: data files are shared, for nothing ever changes them; all else is copied."""

    def take(source: str, target: str) -> str:
        if source.endswith(".parquet"):
            os.link(source, target)
            return target
        return shutil.copy2(source, target)

    shutil.copytree(base, root, copy_function=take)
    return root
