"""How an access log is written, as the source says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccessLogOptions:
    """How the web server writes its lines."""

    layout: str = "combined"
    """`combined`, or `common` without referer and agent."""
    encoding: str | None = None
    unescape: bool = True
    r"""Turn what Apache escapes within quotes (`\"`, `\\`, `\t`, `\xc3\xa4`) back into what was sent."""
