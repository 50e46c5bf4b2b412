"""A program that takes all a source has, as a flow would, and may be killed at any instant: run, killed and run again.

Its memory is a folder, the ledger: a file for each plan before it is read, the rows it gave, a mark when it was acknowledged.
Started as `python -m entrepot.testing.sources.drain LEDGER`; the ledger holds the pickled source.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path

from entrepot.kernel.points import reached
from entrepot.kernel.positions import Position, position_from_json, position_to_json
from entrepot.testing.faults import install_from_environment
from entrepot.testing.sources.rows import Row, rows_of

SOURCE = "source.pickle"


class Ledger:
    """What has been planned, taken and acknowledged so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def plans(self) -> list[Position]:
        """Every plan, in order."""
        files = sorted(self._folder.glob("*.plan"))
        return [position_from_json(json.loads(path.read_text())) for path in files]

    def plan(self, position: Position) -> int:
        """Note a plan; return its number."""
        number = len(self.plans()) + 1
        self._write(f"{number:04}.plan", json.dumps(position_to_json(position)))
        return number

    def note_rows(self, number: int, rows: list[Row]) -> None:
        """Keep a plan's rows. Raises: AssertionError when it gave others before."""
        text = json.dumps([[row.id, row.text] for row in rows])
        path = self._folder / f"{number:04}.rows"
        assert not path.exists() or path.read_text() == text, f"plan {number} read again gives other rows"
        self._write(path.name, text)

    def close(self, number: int) -> None:
        """Mark a plan as acknowledged."""
        self._write(f"{number:04}.done", "")

    def is_closed(self, number: int) -> bool:
        """True when the source was told."""
        return (self._folder / f"{number:04}.done").exists()

    def rows(self) -> list[Row]:
        """All rows of all plans, in order."""
        return [Row(*values) for path in sorted(self._folder.glob("*.rows")) for values in json.loads(path.read_text())]

    def _write(self, name: str, text: str) -> None:
        aside = self._folder / f".{name}.tmp"
        with aside.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(self._folder / name)


def drain(folder: Path) -> None:
    """Take all there is."""
    source = pickle.loads((folder / SOURCE).read_bytes())
    ledger = Ledger(folder)
    reader = source.build()
    while True:
        plans = ledger.plans()
        number = len(plans)
        if not plans or ledger.is_closed(number):
            found = reader.find_next(plans[-1] if plans else None)
            if found is None:
                return
            position = reader.claim(found)
            assert position.follows(plans[-1] if plans else None), (
                "a range must continue the one before; the first of all has after=None"
            )
            reached("plan.before")
            number = ledger.plan(position)
            reached("plan.after")
        else:
            position = plans[-1]
        rows = rows_of(reader.read(position))
        reached("main.before")
        ledger.note_rows(number, rows)
        reached("main.after")
        reader.acknowledge(position)
        reached("acknowledge.after")
        ledger.close(number)


if __name__ == "__main__":
    install_from_environment()
    drain(Path(sys.argv[1]))
