"""`multipart/form-data`, part by part: only those that bear a file name are files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from entrepot.intake.gateway.door_refusals import BodyRefused
from entrepot.intake.gateway.problems import Problem

MOST_FILES = 100


@dataclass(frozen=True, slots=True)
class Part:
    """A file begins (`name`), goes on (`data`), or ends."""

    name: str | None = None
    data: bytes = b""
    is_end: bool = False


class Multipart:
    """Gives the files of a form as it comes."""

    def __init__(self, content_type: bytes) -> None:
        from python_multipart.multipart import MultipartParser, parse_options_header

        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary or len(boundary) > 200:
            raise BodyRefused(_broken("the boundary is missing"))
        self._parse_options = parse_options_header
        self._events: list[Part] = []
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._is_file = False
        self._files = 0
        self._is_done = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_end": self._finish,
            },
        )

    def feed(self, piece: bytes) -> Iterator[Part]:
        """What a piece says. Raises: BodyRefused."""
        from python_multipart.exceptions import ParseError

        try:
            self._parser.write(piece)
        except ParseError:
            raise BodyRefused(_broken("the parts cannot be told apart")) from None
        events, self._events = self._events, []
        yield from events

    def end(self) -> None:
        """Nothing follows. Raises: BodyRefused when the closing boundary is missing."""
        if not self._is_done:
            raise BodyRefused(_broken("the closing boundary is missing"))

    def _begin(self) -> None:
        self._disposition = b""
        self._is_file = False

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        name = self._parse_options(self._disposition)[1].get(b"filename")
        if name:
            self._is_file = True
            self._files += 1
            if self._files > MOST_FILES:
                raise BodyRefused(_broken(f"it has more than {MOST_FILES} files"))
            self._events.append(Part(name=name.decode("utf-8", "replace")))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._events.append(Part(data=data[start:end]))

    def _end(self) -> None:
        if self._is_file:
            self._events.append(Part(is_end=True))

    def _finish(self) -> None:
        self._is_done = True


def _broken(why: str) -> Problem:
    return Problem(
        400, "form.broken", "The form cannot be read.", f"{why}.", "Send multipart/form-data as RFC 7578 says."
    )
