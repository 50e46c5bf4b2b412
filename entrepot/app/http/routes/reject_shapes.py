"""Rejects as they are sent and asked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from entrepot.app.http.routes.reject_actions import Verb
from entrepot.app.http.shapes import Instant, Page, Shape
from entrepot.flow.rejects import Reject, RejectStatus

MOST_IDS = 1_000
MOST_COUNTED = 50_000
"""Rejects of one dataset that are looked at; there are more only where something is very wrong."""
RejectId = Annotated[str, Field(min_length=5, max_length=200)]
Ids = Annotated[list[RejectId], Field(min_length=1, max_length=MOST_IDS)]
Reason = Annotated[str, Field(min_length=1, max_length=1_000)]


class RejectReason(Shape):
    """One broken rule."""

    rule: str
    column: str | None
    value: str | None
    expected: str | None
    at: str | None


class RejectItem(Shape):
    """One rejected record, as it came."""

    id: str
    dataset: str
    flow: str
    batch: int
    origin: str
    received_at: Instant
    status: RejectStatus
    row: dict[str, str | None]
    fixes: dict[str, str | None]
    reasons: list[RejectReason]


class RejectPage(Page[RejectItem]):
    """Rejects in the order in which they came."""


class RejectDetail(RejectItem):
    """One rejected record and what waits for it."""

    corrects: str | None = Field(description="the reject that this one is another try of")
    waits: list[str] = Field(description="datasets that are made from this one")
    may_be_decided: bool = Field(description="false: taken again, voided or superseded, or rejected by a model")


class RejectGroup(Shape):
    """Rejects of one dataset that broke one rule; one that broke several stands in each."""

    dataset: str
    rule: str
    rows: int
    by_status: dict[str, int]
    files: int
    oldest: Instant
    example: str = Field(description="the id of one of them")


class RejectGroups(Shape):
    """All groups, the largest first."""

    items: list[RejectGroup]
    rows: int = Field(description="rejects in all, each once")
    is_whole: bool = Field(description=f"false: more than {MOST_COUNTED:,} of a dataset")


class DraftItem(Shape):
    """Corrected values of one record, as text; null for no value."""

    id: RejectId
    values: dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=10_000)] | None] = Field(
        min_length=1, max_length=500
    )


class Drafts(Shape):
    """Corrections. Nothing is written to the dataset before they are taken again."""

    items: list[DraftItem] = Field(min_length=1, max_length=100)
    reason: str = Field("corrected by hand", max_length=1_000)


class RejectList(Shape):
    """Rejects as they stand now."""

    items: list[RejectItem]


class Chosen(Shape):
    """Some rejects."""

    ids: Ids


class Decision(Chosen):
    """Some rejects, and why."""

    reason: Reason


class CheckedItem(Shape):
    """Whether one record would be accepted now."""

    id: str
    passes: bool
    breaks: list[str]


class CheckedList(Shape):
    """Each of them."""

    items: list[CheckedItem]


class RetryWanted(Shape):
    """Which to take again: these, or everything fixed or approved of one dataset or of all."""

    ids: list[RejectId] = Field(default_factory=list, max_length=MOST_IDS)
    dataset: str | None = Field(None, max_length=200)


class BulkWanted(Shape):
    """A verb, and a set: ids, or everything that the filter matches."""

    verb: Verb
    ids: list[RejectId] = Field(default_factory=list, max_length=MOST_IDS)
    dataset: str | None = Field(None, max_length=200)
    rule: str | None = Field(None, max_length=300)
    status: RejectStatus | None = None
    reason: str = Field("", max_length=1_000)


def to_item(reject: Reject) -> RejectItem:
    """As it is sent."""
    return RejectItem(
        id=reject.id,
        dataset=reject.dataset,
        flow=reject.flow,
        batch=reject.batch,
        origin=reject.origin,
        received_at=reject.received_at,
        status=reject.status,
        row={name: None if value is None else str(value) for name, value in reject.row.items()},
        fixes=dict(reject.fixes),
        reasons=[
            RejectReason(rule=r.rule, column=r.column, value=r.value, expected=r.expected, at=r.at)
            for r in reject.reasons
        ],
    )
