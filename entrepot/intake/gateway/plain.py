"""Rows of a record that no handler is stated for: JSON as it is, forms, and the data of events with their attributes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entrepot.intake.gateway.bodies import BodyKind, decode_text, kind_of, media_type, parse_fields, parse_json
from entrepot.intake.gateway.cloudevents import (
    Event,
    EventMode,
    find_mode,
    read_binary,
    read_structured,
    split_array,
)
from entrepot.intake.gateway.unreadable import Unreadable
from entrepot.intake.json_rows.spans import Spans

_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_MOST_ROWS = 1_000_000
EVENT_PREFIX = "ce_"


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Makes rows of what was received. `events`: whether CloudEvents are taken as such."""

    events: bool = True

    def __call__(self, content_type: str, headers: Sequence[tuple[str, str]], body: bytes) -> tuple[str, ...]:
        """JSON objects, their values letter by letter as they came; a record may give none.

        Raises: Unreadable, in words for the sender, when the body gives no rows by itself.
        """
        mode = self._find_mode(content_type, headers)
        if mode is EventMode.STRUCTURED:
            return event_rows(read_structured(decode_text(body, content_type)))
        if mode is EventMode.BINARY:
            return event_rows(read_binary(headers, content_type, body))
        match kind_of(content_type):
            case BodyKind.JSON:
                text = decode_text(body, content_type)
                return _lines(text) if media_type(content_type) in _LINES else _rows(text)
            case BodyKind.FORM:
                return (_form_row(body),)
        raise Unreadable(
            "unsupported_content",
            f"{media_type(content_type)[:100] or 'a body without content type'} gives no rows by itself: the integration needs a handler.",
        )

    def _find_mode(self, content_type: str, headers: Sequence[tuple[str, str]]) -> EventMode | None:
        if not self.events:
            return None
        return find_mode(content_type, lambda name: any(key == name for key, _ in headers))


def event_rows(event: Event) -> tuple[str, ...]:
    """An event's data as rows, each with the attributes as `ce_…`; a value of the data never stands in an attribute's place.

    Data that are no object stand under `data`, bytes in base64 under `data_base64`.
    """
    attributes = {
        EVENT_PREFIX + name: json.dumps(value, ensure_ascii=False) for name, value in event.attributes.items()
    }
    found = event.data if event.raw is None else _text_of(event)
    if found is None:
        data = event.raw
        own = {} if data is None else {"data_base64": json.dumps(base64.b64encode(data).decode())}
        return (_write({**own, **attributes}),)
    value = parse_json(found)
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return tuple(
            _join(text, one, attributes) for text, one in zip(split_array(found, _MOST_ROWS), value, strict=True)
        )
    if isinstance(value, dict):
        return (_join(found, value, attributes),)
    return (_write({"data": found.strip(" \t\r\n"), **attributes}),)


def _text_of(event: Event) -> str | None:
    """Data that came as bytes as JSON text; None when they are bytes indeed."""
    kind, raw = kind_of(event.content_type), event.raw or b""
    if kind is BodyKind.JSON and "datacontenttype" in event.attributes:
        return decode_text(raw, event.content_type)
    if kind is BodyKind.BYTES or "datacontenttype" not in event.attributes:
        return None
    return json.dumps(decode_text(raw, event.content_type), ensure_ascii=False)


def _rows(text: str) -> tuple[str, ...]:
    value = parse_json(text)
    if isinstance(value, dict):
        return (text.strip(" \t\r\n"),)
    if not isinstance(value, list):
        raise Unreadable("unreadable", "the body is JSON, but neither an object nor a list of objects.")
    for number, one in enumerate(value):
        if not isinstance(one, dict):
            raise Unreadable("unreadable", "the list holds something that is no object.", path=f"[{number}]")
    return tuple(split_array(text, _MOST_ROWS))


def _lines(text: str) -> tuple[str, ...]:
    rows: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip(" \t\r")
        if not line:
            continue
        if not isinstance(parse_json(line), dict):
            raise Unreadable("unreadable", f"line {number} is no JSON object.", path=f"line {number}")
        rows.append(line)
    return tuple(rows)


def _form_row(body: bytes) -> str:
    fields: dict[str, list[str]] = {}
    for name, value in parse_fields(body.strip()):
        fields.setdefault(name, []).append(value)
    row: dict[str, Any] = {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    return json.dumps(row, ensure_ascii=False)


def _join(text: str, value: Mapping[str, Any], attributes: Mapping[str, str]) -> str:
    """The object with the attributes; its own members of their names are left out."""
    if value.keys().isdisjoint(attributes):
        own = text.strip(" \t\r\n")[1:-1].strip(" \t\r\n")
        return "{" + (own + "," if own else "") + _write(attributes)[1:]
    return _write({**_members(text), **attributes})


def _members(text: str) -> dict[str, str]:
    """The members of an object, each as the text that came."""
    spans = Spans(text)
    return {key: spans.text_at((key,)) for key in parse_json(text)}


def _write(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{text}" for key, text in members.items()) + "}"


plain_rows = PlainRows()
