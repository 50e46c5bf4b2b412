"""Undoing a content encoding, bounded in size: a small body that grows beyond all measure is refused while it grows."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from entrepot.intake.gateway.door_refusals import BodyRefused
from entrepot.intake.gateway.problems import Problem

PIECE = 1 << 18
MOST_RATIO = 200
"""Text that is worth sending does not shrink further; a bomb does by a thousand."""
FREE_BYTES = 1 << 20
"""Below this size the ratio does not matter."""

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def find_encoding(headers: list[tuple[bytes, bytes]]) -> str:
    """The content encoding, empty for none. Raises: BodyRefused for one that is not known, or several."""
    found = [
        part.strip().lower()
        for name, value in headers
        if name == b"content-encoding"
        for part in value.decode("latin-1").split(",")
        if part.strip().lower() not in ("", "identity")
    ]
    if not found:
        return ""
    if len(found) > 1 or found[0] not in _WINDOWS:
        raise BodyRefused(
            Problem(
                415,
                "encoding.unknown",
                "The content encoding is not supported.",
                "Allowed are gzip and deflate, once.",
                "Send the body without Content-Encoding, or with gzip.",
                headers=((b"accept-encoding", b"gzip, deflate"),),
            )
        )
    return found[0]


class Decoder:
    """Undoes one encoding, piece by piece; what comes out is counted against `most`."""

    def __init__(self, encoding: str, most: int) -> None:
        self._encoding = encoding
        self._most = most
        self._taken = 0
        self._given = 0
        self._inner = zlib.decompressobj(_WINDOWS[encoding])
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """What a piece becomes, in pieces of bounded size. Raises: BodyRefused."""
        self._taken += len(piece)
        left = piece
        out = b""
        # A full piece of output may have more behind it, though all input is taken.
        while left or (len(out) == PIECE and not self._inner.eof):
            if self._inner.eof:
                # gzip files may be put one behind the other.
                self._inner = zlib.decompressobj(_WINDOWS[self._encoding])
                self._begun = False
            out = self._decompress(left)
            left = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
            self._given += len(out)
            self._check()
            if out:
                yield out

    def end(self) -> None:
        """Nothing follows. Raises: BodyRefused when the end is missing."""
        if not self._inner.eof:
            raise BodyRefused(_broken(self._encoding))

    def _decompress(self, data: bytes) -> bytes:
        try:
            out = self._inner.decompress(data, PIECE)
        except zlib.error:
            if self._begun or self._encoding != "deflate":
                raise BodyRefused(_broken(self._encoding)) from None
            # Some send raw deflate under that name.
            self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
            self._begun = True
            return self._decompress(data)
        self._begun = True
        return out

    def _check(self) -> None:
        if self._given > self._most or self._given > FREE_BYTES + self._taken * MOST_RATIO:
            raise BodyRefused(
                Problem(
                    413,
                    "body.too_large",
                    "The body is too large.",
                    f"{self._taken:,} bytes grew to more than {self._given - 1:,} when their {self._encoding} was undone; "
                    f"{self._most:,} bytes and {MOST_RATIO} times the size are allowed.",
                    "Send smaller records.",
                )
            )


def decode(body: bytes, encoding: str, most: int) -> bytes:
    """Undo the encoding of a whole body. Raises: BodyRefused."""
    if not encoding:
        return body
    decoder = Decoder(encoding, most)
    out = b"".join(decoder.feed(body))
    decoder.end()
    return out


def _broken(encoding: str) -> Problem:
    return Problem(
        400,
        "encoding.broken",
        "The body is not what its content encoding says.",
        f"It cannot be read as {encoding}.",
        "Encode it again.",
    )
