"""Reading JSON and XML exactly, or refusing it in words for the sender. Only the standard library: handlers' processes load it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from entrepot.handlers.reject import Unreadable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MOST_LEVELS = 100


def read_json(text: str) -> Any:
    """The value that a text is; whole numbers as `int`, others as `Decimal`. Raises: Unreadable."""
    try:
        value = _decode_json(text)
        _refuse_halves(text, value)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise Unreadable(f"the body is not JSON: {error.msg.lower()} at {at}.", path=at) from None
    except RecursionError:
        raise Unreadable("the body is nested too deeply.") from None
    if text.count("[") + text.count("{") > _MOST_LEVELS and _is_deeper(value, _MOST_LEVELS):
        raise Unreadable(f"the body is nested too deeply; allowed are {_MOST_LEVELS} levels.")
    return value


def read_xml(body: bytes) -> Element:
    """The root of a document without document type. Raises: Unreadable."""
    from xml.parsers.expat import ExpatError

    try:
        return _parse_xml(body)
    except ExpatError as error:
        at = f"line {error.lineno}, column {error.offset + 1}"
        raise Unreadable(f"the body is not XML: {str(error).partition(':')[0]} at {at}.", path=at) from None
    except (LookupError, ValueError):  # an encoding that nobody knows
        raise Unreadable("the body is not XML: its encoding is not known.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise Unreadable(f"the body names the key {twice!r} twice in one object.", path=twice)
    return found


def _constant(name: str) -> None:
    raise Unreadable(f"the body holds {name}, which is no number of JSON.")


def _number(text: str) -> int:
    if len(text) > 4_000:  # longer ones take Python ever longer to read
        raise Unreadable("the body holds a whole number of more than 4,000 digits.")
    return int(text)


_decode_json = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Decimal, parse_int=_number, parse_constant=_constant
).decode
_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def _refuse_halves(text: str, value: Any) -> None:
    """Half of a surrogate pair is in no text that could be written again."""
    if _HALF.search(text):
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise Unreadable("the body holds half of a character (a lone surrogate).") from None


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if levels == 0:
        return True
    return any(_is_deeper(inner, levels - 1) for inner in (value.values() if isinstance(value, dict) else value))


def _parse_xml(body: bytes) -> Element:
    from xml.etree.ElementTree import TreeBuilder
    from xml.parsers import expat

    builder, depth = TreeBuilder(), 0
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True

    def name(given: str) -> str:
        return "{" + given if "}" in given else given

    def refuse(*_: object) -> None:
        raise Unreadable("the body has a document type (<!DOCTYPE …>), which is not allowed.")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_LEVELS:
            raise Unreadable(f"the body is nested too deeply; allowed are {_MOST_LEVELS} levels.")
        builder.start(name(tag), {name(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name(tag))

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.Parse(body, True)
    return builder.close()
