"""Cursors: where a list goes on, as an opaque text."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from entrepot.app.http.errors import NoSuchMark

T = TypeVar("T")
Mark = int | str


def write_cursor(kind: str, mark: Mark) -> str:
    """The cursor of a list of this kind that goes on after `mark`."""
    return base64.urlsafe_b64encode(json.dumps([kind, mark]).encode()).decode().rstrip("=")


def read_number(kind: str, cursor: str | None) -> int | None:
    """The number that `write_cursor` was given. Raises: NoSuchMark."""
    mark = _read(kind, cursor)
    if mark is None or (isinstance(mark, int) and not isinstance(mark, bool) and 0 <= mark < 1 << 62):
        return mark
    raise _no_such_mark()


def read_text(kind: str, cursor: str | None) -> str | None:
    """The text that `write_cursor` was given. Raises: NoSuchMark."""
    mark = _read(kind, cursor)
    if mark is None or isinstance(mark, str):
        return mark
    raise _no_such_mark()


def cut(
    kind: str, items: Sequence[T], cursor: str | None, limit: int, mark: Callable[[T], str]
) -> tuple[list[T], str | None]:
    """The part of a list in memory that follows the item that the cursor marks, and the cursor of the next part.

    Raises: NoSuchMark when that item is no longer in the list.
    """
    after, start = read_text(kind, cursor), 0
    if after is not None:
        start = next((place for place, item in enumerate(items, 1) if mark(item) == after), -1)
        if start < 0:
            raise _no_such_mark()
    part = list(items[start : start + limit])
    more = start + limit < len(items)
    return part, write_cursor(kind, mark(part[-1])) if more and part else None


def _read(kind: str, cursor: str | None) -> Mark | None:
    if cursor is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _no_such_mark() from error
    if isinstance(found, list) and len(found) == 2 and found[0] == kind and isinstance(found[1], int | str):
        mark: Mark = found[1]
        return mark
    raise _no_such_mark()


def _no_such_mark() -> NoSuchMark:
    return NoSuchMark("the cursor is none that this list gave, or its place is gone.", hint="Begin again without it.")
