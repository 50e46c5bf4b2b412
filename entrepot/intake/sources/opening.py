"""A file's format by option or by extension, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from entrepot.intake.sources.formats import FormatReader, FormatSpec, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import Part

REFUSED = {
    ".7z": "an archive of files", ".rar": "an archive of files", ".bz2": "compressed with bzip2",
    ".xz": "compressed with xz", ".lz4": "compressed with lz4", ".xml": "XML", ".pdf": "PDF",
}  # fmt: skip
_COMPRESSED = (".gz", ".zst", ".zip")


@dataclass(frozen=True, slots=True)
class FileOpener:
    """Opens files of one source. `format` None: each file's extension says it."""

    formats: Sequence[FormatSpec]
    build: Callable[[FormatSpec], FormatReader]
    """Called only for formats that occur."""
    format: str | None = None

    def parts(self, path: Path, name: str) -> list[Part]:
        """The rows of the file called `name`, whose bytes stand at `path`. Raises: DataError."""
        if "#" in name:
            raise DataError(
                f"{name} has a # in its name, which stands between file and record.", hint="Rename it.", file=name
            )
        return self._reader(name).parts(path, name)

    def sniff(self, path: Path, name: str) -> Sniffed:
        """What the file looks like. Raises: DataError."""
        return self._reader(name).sniff(path, name)

    def sniff_each(self, files: Iterable[tuple[Path, str]]) -> list[tuple[str, Sniffed | DataError]]:
        """What each file looks like, or why it cannot be taken."""
        found: list[tuple[str, Sniffed | DataError]] = []
        for path, name in files:
            try:
                found.append((name, self.sniff(path, name)))
            except DataError as error:
                found.append((name, error))
        return found

    def _reader(self, name: str) -> FormatReader:
        if self.format is None:
            return self.build(find_format(name, self.formats))
        return self.build(next(spec for spec in self.formats if spec.name == self.format))


def find_format(name: str, formats: Sequence[FormatSpec]) -> FormatSpec:
    """The format that a file's name tells, leaving out `.gz` and `.zst` where the format may be compressed.

    Raises: DataError when it tells none, or one that is not read.
    """
    plain = name.lower()
    for ending in _COMPRESSED:
        plain = plain.removesuffix(ending)
    suffix = Path(plain).suffix
    found = next((spec for spec in formats if suffix in spec.extensions), None)
    if found is not None and (plain == name.lower() or found.may_be_compressed):
        return found
    names = ", ".join(spec.name for spec in formats)
    if suffix in REFUSED:
        raise DataError(
            f"{name} is named as {REFUSED[suffix]} ({suffix}), which is not read.",
            hint=f"Send it as one of {names}; if only the name is wrong, say so with the option format.",
        )
    known = ", ".join(extension for spec in formats for extension in spec.extensions)
    raise DataError(
        f"{name} has no extension that tells its format; known are {known} (of text also with .gz, .zst or .zip).",
        hint=f"Say it with the option format: {names}.",
    )
