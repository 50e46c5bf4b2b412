"""JSON as values and back, without loss: fractions are Decimals, a key that stands twice is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

BLANKS = " \t\n\r\u00a0"


class NotJson(ValueError):
    """A text that is not one JSON value of RFC 8259, or that says one thing twice."""


def read_json(text: str) -> Any:
    """The value of a JSON text: dict, list, str, int, Decimal, bool or None. Raises: NotJson."""
    try:
        value = _DECODER.decode(text.strip(BLANKS))
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise NotJson(type(error).__name__) from None
    if "\\u" in text and not _has_only_characters(value):
        raise NotJson("half of a surrogate pair")
    return value


def write_json(value: Any) -> str:
    """A value as JSON text: numbers with all their digits, dates and times as ISO text; NaN and bytes as words."""
    if isinstance(value, Mapping):
        items = (f"{json.dumps(_key(key), ensure_ascii=False)}: {write_json(item)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(write_json, value))}]"
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, datetime):
        return json.dumps(value.isoformat(" "))
    if isinstance(value, date | time):
        return json.dumps(value.isoformat())
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and value - value == 0):
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(str(value), ensure_ascii=False)


def _key(key: Any) -> str:
    return key.isoformat() if isinstance(key, date) else str(key)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _has_only_characters(value: Any) -> bool:
    """False when an escape stands for half a character, which no table can hold."""
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)
    if isinstance(value, dict):
        return all(_has_only_characters(key) and _has_only_characters(item) for key, item in value.items())
    return all(map(_has_only_characters, value)) if isinstance(value, list) else True


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_pairs)
