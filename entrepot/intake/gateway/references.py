"""Which record it is, and which key it belongs to: taken from headers, query and body as the integration says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from entrepot.intake.gateway.bodies import Body, BodyPath, hash_body, parse_fields
from entrepot.intake.gateway.integration import Request
from entrepot.intake.gateway.unreadable import Unreadable

LONGEST = 1_000
Fallback = Literal["refuse", "hash"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One place where a part of a reference or key stands: exactly one of `header`, `body` and `query`."""

    header: bytes | None = None
    """In lower case."""
    body: BodyPath | None = None
    query: str | None = None
    prefix: str = ""
    fallback: Fallback = "refuse"
    unsigned: bool = False
    """Believed though no signature covers it."""

    @property
    def label(self) -> str:
        """What people call it."""
        if self.header is not None:
            return f"the header {self.header.decode('latin-1')}"
        return f"the field {self.body.text} of the body" if self.body is not None else f"the query's {self.query}"


@dataclass(frozen=True, slots=True)
class Extractor:
    """Reads a reference or a key. Different values of the pieces give different texts."""

    pieces: tuple[Piece, ...]

    def reference(self, request: Request, body: Body) -> str:
        """The sender's id of the record; a hash of the body where none is stated, or is missing and may be. Raises: Unreadable."""
        texts: list[str] = []
        for piece in self.pieces:
            value = _find(piece, request, body)
            if value is None and piece.fallback == "hash":
                return hash_body(request.body)
            if value is None:
                raise Unreadable("reference_missing", f"{piece.label} is missing or empty; it says which record it is.")
            texts.append(piece.prefix + value)
        if not texts:
            return hash_body(request.body)
        return _finish(texts, self._number(request))

    def key(self, request: Request, body: Body) -> str | None:
        """The key by which records are ordered; None where none is stated. Raises: Unreadable when it is missing."""
        texts: list[str] = []
        for piece in self.pieces:
            value = _find(piece, request, body)
            if value is None:
                raise Unreadable("key_unusable", f"{piece.label} is missing or empty; records are ordered by it.")
            texts.append(piece.prefix + value)
        return join_texts(texts) if texts else None

    def _number(self, request: Request) -> int | None:
        """The record's number, where nothing of its own tells the records of a batch apart."""
        return request.number if all(piece.body is None for piece in self.pieces) else None


def join_texts(texts: Sequence[str]) -> str:
    """Several as one, so that no two lists give the same: `store|17`. Raises: Unreadable."""
    if len(texts) > 1:
        texts = [text.replace("%", "%25").replace("|", "%7C") for text in texts]
    return _checked("|".join(texts))


def _finish(texts: Sequence[str], number: int | None) -> str:
    joined = join_texts(texts)
    return joined if number is None else _checked(f"{joined}#{number}")


def _checked(text: str) -> str:
    if len(text) > LONGEST:
        raise Unreadable("reference_unusable", f"the reference has {len(text):,} characters; allowed are {LONGEST:,}.")
    if not text.isprintable() and any(ord(sign) < 32 or ord(sign) == 127 for sign in text):
        raise Unreadable("reference_unusable", "the reference holds control characters.")
    return text


def _find(piece: Piece, request: Request, body: Body) -> str | None:
    if piece.header is not None:
        return _find_header(piece, request)
    if piece.body is not None:
        return body.find(piece.body)
    values = [value for name, value in parse_fields(request.query) if name == piece.query]
    return _only(values, piece)


def _find_header(piece: Piece, request: Request) -> str | None:
    raw = [value for name, value in request.headers if name == piece.header]
    try:
        return _only([value.decode("utf-8").strip() for value in raw], piece)
    except UnicodeDecodeError:
        raise Unreadable("reference_unusable", f"{piece.label} is not UTF-8.") from None


def _only(values: Sequence[str], piece: Piece) -> str | None:
    if len(values) > 1:
        raise Unreadable("reference_unusable", f"{piece.label} stands more than once.")
    return values[0] or None if values else None
