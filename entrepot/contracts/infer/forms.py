"""Forms that a text may have: how it is recognised, and which type it speaks for. The engine counts them, `decide` chooses."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.contracts.truth import FALSE_WORDS, TRUE_WORDS
from entrepot.contracts.types import ColumnType, Kind


@dataclass(frozen=True, slots=True)
class Form:
    """A way to write values. `pattern` must match the whole text (RE2); what types texts must also take it as `type`.

    `codes` (strptime) are those of dates and times that are written in one way.
    """

    name: str
    pattern: str
    type: ColumnType
    codes: str | None = None
    said: str = ""
    """What it is called in remarks."""


_STRING = ColumnType(Kind.STRING)
_ISO_LOCAL = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ISO_8601 = rf"{_ISO_LOCAL}(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)?"


def _any_case(word: str) -> str:
    """ASCII letters only: `(?i)` would take `ſ` for an s."""
    return "".join(f"[{letter.upper()}{letter}]" for letter in word)


_TRUTH = "|".join(_any_case(word) for word in (*TRUE_WORDS, *FALSE_WORDS) if word.isalpha())
"""1 and 0 are rather numbers."""


def _date(name: str, pattern: str, codes: str, said: str) -> Form:
    written = None if codes == "%Y-%m-%d" else codes
    return Form(name, pattern, ColumnType(Kind.DATE, format=written), codes, said)


def _instant(name: str, pattern: str, codes: str, said: str) -> Form:
    written = None if codes == "%Y-%m-%d %H:%M:%S" else codes
    return Form(name, pattern, ColumnType(Kind.TIMESTAMP, format=written), codes, said)


WALL_CLOCK = "local_iso"
"""The form of ISO 8601 without any offset."""

FORMS = (
    Form("boolean", _TRUTH, ColumnType(Kind.BOOLEAN), said="truth values"),
    Form("integer", r"[+-]?(0|[1-9][0-9]{0,17})", ColumnType(Kind.INTEGER), said="whole numbers"),
    Form("number", r"[+-]?((0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?|\.[0-9]{1,18})", ColumnType(Kind.DECIMAL), said="numbers"),
    Form("scientific", r"[+-]?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]{1,3}|[+-]?[0-9]{1,15}(\.[0-9]{1,15})?", ColumnType(Kind.DOUBLE), said="numbers with exponents"),
    _date("date", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "%Y-%m-%d", "dates"),
    _date("date_dotted", r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "%d.%m.%Y", "dates as 31.12.2026"),
    _date("date_dmy", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", "%d/%m/%Y", "dates as 31/12/2026"),
    _date("date_mdy", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", "%m/%d/%Y", "dates as 12/31/2026"),
    _date("date_ymd", r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", "%Y/%m/%d", "dates as 2026/12/31"),
    _date("date_compact", r"(19|20)[0-9]{6}", "%Y%m%d", "dates as 20261231"),
    _instant("instant", r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", "%Y-%m-%d %H:%M:%S", "date and time"),
    Form("instant_iso", _ISO_8601, ColumnType(Kind.TIMESTAMP), said="date and time (ISO 8601)"),
    Form(WALL_CLOCK, _ISO_LOCAL, ColumnType(Kind.TIMESTAMP_LOCAL), said="date and time on a wall clock"),
    _instant("instant_dotted", r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4} [0-9]{1,2}:[0-9]{2}", "%d.%m.%Y %H:%M", "date and time as 31.12.2026 13:05"),
    _instant("instant_dmy", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4} [0-9]{1,2}:[0-9]{2}", "%d/%m/%Y %H:%M", "date and time as 31/12/2026 13:05"),
    _instant("instant_mdy", r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4} [0-9]{1,2}:[0-9]{2}", "%m/%d/%Y %H:%M", "date and time as 12/31/2026 13:05"),
)  # fmt: skip
"""Forms that make a type, the narrowest first."""

NUMBER_COMMA = Form("number_comma", r"[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]+)(,[0-9]+)?", ColumnType(Kind.DECIMAL), said="numbers with a decimal comma")  # fmt: skip
LEADING_ZERO = Form("leading_zero", r"0[0-9]+", _STRING, said="codes with leading zeros")

MARKS = (
    NUMBER_COMMA,
    LEADING_ZERO,
    Form("email", r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}", _STRING, said="e-mail addresses"),
    Form("uuid", r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", _STRING, said="UUIDs"),
    Form("phone", r"\+?\(?[0-9][0-9 ()/.-]{6,}[0-9]", _STRING, said="telephone numbers"),
    Form("iban", r"[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?", _STRING, said="IBANs"),
    Form("ipv4", r"([0-9]{1,3}\.){3}[0-9]{1,3}", _STRING, said="IP addresses"),
    Form("json", r"(?s)\s*(\{.*\}|\[.*\])\s*", _STRING, said="JSON"),
)
"""Forms that are worth a remark, whatever the type."""
