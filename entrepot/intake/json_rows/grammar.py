"""JSON as RFC 8259 has it: numbers keep the digits they were written with, and what is not of the standard is found.

Python's own scanner reads the text. It is strict but for NaN and Infinity, keys named twice, and halves of surrogate pairs, which are
found here. Numbers are handed on as the text that stands in the file.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any

MOST_LEVELS = 100
"""Lists and objects within each other; deeper ones are refused."""

_BLANK = re.compile(r"[ \t\n\r]*")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_SENTINEL = secrets.token_hex(16)
_BETWEEN = f',"{_SENTINEL}",'


class Number(str):
    """A number's text, told apart from a text."""

    __slots__ = ()


class NotJson(ValueError):
    """The text is not JSON. `position` is the character where that shows, `rule` the word for it."""

    def __init__(self, reason: str, position: int, rule: str = "bad_json") -> None:
        super().__init__(reason)
        self.position = position
        self.rule = rule


class Scanner:
    """Reads values; what the standard forbids and Python allows is remembered until `find_fault` asks for it."""

    def __init__(self, *, tells_numbers: bool, number: Callable[[str], str] | None = None) -> None:
        """`tells_numbers`: numbers come as `Number`, else as plain texts, which is quicker; or as `number` makes them."""
        number = number or (Number if tells_numbers else str)
        self._decode = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=number, parse_int=number, parse_constant=self._constant
        ).raw_decode
        self._odd: str | None = None

    def read(self, text: str, position: int) -> tuple[Any, int]:
        """The value that begins there, and where it ends. Raises: NotJson."""
        self._odd = None
        try:
            value, end = self._decode(text, position)
        except json.JSONDecodeError as error:
            raise NotJson(error.msg.lower(), error.pos) from None
        except RecursionError:
            raise NotJson(f"more than {MOST_LEVELS} levels of lists and objects", position, "too_deep") from None
        return value, end

    def read_whole(self, text: str) -> Any:
        """The one value that the text is. Raises: NotJson."""
        value, end = self.read(text, skip_blanks(text, 0))
        end = skip_blanks(text, end)
        if end != len(text):
            raise NotJson("something follows the value", end)
        return value

    def read_lines(self, lines: Sequence[str]) -> list[Any] | None:
        """The value of each line, all at once; None when one of them may have to be looked at alone.

        A text that nobody can foresee stands between the lines: only when every one of them is an element of its own, and the
        list ends with the text, each line was one value.
        """
        text = f"[{_BETWEEN.join(lines)}]"
        if _HALF.search(text) or text.count("[") + text.count("{") > MOST_LEVELS + len(lines):
            return None
        try:
            values, end = self.read(text, 0)
        except NotJson:
            return None
        if (
            self._odd
            or end != len(text)
            or len(values) != 2 * len(lines) - 1
            or values[1::2].count(_SENTINEL) != len(lines) - 1
        ):
            return None
        found: list[Any] = values[::2]
        return found

    def find_fault(self, value: Any, text: str) -> str | None:
        """What is wrong with a value that was just read from the text, beyond its grammar."""
        return self._odd or find_depth_fault(value, text) or find_half(value, text)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self._odd = "duplicate_key"
        return found

    def _constant(self, name: str) -> None:
        self._odd = "not_a_json_number"


def skip_blanks(text: str, position: int) -> int:
    """Where the next character stands that means something."""
    found = _BLANK.match(text, position)
    assert found is not None
    return found.end()


def find_depth_fault(value: Any, text: str) -> str | None:
    """Too many levels?"""
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return None
    return "too_deep" if _is_deeper(value, MOST_LEVELS) else None


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    if levels == 0:
        return True
    return any(_is_deeper(inner, levels - 1) for inner in (value.values() if isinstance(value, dict) else value))


def find_half(value: Any, text: str) -> str | None:
    """Half of a surrogate pair, which no UTF-8 text can hold?"""
    if "\\" not in text or _HALF.search(text) is None:
        return None
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "half_surrogate"
    return None
