"""Uploaded files: streamed to the incoming folder of a file source, and acknowledged once they are durable there."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs

import orjson

from entrepot.intake.gateway.asgi import Send, answer
from entrepot.intake.gateway.door_multipart import Multipart, Part
from entrepot.intake.gateway.door_refusals import BodyRefused
from entrepot.intake.gateway.integration import Integration, Request
from entrepot.intake.gateway.problems import Problem
from entrepot.intake.landing.durable import make_folder, place_beside, sync_folder
from entrepot.kernel.ids import new_token

LONGEST_NAME = 200
ASIDE = ".upload.tmp"
STALE_S = 86_400
_BLOCK = 1_000_000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One file that is durable in the folder."""

    name: str
    stored_as: str
    bytes: int
    sha256: str


class _Aside:
    """A file that is being written where nobody looks. Its methods block: called in the executor."""

    def __init__(self, folder: Path, name: str) -> None:
        make_folder(folder)
        self._folder = folder
        self._name = name
        self._path = folder / f".{new_token()}{ASIDE}"
        self._file = self._path.open("wb")
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, block: bytes) -> None:
        self._file.write(block)
        self._digest.update(block)
        self._size += len(block)

    def place(self) -> Uploaded:
        """Make it durable under its name, or one beside it when that is taken."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        sha256 = self._digest.hexdigest()
        placed = place_beside(self._path, self._folder, self._name, sha256)
        sync_folder(self._folder)
        return Uploaded(self._name, placed.name, self._size, sha256)

    def drop(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


class _Upload:
    """The file that is open now, and those that are done."""

    def __init__(self, folder: Path, executor: Executor) -> None:
        self._folder = folder
        self._executor = executor
        self._aside: _Aside | None = None
        self._block = bytearray()
        self.done: list[Uploaded] = []

    async def open(self, name: str) -> None:
        self._aside = await self._run(lambda: _Aside(self._folder, name))

    async def write(self, piece: bytes) -> None:
        self._block += piece
        if len(self._block) >= _BLOCK:
            await self._flush()

    async def end(self) -> None:
        await self._flush()
        aside, self._aside = self._aside, None
        assert aside is not None
        try:
            self.done.append(await self._run(aside.place))
        except OSError:
            await self._run(aside.drop)
            raise

    async def drop(self) -> None:
        if self._aside is not None:
            await self._run(self._aside.drop)

    async def _flush(self) -> None:
        block, self._block = bytes(self._block), bytearray()
        aside = self._aside
        assert aside is not None
        if block:
            await self._run(lambda: aside.write(block))

    async def _run(self, function: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)


async def take_files(
    integration: Integration,
    request: Request,
    stream: AsyncIterator[bytes],
    executor: Executor,
    send: Send,
    request_id: str,
) -> int:
    """Take the files of a request and answer it; return the status. Raises: BodyRefused, SenderGone."""
    if integration.files is None:
        raise BodyRefused(
            Problem(
                404,
                "files.not_taken",
                "This integration takes no files.",
                hint="Send records to the address without /file.",
            )
        )
    upload = _Upload(integration.files, executor)
    try:
        await _take(upload, request, stream)
    except OSError as error:
        raise BodyRefused(_failed(error)) from error
    finally:
        await upload.drop()
    body = orjson.dumps(
        {
            "files": [
                {"name": one.name, "stored_as": one.stored_as, "bytes": one.bytes, "sha256": one.sha256}
                for one in upload.done
            ]
        }
    )
    await answer(send, 202, body, request_id)
    return 202


async def _take(upload: _Upload, request: Request, stream: AsyncIterator[bytes]) -> None:
    kind = request.header(b"content-type") or b""
    if kind.lower().startswith(b"multipart/form-data"):
        parts = Multipart(kind)
        async for piece in stream:
            for event in parts.feed(piece):
                await _take_part(upload, event)
        parts.end()
        if not upload.done:
            raise BodyRefused(_nameless("no part of the form bears a file name"))
        return
    await upload.open(check_name(_find_name(request)))
    async for piece in stream:
        await upload.write(piece)
    await upload.end()


async def _take_part(upload: _Upload, event: Part) -> None:
    if event.name is not None:
        await upload.open(check_name(event.name))
    elif event.is_end:
        await upload.end()
    else:
        await upload.write(event.data)


def _find_name(request: Request) -> str:
    """`?name=`, else the header `content-disposition: attachment; filename="…"`."""
    named = parse_qs(request.query.decode("latin-1")).get("name")
    if named:
        return named[0]
    disposition = request.header(b"content-disposition")
    if disposition is not None:
        from python_multipart.multipart import parse_options_header

        name = parse_options_header(disposition)[1].get(b"filename")
        if name:
            return name.decode("utf-8", "replace")
    raise BodyRefused(_nameless("neither the address (?name=…) nor Content-Disposition names the file"))


def check_name(name: str) -> str:
    """A name that stays in its folder and is no hidden file. Raises: BodyRefused."""
    wrong = (
        not name
        or name.startswith(".")
        or len(name.encode("utf-8", "replace")) > LONGEST_NAME
        or any(character in "/\\\x7f\ufffd" or ord(character) < 32 for character in name)
    )
    if wrong:
        raise BodyRefused(
            _nameless(
                f"a name may not begin with a dot, hold a slash or a control character, or be longer than {LONGEST_NAME} bytes"
            )
        )
    return name


def remove_stale(folder: Path) -> None:
    """Remove what killed processes left aside, once it is a day old. Blocks."""
    for path in folder.glob(f".*{ASIDE}"):
        try:
            if path.stat().st_mtime < time.time() - STALE_S:
                path.unlink()
        except OSError:
            continue  # Somebody else removed it, or will have to.


def _nameless(why: str) -> Problem:
    return Problem(
        400,
        "file.name",
        "The file has no usable name.",
        f"{why}.",
        "Send …/file?name=prices.csv, or a form with the file as a part.",
    )


def _failed(error: OSError) -> Problem:
    return Problem(
        503,
        "file.failed",
        "The file could not be stored.",
        f"Nothing was taken ({error.strerror}).",
        "Send the file again.",
        headers=((b"retry-after", b"30"),),
    )
