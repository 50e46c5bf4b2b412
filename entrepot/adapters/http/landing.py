"""What was fetched, on disk as it was received: a folder for each fetch with its pages, what is known of them, and what was known before."""

from __future__ import annotations

import json
import os
import shutil
import weakref
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from entrepot.adapters.http.asks import Answer
from entrepot.intake.landing.durable import make_folder, sync_folder, write_durably
from entrepot.kernel.errors import DataError
from entrepot.kernel.ids import new_run_id, new_token

MANIFEST, KNOWN, SETTLED = "manifest.json", "known.json", "settled.json"
_LEFT_BEHIND_S = 86_400.0
_KEPT_HEADERS = {
    "content-type", "date", "etag", "last-modified", "link", "x-request-id", "x-total-count", "x-ratelimit-remaining",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PageNote:
    """One page, as the manifest has it."""

    file: str
    url: str
    """Without query."""
    status: int
    headers: tuple[tuple[str, str], ...]
    fetched_at: str
    sha256: str
    size_bytes: int
    records: int
    left_out: tuple[int, ...]
    """Places of records that an earlier fetch has brought already."""

    @property
    def name(self) -> str:
        """What people call it, whether it is packed or not: `page-000001.json`."""
        return self.file.removesuffix(".zst")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a fetch brought."""

    flow: str
    fetch: str
    finished_at: str
    keys: tuple[str, ...]
    pages: tuple[PageNote, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Records that a later fetch will meet again: digest → how often, and the value of the cursor's field."""

    counts: Mapping[str, int]
    values: Mapping[str, str | None]
    is_lost: bool = False
    """The folder is gone that should say it."""


NOTHING_KNOWN = Known({}, {})


class Landing:
    """The folder of one flow: a folder for each fetch."""

    def __init__(self, folder: Path, flow: str) -> None:
        self._folder = folder
        self._flow = flow

    def begin(self, now: datetime) -> Fetched:
        """A new fetch, beside the others until it is complete."""
        make_folder(self._folder)
        path = self._folder / f".fetch-{new_token()}"
        path.mkdir()
        return Fetched(path, self._folder, self._flow, new_run_id(now))

    def manifest(self, fetch: str) -> Manifest:
        """What a fetch brought. Raises: DataError when its folder is gone or damaged."""
        path = self._folder / fetch / MANIFEST
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            pages = tuple(
                PageNote(**{**page, "headers": tuple(map(tuple, page["headers"])), "left_out": tuple(page["left_out"])})
                for page in value["pages"]
            )
            return Manifest(**{**value, "keys": tuple(value["keys"]), "pages": pages, "notes": tuple(value["notes"])})
        except FileNotFoundError as error:
            raise DataError(
                f"what {self._flow} fetched as {fetch} is no longer there: {path.parent}.",
                hint="Put it back from a backup.",
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged.", hint="Put it back from a backup.") from error

    def body(self, fetch: str, page: PageNote) -> bytes:
        """A page as it was received. Raises: DataError when it is gone or was changed."""
        path = self._folder / fetch / page.file
        try:
            with pa.input_stream(str(path), compression="zstd") as file:
                body: bytes = file.read()
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"the page {path} cannot be read.", hint="Put it back from a backup.") from error
        if sha256(body).hexdigest() != page.sha256:
            raise DataError(f"the page {path} was changed since it was fetched.", hint="Put it back from a backup.")
        return body

    def known(self, fetch: str) -> Known:
        """What a fetch left to be met again."""
        try:
            value = json.loads((self._folder / fetch / KNOWN).read_text(encoding="utf-8"))
            return Known(dict(value["counts"]), dict(value["values"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Known({}, {}, is_lost=True)

    def remove_orphans(self, kept: str, now: datetime) -> None:
        """Fetches that were never planned: to be called when no plan waits for one."""
        for path in self._folders():
            if path.name != kept and not (path / SETTLED).exists():
                shutil.rmtree(path, ignore_errors=True)
        for path in self._folder.glob(".fetch-*"):
            if abs(now.timestamp() - path.stat().st_mtime) > _LEFT_BEHIND_S:
                shutil.rmtree(path, ignore_errors=True)

    def settle(self, fetch: str, now: datetime, reason: str | None = None) -> None:
        """Note that a fetch is done with; its pages stay for a while. Repeatable."""
        folder = self._folder / fetch
        if folder.is_dir() and not (folder / SETTLED).exists():
            content = {"at": now.isoformat(), "refused": reason}
            write_durably(folder / SETTLED, json.dumps(content).encode() + b"\n")

    def tidy(self, last: str, keep: timedelta, now: datetime) -> None:
        """Remove pages that are settled for longer than `keep`; of the last fetch what is known stays."""
        for path in self._folders():
            settled = _settled_at(path)
            if settled is None or now - settled < keep:
                continue
            if path.name != last:
                shutil.rmtree(path, ignore_errors=True)
                continue
            for page in path.glob("page-*"):
                page.unlink(missing_ok=True)

    def _folders(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return [path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(".")]


class Fetched:
    """A fetch under way: pages are written as they come, and become durable together."""

    def __init__(self, path: Path, home: Path, flow: str, fetch: str) -> None:
        self._path = path
        self._home = home
        self._flow = flow
        self.fetch = fetch
        self.pages: list[PageNote] = []
        # who only asks what is new never claims it; once renamed there is nothing here to be removed
        weakref.finalize(self, shutil.rmtree, path, True)

    def write(self, answer: Answer, now: datetime, records: int, left_out: tuple[int, ...]) -> None:
        """Keep a page as it was received."""
        name = f"page-{len(self.pages) + 1:06}.json.zst"
        (self._path / name).write_bytes(pa.compress(answer.body, codec="zstd", asbytes=True))
        headers = tuple(pair for pair in answer.headers if pair[0] in _KEPT_HEADERS)
        digest = sha256(answer.body).hexdigest()
        note = PageNote(
            name, answer.url, answer.status, headers, now.isoformat(), digest, len(answer.body), records, left_out
        )
        self.pages.append(note)

    def finish(self, keys: tuple[str, ...], notes: tuple[str, ...], known: Known, now: datetime) -> None:
        """Make all of it durable, under its name."""
        manifest = Manifest(self._flow, self.fetch, now.isoformat(), keys, tuple(self.pages), notes)
        self._write(MANIFEST, asdict(manifest))
        self._write(KNOWN, {"counts": known.counts, "values": known.values})
        for path in self._path.iterdir():
            _sync(path)
        sync_folder(self._path)
        self._path.rename(self._home / self.fetch)
        sync_folder(self._home)

    def drop(self) -> None:
        """Forget it."""
        shutil.rmtree(self._path, ignore_errors=True)

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        (self._path / name).write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


def count_known(digests: Counter[str], values: Mapping[str, str | None]) -> Known:
    """As it is kept."""
    return Known(dict(digests), {digest: values[digest] for digest in digests})


def _settled_at(folder: Path) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads((folder / SETTLED).read_text(encoding="utf-8"))["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
