"""Bodies by their kind, and the values that stand in them.

The kind is what the content type says; the bytes must agree. So nobody can give a body another meaning by another content type:
what is said to be JSON and is none is refused, and so on.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from entrepot.intake.gateway.unreadable import Unreadable
from entrepot.intake.gateway.xml_text import find_xml_texts
from entrepot.intake.json_rows.grammar import NotJson, Scanner

_STEP = re.compile(r"([^.\[\]]+)((?:\[(?:\d{1,6}|[A-Za-z_][\w-]*)\])*)\Z")
_INDEX = re.compile(r"\[([^\]]+)\]")
_FORM_BYTES = re.compile(rb"[A-Za-z0-9\-._~!$'()*+,;:@/?%=&\[\]]*\Z")
_MOST_FIELDS = 10_000
_MARK = "\x00"


class BodyKind(StrEnum):
    """What a body is."""

    JSON = "json"
    FORM = "form"
    XML = "xml"
    TEXT = "text"
    BYTES = "bytes"


def kind_of(content_type: str) -> BodyKind:
    """The kind that a content type says; without one JSON is assumed."""
    media = media_type(content_type)
    if media in ("", "application/json", "text/json", "application/x-ndjson", "application/jsonl") or media.endswith(
        "+json"
    ):
        return BodyKind.JSON
    if media == "application/x-www-form-urlencoded":
        return BodyKind.FORM
    if media in ("application/xml", "text/xml") or media.endswith("+xml"):
        return BodyKind.XML
    return BodyKind.TEXT if media.startswith("text/") else BodyKind.BYTES


def media_type(content_type: str) -> str:
    """`application/json` of `Application/JSON; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


def charset_of(content_type: str) -> str:
    """The stated charset in small letters; UTF-8 when none is."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"


@dataclass(frozen=True, slots=True)
class BodyPath:
    """A place in a body: `order.id`, `lines[0].sku`; in XML `order.@id`; in a form the field's name."""

    text: str
    steps: tuple[str | int, ...]


def parse_path(text: str) -> BodyPath:
    """Read a path. Raises: ValueError, which says what is allowed."""
    steps: list[str | int] = []
    for part in text.split("."):
        found = _STEP.match(part)
        if found is None:
            raise ValueError(f"{text!r} is no path; allowed are names with points between them, [0] after a list's")
        steps.append(found[1])
        steps += [int(inner) if inner.isdigit() else inner for inner in _INDEX.findall(found[2])]
    return BodyPath(text, tuple(steps))


class Body:
    """One body; parsed when first asked for, once."""

    __slots__ = ("_content_type", "_form", "_parsed", "_raw", "kind")

    def __init__(self, raw: bytes, content_type: str) -> None:
        self._raw = raw
        self._content_type = content_type
        self._parsed: Any = None
        self._form: list[tuple[str, str]] | None = None
        self.kind = kind_of(content_type)

    def find(self, path: BodyPath) -> str | None:
        """The text at a path; None when nothing stands there, null, or an empty text. Numbers come as they are written.

        Raises: Unreadable when the body is not what it is said to be, or several values, a list or an object stand there.
        """
        match self.kind:
            case BodyKind.JSON:
                return self._find_in_json(path)
            case BodyKind.FORM:
                return _single([value for name, value in self._fields() if name == path.text], path)
            case BodyKind.XML:
                return _single(find_xml_texts(self._raw, path.steps), path)
        raise Unreadable(
            "unsupported_content",
            f"the content type {media_type(self._content_type)[:100]!r} has no fields, and this integration needs {path.text}. "
            "Send JSON, a form or XML.",
        )

    def _find_in_json(self, path: BodyPath) -> str | None:
        if self._parsed is None:
            self._parsed = (parse_json(decode_text(self._raw, self._content_type)),)
        return _scalar(_walk(self._parsed[0], path.steps), path)

    def _fields(self) -> list[tuple[str, str]]:
        if self._form is None:
            if _FORM_BYTES.match(self._raw.strip()) is None:
                raise Unreadable("unreadable", "the body is not a form: it holds characters that a form encodes.")
            self._form = parse_fields(self._raw.strip())
        return self._form


def parse_fields(raw: bytes) -> list[tuple[str, str]]:
    """The fields of a form or a query, in order. Raises: Unreadable."""
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Unreadable(
            "unreadable", "the fields are not UTF-8 in percent encoding, or there are too many."
        ) from error


def decode_text(raw: bytes, content_type: str) -> str:
    """A body's text. Raises: Unreadable when it is not in the stated charset, UTF-8 when none is stated."""
    charset = charset_of(content_type)
    if charset not in ("utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "latin-1", "windows-1252"):
        raise Unreadable("unsupported_content", f"the charset {charset[:40]!r} is not known here; send UTF-8.")
    try:
        return raw.decode("utf-8-sig" if charset in ("utf-8", "utf8") else charset)
    except UnicodeDecodeError as error:
        raise Unreadable("unreadable", f"the body is not {charset} (byte {error.start}).") from None


def parse_json(text: str) -> Any:
    """The value that a text is; numbers as `Number`, as they are written. Raises: Unreadable for what is not of the standard."""
    scanner = Scanner(tells_numbers=True)
    try:
        value = scanner.read_whole(text)
    except NotJson as error:
        raise Unreadable("unreadable", f"the body is not JSON: {error} (character {error.position + 1}).") from None
    fault = scanner.find_fault(value, text)
    if fault is not None:
        raise Unreadable("unreadable", f"the body holds what JSON does not allow: {fault.replace('_', ' ')}.")
    return value


def hash_body(raw: bytes) -> str:
    """A reference made of the body: of JSON by what it says, whatever its blanks and the order of its keys; else of the bytes.

    Whether it is JSON is told by the bytes alone: a header does not change it.
    """
    content = _canonical(raw)
    return "sha256:" + hashlib.sha256(raw if content is None else content).hexdigest()


def _canonical(raw: bytes) -> bytes | None:
    if raw.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] not in (b"{", b"["):
        return None
    scanner = Scanner(tells_numbers=True, number=_MARK.__add__)  # told apart from texts of the same characters
    try:
        text = raw.decode("utf-8-sig")
        value = scanner.read_whole(text)
    except (UnicodeDecodeError, NotJson):
        return None
    if scanner.find_fault(value, text) is not None:
        return None
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _walk(value: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return None
            value = value[step]
        else:
            if not isinstance(value, dict) or step not in value:
                return None
            value = value[step]
    return value


def _scalar(value: Any, path: BodyPath) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return str(value) if value else None
    raise Unreadable(
        "reference_unusable", f"{path.text} is a list or an object; allowed is a text or a number.", path=path.text
    )


def _single(values: Sequence[str], path: BodyPath) -> str | None:
    if len(values) > 1:
        raise Unreadable("reference_unusable", f"{path.text} stands more than once.", path=path.text)
    return values[0] or None if values else None
