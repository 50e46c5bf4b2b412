"""Whether rows keep their contract, before the record that gave them counts as processed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from entrepot.kernel.errors import EntrepotError, SystemError_
from entrepot.ports.inbox import Output, RecordError

MOST_DETAILS = 100


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule that one row breaks."""

    rule: str
    path: str | None
    """The column, or the place inside of it."""
    message: str
    """What came and what is allowed, for the sender."""


class Judge(Protocol):
    """Judges rows one by one, by types and row rules; what concerns several rows (keys, other datasets) is judged in bronze."""

    def judge(self, rows: Sequence[Output]) -> Mapping[int, Sequence[BrokenRule]]:
        """Place in `rows` → what that row breaks with severity error; rows that keep the contract are absent. Called by one thread."""
        ...

    def close(self) -> None:
        """Let go of what it keeps. Repeatable."""
        ...


class AcceptAll:
    """The judge of a dataset without contract."""

    def judge(self, rows: Sequence[Output]) -> Mapping[int, Sequence[BrokenRule]]:
        """Nothing is wrong."""
        return {}

    def close(self) -> None:
        """There is nothing to let go of."""


def judge_each(judge: Judge, dataset: str, records: Sequence[Sequence[Output]]) -> list[RecordError | None]:
    """The error of each record by its rows, all judged at once; None where none of its rows breaks the contract.

    Raises: SystemError_ when nothing can be judged now.
    """
    try:
        return _judge_all(judge, dataset, records)
    except SystemError_:  # a full disk is nobody's fault: the records wait
        raise
    except EntrepotError:
        pass
    return [
        _judge_alone(judge, dataset, rows) for rows in records
    ]  # one that cannot be judged must not hold up the others


def _judge_all(judge: Judge, dataset: str, records: Sequence[Sequence[Output]]) -> list[RecordError | None]:
    rows = [row for record in records for row in record]
    broken = judge.judge(rows) if rows else {}
    found: list[RecordError | None] = []
    first = 0
    for record in records:
        faults = {place - first + 1: broken[place] for place in range(first, first + len(record)) if place in broken}
        found.append(_to_error(dataset, len(record), faults) if faults else None)
        first += len(record)
    return found


def _judge_alone(judge: Judge, dataset: str, rows: Sequence[Output]) -> RecordError | None:
    try:
        return _judge_all(judge, dataset, [rows])[0]
    except SystemError_:
        raise
    except EntrepotError as error:
        return RecordError("parked", f"Its rows could not be judged by the contract of {dataset}: {error.message}")


def _to_error(dataset: str, of: int, broken: Mapping[int, Sequence[BrokenRule]]) -> RecordError:
    """The error of a record. Args: of: how many rows it gave; broken: number of the row, from 1 → what it breaks."""
    details: list[dict[str, str | int | None]] = []
    for number, rules in sorted(broken.items()):
        for each in rules:
            path = each.path if of == 1 or each.path is None else f"[{number - 1}].{each.path}"
            details.append({"path": path, "rule": each.rule, "message": each.message})
    faults = f"{len(details)} fault{'s' if len(details) > 1 else ''}"
    which = "The row" if of == 1 else f"{len(broken)} of {of:,} rows"
    verb = "breaks" if of == 1 or len(broken) == 1 else "break"
    return RecordError(
        "contract", f"{which} {verb} the contract of {dataset}: {faults}.", tuple(details[:MOST_DETAILS])
    )
