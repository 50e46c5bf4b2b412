"""The answer to a batch: a result for each record, kept in memory while it is small."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import IO

import orjson

from entrepot.intake.gateway.asgi import JSON, Send
from entrepot.intake.gateway.door_records import Result

NDJSON = b"application/x-ndjson"
KEPT_IN_MEMORY = 2_000_000
"""Bytes of results; more go to a temporary file."""


class BatchResults:
    """The answer as it grows."""

    def __init__(self, *, in_lines: bool) -> None:
        self._in_lines = in_lines
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY)  # noqa: SIM115
        self.number = 0
        self.refused = 0

    def add(self, results: Iterable[Result]) -> None:
        """Append results; they are numbered in the order in which their records came."""
        lines = []
        for result in results:
            self.number += 1
            self.refused += "id" not in result
            lines.append(orjson.dumps({"number": self.number, **result}))
        if lines:
            before = b"" if self._in_lines else (b"[" if self._file.tell() == 0 else b",\n")
            self._file.write(
                before + (b"\n" if self._in_lines else b",\n").join(lines) + (b"\n" if self._in_lines else b"")
            )

    async def send(self, send: Send, request_id: str, *, close: bool) -> None:
        """Send the whole."""
        if not self._in_lines:
            self._file.write(b"]" if self._file.tell() else b"[]")
        size = self._file.tell()
        self._file.seek(0)
        headers = [
            (b"content-type", NDJSON if self._in_lines else JSON),
            (b"content-length", str(size).encode()),
            (b"x-request-id", request_id.encode()),
            (b"x-records-taken", str(self.number - self.refused).encode()),
            (b"x-records-refused", str(self.refused).encode()),
        ]
        if close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while piece := self._file.read(1 << 18):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def close(self) -> None:
        """Drop the file."""
        self._file.close()
