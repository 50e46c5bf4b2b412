"""How far a source has come: what its position says beside the name of the fetch, and values that are compared and looked back from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from entrepot.kernel.durations import parse_duration
from entrepot.kernel.errors import DataError
from entrepot.kernel.positions import CursorValue

_INSTANT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:(?P<between>[T ])(?P<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?P<fraction>\d{1,18}))?(?P<zone>Z|z|[+-]\d\d:?\d\d)?)?\Z"
)
_TOLERANCE_S = 1
"""Servers round instants."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One end of a range: a value, and the fetch that brought it. `value~fetch` in a position."""

    value: str
    fetch: str

    @classmethod
    def read(cls, value: CursorValue) -> Mark:
        """Of a position. Raises: DataError when another connector wrote it."""
        before, between, fetch = str(value).rpartition("~")
        if not between or not fetch:
            raise DataError(
                "the position of this source was not written by the connector http.",
                hint="Give the source another name.",
            )
        return cls(before, fetch)

    def __str__(self) -> str:
        return f"{self.value}~{self.fetch}"


@dataclass(frozen=True, slots=True)
class Values:
    """Values of a cursor's field of one type."""

    type: str
    where: str

    def key(self, value: Any) -> Any:
        """What orders values as the server orders them. Raises: DataError for a value of another type."""
        if not isinstance(value, str):
            raise self._wrong("a list, an object or a truth value")
        if self.type == "text":
            return value.encode()
        if self.type == "integer":
            try:
                return int(value)
            except ValueError:
                raise self._wrong("no whole number") from None
        return self._instant(value)

    def look_back(self, value: str, overlap: str | None) -> str:
        """What is asked for: so much less than the value, written as the value is."""
        if overlap is None:
            return value
        if self.type == "integer":
            return str(int(value) - int(overlap))
        found = _INSTANT.match(value)
        if found is None:
            raise self._wrong("no instant")
        length = parse_duration(overlap)
        if found["time"] is None:
            return f"{datetime.fromisoformat(value) - timedelta(days=-(-length // timedelta(days=1))):%Y-%m-%d}"
        moved = datetime.fromisoformat(f"{found['day']}T{found['time']}") - length
        spec = "seconds" if found["time"].count(":") == 2 else "minutes"
        fraction = f".{found['fraction']}" if found["fraction"] else ""
        return f"{moved.isoformat(found['between'], spec)}{fraction}{found['zone'] or ''}"

    def greater(self, one: Any, other: Any) -> bool:
        """Is the first key greater? Raises: DataError for instants of which one has no zone."""
        if self.type == "instant" and one[0] != other[0]:
            raise self._wrong("sometimes without a zone, sometimes with one")
        return bool(one > other)

    def is_older(self, key: Any, asked: Any) -> bool:
        """Does a value lie before what was asked for, by more than servers round?"""
        if self.type == "instant":
            return bool(key[1] + _TOLERANCE_S < asked[1])
        return bool(key < asked)

    def _instant(self, value: str) -> tuple[bool, Decimal]:
        found = _INSTANT.match(value)
        try:
            if found is None:
                raise ValueError("no match")
            zone = "" if found["zone"] is None else "+00:00" if found["zone"] in "Zz" else found["zone"]
            at = datetime.fromisoformat(f"{found['day']}T{found['time'] or '00:00'}{zone}")
        except ValueError:
            raise self._wrong("no instant as 2026-11-21T14:00:00Z") from None
        whole = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
        seconds = whole.days * 86_400 + whole.seconds
        return zone != "", Decimal(seconds) + Decimal(f"0.{found['fraction'] or 0}")

    def _wrong(self, what: str) -> DataError:
        return DataError(
            f"{self.where}: a value of the cursor's field is {what}; its type is {self.type}.",
            hint="Correct cursor.field or cursor.type (instant, integer, text).",
        )
