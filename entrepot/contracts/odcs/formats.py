"""String formats (`email`, `uuid`, `ipv6` …) as patterns that rows can be judged by.

They say what a text looks like, not whether the mailbox or host exists. Regular expressions of RE2, matched against the whole value.
Source: the examples of ODCS 3.2 (`logicalTypeOptions.format`) and the formats of JSON Schema that people write there too.
"""

from __future__ import annotations

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_BYTE}(?:\.{_BYTE}){{3}}"
_H16 = r"[0-9A-Fa-f]{1,4}"
_LOW = rf"(?:{_H16}:{_H16}|{_IPV4})"
_DATE = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_OFFSET = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_URI_SIGN = r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"


def _ipv6() -> str:
    """All forms of RFC 4291, with `::` at each place and a dotted end."""
    forms = [rf"(?:{_H16}:){{6}}{_LOW}", rf"::(?:{_H16}:){{5}}{_LOW}"]
    for before in range(1, 6):
        head = rf"(?:{_H16}(?::{_H16}){{0,{before - 1}}})?"
        after = 5 - before
        forms.append(rf"{head}::" + (rf"(?:{_H16}:){{{after}}}{_LOW}" if after >= 0 else ""))
    forms.append(rf"(?:{_H16}(?::{_H16}){{0,5}})?::{_H16}")
    forms.append(rf"(?:{_H16}(?::{_H16}){{0,6}})?::")
    return "|".join(forms)


PATTERNS = {
    "email": rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_HOST}",
    "uuid": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    "uri": rf"[A-Za-z][A-Za-z0-9+.-]*:{_URI_SIGN}+",
    "hostname": _HOST,
    "ipv4": _IPV4,
    "ipv6": _ipv6(),
    "byte": r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    "date": _DATE,
    "date-time": rf"{_DATE}[Tt ]{_CLOCK}{_OFFSET}",
    "time": rf"{_CLOCK}{_OFFSET}?",
}
"""`byte` is base64 with its padding. The days of a month are not counted in `date`: take logicalType date where they matter."""

LONGEST = {"hostname": 253, "email": 254}
"""Formats that a pattern alone does not bound."""

NOTHING_TO_JUDGE = {
    "password": "it tells user interfaces to hide the text",
    "binary": "any sequence of bytes fits",
}
