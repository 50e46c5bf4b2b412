"""A file's format by option or by extension, and its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from entrepot.intake.sources.formats import FormatOptions, FormatReader, Sniffed
from entrepot.kernel.errors import DataError
from entrepot.ports.relations import Part

EXTENSIONS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".tab": "csv", ".psv": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "excel", ".xlsm": "excel",
}  # fmt: skip
REFUSED = {
    ".xls": "the old Excel format", ".xlsb": "the binary Excel format", ".ods": "the OpenDocument format",
    ".zip": "an archive of files", ".json": "JSON", ".xml": "XML", ".pdf": "PDF",
}  # fmt: skip
_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class FileOpener:
    """Opens files of one source. `format` None: each file's extension says it."""

    load_format: Callable[[str], FormatReader]
    """Gives the reader of a format by name; called only for formats that occur."""
    options: FormatOptions
    format: str | None = None

    def parts(self, path: Path, name: str) -> list[Part]:
        """The rows of the file called `name`, whose bytes stand at `path`. Raises: DataError."""
        if "#" in name:
            raise DataError(
                f"{name} has a # in its name, which stands between file and record.", hint="Rename it.", file=name
            )
        return self._reader(name).parts(path, name, self.options)

    def sniff(self, path: Path, name: str) -> Sniffed:
        """What the file looks like. Raises: DataError."""
        return self._reader(name).sniff(path, name, self.options)

    def _reader(self, name: str) -> FormatReader:
        return self.load_format(self.format or find_format(name))


def find_format(name: str) -> str:
    """The format that a file's name tells, leaving out `.gz` and `.zst` for text.

    Raises: DataError when it tells none, or one that is not read.
    """
    plain = name.lower()
    for ending in _COMPRESSED:
        plain = plain.removesuffix(ending)
    suffix = Path(plain).suffix
    found = EXTENSIONS.get(suffix)
    if found is not None and (plain == name.lower() or found == "csv"):
        return found
    if suffix in REFUSED:
        raise DataError(
            f"{name} is named as {REFUSED[suffix]} ({suffix}), which is not read.",
            hint="Save it as .xlsx, .csv or .parquet; if only the name is wrong, say so with the option format.",
        )
    raise DataError(
        f"{name} has no extension that tells its format; known are {', '.join(EXTENSIONS)} (.csv also with .gz or .zst).",
        hint="Say it with the option format: csv, parquet or excel.",
    )
