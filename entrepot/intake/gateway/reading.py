"""The records of a request: each with its reference, its key and the headers that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from entrepot.intake.gateway.bodies import Body, decode_text, media_type
from entrepot.intake.gateway.cloudevents import (
    STRUCTURED,
    Event,
    EventMode,
    find_mode,
    read_binary,
    read_structured,
    split_batch,
)
from entrepot.intake.gateway.integration import Reading, Refusal, Request
from entrepot.intake.gateway.references import Extractor, join_texts
from entrepot.intake.gateway.unreadable import Unreadable

Taken = Literal["also", "only", "never"]

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token"})
"""Never kept, whatever the integration says."""
_JSON = "application/json"
_EVENTS = "application/cloudevents"


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads the requests of one integration; `integration.Read`."""

    reference: Extractor
    key: Extractor
    events: Taken = "also"
    batches: Taken = "also"
    is_signed: bool = False
    """Only what the signature covers may say which record it is: events in headers do not, and elements of a batch are objects."""
    secret_headers: frozenset[str] = SECRET_HEADERS

    def __call__(self, request: Request) -> Sequence[Reading] | Refusal:
        """As `integration.Read`."""
        try:
            return self._read(request)
        except Unreadable as fault:
            return fault.as_refusal()

    def _read(self, request: Request) -> Sequence[Reading]:
        content_type = _content_type(request)
        self._check_door(request)
        mode = self._find_mode(request, content_type)
        if mode is None:
            content_type = _JSON if request.number is not None else content_type
            return [self._plain(request, content_type)]
        if mode is EventMode.BATCH:
            text = decode_text(request.body, content_type)
            return [self._of_batch(request, event) for event in split_batch(text)]
        if mode is EventMode.BINARY:
            return [self._binary(request, content_type)]
        return [self._structured(request, request.body, decode_text(request.body, content_type), content_type)]

    def _check_door(self, request: Request) -> None:
        """The path is never signed: a batch sent to the other door must not become another record."""
        if request.number is not None and self.batches == "never":
            raise Unreadable("unsupported_content", "this integration takes single records only; leave /batch out.")
        if request.number is None and self.batches == "only":
            raise Unreadable("unsupported_content", "this integration takes batches only; send to …/batch.")
        if request.number is not None and self.is_signed and request.body.lstrip()[:1] != b"{":
            raise Unreadable("unsupported_content", "each record of a batch is a JSON object here.")

    def _find_mode(self, request: Request, content_type: str) -> EventMode | None:
        if self.events == "never":
            return None
        if request.number is not None:
            said = self.events == "only" or media_type(content_type).startswith(_EVENTS)
            return EventMode.STRUCTURED if said else None
        mode = find_mode(content_type, lambda name: request.header(name.encode()) is not None)
        if mode is None and self.events == "only":
            raise Unreadable("unsupported_content", "this integration takes CloudEvents only.")
        return mode

    def _plain(self, request: Request, content_type: str) -> Reading:
        return self._reading(request, request.body, content_type, None)

    def _structured(self, request: Request, raw: bytes, text: str, content_type: str) -> Reading:
        if request.number is not None:
            content_type = STRUCTURED
        return self._reading(request, raw, content_type, read_structured(text))

    def _binary(self, request: Request, content_type: str) -> Reading:
        if self.is_signed and not self.reference.pieces:
            raise Unreadable("unsupported_content", "events are taken in structured mode only: headers are not signed.")
        event = read_binary(_texts(request.headers), content_type, request.body)
        return self._reading(request, request.body, content_type, event)

    def _of_batch(self, request: Request, text: str) -> Reading:
        """One event of a batch; when it is not right, the others are taken all the same."""
        try:
            return self._reading(request, text.encode(), STRUCTURED, read_structured(text), within=True)
        except Unreadable as fault:
            return Reading(text.encode(), "", STRUCTURED, fault=fault.as_error())

    def _reading(
        self, request: Request, raw: bytes, content_type: str, event: Event | None, *, within: bool = False
    ) -> Reading:
        body = Body(raw, content_type)
        if event is not None and not self.reference.pieces:
            reference = join_texts([event.attributes["source"], event.attributes["id"]])
        else:
            self._refuse_shared(within)
            reference = self.reference.reference(request, body)
        key = self.key.key(request, body)
        return Reading(raw, reference, content_type, self._kept(request), key)

    def _refuse_shared(self, within: bool) -> None:
        """Headers and query are those of the whole batch: they cannot say which event it is."""
        if within and any(piece.body is None or piece.fallback == "hash" for piece in self.reference.pieces):
            raise Unreadable(
                "reference_unusable",
                "events of a batch are told apart by source and id, or by a field of the body; this integration states neither.",
            )

    def _kept(self, request: Request) -> tuple[tuple[str, str], ...]:
        return tuple(pair for pair in _texts(request.headers) if pair[0] not in self.secret_headers)


def _texts(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _content_type(request: Request) -> str:
    found = [value for name, value in request.headers if name == b"content-type"]
    if len(found) > 1:
        raise Unreadable("unreadable", "the header Content-Type stands twice.")
    return found[0].decode("latin-1").strip() if found else ""
