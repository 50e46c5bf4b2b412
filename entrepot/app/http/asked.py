"""What routes are given: the context, the caller, and the parameters that many of them share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import AwareDatetime

from entrepot.app.http.context import ApiContext
from entrepot.ports.access import Principal


def get_context(request: Request) -> ApiContext:
    """The parts of the platform."""
    found: ApiContext = request.app.state.context
    return found


def get_principal(request: Request) -> Principal:
    """Who asks, as the guard has found."""
    found: Principal = request.state.principal
    return found


Context = Annotated[ApiContext, Depends(get_context)]
Caller = Annotated[Principal, Depends(get_principal)]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=400, description="`next` of the part before.")]
Since = Annotated[AwareDatetime | None, Query(alias="from", description="From this instant on.")]
Until = Annotated[AwareDatetime | None, Query(alias="to", description="Before this instant.")]
DatasetName = Annotated[str, Path(max_length=200, description="`layer.name`")]
At = Annotated[
    str | None,
    Query(max_length=60, description="A release's number, or an instant: the release that was current then."),
]
Word = Annotated[str | None, Query(max_length=200)]
Moment = datetime
