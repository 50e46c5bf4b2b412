"""The order of records that share a key: outcomes count in the order of receipt, and an error may hold back what follows it.

A handler is pure, so records of one key may be handled side by side; only when their outcomes count is a matter of order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from entrepot.intake.gateway.processing.runner import Handled
from entrepot.intake.gateway.processing.settings import OnError
from entrepot.ports.inbox import InboxRecord, RecordStatus

UNORDERED = frozenset({"conflict"})
"""Codes of records that never were to be processed: they hold nothing back."""


class Keys:
    """Which records may be finished now. In memory only: everything follows from the inbox."""

    def __init__(self, on_error: OnError) -> None:
        self._waits = on_error == OnError.WAIT
        self._open: dict[str, dict[tuple[int, int], Handled | None]] = {}
        """key → seq and revision of a record under way → its outcome, None while there is none yet."""
        self._held_by: dict[str, dict[int, str]] = {}
        """key → seq of a record in error → its id."""
        self._freed = False

    def is_held(self, record: InboxRecord) -> bool:
        """True when an earlier record of the key ended in error and later ones wait for it."""
        return record.key is not None and self._is_held(record.key, record.seq)

    def begin(self, record: InboxRecord) -> None:
        """A record is under way."""
        if record.key is not None:
            self._open.setdefault(record.key, {})[record.seq, record.revision] = None

    def release(self, record: InboxRecord, outcome: Handled) -> list[Handled]:
        """Note an outcome; give those that count now, in order."""
        if record.key is None:
            return [outcome]
        line = self._open[record.key]
        line[record.seq, record.revision] = outcome
        found: list[Handled] = []
        for at in sorted(line):
            ready = line[at]
            if ready is None:
                break
            found.append(ready)
        for ready in found:
            del line[ready.seq, ready.revision]
        if not line:
            del self._open[record.key]
        return found

    def note(self, record: InboxRecord, *, failed: bool) -> bool:
        """A record is about to be finished; False when it must wait, since one before it failed just now."""
        if record.key is None:
            return True
        if self._is_held(record.key, record.seq):
            return False
        holds = self._held_by.get(record.key, {})
        if failed and self._waits:
            self._held_by.setdefault(record.key, {})[record.seq] = record.id
        elif holds.pop(record.seq, None) is not None and not holds:
            del self._held_by[record.key]
            self._freed = True
        return True

    def take_freed(self) -> bool:
        """True once after a key became free: records of it may wait behind the newest one."""
        freed, self._freed = self._freed, False
        return freed

    def hold(self, records: Iterable[InboxRecord]) -> None:
        """Learn which records stand in error."""
        for record in records:
            code = record.error.code if record.error else ""
            if self._waits and record.key is not None and code not in UNORDERED:
                self._held_by.setdefault(record.key, {})[record.seq] = record.id

    def forget_open(self) -> None:
        """Nothing is under way any more. What stands in error is still known; `look_again` finds out what was not written."""
        self._open.clear()

    def look_again(self, get: Callable[[str], InboxRecord | None], most: int = 1_000) -> int:
        """Forget those that no longer stand in error (replayed, gone); return how many keys are still held."""
        for key in list(self._held_by)[:most]:
            holds = self._held_by.pop(key)
            left = {seq: id for seq, id in holds.items() if _stands_in_error(get(id))}
            if left:
                self._held_by[key] = left  # at the end, so that the next look begins with others
        return len(self._held_by)

    def _is_held(self, key: str, seq: int) -> bool:
        return any(at < seq for at in self._held_by.get(key, ()))


def _stands_in_error(record: InboxRecord | None) -> bool:
    return record is not None and record.status is RecordStatus.ERROR


def in_order(handled: Sequence[Handled]) -> list[Handled]:
    """By time of receipt: so the outputs of a round stand in the order in which the records came."""
    return sorted(handled, key=lambda each: each.seq)
