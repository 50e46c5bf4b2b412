"""Rows that broke rules, kept as Parquet files beside the lake: they stay when the version that was judged is gone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from entrepot.kernel.errors import DamageError
from entrepot.kernel.ids import hash_text, new_token

MOST_FILES = 200
"""Kept of one dataset; the oldest go."""


class KeptRowFiles:
    """Implements `ports.quality.KeptRows`: a file for each rule that a version broke."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, dataset: str, version: int, basis: str, rule: str, rows: pa.Table) -> None:
        """Write aside, sync, rename."""
        path = self._path(dataset, version, basis, rule)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{new_token()}.tmp")
        with aside.open("wb") as file:
            pq.write_table(rows, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._forget(path.parent)

    def find(self, dataset: str, version: int, basis: str, rule: str) -> pa.Table | None:
        """Read the file. Raises: DamageError when it cannot be read."""
        path = self._path(dataset, version, basis, rule)
        if not path.exists():
            return None
        try:
            return pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise DamageError(
                f"{path.name}, the rows of {dataset} that broke {rule}, cannot be read: {error}."
            ) from error

    def _path(self, dataset: str, version: int, basis: str, rule: str) -> Path:
        return self._folder / dataset / f"{version:010d}-{hash_text(basis, rule)}.parquet"

    def _forget(self, folder: Path) -> None:
        for path in sorted(folder.glob("*.parquet"))[:-MOST_FILES]:
            with suppress(FileNotFoundError):  # another run was quicker
                path.unlink()
