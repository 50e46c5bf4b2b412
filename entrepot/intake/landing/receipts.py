"""Receipts: what became of a file, beside the file, for programs and for the people who sent it.

A receipt stands only where there is something to say: a file that was refused, taken before, or lost rows to quarantine.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from entrepot.intake.landing.durable import JSON_SUFFIX, TEXT_SUFFIX, write_durably
from entrepot.kernel.positions import FileItem
from entrepot.ports.engine import Counts

MOST_FINDINGS = 12
_WIDTH = 100


class Outcome(StrEnum):
    """What became of a file."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


_SENTENCES = {
    Outcome.ACCEPTED: "The file was taken. Some of its rows were set aside; none is lost.",
    Outcome.REFUSED: "The file was refused as a whole: none of its rows was taken.",
    Outcome.DUPLICATE: "The file was not taken: the same content was taken before.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with rows of a file, with one place where it is so."""

    rule: str
    rows: int
    said: str
    """What is wrong, in words."""
    example_at: str
    """`record 206`, `Sales!17`, `line 606`."""
    example_value: str | None = None
    """What stands there; None where it must not be shown (personal and other protected columns, whole records)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is said about one file. Values stand in findings alone, and there only of columns that anybody may see."""

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
    findings: Sequence[Finding] = ()
    """The same in words, most frequent first."""


def write_receipt(beside: Path, receipt: Receipt, owner: str = "") -> Path:
    """Write `<file>.receipt.json` and `<file>.receipt.txt` durably beside a file; return the first. Repeatable. `owner`: as `write_durably`."""
    path = beside.with_name(beside.name + JSON_SUFFIX)
    content = asdict(receipt) | {"outcome": receipt.outcome.value, "at": receipt.at.isoformat()}
    write_durably(beside.with_name(beside.name + TEXT_SUFFIX), receipt_text(receipt).encode(), owner)
    write_durably(path, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode(), owner)
    return path


def read_subject(path: Path) -> FileItem:
    """The file that a receipt (its JSON) speaks of."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return FileItem(content["file"], "", content["sha256"], content["size_bytes"])


def receipt_text(receipt: Receipt) -> str:
    """The receipt for people: the outcome first, then what is wrong where, then what to do; ids for support last."""
    lines = [receipt.file, "", _SENTENCES[receipt.outcome]]
    if receipt.counts is not None:
        lines += _count_lines(receipt.counts)
    lines += ["", *_fold("Why: ", receipt.why)]
    if receipt.findings:
        lines += ["", "What is wrong, most frequent first:", *_finding_lines(receipt.findings)]
    elif receipt.reasons:
        lines += ["", "Reasons:", *(f"{count:>8,}  {rule}" for rule, count in sorted(receipt.reasons.items()))]
    lines += ["", *_fold("What to do: ", receipt.what_to_do)]
    taken = f"flow {receipt.flow}" + (f", {receipt.batch}" if receipt.batch else "")
    lines += [
        "",
        f"{receipt.at:%Y-%m-%d %H:%M:%S} UTC, {taken}, {receipt.size_bytes:,} bytes, sha256 {receipt.sha256[:16]}",
    ]
    return "\n".join(lines) + "\n"


def _count_lines(counts: Counts) -> list[str]:
    shown = {
        "received": counts.received, "accepted": counts.accepted, "rejected": counts.rejected, "duplicate": counts.duplicate,
    }  # fmt: skip
    return [f"{rows:>10,}  rows {name}" for name, rows in shown.items() if rows or name != "duplicate"]


def _finding_lines(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for found in findings[:MOST_FINDINGS]:
        value = "" if found.example_value is None else f": {found.example_value}"
        rows = "row" if found.rows == 1 else "rows"
        lines += _fold(f"{found.rows:>10,}  {rows}  ", f"{found.said}, for example {found.example_at}{value}")
    if len(findings) > MOST_FINDINGS:
        lines.append(f"{'':>10}  and {len(findings) - MOST_FINDINGS} more kinds of faults")
    if any(found.example_at.startswith("record ") for found in findings):
        lines.append(f"{'':>10}  (records are counted from 1, the header is none)")
    return lines


def _fold(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=label, subsequent_indent=" " * len(label), break_long_words=False
    ) or [label.rstrip()]
