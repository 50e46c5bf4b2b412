"""Names of time zones in a contract."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from entrepot.contracts.findings import Findings, suggest
from entrepot.contracts.odcs.document import Scalar


def is_time_zone(name: str) -> bool:
    """True for a name that the time zone database knows."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True


def check_zone(node: Scalar, label: str, default: str, found: Findings) -> str:
    """The zone that a contract names; the default when there is none of that name, which is then reported."""
    if is_time_zone(node.text):
        return node.text
    near = suggest(node.text, available_timezones())
    text = f"{label} is {node.text!r}; allowed is a name of the time zone database, as Europe/Berlin."
    found.error(node.place, text, near, code="contract.time_zone")
    return default
