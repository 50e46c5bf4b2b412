"""What answers are made of: exact numbers, instants in UTC, pages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

T = TypeVar("T")

SAFE_INTEGER = (1 << 53) - 1
"""Beyond it, readers that know only doubles would round."""


def write_instant(value: datetime) -> str:
    """An instant as ISO 8601 in UTC, `2026-11-21T08:31:04.112000Z`."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(write_instant, return_type=str, when_used="json")]
"""Written in UTC."""

Exact = str
"""A number with all its digits, as text: `4831207.00`."""


class Shape(BaseModel):
    """The base of all bodies: what is not documented is not there."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Page(Shape, Generic[T]):
    """A part of a list."""

    items: list[T]
    next: str | None = Field(default=None, description="Send it as `cursor` for the next part; null at the end.")


def write_exact(value: Decimal | float | int | None) -> Exact | None:
    """A number's digits, never an exponent; null for what is no number."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    number = value if isinstance(value, Decimal) else Decimal(repr(value) if isinstance(value, float) else value)
    return f"{number:f}"


def write_value(value: Any) -> Any:
    """A value of a row as JSON, exact: decimals as text, whole numbers beyond 2^53 as text, instants in UTC, bytes in hexadecimal."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if -SAFE_INTEGER <= value <= SAFE_INTEGER else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return f"{value:f}"
        case datetime():
            return write_instant(value) if value.tzinfo else value.isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes():
            return value.hex()
        case Mapping():
            return {str(key): write_value(item) for key, item in value.items()}
        case list() | tuple():
            return [write_value(item) for item in value]
    return str(value)
