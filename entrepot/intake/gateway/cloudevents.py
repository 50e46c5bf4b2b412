"""CloudEvents 1.0 over HTTP: structured, binary and batch mode, kept as received.

Source: CloudEvents 1.0.2, core specification, JSON event format and HTTP protocol binding.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from entrepot.intake.gateway.bodies import BodyKind, decode_text, kind_of, media_type, parse_json
from entrepot.intake.gateway.unreadable import Unreadable
from entrepot.intake.json_rows.grammar import NotJson, Number, Scanner, skip_blanks

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
_ANY = "application/cloudevents"
_HEADER = "ce-"
REQUIRED = ("id", "source", "specversion", "type")
_TEXTS = ("datacontenttype", "dataschema", "subject", "time")
_NAME = re.compile(r"[a-z0-9]{1,60}\Z")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:(\d\d)(\.\d{1,30})?([Zz]|[+-]\d\d:\d\d)\Z")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s<>\"{}|\\^`]*\Z")
_URI_REFERENCE = re.compile(r"[^\s<>\"{}|\\^`]+\Z")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_MOST_EVENTS = 100_000


class EventMode(StrEnum):
    """How a request holds events."""

    STRUCTURED = "structured"
    BINARY = "binary"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its attributes, extensions among them, as texts, and its data as the bytes or the JSON text that came."""

    attributes: Mapping[str, str]
    data: str | None = None
    """JSON text, letter by letter; None: there are no data, or they are in `raw`."""
    raw: bytes | None = None

    @property
    def content_type(self) -> str:
        """Of the data; JSON when nothing is said."""
        return self.attributes.get("datacontenttype", "application/json")


def find_mode(content_type: str, names: Callable[[str], bool]) -> EventMode | None:
    """How a request holds events, told by its content type and by whether it has headers; None: it holds none.

    Raises: Unreadable for a format of events that is not JSON.
    """
    media = media_type(content_type)
    if not media.startswith(_ANY):
        return EventMode.BINARY if names("ce-specversion") else None
    if media == BATCH:
        return EventMode.BATCH
    if media in (STRUCTURED, _ANY):
        return EventMode.STRUCTURED
    raise Unreadable(
        "unsupported_content", f"events in the format {media[:100]!r} are not read; send {STRUCTURED} or {BATCH}."
    )


def read_structured(text: str) -> Event:
    """An event in the JSON format. Raises: Unreadable."""
    value = parse_json(text)
    if not isinstance(value, dict):
        raise Unreadable("event_invalid", "an event in structured mode is a JSON object.")
    attributes = {name: _attribute_text(name, inner) for name, inner in value.items() if name not in _DATA}
    check_attributes({name: inner for name, inner in attributes.items() if inner is not None})
    kept = {name: inner for name, inner in attributes.items() if inner is not None}
    if value.get("data_base64") is not None:
        if "data" in value:
            raise Unreadable("event_invalid", "the event has data and data_base64; allowed is one of them.")
        return Event(kept, raw=_decode_base64(value["data_base64"]))
    return Event(kept, data=_member_text(text, "data") if "data" in value else None)


def read_binary(headers: Sequence[tuple[str, str]], content_type: str, body: bytes) -> Event:
    """An event whose attributes are headers and whose data are the body. Raises: Unreadable."""
    attributes: dict[str, str] = {}
    for name, value in headers:
        name = name.lower()
        if not name.startswith(_HEADER):
            continue
        attribute = name.removeprefix(_HEADER)
        if attribute in attributes:
            raise Unreadable("event_invalid", f"the header {name[:80]} stands twice.", path=name[:80])
        attributes[attribute] = decode_header(value, name)
    if "datacontenttype" in attributes:
        raise Unreadable(
            "event_invalid", "the content type of the data is the header Content-Type, not ce-datacontenttype."
        )
    for name in _DATA:
        if name in attributes:
            raise Unreadable("event_invalid", f"the data are the body; the header ce-{name} is not allowed.")
    if content_type:
        attributes["datacontenttype"] = content_type
    check_attributes(attributes)
    if not body:
        return Event(attributes)
    if kind_of(content_type) is not BodyKind.JSON or not content_type:
        return Event(attributes, raw=body)
    text = decode_text(body, content_type)
    parse_json(text)
    return Event(attributes, data=text.strip(" \t\r\n"))


def split_batch(text: str) -> list[str]:
    """The events of a batch, each as the text that came. Raises: Unreadable when the batch itself is not right."""
    return split_array(text, _MOST_EVENTS)


def split_array(text: str, most: int) -> list[str]:
    """The elements of a JSON array, each letter by letter. Raises: Unreadable."""
    scanner = Scanner(tells_numbers=False)
    position = skip_blanks(text, 0)
    if text[position : position + 1] != "[":
        raise Unreadable("unreadable", "a JSON array is expected.")
    found: list[str] = []
    position = skip_blanks(text, position + 1)
    try:
        while text[position : position + 1] != "]" or found:
            end = scanner.read(text, position)[1]
            found.append(text[position:end])
            position = skip_blanks(text, end)
            if text[position : position + 1] == "]":
                break
            if text[position : position + 1] != ",":
                raise NotJson("',' or ']' is expected", position)
            position = skip_blanks(text, position + 1)
            if len(found) >= most:
                raise Unreadable("unreadable", f"more than {most:,} elements stand in one array.")
    except NotJson as error:
        raise Unreadable("unreadable", f"the body is not JSON: {error} (character {error.position + 1}).") from None
    if skip_blanks(text, position + 1) != len(text):
        raise Unreadable("unreadable", "something follows the array.")
    return found


def decode_header(value: str, name: str) -> str:
    """A header's value as an attribute's: quotes undone, then one round of percent decoding. Raises: Unreadable."""
    value = value.strip(" \t")
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    raw = _PERCENT.sub(lambda found: bytes([int(found[1], 16)]), value.encode("latin-1", "replace"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("event_invalid", f"the header {name[:80]} is not UTF-8.", path=name[:80]) from None


def check_attributes(attributes: Mapping[str, str]) -> None:
    """Names and values as the specification has them. Raises: Unreadable, the first that is wrong."""
    for name in REQUIRED:
        if not attributes.get(name):
            raise Unreadable("event_invalid", f"the attribute {name} is missing or empty.", path=name)
    if attributes["specversion"] != "1.0":
        raise Unreadable("event_invalid", "specversion is not 1.0, the only one that is read.", path="specversion")
    for name, value in attributes.items():
        fault = _find_fault(name, value)
        if fault is not None:
            raise Unreadable("event_invalid", f"the attribute {name[:80]!r} {fault}.", path=name[:80])


_DATA = ("data", "data_base64")


def _find_fault(name: str, value: str) -> str | None:
    if _NAME.match(name) is None:
        return "has a name of other signs than a-z and 0-9"
    if any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in value):
        return "holds control characters"
    if name in _TEXTS and not value:
        return "is empty"
    if name == "source" and _URI_REFERENCE.match(value) is None:
        return "is no URI reference"
    if name == "dataschema" and _URI.match(value) is None:
        return "is no absolute URI"
    if name == "datacontenttype" and "/" not in value:
        return "is no media type"
    return "is no time after RFC 3339" if name == "time" and not _is_time(value) else None


def _is_time(value: str) -> bool:
    found = _RFC3339.match(value)
    if found is None:
        return False
    # a leap second, and digits below a microsecond, are right but more than Python reads
    plain = value[:17] + ("59" if found[1] == "60" else found[1]) + found[3].upper()
    try:
        datetime.fromisoformat(plain.upper())
    except ValueError:
        return False
    return True


def _attribute_text(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, Number):
        if name in (*REQUIRED, *_TEXTS) or not value.lstrip("-").isdigit():
            raise Unreadable("event_invalid", f"the attribute {name[:80]!r} is a number.", path=name[:80])
        return str(value)
    if isinstance(value, bool) and name not in (*REQUIRED, *_TEXTS):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise Unreadable(
            "event_invalid", f"the attribute {name[:80]!r} is no text, whole number, true or false.", path=name[:80]
        )
    return value


def _decode_base64(value: Any) -> bytes:
    try:
        if isinstance(value, str) and not isinstance(value, Number):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise Unreadable("event_invalid", "data_base64 is not base64.", path="data_base64")


def _member_text(text: str, key: str) -> str:
    from entrepot.intake.json_rows.spans import Spans

    return Spans(text).text_at((key,))
