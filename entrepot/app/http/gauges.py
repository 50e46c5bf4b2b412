"""How the platform stands, as gauges."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from entrepot.app.http.context import ApiContext
from entrepot.app.http.measures import Gauge
from entrepot.kernel.errors import EntrepotError
from entrepot.ports.inbox import RecordStatus
from entrepot.ports.outbox import MessageStatus


def read_gauges(context: ApiContext) -> Iterator[Gauge]:
    """Read when somebody asks. Where the project cannot be read, its gauges are missing and the others are there."""
    with contextlib.suppress(EntrepotError):
        yield from _datasets(context)
    with contextlib.suppress(EntrepotError):
        yield from _gateway(context)


def _datasets(context: ApiContext) -> Iterator[Gauge]:
    facts, now = context.facts.get(), context.clock.now()
    figures = {entry.name: entry.figures for entry in facts.entries if entry.figures is not None}
    balances = {name: each.balance for name, each in figures.items() if each.balance is not None}
    yield (
        "entrepot_dataset_rows",
        "Rows of the version that readers see.",
        {name: float(each.rows) for name, each in figures.items() if each.rows is not None},
    )
    yield (
        "entrepot_dataset_age_seconds",
        "Since the last batch settled.",
        {name: (now - each.last_change).total_seconds() for name, each in figures.items() if each.last_change},
    )
    yield (
        "entrepot_dataset_held",
        "1: readers see an older version.",
        {entry.name: float(entry.held is not None) for entry in facts.entries if entry.figures is not None},
    )
    yield (
        "entrepot_dataset_rejected",
        "Rejected records that were not taken again.",
        {name: float(each.rejected) for name, each in balances.items()},
    )
    yield (
        "entrepot_dataset_unexplained",
        "Records that are missing or there twice: never anything but 0.",
        {
            name: float(each.received - each.live - each.rejected - each.duplicate - each.superseded)
            for name, each in balances.items()
        },
    )


def _gateway(context: ApiContext) -> Iterator[Gauge]:
    project = context.projects.project()
    if context.inbox is not None:
        names = [source.name for source in project.sources if source.connector == "inbox"]
        counts = {name: context.inbox.counts(name) for name in names}
        for status in (RecordStatus.JUST_IN, RecordStatus.ERROR):
            values = {name: float(each.by_status.get(status, 0)) for name, each in counts.items()}
            yield f"entrepot_inbox_{status.value}", f"Records that stand at {status.value}.", values
        waiting = {name: float(each.outputs_waiting) for name, each in counts.items()}
        yield "entrepot_inbox_outputs_waiting", "Rows that bronze has not taken yet.", waiting
    if context.outbox is not None:
        standings = context.outbox_desk().integrations()
        for kind in (MessageStatus.QUEUED, MessageStatus.DEAD):
            values = {each.publication.name: float(each.counts.by_status.get(kind, 0)) for each in standings}
            yield f"entrepot_outbox_{kind.value}", f"Messages that are {kind.value}.", values
