"""From messages to rows: the text and value of each, or why there is none."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from entrepot.intake.json_rows.grammar import NotJson, Scanner
from entrepot.intake.json_rows.spans import Spans
from entrepot.ports.bus import Message

PAYLOAD = "payload"


class Row(NamedTuple):
    """One row of a message."""

    message: Message
    number: int
    """In its message, from 1; 0: it is the only one."""
    text: str
    value: Any
    reason: str | None = None
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True)
class Parser:
    """Args: format: json, text or bytes; own: names that a JSON object may not have."""

    format: str
    own: frozenset[str] = frozenset()

    def rows(self, messages: Sequence[Message]) -> list[Row]:
        """All rows of the messages, in order."""
        scanner = Scanner(tells_numbers=False)
        if self.format != "json":
            return [self._plain(message) for message in messages]
        return [row for message in messages for row in self._json(scanner, message)]

    def find_unreadable(self, messages: Sequence[Message]) -> list[tuple[Message, str]]:
        """Messages of which a row cannot be read, with the first reason."""
        found: dict[int, tuple[Message, str]] = {}
        for row in self.rows(messages):
            if row.reason is not None:
                found.setdefault(row.message.offset, (row.message, row.reason))
        return list(found.values())

    def _plain(self, message: Message) -> Row:
        if self.format == "bytes":
            text = base64.b64encode(message.value).decode()
            return Row(message, 0, text, {PAYLOAD: text})
        text, reason = _decode(message)
        return Row(message, 0, text, None if reason else {PAYLOAD: text}, reason)

    def _json(self, scanner: Scanner, message: Message) -> Iterator[Row]:
        text, reason = _decode(message)
        value: Any = None
        if reason is None:
            value, reason = _read(scanner, text)
        if reason is not None:
            yield Row(message, 0, text, None, reason)
        elif not isinstance(value, list):
            yield self._object(message, 0, text, value)
        else:
            spans = Spans(text)
            for number, element in enumerate(value):
                yield self._object(message, number + 1, spans.text_at((number,)), element)

    def _object(self, message: Message, number: int, text: str, value: Any) -> Row:
        if not isinstance(value, dict):
            return Row(message, number, text, None, "not_an_object")
        if self.own and not self.own.isdisjoint(value):
            return Row(message, number, text, None, "metadata_name")
        return Row(message, number, text, value)


def _decode(message: Message) -> tuple[str, str | None]:
    try:
        return message.value.decode(), None
    except UnicodeDecodeError:
        return message.value.decode(errors="backslashreplace"), "not_utf8"


def _read(scanner: Scanner, text: str) -> tuple[Any, str | None]:
    try:
        value = scanner.read_whole(text)
    except NotJson as error:
        return None, error.rule
    reason = scanner.find_fault(value, text)
    return (None, reason) if reason is not None else (value, None)
