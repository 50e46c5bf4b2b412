"""From what a handler gives to rows as JSON, exactly. Runs in the handler's process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

MOST_BYTES = 64 << 20
"""Of all rows of one record."""
ALLOWED = "a dict, a list of dicts, or None"
_KINDS = "texts, numbers, true, false, None, dates, times, Decimal, UUID, and lists and dicts of these"


class WrongResult(Exception):
    """What a handler gave cannot be a row. Its text holds names and types, no values."""


class TooLarge(Exception):
    """A record's rows are more than can be carried."""


def render_rows(result: object) -> list[bytes]:
    """The rows as JSON objects in UTF-8. Raises: WrongResult, TooLarge."""
    if result is None:
        return []
    rows = [result] if isinstance(result, Mapping) else result
    if not isinstance(rows, list | tuple):
        raise WrongResult(f"handle() gave a {_name(result)}; allowed is {ALLOWED}.")
    found, size = [], 0
    for number, row in enumerate(rows, 1):
        found.append(_render(row, number, len(rows)))
        size += len(found[-1])
        if size > MOST_BYTES:
            raise TooLarge(f"the rows of one record take more than {MOST_BYTES >> 20} MB.")
    return found


def _render(row: object, number: int, of: int) -> bytes:
    which = "" if of == 1 else f", row {number}"
    if not isinstance(row, Mapping):
        raise WrongResult(f"handle() gave a list with a {_name(row)}{which}; allowed is {ALLOWED}.")
    odd = next((name for name in row if not isinstance(name, str)), None)
    if odd is not None:
        raise WrongResult(f"a row has a key that is a {_name(odd)}{which}; keys are texts.")
    try:
        return _encode(row if isinstance(row, dict) else dict(row)).encode()
    except UnicodeEncodeError:
        raise WrongResult(f"a text holds half of a character (a lone surrogate){which}.") from None
    except RecursionError:
        raise WrongResult(f"a row is nested too deeply, or holds itself{which}.") from None
    except WrongResult as error:
        raise WrongResult(f"{error}{which}; allowed are {_KINDS}.") from None
    except (TypeError, ValueError) as error:
        raise WrongResult(f"a row cannot be written as JSON ({_say(error)}){which}; allowed are {_KINDS}.") from None


def _say(error: Exception) -> str:
    """In words without values: of a ValueError's text, which names the number, only what it is about."""
    text = str(error)
    if "Out of range float" in text:
        return "a float is infinite or not a number"
    return "it holds itself" if "Circular" in text else text.splitlines()[0][:200]


def _exact(value: object) -> Any:
    """What JSON has no form for, as text that loses nothing. Raises: WrongResult."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise WrongResult("a Decimal is infinite or not a number")
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise WrongResult(f"a value is a {_name(value)}")


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_exact).encode


def _name(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
