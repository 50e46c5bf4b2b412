"""One JSON document in bounded memory: its records are the elements of a list, however long the list and its lines are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from entrepot.adapters.files.lines import TextFile
from entrepot.intake.json_rows.grammar import NotJson, Scanner, skip_blanks
from entrepot.intake.json_rows.records import Fault, Records
from entrepot.kernel.errors import DataError

LONGEST_VALUE = 64 << 20
"""Characters of one record, or of one value beside the list."""
_TOGETHER = 4_096


def read_document(file: TextFile, scanner: Scanner, rows: tuple[str, ...]) -> Iterator[Records]:
    """The records in order. Raises: DataError where the document breaks; what came before it must then not count."""
    found = _Document(file, scanner, rows).records()
    number = 1
    while some := list(islice(found, _TOGETHER)):
        faults = {place: Fault(one.reason, f"line {one.line}") for place, one in enumerate(some) if one.reason}
        lines, texts, values = [one.line for one in some], [one.text for one in some], [one.value for one in some]
        yield Records(range(number, number + len(some)), lines, texts, values, faults)
        number += len(some)


class _Element(NamedTuple):
    value: Any
    text: str
    line: int
    reason: str | None


class _Document:
    def __init__(self, file: TextFile, scanner: Scanner, rows: tuple[str, ...]) -> None:
        self._place = file.place
        self._text = _Window(file, scanner)
        self._scanner = scanner
        self._rows = rows

    def records(self) -> Iterator[_Element]:
        """The records; the document is read to its end, so that nothing may follow it."""
        if not self._text.peek():
            raise DataError(f"{self._place} is empty.", hint="Not even a list without elements stands in it.")
        yield from self._at(self._rows)
        if self._text.peek():
            raise self._text.wrong(
                "something follows the document",
                "Files with one record on each line are read with format: ndjson.",
            )

    def _at(self, path: tuple[str, ...]) -> Iterator[_Element]:
        if not path:
            yield from self._list() if self._text.peek() == "[" else [self._record()]
            return
        said = ".".join(self._rows[: len(self._rows) - len(path) + 1])
        if self._text.peek() != "{":
            raise self._text.wrong(f"there is no object that could hold {said}", "Correct the option json.rows.")
        keys: set[str] = set()
        for key in self._keys():
            if key in keys:
                raise self._text.wrong("a key is named twice", None)
            keys.add(key)
            if key == path[0]:
                yield from self._at(path[1:])
            else:
                self._skip()
        if path[0] not in keys:
            raise DataError(
                f"{self._place} has no {said}; found: {', '.join(sorted(keys)[:20]) or 'no key at all'}.",
                hint="Correct the option json.rows.",
            )

    def _keys(self) -> Iterator[str]:
        """The keys of an object; who asks for the next one has taken the value."""
        self._text.expect("{")
        if self._text.peek() == "}":
            self._text.expect("}")
            return
        while True:
            if self._text.peek() != '"':
                raise self._text.wrong("a key is expected", None)
            yield self._key()
            if self._text.expect(",}") == "}":
                return

    def _skip(self) -> None:
        value, text, _ = self._text.value()
        fault = self._scanner.find_fault(value, text)
        if fault is not None:
            raise self._text.wrong(f"the value before this holds what JSON does not allow ({fault})", None)

    def _key(self) -> str:
        key = str(self._text.value()[0])
        self._text.expect(":")
        return key

    def _list(self) -> Iterator[_Element]:
        self._text.expect("[")
        if self._text.peek() == "]":
            self._text.expect("]")
            return
        while True:
            yield self._record()
            if self._text.expect(",]") == "]":
                return

    def _record(self) -> _Element:
        value, text, line = self._text.value()
        return _Element(value, text, line, self._scanner.find_fault(value, text))


class _Window:
    """The part of the text that is being looked at."""

    def __init__(self, file: TextFile, scanner: Scanner) -> None:
        self._place = file.place
        self._chunks = file.chunks()
        self._scanner = scanner
        self._text = ""
        self._position = 0
        self._ended = False
        self._line = 1
        self._dropped = 0
        """Characters before the window that stand on its first line."""
        self._counted = 0
        """Up to here line ends are counted in `_line`."""

    def peek(self) -> str:
        """The next character that means something; empty at the end."""
        while True:
            self._position = skip_blanks(self._text, self._position)
            if self._position < len(self._text):
                return self._text[self._position]
            if self._ended:
                return ""
            self._more()

    def expect(self, allowed: str) -> str:
        """Step over the next character. Raises: DataError when it is not one of these."""
        found = self.peek()
        if not found or found not in allowed:
            words = " or ".join(repr(sign) for sign in allowed)
            raise self.wrong(f"{words} is expected", None)
        self._position += 1
        return found

    def value(self) -> tuple[Any, str, int]:
        """The next value, its text, and the line on which it begins. Raises: DataError."""
        self.peek()
        while True:
            begin = self._position
            try:
                value, end = self._scanner.read(self._text, begin)
                if end < len(self._text) or self._ended:  # else a number could go on
                    self._position = end
                    return value, self._text[begin:end], self._line_of(begin)
            except NotJson as error:
                if self._ended:
                    self._position = error.position
                    raise self.wrong(str(error), None) from None
            if len(self._text) - begin > LONGEST_VALUE:
                raise self.wrong(f"no value ends within {LONGEST_VALUE:,} characters", None)
            self._more()

    def wrong(self, what: str, hint: str | None) -> DataError:
        """The refusal of the document at the present place."""
        line, begin = self._line_of(self._position), self._text.rfind("\n", 0, self._position)
        column = self._position - begin if begin >= 0 else self._dropped + self._position + 1
        return DataError(
            f"{self._place}, line {line}, column {column}: not a JSON document: {what}.",
            hint=hint or "Have the file sent again.",
        )

    def _line_of(self, position: int) -> int:
        self._line += self._text.count("\n", self._counted, position)
        self._counted = max(self._counted, position)
        return self._line

    def _more(self) -> None:
        """Read on: as much again as is waiting, so that a long value is not begun anew too often."""
        self._line_of(self._position)
        wanted = max(1, len(self._text) - self._position)
        begin = self._text.rfind("\n", 0, self._position)
        self._dropped = self._position - begin - 1 if begin >= 0 else self._dropped + self._position
        kept, more = self._text[self._position :], 0
        pieces = [kept]
        while more < wanted:
            piece = next(self._chunks, "")
            if not piece:
                self._ended = True
                break
            pieces.append(piece)
            more += len(piece)
        self._text, self._position, self._counted = "".join(pieces), 0, 0
