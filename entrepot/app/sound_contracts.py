"""Which contract texts are known to be sound: asking the standard's schema takes longer than everything else that opening a project does.

A file of hashes in the project's cache. It may be lost or damaged at any time: then every text is asked about anew.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from importlib.metadata import version
from pathlib import Path

from entrepot.kernel.ids import new_token

MOST = 10_000


class SoundContracts:
    """Hashes of sound texts, as this version of the package and of the standard judged them."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "contracts.json"
        self.known: frozenset[str] = _load(self._path)

    def keep(self, found: Collection[str]) -> None:
        """Write down what is new. Where that cannot be done, it is asked again next time."""
        if not found or self.known.issuperset(found) or not self._path.parent.parent.is_dir():
            return
        kept = [*sorted(self.known - set(found)), *found][-MOST:]
        aside = self._path.with_name(f"{self._path.name}.{new_token()}.tmp")
        try:
            self._path.parent.mkdir(exist_ok=True)
            aside.write_text(json.dumps({"judged_by": _judge(), "texts": kept}), encoding="utf-8")
            aside.replace(self._path)
        except OSError:
            aside.unlink(missing_ok=True)


def _load(path: Path) -> frozenset[str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return frozenset(map(str, found["texts"])) if found["judged_by"] == _judge() else frozenset()
    except (OSError, ValueError, LookupError, TypeError):
        return frozenset()


@cache
def _judge() -> list[str]:
    return [version("entrepot"), version("open-data-contract-standard")]
