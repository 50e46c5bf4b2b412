"""Brings one integration's records from `just_in` to `processed` or `error`, in rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from entrepot.intake.gateway.processing.judging import Judge, judge_each
from entrepot.intake.gateway.processing.keys import Keys, in_order
from entrepot.intake.gateway.processing.runner import Handled, Runner
from entrepot.intake.gateway.processing.settings import OnError, ProcessingSettings
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Emit, Event, ignore
from entrepot.kernel.points import reached
from entrepot.ports.clock import Clock
from entrepot.ports.inbox import Inbox, InboxRecord, Output, Processed, RecordError, RecordFilter, RecordStatus

MOST_RECORDS = 2_000
MOST_BYTES = 16 << 20
"""Of bodies under way, and of rows in one round."""
COLLECT_S = 0.2
"""How long a round gathers outcomes while others are still under way."""
_QUIET_S = 0.02
"""When so long none came, the round ends: what is there need not wait for a slow one, nor what just came in."""
_PAGE = 500
_LOOK_AGAIN_S = 1.0
_LOOK_AGAIN_AT_MOST_S = 4.0


@dataclass(frozen=True, slots=True)
class _UnderWay:
    record: InboxRecord
    size: int


class Processor:
    """One integration. Called by one thread; whoever calls it holds the integration's lease.

    Nothing that it knows has to survive: a record is `just_in` until its outcome is durable, and a handler gives the same again.
    """

    def __init__(
        self,
        settings: ProcessingSettings,
        dataset: str,
        inbox: Inbox,
        runner: Runner,
        judge: Judge,
        clock: Clock,
        emit: Emit = ignore,
        *,
        may_finish: Callable[[], bool] = lambda: True,
    ) -> None:
        """Args: may_finish: asked before each round is written; False: the lease is lost, nothing is written any more."""
        self._settings = settings
        self._dataset = dataset
        self._inbox = inbox
        self._runner = runner
        self._judge = judge
        self._clock = clock
        self._emit = emit
        self._may_finish = may_finish
        self._keys = Keys(settings.on_error)
        self._knows_errors = False
        self._under_way: dict[tuple[int, int], _UnderWay] = {}
        self._size = 0
        """Bytes of the bodies under way."""
        self._after = 0
        """Up to this seq everything was looked at once."""
        self._look_at = self._look_at_errors = float("-inf")
        self._look_every_s = _LOOK_AGAIN_S

    def look_again(self) -> None:
        """Something changed behind the newest record: one was replayed."""
        self._look_at = self._look_at_errors = float("-inf")

    @property
    def under_way(self) -> int:
        """How many records are being handled."""
        return len(self._under_way)

    def turn(self) -> int:
        """Process what waits; return how many records were finished. Waits only while some are under way, and not for long.

        Raises: ProjectError when the handler cannot be loaded, SystemError_ when the inbox cannot write: nothing is lost, call again later.
        """
        try:
            self._learn_errors()
            self._begin_more()
            return self._finish(self._collect())
        except EntrepotError:
            self._drop()
            raise

    def close(self) -> None:
        """Stop; what is under way stays `just_in`."""
        self._runner.close()
        self._judge.close()

    # what is new
    def _learn_errors(self) -> None:
        """After a start: which records stand in error, if later ones of their key wait for them."""
        if self._knows_errors or self._settings.on_error == OnError.GO_ON:
            return
        wanted = RecordFilter(integration=self._settings.integration, status=RecordStatus.ERROR)
        before: int | None = None
        while found := self._inbox.find(wanted, limit=_PAGE, before=before):
            self._keys.hold(found)
            before = found[-1].seq
        self._knows_errors = True

    def _begin_more(self) -> None:
        if time.monotonic() >= self._look_at and self._has_room():
            self._look_from_the_start()
        self._after = self._scan(self._after)

    def _look_from_the_start(self) -> None:
        """Records behind the newest one may wait again: replayed ones, and those whose key is free now."""
        began = time.monotonic()
        if began >= self._look_at_errors:
            self._keys.look_again(self._inbox.get)
            self._look_at_errors = began + _LOOK_AGAIN_S
        at, begun = 0, len(self._under_way)
        while at < self._after and self._has_room():
            at = self._scan(at, upto=self._after)
        # the more there is to look through for nothing, the less often
        is_idle = len(self._under_way) == begun
        self._look_every_s = min(2 * self._look_every_s, _LOOK_AGAIN_AT_MOST_S) if is_idle else _LOOK_AGAIN_S
        took = time.monotonic() - began
        self._look_at = time.monotonic() + (max(self._look_every_s, 20 * took) if self._has_room() else 0)

    def _scan(self, after: int, upto: int | None = None) -> int:
        """Begin records with seq > after while there is room; return up to where was looked (`upto` when there is nothing more)."""
        while self._has_room():
            found = self._inbox.waiting(self._settings.integration, after, _PAGE)
            fresh: list[InboxRecord] = []
            for record in found:
                if not self._has_room() or (upto is not None and record.seq > upto):
                    self._runner.submit(fresh)
                    return after if upto is None or record.seq <= upto else upto
                after = record.seq
                if (record.seq, record.revision) in self._under_way or self._keys.is_held(record):
                    continue
                self._begin(record)
                fresh.append(record)
            self._runner.submit(fresh)
            if len(found) < _PAGE:
                return after if upto is None else upto
        return after

    def _begin(self, record: InboxRecord) -> None:
        self._under_way[record.seq, record.revision] = _UnderWay(record, len(record.body))
        self._size += len(record.body)
        self._keys.begin(record)

    def _has_room(self) -> bool:
        return len(self._under_way) < MOST_RECORDS and self._size < MOST_BYTES

    # what is done
    def _collect(self) -> list[Handled]:
        """Outcomes that count now; when nothing is under way any more, or enough is there, at once."""
        found: list[Handled] = []
        size, deadline = 0, time.monotonic() + COLLECT_S
        waiting = len(self._under_way)
        while waiting and len(found) < MOST_RECORDS and size < MOST_BYTES:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            outcomes = self._runner.collect(min(left, _QUIET_S))
            if not outcomes:
                break
            for outcome in outcomes:
                known = self._under_way.get((outcome.seq, outcome.revision))
                if known is None:
                    continue
                waiting -= 1
                found += self._keys.release(known.record, outcome)
                size += sum(map(len, outcome.rows))
        return in_order(found)

    def _finish(self, outcomes: Sequence[Handled]) -> int:
        """Judge, write, forget."""
        if not outcomes:
            return 0
        at = self._clock.now()
        results = [
            Processed(each.seq, each.revision, at, each.rows if error is None else (), error, each.attempts)
            for each, error in zip(outcomes, self._errors(outcomes), strict=True)
            if self._keys.note(self._record(each), failed=error is not None)
        ]
        reached("process.before")
        if not self._may_finish():
            self._drop()
            return 0
        self._inbox.finish(results)
        reached("process.after")
        for each in outcomes:
            self._size -= self._under_way.pop((each.seq, each.revision)).size
        if self._keys.take_freed():
            self.look_again()
        self._tell(results)
        return len(results)

    def _record(self, outcome: Handled) -> InboxRecord:
        return self._under_way[outcome.seq, outcome.revision].record

    def _errors(self, outcomes: Sequence[Handled]) -> list[RecordError | None]:
        """The error of each outcome: its own, or that of a row that breaks the contract."""
        groups = [self._outputs(each) for each in outcomes]
        judged = judge_each(self._judge, self._dataset, groups)
        return [error or each.error for each, error in zip(outcomes, judged, strict=True)]

    def _outputs(self, outcome: Handled) -> list[Output]:
        record = self._record(outcome)
        return [
            Output(0, record.id, record.reference, record.received_us, record.revision, number, row)
            for number, row in enumerate(outcome.rows, 1)
        ]

    def _tell(self, results: Sequence[Processed]) -> None:
        failed = sum(result.error is not None for result in results)
        counts = {"processed": len(results) - failed, "failed": failed}
        self._emit(Event("records_processed", self._settings.integration, counts))

    def _drop(self) -> None:
        """What is under way is begun anew: results that come late are nobody's."""
        self._runner.forget()
        self._keys.forget_open()
        self._under_way.clear()
        self._size = self._after = 0
        self.look_again()
