"""`entrepot up`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from entrepot.app.cli.output import say
from entrepot.app.project import find_project
from entrepot.app.up.settings import PartName, UpOptions
from entrepot.kernel.errors import UsageError


def up_command(folder: Path, *, host: str, port: int, only: Sequence[str], quiet: bool) -> None:
    """Run the platform until Ctrl-C."""
    from entrepot.app.up.main import up

    options = UpOptions(host, port, _read_parts(only), quiet)
    raise SystemExit(up(find_project(folder.resolve()), options, say, None if quiet else say))


def _read_parts(only: Sequence[str]) -> frozenset[PartName]:
    names = [name.strip() for text in only for name in text.split(",") if name.strip()]
    known = {part.value for part in PartName}
    for name in names:
        if name not in known:
            raise UsageError(f"--only {name} is no part.", hint=f"Parts are: {', '.join(sorted(known))}.")
    return frozenset(PartName(name) for name in names) or frozenset(PartName)
