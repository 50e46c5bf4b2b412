"""Waiting files as `entrepot check` shows them: how each would be read and how that is known, or why it would be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from entrepot.app.cli.output import print_table, say
from entrepot.app.sources import Source
from entrepot.app.statics import check_header
from entrepot.app.wiring import Platform
from entrepot.intake.sources.formats import Sniffed
from entrepot.kernel.errors import EntrepotError

_MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class WaitingFile:
    """One file that waits; `refusal` says why it would not be taken."""

    source: str
    file: str
    format: str = ""
    columns: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None
    """How its columns fit the contract."""
    refusal: str | None = None

    @property
    def must_be_looked_at(self) -> bool:
        """True when a person should decide something, though the file would be taken."""
        return "look at" in self.facts

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "source": self.source,
            "file": self.file,
            "refused": self.refusal is not None,
            "reason": self.refusal,
            "format": self.format,
            "columns": list(self.columns),
            "facts": dict(self.facts),
            "contract": self.note,
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """What is shown to people: a word, and what is to be said of it."""
        if self.refusal is not None:
            yield "would be refused", self.refusal
        if self.format:
            yield "format", self.format
            yield "columns", _shorten(self.columns)
        yield from self.facts.items()
        if self.note:
            yield "contract", self.note


def find_waiting(platform: Platform, source: Source, limit: int = 3) -> list[WaitingFile]:
    """The first few waiting files of a source."""
    from entrepot.intake.sources.files import FilesReader
    from entrepot.intake.sources.kept import KeptFilesReader

    reader = platform.flows.source_flow(source).reader
    if not isinstance(reader, FilesReader | KeptFilesReader):
        return []
    try:
        found = reader.sniff_waiting(limit)
    except EntrepotError as error:
        return [WaitingFile(source.name, "", refusal=str(error))]
    return [_look(platform, source, name, sniffed) for name, sniffed in found]


def _look(platform: Platform, source: Source, name: str, sniffed: Sniffed | EntrepotError) -> WaitingFile:
    if isinstance(sniffed, EntrepotError):
        return WaitingFile(source.name, name, refusal=str(sniffed))
    note = refusal = None
    try:
        note = check_header(platform, source.dataset, sniffed.columns, name)
    except EntrepotError as error:
        refusal = str(error)
    return WaitingFile(source.name, name, sniffed.format, sniffed.columns, sniffed.facts, note, refusal)


def print_waiting(files: Sequence[WaitingFile]) -> None:
    """A table with a line for each fact."""
    if not files:
        return
    say()
    rows = [
        (one.source if number == 0 else "", one.file if number == 0 else "", word, text)
        for one in files
        for number, (word, text) in enumerate(one.lines())
    ]
    print_table("Waiting files", ("source", "file", "what", "as we would read it"), rows)


def _shorten(columns: Sequence[str]) -> str:
    more = f", … ({len(columns)} in all)" if len(columns) > _MOST_NAMES else ""
    return ", ".join(columns[:_MOST_NAMES]) + more
