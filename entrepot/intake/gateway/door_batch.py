"""A batch: many records in one request, taken while it comes; each has an answer of its own, and a bad one spoils none of the others.

In: pieces of NDJSON or of a JSON array. Out: records in the inbox slice by slice, one result for each in the answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import NoReturn, TypeVar

import orjson

from entrepot.intake.gateway.asgi import JSON, Send
from entrepot.intake.gateway.door_lines import Slice, Splitter, choose_splitter
from entrepot.intake.gateway.door_records import faulty, results_of
from entrepot.intake.gateway.door_refusals import BodyRefused
from entrepot.intake.gateway.door_results import BatchResults
from entrepot.intake.gateway.integration import Integration, Reading, Request, read_each
from entrepot.intake.gateway.problems import Problem
from entrepot.ports.inbox import Accepted, RecordError

_T = TypeVar("_T")
Store = Callable[[Sequence[Reading], int], Awaitable[Sequence[Accepted] | Problem]]

PATIENCE_S = 5.0
"""How long a batch waits when the inbox is full, before its records are refused."""
_PAUSE_S = 0.1


class _Batch:
    """One batch on its way: while a slice becomes durable, the next one is read."""

    def __init__(
        self,
        integration: Integration,
        request: Request,
        store: Store,
        now_us: Callable[[], int],
        executor: Executor,
        results: BatchResults,
    ) -> None:
        self._integration = integration
        self._request = replace(request, body=b"", headers=_as_json(request.headers))
        self._store = store
        self._now_us = now_us
        self._executor = executor
        self._results = results
        self._read = integration.read_slice or read_each(integration.read)
        self._under_way: asyncio.Task[None] | None = None
        self._number = 1

    async def take(self, records: Slice) -> None:
        """Read a slice, and let it be stored once the one before is. Raises: BodyRefused when it is one record too many."""
        most = self._integration.limits.batch_records
        if self._number > most:
            _refuse_longer(most)
        records = records[: most + 1 - self._number]
        readings = await self._run(self._read_slice, records, self._number)
        self._number += len(records)
        await self.settle()
        self._under_way = asyncio.ensure_future(self._keep(readings, self._now_us()))

    async def settle(self) -> None:
        """Wait for the slice that is being stored."""
        if self._under_way is not None:
            under_way, self._under_way = self._under_way, None
            await under_way

    async def _keep(self, readings: Sequence[Reading], received_us: int) -> None:
        good = [reading for reading in readings if reading.fault is None]
        told = await self._store_patiently(good, received_us)
        await self._run(self._note, readings, told)

    async def _store_patiently(self, good: Sequence[Reading], received_us: int) -> Sequence[Accepted] | Problem:
        for _ in range(int(PATIENCE_S / _PAUSE_S)):
            told = await self._store(good, received_us)
            if not isinstance(told, Problem) or told.code != "inbox.full":
                return told
            await asyncio.sleep(_PAUSE_S)
        return await self._store(good, received_us)

    def _note(self, readings: Sequence[Reading], told: Sequence[Accepted] | Problem) -> None:
        if isinstance(told, Problem):
            self._results.add(
                faulty(told.code, told.detail or told.title, reading.reference)
                if reading.fault is None
                else faulty(reading.fault.code, reading.fault.message)
                for reading in readings
            )
        else:
            self._results.add(results_of(readings, told))

    def _read_slice(self, records: Slice, first: int) -> Sequence[Reading]:
        faults = [_fault(record, self._integration.limits.body_bytes) for record in records]
        if not any(faults):
            return self._read(self._request, [record for record in records if record is not None], first)
        found: list[Reading] = []
        for number, (record, fault) in enumerate(zip(records, faults, strict=True), first):
            if fault is not None or record is None:
                found.append(Reading(b"", "", fault=fault))
            else:
                found += self._read(self._request, [record], number)
        return found

    async def _run(self, function: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(function, *arguments))


async def take_batch(
    integration: Integration,
    request: Request,
    stream: AsyncIterator[bytes],
    store: Store,
    now_us: Callable[[], int],
    executor: Executor,
    send: Send,
    request_id: str,
) -> int:
    """Take a batch and answer it; return the status. Raises: BodyRefused when nothing of it was stored, SenderGone."""
    content_type = (request.header(b"content-type") or b"").decode("latin-1")
    results = BatchResults(in_lines=_wants_lines(request))
    batch = _Batch(integration, request, store, now_us, executor, results)
    try:
        refused = await _take_all(batch, results, stream, content_type, integration.limits.body_bytes)
        await results.send(send, request_id, close=refused)
    finally:
        await batch.settle()
        results.close()
    return 200


async def _take_all(
    batch: _Batch, results: BatchResults, stream: AsyncIterator[bytes], content_type: str, most: int
) -> bool:
    """True when the rest of the body is not wanted."""
    splitter: Splitter | None = None
    begun = b""
    try:
        async for piece in stream:
            if splitter is None:
                begun += piece
                splitter = choose_splitter(content_type, begun, most)
                piece = begun.removeprefix(b"\xef\xbb\xbf")
            if splitter is not None:
                for records in splitter.feed(piece):
                    await batch.take(records)
        wrong = None
        if splitter is not None:
            last, wrong = splitter.end()
            await batch.take(last)
        await batch.settle()
        if wrong is not None:
            results.add([faulty("unreadable", wrong)])
    except BodyRefused as error:
        await batch.settle()
        if not results.number:
            raise
        # Some records are stored already: their sender must learn which.
        results.add([faulty(error.problem.code, error.problem.detail or error.problem.title)])
        return True
    return False


def _refuse_longer(most: int) -> NoReturn:
    raise BodyRefused(
        Problem(
            413,
            "batch.too_long",
            "The batch has too many records.",
            f"{most:,} records are allowed; what follows was not taken.",
        )
    )


def _fault(record: bytes | None, most: int) -> RecordError | None:
    if record is None:
        return RecordError("body.too_large", f"the record is too large: {most:,} bytes are allowed.")
    try:
        orjson.loads(record)
    except orjson.JSONDecodeError as error:
        return _second_opinion(record, error)
    return None


def _second_opinion(record: bytes, error: orjson.JSONDecodeError) -> RecordError | None:
    """Half a surrogate pair is valid JSON, though orjson will not have it."""
    try:
        json.loads(record, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return RecordError("unreadable", f"not JSON: {error.msg} (column {error.colno}).")
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _as_json(headers: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """What stands in the headers of a batch's record: it is JSON, and has no length or encoding of its own."""
    dropped = (b"content-type", b"content-length", b"content-encoding", b"transfer-encoding")
    return (*(header for header in headers if header[0] not in dropped), (b"content-type", JSON))


def _wants_lines(request: Request) -> bool:
    wanted = request.header(b"accept") or b""
    if b"ndjson" in wanted or b"jsonl" in wanted:
        return True
    if b"application/json" in wanted:
        return False
    kind = request.header(b"content-type") or b""
    return b"ndjson" in kind or b"jsonl" in kind or b"json-lines" in kind
