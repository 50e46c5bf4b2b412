"""Taking a file again that was taken before: on purpose, with a reason."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from entrepot.app.sources import Source
from entrepot.app.wiring import Platform
from entrepot.intake.sources.files import FilesReader
from entrepot.kernel.errors import UsageError
from entrepot.kernel.ids import hash_file


def bring_back(platform: Platform, file: Path, reason: str | None) -> str | None:
    """Copy a processed, archived or rejected file back into incoming/ and let the next plan take its content once more.

    The rows of the earlier batch stay where they are, unless the source says `supersedes`; a key that is there already is rejected.
    Return a warning when nothing keeps rows from standing twice.

    Raises: UsageError when the file is in no storage area, or no reason is given.
    """
    if not reason:
        raise UsageError(
            f"why is {file} taken again?", hint="Say it with --reason 'the first delivery was wiped by mistake'."
        )
    path = file.resolve()
    if not path.is_file():
        raise UsageError(
            f"there is no file {file}.", hint="Name a file in processed/, archive/ or rejected/ of a storage area."
        )
    for source in platform.project.sources:
        reader = platform.flows.source_flow(source).reader
        if isinstance(reader, FilesReader) and path.is_relative_to(reader.area.root.resolve()):
            _copy(path, reader.area.incoming / path.name)
            for flow in source.members or (source.name,):
                platform.flows.again.setdefault(flow, {})[hash_file(path)] = reason
            return _warn_of_doubles(platform, source)
    raise UsageError(f"{file} is in no storage area of this project.", hint="Put a new file into incoming/ instead.")


def _warn_of_doubles(platform: Platform, source: Source) -> str | None:
    """Rows that are only appended, without a key, and that replace nothing, stand twice afterwards."""
    together = [each for each in platform.project.sources if each.name in (source.members or (source.name,))]
    doubled = [
        each.dataset
        for each in together
        if each.write == "append" and each.supersedes.by is None and not platform.project.contracts[each.dataset].key
    ]
    if not doubled:
        return None
    return (
        f"{', '.join(doubled)}: rows that an earlier batch took from this file stay, so that they stand twice: there is no key, "
        "and the source says nothing of supersedes. Was that meant? Else set supersedes: {by: name} and take it again."
    )


def _copy(path: Path, target: Path) -> None:
    if target.exists():
        raise UsageError(f"{target} is there already.", hint="Move it away, or let it be taken first: entrepot run.")
    aside = target.with_name(f".{target.name}.tmp")
    shutil.copyfile(path, aside)
    os.utime(aside, (path.stat().st_atime, path.stat().st_mtime))  # old enough not to wait as half-written
    aside.rename(target)
