"""A handler's process: gets records, gives rows, as long as the platform keeps it.

Started by `process.py` with one line of JSON on standard input, then frames of records; answers go to standard output, frame by frame.
What the handler itself prints goes to standard error. A lifeline, a pipe that only the platform holds, ends the process with it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType
from typing import Any, BinaryIO

from entrepot.adapters.handlers.faults import describe, find_place
from entrepot.adapters.handlers.frames import RETIRED, Code, Given, pack_answered, read_asked
from entrepot.adapters.handlers.memory import lift_limit, limit_memory
from entrepot.adapters.handlers.rendering import render_rows
from entrepot.adapters.handlers.slot import IDLE, Slot
from entrepot.handlers import Headers, Record

OWN = "entrepot_handler"
"""The module's name of the handler's own file."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLUSH_BYTES = 1 << 16
_FLUSH_S = 0.002


def main() -> None:
    """Answer until the platform closes the pipe."""
    asked, answered = _keep_for_ourselves()
    start = json.loads(asked.readline())
    slot = Slot(start["slot"])
    threading.Thread(target=_end_with, args=(start["lifeline"],), daemon=True).start()
    out = _Out(answered)
    finder = _Captured(start["sources"])
    try:
        handle = finder.load_handle()
    except BaseException as error:
        out.tell({"failed": _say(error, finder.texts)})
        os._exit(1)
    out.tell({"ready": True})
    limit_memory(start["memory_mb"])
    _Work(handle, finder.texts, slot, out).go_on(asked)
    os._exit(0)  # threads that the handler left behind are not waited for


class _Work:
    def __init__(self, handle: Callable[[Record], object], texts: dict[str, str], slot: Slot, out: _Out) -> None:
        self._handle = handle
        self._texts = texts
        self._slot = slot
        self._out = out

    def go_on(self, asked: BinaryIO) -> None:
        """Frame after frame."""
        while (records := read_asked(asked.read)) is not None:
            for number, given in enumerate(records):
                self._slot.begin(number)
                answer, is_out_of_memory = self._answer(number, given)
                self._slot.begin(IDLE)
                self._out.put(answer)
                if is_out_of_memory:
                    self._out.flush()
                    os._exit(RETIRED)
            self._out.flush()

    def _answer(self, number: int, given: Given) -> tuple[bytes, bool]:
        try:
            return pack_answered(number, render_rows(self._handle(_record(given)))), False
        except BaseException as error:  # SystemExit too: a handler does not decide how the platform goes on
            is_memory = isinstance(error, MemoryError)
            if is_memory:
                lift_limit()
            return pack_answered(number, (), describe(error, self._texts)), is_memory


def _record(given: Given) -> Record:
    id, integration, reference, received_us, content_type, headers, body = given
    received = _EPOCH + timedelta(microseconds=received_us)
    return Record(id, integration, reference, received, content_type, Headers(headers), body)


class _Out:
    """Answers on their way: gathered, but none waits longer than some milliseconds, whatever the handler does meanwhile."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._held: list[bytes] = []
        self._size = 0
        self._wake = threading.Event()
        threading.Thread(target=self._flush_late, daemon=True).start()

    def tell(self, value: dict[str, Any]) -> None:
        """One line, before the frames."""
        self._stream.write(json.dumps(value).encode() + b"\n")
        self._stream.flush()

    def put(self, answer: bytes) -> None:
        """Send soon."""
        with self._lock:
            self._held.append(answer)
            self._size += len(answer)
            is_full = self._size >= _FLUSH_BYTES
        if is_full:
            self.flush()
        else:
            self._wake.set()

    def flush(self) -> None:
        """Send now."""
        with self._lock:
            if self._held:
                self._stream.write(b"".join(self._held))
                self._stream.flush()
                self._held, self._size = [], 0
            self._wake.clear()

    def _flush_late(self) -> None:
        while True:
            self._wake.wait()
            time.sleep(_FLUSH_S)
            self.flush()


def _keep_for_ourselves() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output out of the handler's hands."""
    asked = os.fdopen(os.dup(0), "rb", buffering=1 << 20)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    answered = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)
    return asked, answered


def _end_with(lifeline: int) -> None:
    """End this process and what it started when the platform is gone."""
    while os.read(lifeline, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def _say(error: BaseException, texts: dict[str, str]) -> dict[str, Any]:
    """Why the handler's file cannot be loaded. No record has been seen yet, so nothing need be kept back."""
    path, line = find_place(error, texts)
    said = str(error).splitlines()[0][:500] if str(error) else ""
    return {"kind": type(error).__name__, "said": said, "path": path, "line": line}


class _Captured(MetaPathFinder, Loader):
    """Imports the texts that came with the start, and so exactly what the handler's hash covers."""

    def __init__(self, sources: list[list[Any]]) -> None:
        self._sources = {code.module or OWN: code for code in (Code(*parts) for parts in sources)}
        self.texts = {code.shown: code.text for code in self._sources.values()}

    def load_handle(self) -> Callable[[Record], object]:
        """Run the handler's own file. Raises: whatever it raises; TypeError when it has no function handle."""
        sys.meta_path.insert(0, self)
        spec = self.find_spec(OWN)
        assert spec is not None
        module = module_from_spec(spec)
        sys.modules[OWN] = module
        self.exec_module(module)
        handle = getattr(module, "handle", None)
        if not callable(handle):
            raise TypeError("it has no function handle(record)")
        found: Callable[[Record], object] = handle
        return found

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As `importlib` asks."""
        source = self._sources.get(fullname)
        if source is None:
            return None
        return spec_from_loader(fullname, self, origin=source.shown, is_package=source.is_package)

    def exec_module(self, module: ModuleType) -> None:
        """Run the text; lines in tracebacks are the file's."""
        code = self._sources[module.__name__]
        module.__file__ = code.path
        exec(compile(code.text, code.shown, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, fullname: str) -> str:
        """The text, for tracebacks."""
        return self._sources[fullname].text


if __name__ == "__main__":
    main()
