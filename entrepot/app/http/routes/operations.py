"""Operations and their receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from entrepot.app.http import operations as op
from entrepot.app.http.actions import MOST_NAMED, Preview
from entrepot.app.http.asked import Context, Cursor, Limit
from entrepot.app.http.cursors import cut
from entrepot.app.http.errors import NotThere
from entrepot.app.http.shapes import Instant, Page, Shape

router = APIRouter(tags=["operations"])
Id = Annotated[str, Path(max_length=100)]


class OperationError(Shape):
    """Why an operation failed."""

    code: str
    message: str
    hint: str | None = None


class OperationState(Shape):
    """Work that goes on after its request was answered."""

    id: str
    action: str
    who: str
    reason: str
    status: Literal["waiting", "running", "succeeded", "failed", "interrupted"]
    done: int
    total: int | None = Field(None, description="null: it is not known how much there is")
    made_at: Instant
    ended_at: Instant | None = None
    receipt: str | None = None
    error: OperationError | None = None
    result: dict[str, Any] = Field(default_factory=dict)


class OperationPage(Page[OperationState]):
    """Operations, newest first."""


class ReceiptLine(Shape):
    """What was done to one thing."""

    subject: str
    outcome: str
    note: str | None = None


class Receipt(Shape):
    """What an operation did, for ever."""

    id: str
    action: str
    who: str
    reason: str
    at: Instant
    operation: str
    succeeded: bool
    counts: dict[str, int]
    lines: list[ReceiptLine]
    more_lines: int
    before: str | None = Field(None, description="`sha256` of the receipt before this one")
    sha256: str
    is_sound: bool = Field(description="true when the receipt still hashes to what it says")


class PreviewShape(Shape):
    """What would be touched. The token does exactly that, once."""

    token: str
    expires_at: Instant
    count: int
    counts: dict[str, int]
    names: list[str] = Field(description=f"the first {MOST_NAMED} of what is touched")
    touches: list[str] = Field(description="tables, KPIs and integrations behind it")
    warnings: list[str]


class Apply(Shape):
    """The token of a preview."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


def to_preview(preview: Preview) -> PreviewShape:
    """As it is sent."""
    found = preview.found
    return PreviewShape(
        token=preview.token,
        expires_at=preview.expires_at,
        count=len(found.subjects),
        counts=dict(found.counts),
        names=list(found.subjects[:MOST_NAMED]),
        touches=list(found.touches),
        warnings=list(found.warnings),
    )


def to_operation(found: op.Operation) -> OperationState:
    """As it is sent."""
    return OperationState(
        id=found.id,
        action=found.action,
        who=found.who,
        reason=found.reason,
        status=found.status,  # type: ignore[arg-type]
        done=found.done,
        total=found.total,
        made_at=datetime.fromisoformat(found.made_at),
        ended_at=None if found.ended_at is None else datetime.fromisoformat(found.ended_at),
        receipt=found.receipt,
        error=None if found.error is None else OperationError(**found.error),  # type: ignore[arg-type]
        result=dict(found.result),
    )


@router.get("/operations", response_model=OperationPage)
def list_operations(context: Context, limit: Limit = 50, cursor: Cursor = None) -> OperationPage:
    """List operations, newest first."""
    part, next = cut("operations", context.operations.list(), cursor, limit, str)
    found = (context.operations.find(id) for id in part)
    return OperationPage(items=[to_operation(each) for each in found if each is not None], next=next)


@router.get("/operations/{id}", response_model=OperationState)
def get_operation(context: Context, id: Id) -> OperationState:
    """Show an operation as it stands."""
    found = context.operations.find(id)
    if found is None:
        raise NotThere(f"there is no operation {id!r}.", hint="See: GET /api/v1/operations")
    return to_operation(found)


@router.get("/receipts/{id}", response_model=Receipt)
def get_receipt(context: Context, id: Id) -> Receipt:
    """Show a receipt. It holds the hash of the one before it, so that none can be changed or taken out unseen."""
    paper = context.operations.receipts.read(id)
    if paper is None:
        raise NotThere(f"there is no receipt {id!r}.", hint="Operations name theirs: GET /api/v1/operations")
    content = {name: value for name, value in paper.items() if name != "sha256"}
    return Receipt(**paper, is_sound=op.hash_receipt(content) == paper.get("sha256"))


class ReceiptPage(Page[str]):
    """Numbers of receipts, newest first."""


@router.get("/receipts", response_model=ReceiptPage)
def list_receipts(context: Context, limit: Limit = 50, cursor: Cursor = None) -> ReceiptPage:
    """List the numbers of receipts, newest first."""
    part, next = cut("receipts", context.operations.receipts.names(), cursor, limit, str)
    return ReceiptPage(items=part, next=next)
