"""The door: `POST /api/v1/in/{integration}`, as bare ASGI. A record is acknowledged once it is durable, never before.

In: HTTP requests of senders. Out: records in the inbox, files in the incoming folder of a source.
Frameworks cost more here than the disk does, so this path has none.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson

from entrepot.intake.gateway.asgi import (
    Application,
    Headers,
    Receive,
    RequestIds,
    Scope,
    Send,
    answer,
    refuse,
    refuse_unread,
)
from entrepot.intake.gateway.door_batch import take_batch
from entrepot.intake.gateway.door_body import Body, Watchman
from entrepot.intake.gateway.door_encodings import decode, find_encoding
from entrepot.intake.gateway.door_file import remove_stale, take_files
from entrepot.intake.gateway.door_inbox import LoopInbox
from entrepot.intake.gateway.door_records import (
    Gate,
    arrival_of,
    check_gate,
    paused,
    problem_of_conflict,
    problem_of_failure,
    problem_of_refusal,
    result_of,
    results_of,
)
from entrepot.intake.gateway.door_refusals import BodyRefused, SenderGone
from entrepot.intake.gateway.integration import Integration, Reading, Refusal, Request
from entrepot.intake.gateway.limits import TokenBucket, Waiting
from entrepot.intake.gateway.problems import Problem
from entrepot.ports.clock import Clock
from entrepot.ports.inbox import Accepted, Answer, Inbox, RecordStatus

PREFIX = "/api/v1/in/"
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_REPEATED: Headers = ((b"idempotent-replay", b"true"),)

_log = logging.getLogger("entrepot.door")


class Door:
    """An ASGI application for one event loop (one process); `use` changes its integrations while it runs."""

    def __init__(
        self,
        integrations: Mapping[str, Integration],
        inbox: Inbox,
        clock: Clock,
        *,
        accepted: Callable[[str], None] | None = None,
    ) -> None:
        """Args: accepted: told the integration's name on the event loop when records of it became durable: to wake who processes them."""
        self._inbox = inbox
        self._clock = clock
        self._accepted = accepted
        self._ids = RequestIds()
        self._watchman = Watchman()
        self._executor = ThreadPoolExecutor(4, thread_name_prefix="door")
        self._loop_inbox: LoopInbox | None = None
        self._gates: dict[str, Gate] = {}
        self.answers: Counter[tuple[str, int]] = Counter()
        """How many answers were given, by integration (empty: unknown) and status."""
        self.records: Counter[str] = Counter()
        """How many records were stored, by integration."""
        self.use(integrations)

    def use(self, integrations: Mapping[str, Integration]) -> None:
        """Take these integrations from now on; what is unchanged keeps its limits' state."""
        gates = {}
        for name, integration in integrations.items():
            known = self._gates.get(name)
            if known is not None and known.integration.limits == integration.limits:
                gates[name] = replace(known, integration=integration)
            else:
                gates[name] = self._make_gate(integration)
            if integration.files is not None:
                self._executor.submit(remove_stale, integration.files)
        self._gates = gates

    def close(self) -> None:
        """Stop the threads."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = self._ids.new()
        name, _, rest = scope["path"][len(PREFIX) :].partition("/")
        gate = self._gates.get(name)
        if gate is None or rest not in ("", "batch", "file") or scope["path"].endswith("/"):
            problem = _unknown()
        elif scope["method"] != "POST":
            problem = _method()
        elif gate.integration.paused:
            problem = paused()
        else:
            status = await self._answer(gate, rest, request_id, scope, receive, send)
            self.answers[name, status] += 1
            return
        self.answers["" if gate is None else name, problem.status] += 1
        body = Body(receive, scope["headers"], 0, self._watchman)
        if scope["method"] == "HEAD" or body.announced == 0:
            await refuse(send, problem, request_id, head=scope["method"] == "HEAD")
        else:
            await refuse_unread(send, problem, request_id, body.discard)

    async def _answer(self, gate: Gate, what: str, request_id: str, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer a request to an integration that is there; return the status."""
        limits = gate.integration.limits
        most = {"": limits.body_bytes, "batch": limits.batch_bytes, "file": limits.file_bytes}[what]
        body = Body(receive, scope["headers"], most, self._watchman)
        try:
            body.check_length()
            if what == "":
                return await self._take_record(gate, request_id, scope, body, send)
            return await self._take_many(gate, what, request_id, scope, body, send)
        except BodyRefused as error:
            problem = error.problem
        except SenderGone:
            return 499
        except Exception as error:
            _log.error("request %s failed: %s", request_id, type(error).__name__, exc_info=error)
            problem = Problem(
                500, "unexpected", "An unexpected error.", hint="Send the record again; tell us the request id."
            )
        await self._refuse(send, problem, request_id, body)
        return problem.status

    async def _refuse(self, send: Send, problem: Problem, request_id: str, body: Body) -> None:
        if body.is_whole or (body.announced is not None and body.taken >= body.announced):
            await refuse(send, problem, request_id)
        else:
            await refuse_unread(send, problem, request_id, body.discard)

    async def _take_record(self, gate: Gate, request_id: str, scope: Scope, body: Body, send: Send) -> int:
        integration = gate.integration
        encoding = find_encoding(scope["headers"])
        raw = await body.whole()
        request = self._request(scope, raw)
        refusal = integration.authenticate(request)
        problem = check_gate(gate) if refusal is None else problem_of_refusal(refusal)
        if problem is not None:
            await refuse(send, problem, request_id)
            return problem.status
        if encoding:
            request = replace(request, body=decode(raw, encoding, integration.limits.body_bytes))
        readings = integration.read(request)
        if isinstance(readings, Refusal):
            await refuse(send, problem_of_refusal(readings), request_id)
            return readings.status
        if len(readings) == 1 and readings[0].fault is None:
            return await self._store_one(gate, readings[0], request, request_id, send)
        return await self._store_several(gate, readings, request, request_id, send)

    async def _store_one(self, gate: Gate, reading: Reading, request: Request, request_id: str, send: Send) -> int:
        told = await self._store(gate, [reading], request.received_us)
        if isinstance(told, Problem):
            await refuse(send, told, request_id)
            return told.status
        if told[0].answer is Answer.CONFLICT:
            await refuse(send, problem_of_conflict(told[0], reading.reference), request_id)
            return 409
        more = _REPEATED if told[0].answer is Answer.REPEATED else ()
        await answer(send, 202, orjson.dumps(result_of(told[0], reading.reference)), request_id, more)
        return 202

    async def _store_several(
        self, gate: Gate, readings: Sequence[Reading], request: Request, request_id: str, send: Send
    ) -> int:
        if len(readings) == 1 and readings[0].fault is not None:
            fault = readings[0].fault
            await refuse(send, Problem(400, fault.code, "The record cannot be taken.", fault.message), request_id)
            return 400
        told = await self._store(gate, [reading for reading in readings if reading.fault is None], request.received_us)
        if isinstance(told, Problem):
            await refuse(send, told, request_id)
            return told.status
        results = [{"number": number, **result} for number, result in enumerate(results_of(readings, told), 1)]
        await answer(send, 200, orjson.dumps(results), request_id)
        return 200

    async def _take_many(self, gate: Gate, what: str, request_id: str, scope: Scope, body: Body, send: Send) -> int:
        """A batch, or files: authenticated before it is read, unless its signature is over the body."""
        integration = gate.integration
        encoding = find_encoding(scope["headers"])
        raw: bytes | None = None
        if integration.body_signed:
            body.lower(integration.limits.body_bytes)
            body.check_length()
            raw = await body.whole()
        request = self._request(scope, raw or b"")
        refusal = integration.authenticate(request)
        problem = check_gate(gate) if refusal is None else problem_of_refusal(refusal)
        if problem is not None:
            await self._refuse(send, problem, request_id, body)
            return problem.status
        if what == "file":
            return await take_files(integration, request, body.stream(raw, encoding), self._executor, send, request_id)

        async def store(readings: Sequence[Reading], received_us: int) -> Sequence[Accepted] | Problem:
            return await self._store(gate, readings, received_us)

        stream = body.stream(raw, encoding)
        return await take_batch(integration, request, stream, store, self._now_us, self._executor, send, request_id)

    async def _store(self, gate: Gate, readings: Sequence[Reading], received_us: int) -> Sequence[Accepted] | Problem:
        """Hand over to the inbox and wait until it is durable."""
        if not readings:
            return ()
        integration = gate.integration
        gate.bucket.take(len(readings))
        arrivals = [arrival_of(integration, reading, received_us) for reading in readings]
        try:
            told = await self._inbox_of_loop().submit(arrivals)
        except Exception as error:
            problem = problem_of_failure(error)
            if problem.code == "inbox.failed":
                _log.error("records of %s could not be stored: %s", integration.name, error, exc_info=error)
            return problem
        gate.waiting.add(len(told))
        self.records[integration.name] += len(told)
        if self._accepted is not None:
            self._accepted(integration.name)
        return told

    def _request(self, scope: Scope, body: bytes) -> Request:
        client = scope.get("client")
        return Request(
            scope["method"],
            scope["path"],
            tuple(scope["headers"]),
            scope["query_string"],
            client[0] if client else "",
            body,
            self._now_us(),
        )

    def _now_us(self) -> int:
        return (self._clock.now() - _START) // _MICROSECOND

    def _inbox_of_loop(self) -> LoopInbox:
        if self._loop_inbox is None:
            self._loop_inbox = LoopInbox(self._inbox, asyncio.get_running_loop())
        return self._loop_inbox

    def _make_gate(self, integration: Integration) -> Gate:
        def count() -> int:
            return self._inbox.counts(integration.name).by_status.get(RecordStatus.JUST_IN, 0)

        return Gate(integration, TokenBucket(integration.limits), Waiting(integration.limits, count, self._executor))


def in_front_of(door: Door, application: Application) -> Application:
    """One ASGI application: the door where it is meant, the other for everything else (also start and end)."""

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await door(scope, receive, send)
        else:
            await application(scope, receive, send)

    return both


def _unknown() -> Problem:
    return Problem(
        404,
        "integration.unknown",
        "There is no such integration.",
        hint="Look at the address: POST /api/v1/in/<integration>, …/batch or …/file.",
    )


def _method() -> Problem:
    return Problem(405, "method.not_allowed", "Records are sent with POST.", headers=((b"allow", b"POST"),))
