"""What may be taken a second time, and how, so that no older value takes the place of a newer one. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    """In which order batches are taken again."""

    ANY = "any"
    """Each replaces what it brought itself, and nothing else."""
    AS_BEFORE = "as_before"
    """One after the other, as they came, to the newest: a later one replaces rows of an earlier one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be taken again."""

    name: str
    connector: str
    write: str = "append"
    supersedes: str | None = None
    is_shared: bool = False
    """One of several datasets of a source."""
    is_kept: bool = False
    """Its files are read where they stand."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why it cannot be done, and what can."""

    why: str
    hint: str


def decide_order(subject: Subject, *, to_the_newest: bool) -> Order | Refusal:
    """How a source's batches are taken again. Args: to_the_newest: no batch came after the range."""
    if subject.connector != "files":
        return Refusal(
            f"{subject.name} reads by a cursor ({subject.connector}): each range is read once and continues the last one.",
            "State look_back, so that each batch reads again what lies so far back (write: merge), or give the source a new name.",
        )
    if subject.is_shared or subject.is_kept:
        why = "feeds several datasets" if subject.is_shared else "reads its files where they stand"
        return Refusal(
            f"{subject.name} {why}: its files are taken again one by one.",
            "Write: entrepot run --again FILE --reason WHY",
        )
    if subject.write == "append" and subject.supersedes == "name":
        return Order.ANY
    if subject.write == "replace":
        return Refusal(
            f"{subject.name} is written by replace: an older file would take the place of all rows.",
            "Put the file that is right into incoming/ again.",
        )
    if subject.write == "append" and subject.supersedes is None:
        return Refusal(
            f"{subject.name} only appends: rows that stand already would stand twice, or be rejected for their key.",
            "State supersedes: {by: name} or {by: period}, or write: merge.",
        )
    if not to_the_newest:
        return Refusal(
            f"{subject.name} has newer batches than --to, and older rows would take the place of theirs.",
            "Leave --to out: all from --from on is taken again in the order in which it came.",
        )
    return Order.AS_BEFORE
