"""What was measured, on disk: a journal of the run that is going on, and the latest result of everything.

The journal has a line for each case that is finished, so that a stopped run goes on where it was. `latest.json` keeps what other
runs measured, row by row, until it is measured again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import REPOSITORY


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. seconds: the best round's work; process_seconds: the whole process; import_seconds: a part of that."""

    case: str
    subject: str
    size: str
    rows: int
    seconds: float
    rows_per_s: float | None
    peak_mb: float
    ratio_to_floor: float | None
    ratio_to_best_peer: float | None
    seconds_median: float
    process_seconds: float
    import_seconds: float | None
    rounds: int
    load_before: float
    measured_at: str

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What it is a measurement of."""
        return (self.case, self.subject, self.size, self.rows)

    def to_json(self) -> dict[str, Any]:
        """For the files, rounded to what was measured."""
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Journal:
    """What a run has finished. It counts only for the same code, size and choice of subjects."""

    path: Path
    head: str

    def finished(self) -> dict[tuple[str, int], list[Result]]:
        """(case, rows) → results; nothing when the journal is of another run."""
        if not self.path.exists():
            return {}
        head, *lines = self.path.read_text(encoding="utf-8").splitlines() or [""]
        if head != self.head:
            return {}
        found = {}
        for line in lines:
            entry = json.loads(line)
            found[(entry["case"], entry["rows"])] = [Result(**result) for result in entry["results"]]
        return found

    def add(self, case: str, rows: int, results: Sequence[Result]) -> None:
        """Note a finished case durably."""
        lines = [self.head]
        for (name, count), found in {**self.finished(), (case, rows): results}.items():
            lines.append(json.dumps({"case": name, "rows": count, "results": [result.to_json() for result in found]}))
        write_aside(self.path, "".join(f"{line}\n" for line in lines))

    def close(self) -> None:
        """The run is finished: the next one measures anew."""
        self.path.unlink(missing_ok=True)


def open_journal(folder: Path, size: str, *, peers: bool) -> Journal:
    """The journal of runs of this size and choice, with the code as it is now."""
    head = {"size": size, "peers": peers, "code": hash_code()}
    return Journal(folder / f"unfinished-{size}{'-peers' if peers else ''}.jsonl", json.dumps(head))


def hash_code() -> str:
    """A hash of the package and of the benchmarks themselves."""
    digest = hashlib.sha256()
    for tree in ("entrepot", "benchmarks"):
        for path in sorted((REPOSITORY / tree).rglob("*.py")):
            if any(part.startswith(".") for part in path.relative_to(REPOSITORY).parts):
                continue  # the peers' environment
            digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def write_latest(folder: Path, results: Sequence[Result]) -> Path:
    """Put these results into `latest.json` in place of earlier ones of the same."""
    path = folder / "latest.json"
    merged = {result.key: result for result in [*read_latest(folder), *results]}
    content = {
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "code": hash_code(),
        "results": [result.to_json() for result in merged.values()],
    }
    write_aside(path, json.dumps(content, indent=1))
    return path


def write_aside(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def read_latest(folder: Path) -> list[Result]:
    """What `latest.json` holds; nothing when it is not there or of another form."""
    try:
        found = json.loads((folder / "latest.json").read_text(encoding="utf-8"))
        return [Result(**result) for result in found["results"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def describe_machine() -> dict[str, Any]:
    """The machine's shape; no names, no paths."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "processor": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
