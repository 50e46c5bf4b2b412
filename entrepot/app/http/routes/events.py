"""Server-sent events: what changed, as it changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from entrepot.app.http.asked import Context
from entrepot.app.http.context import ApiContext
from entrepot.app.http.errors import TooBusy
from entrepot.app.http.hub import Listener, Notice
from entrepot.app.http.shapes import write_instant, write_value

router = APIRouter(tags=["events"])
HEARTBEAT_S = 15.0
RETRY_MS = 4_000
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Server-sent events."}
}


@router.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def watch_events(
    context: Context,
    topics: Annotated[
        str, Query(max_length=2_000, description="Names, also with `*`, separated by commas; empty: all.")
    ] = "",
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
    seconds: Annotated[
        float | None, Query(gt=0, le=86_400, description="End the stream after so long; null: never.")
    ] = None,
) -> StreamingResponse:
    """Watch what changes. An event `reset` says: something may have been missed, load all again."""
    if context.hub.is_full:
        raise TooBusy("too many watch already.", hint="Share one stream between windows, or ask again later.")
    wanted = tuple(each.strip() for each in topics.split(",") if each.strip())
    listener = Listener(wanted, asyncio.get_running_loop())
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    stream = _stream(context, listener, last_event_id, seconds)
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _stream(
    context: ApiContext, listener: Listener, last_id: str | None, seconds: float | None
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends_at = None if seconds is None else loop.time() + seconds
    missed, is_reset = context.hub.join(listener, last_id)
    try:
        yield f"retry: {RETRY_MS}\n: {context.hub.last_id}\n\n"
        if is_reset:
            yield _reset(context.hub.last_id)
        for notice in missed:
            yield _write(notice)
        while ends_at is None or loop.time() < ends_at:
            wait_s = HEARTBEAT_S if ends_at is None else min(HEARTBEAT_S, max(ends_at - loop.time(), 0.0))
            try:
                notice_or_end = await asyncio.wait_for(listener.queue.get(), wait_s)
            except TimeoutError:
                yield ": alive\n\n"
                continue
            if notice_or_end is None:
                return
            if listener.is_behind:
                yield _reset(context.hub.last_id)
                return
            yield _write(notice_or_end)
    finally:
        context.hub.leave(listener)


def _write(notice: Notice) -> str:
    data = {
        "topic": notice.topic,
        "id": notice.id,
        "at": write_instant(notice.at),
        "event": notice.name,
        "subject": notice.subject,
        "data": write_value(notice.data),
    }
    return f"id: {notice.id}\nevent: {notice.topic}\ndata: {json.dumps(data, default=str)}\n\n"


def _reset(last_id: str) -> str:
    return f"id: {last_id}\nevent: reset\ndata: {{}}\n\n"
