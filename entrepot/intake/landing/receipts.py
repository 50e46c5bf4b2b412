"""Receipts: what became of a file, beside the file, for programs and for the people who sent it.

A receipt stands only where there is something to say: a file that was refused, taken before, or lost rows to quarantine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from entrepot.intake.landing.durable import write_durably
from entrepot.ports.engine import Counts

JSON_SUFFIX = ".receipt.json"
TEXT_SUFFIX = ".receipt.txt"


class Outcome(StrEnum):
    """What became of a file."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


_SENTENCES = {
    Outcome.ACCEPTED: "The file was taken. Some of its rows were rejected and wait in quarantine.",
    Outcome.REFUSED: "The file was refused as a whole: none of its rows was taken.",
    Outcome.DUPLICATE: "The file was not taken: the same content was taken before.",
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is said about one file; counts and rule names, never values."""

    file: str
    sha256: str
    size_bytes: int
    flow: str
    outcome: Outcome
    at: datetime
    why: str
    what_to_do: str
    batch: str | None = None
    counts: Counts | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Rule → number of rows that broke it."""


def write_receipt(beside: Path, receipt: Receipt) -> Path:
    """Write `<file>.receipt.json` and `<file>.receipt.txt` durably beside a file; return the first. Repeatable."""
    path = beside.with_name(beside.name + JSON_SUFFIX)
    content = asdict(receipt) | {"outcome": receipt.outcome.value, "at": receipt.at.isoformat()}
    write_durably(beside.with_name(beside.name + TEXT_SUFFIX), receipt_text(receipt).encode())
    write_durably(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return path


def has_receipt(beside: Path) -> bool:
    """True when the file has its receipt already."""
    return beside.with_name(beside.name + JSON_SUFFIX).exists()


def is_receipt(name: str) -> bool:
    """True for the names of receipts."""
    return name.endswith((JSON_SUFFIX, TEXT_SUFFIX))


def receipt_text(receipt: Receipt) -> str:
    """The receipt for people."""
    lines = [
        f"{receipt.file} ({receipt.size_bytes:,} bytes, sha256 {receipt.sha256[:16]})",
        f"{receipt.at:%Y-%m-%d %H:%M:%S} UTC, flow {receipt.flow}" + (f", {receipt.batch}" if receipt.batch else ""),
        "",
        _SENTENCES[receipt.outcome],
        f"Why:        {receipt.why}",
        f"What to do: {receipt.what_to_do}",
    ]
    if receipt.counts is not None:
        c = receipt.counts
        lines += [
            "",
            f"Rows: {c.received:,} received, {c.accepted:,} accepted, {c.rejected:,} rejected, {c.duplicate:,} duplicate",
        ]
    if receipt.reasons:
        lines += ["Reasons:", *(f"  {count:>8,}  {rule}" for rule, count in sorted(receipt.reasons.items()))]
    return "\n".join(lines) + "\n"
