"""Rows of inbound records, judged by their contract before they are stored as such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from entrepot.app.wiring import Platform
from entrepot.contracts.model import Contract
from entrepot.intake.gateway.processing.judging import BrokenRule
from entrepot.intake.gateway.reader import InboxReader
from entrepot.intake.sources.base import ReaderContext
from entrepot.kernel.positions import Cursor
from entrepot.ports.inbox import Inbox, Output
from entrepot.ports.relations import Stream

if TYPE_CHECKING:
    from entrepot.adapters.embedded.row_judge import DuckRowJudge
    from entrepot.flow.rejects import Reason

_JUDGE_MB = 200
_MOST_SHOWN = 200


class ContractJudge:
    """Judges rows by a contract, read by the very reader that brings them to bronze. Its engine starts with the first row."""

    def __init__(self, platform: Platform, integration: str, contract: Contract) -> None:
        self._platform = platform
        self._integration = integration
        self._contract = contract
        self._engine: DuckRowJudge | None = None

    def judge(self, rows: Sequence[Output]) -> Mapping[int, Sequence[BrokenRule]]:
        """As `Judge.judge`."""
        engine = self._open()
        reader = InboxReader(self._context(_Shown(rows)), batch_rows=len(rows))
        (part,) = reader.read(Cursor(None, len(rows)))
        assert isinstance(part.rows, Stream)
        found: dict[int, Sequence[BrokenRule]] = {}
        first = 0
        for batch in part.rows.open():
            broken = engine.judge(batch)
            found |= {first + place: [_say(reason) for reason in reasons] for place, reasons in broken.items()}
            first += batch.num_rows
        return found

    def close(self) -> None:
        """Let the engine go. Repeatable."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _open(self) -> DuckRowJudge:
        from entrepot.adapters.embedded.connections import Settings
        from entrepot.adapters.embedded.row_judge import DuckRowJudge

        if self._engine is None:
            self._platform.engine.require(self._contract)
            temp = self._platform.project.runtime / "tmp"
            self._engine = DuckRowJudge(self._contract, Settings(1, _JUDGE_MB, temp))
        return self._engine

    def _context(self, shown: _Shown) -> ReaderContext:
        project = self._platform.project
        return ReaderContext(
            flow=self._integration,
            root=project.root,
            clock=self._platform.clock,
            columns=self._contract.columns,
            inbox=lambda: cast(Inbox, shown),
        )


class _Shown:
    """Rows that are not stored yet, as the reader sees an inbox; it asks for no more than this. They are numbered from 1."""

    def __init__(self, rows: Sequence[Output]) -> None:
        self._rows = [replace(row, seq=seq) for seq, row in enumerate(rows, 1)]

    def outputs(self, integration: str, after: int, upto: int) -> Sequence[Output]:
        """Outputs with after < seq <= upto."""
        return self._rows[after:upto]

    def taken(self, integration: str) -> int:
        """None of them."""
        return 0

    def bound_output(self, integration: str, after: int, limit: int) -> int | None:
        """The seq of the `limit`-th output after `after`, not between the outputs of one record."""
        if after >= len(self._rows):
            return None
        end = min(after + limit, len(self._rows))
        while end < len(self._rows) and self._rows[end].record == self._rows[end - 1].record:
            end += 1
        return end


def _say(reason: Reason) -> BrokenRule:
    came = "nothing came" if reason.value is None else f"{_shorten(reason.value)!r} came"
    allowed = f"; allowed is {reason.expected}" if reason.expected else ""
    at = f"{reason.column}, {reason.at}" if reason.column and reason.at else reason.column
    return BrokenRule(reason.rule, at, f"{came}{allowed}")


def _shorten(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
