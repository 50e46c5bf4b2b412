"""Wiring of the processing of inbound records: which runner, which judge, under which lease; and trying it out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from entrepot.app.contract_judge import ContractJudge
from entrepot.app.wiring import Platform
from entrepot.contracts.model import Contract
from entrepot.intake.gateway.processing.judging import judge_each
from entrepot.intake.gateway.processing.loop import ProcessingLoop
from entrepot.intake.gateway.processing.processor import Processor
from entrepot.intake.gateway.processing.runner import Handled, Runner
from entrepot.intake.gateway.processing.telling import Tell, TellingRunner
from entrepot.intake.gateway.settings import Inbound, inbound_of
from entrepot.kernel.errors import UsageError
from entrepot.ports.access import Principal
from entrepot.ports.inbox import InboxRecord, Output


def processing_basis(platform: Platform, inbound: Inbound) -> object:
    """What a running loop was made of: when it differs, the loop is to be made anew. Texts of handlers are not in it: they are looked at all the time."""
    contract = _contract_of(platform, inbound.name)
    return (inbound.processing, inbound.plain, str(contract.dataset), contract.hash)


def make_processing(platform: Platform, inbound: Inbound, tell: Tell | None = None) -> ProcessingLoop:
    """The loop that processes one integration; nothing starts before its `run`. Args: tell: hears of CloudEvents by their type."""
    contract = _contract_of(platform, inbound.name)

    def make(may_finish: Callable[[], bool]) -> Processor:
        runner = _runner(platform, inbound)
        return Processor(
            inbound.processing,
            str(contract.dataset),
            platform.stores.inbox(),
            TellingRunner(runner, tell) if tell is not None and inbound.plain.events else runner,
            ContractJudge(platform, inbound.name, contract),
            platform.clock,
            platform.emit,
            may_finish=may_finish,
        )

    return ProcessingLoop(inbound.name, platform.services, make)


def _contract_of(platform: Platform, integration: str) -> Contract:
    """The contract that an integration's rows must keep."""
    source = next(source for source in platform.project.sources if source.name == integration)
    return platform.project.contracts[source.dataset]


def _runner(platform: Platform, inbound: Inbound) -> Runner:
    """Whoever turns records of an integration into rows: its handler's processes, or this one."""
    if inbound.processing.handler is None:
        from entrepot.intake.gateway.processing.plain import PlainRunner

        return PlainRunner(inbound.plain)
    from entrepot.adapters.handlers.code import WatchedHandler
    from entrepot.adapters.handlers.pool import HandlerPool

    watched = WatchedHandler(platform.project.root, inbound.processing.handler)
    return HandlerPool(inbound.processing, watched.load, platform.project.runtime / "tmp" / "handlers")


def try_records(
    platform: Platform, integration: str, records: Sequence[InboxRecord], seconds: float
) -> Sequence[Handled]:
    """The outcomes of records, with their bodies, as processing would give them now; nothing is kept. Those that take longer than `seconds` in all are absent.

    Raises: UsageError for an integration that the project does not have; ProjectError when its handler cannot be loaded.
    """
    inbound = _find(platform, integration)
    runner = _runner(platform, inbound)
    judge = ContractJudge(platform, integration, _contract_of(platform, integration))
    try:
        handled = _handle(runner, records, seconds)
        by_seq = {record.seq: record for record in records}
        groups = [_outputs(by_seq[each.seq], each) for each in handled]
        errors = judge_each(judge, str(_contract_of(platform, integration).dataset), groups)
        return [
            each if error is None else replace(each, rows=(), error=error)
            for each, error in zip(handled, errors, strict=True)
        ]
    finally:
        runner.close()
        judge.close()


def _handle(runner: Runner, records: Sequence[InboxRecord], seconds: float) -> list[Handled]:
    found: list[Handled] = []
    deadline = time.monotonic() + seconds
    runner.submit(records)
    while len(found) < len(records) and (left := deadline - time.monotonic()) > 0:
        found += runner.collect(left)
    return sorted(found, key=lambda each: each.seq)


def _outputs(record: InboxRecord, handled: Handled) -> list[Output]:
    return [
        Output(0, record.id, record.reference, record.received_us, record.revision, number, row)
        for number, row in enumerate(handled.rows, 1)
    ]


def _find(platform: Platform, integration: str) -> Inbound:
    found = inbound_of(platform.project.sources, platform.stores.secrets, _nobody, platform.project.root)
    if integration not in found:
        raise UsageError(
            f"the project has no integration {integration!r}; it has: {', '.join(sorted(found)) or 'none'}.",
            hint="An integration is a file of sources/ with connector: inbox.",
        )
    return found[integration]


def _nobody(headers: Mapping[str, str]) -> Principal | None:
    """The administrator of a door that is not opened here."""
    return None
