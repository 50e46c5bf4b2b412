"""One process of a handler, from the platform's side: started, asked, watched, ended."""

from __future__ import annotations

import json
import math
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import entrepot
from entrepot.adapters.handlers.code import HandlerCode
from entrepot.adapters.handlers.frames import Answers, Done, Given, pack_asked
from entrepot.adapters.handlers.prints import Prints
from entrepot.adapters.handlers.slot import IDLE, Slot
from entrepot.kernel.errors import Place, ProjectError, SystemError_

_CHILD = "entrepot.adapters.handlers.child"
_START_S = 60.0
"""What loading a handler's file may take."""
_GRACE_S = 30.0
"""What handing over a frame may take before a process counts as stuck."""
_PIECE = 1 << 18
_SECRET = "ENTREPOT_SECRET_"


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that did not answer to the end. `guilty` is the record it was at, None when at none."""

    guilty: int | None
    timed_out: bool = False
    code: int = 0
    """How it ended: 0 or more by itself, less by a signal."""
    last_lines: tuple[str, ...] = ()


class HandlerProcess:
    """Runs until it is ended or its handler ends it. For one thread, but for `kill`."""

    def __init__(self, code: HandlerCode, memory_mb: int, folder: Path) -> None:
        """Start and load the handler. Raises: ProjectError when its file cannot be loaded, SystemError_ when no process can be made.

        Args: folder: where the process stands, its own things for a while.
        """
        self.code = code
        self._folder = folder
        self._slot = Slot.make()
        lifeline, self._lifeline = os.pipe()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._child = self._spawn(lifeline)
        except OSError as error:
            self._drop()
            raise SystemError_(f"no process can be made for the handler {code.name}: {error.strerror}.") from error
        finally:
            os.close(lifeline)
        assert self._child.stdin is not None and self._child.stdout is not None and self._child.stderr is not None
        self._in, self._out = self._child.stdin.fileno(), self._child.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._prints = Prints(self._child.stderr)
        self._prints.start()
        self._answers = Answers()
        try:
            self._begin(memory_mb, lifeline)
        except BaseException:
            self.end()
            raise

    def ask(self, records: Sequence[Given], timeout_s: float, each: Callable[[Done], None]) -> Ended | None:
        """Have records handled; `each` gets the outcomes as they come. None: all are done; else why the others are not."""
        waiting = memoryview(pack_asked(records))
        open_ = set(range(len(records)))
        before, asked_at = self._slot.read(), time.monotonic()
        while open_:
            now = time.monotonic()
            number, since = self._slot.read()
            at_work = (number, since) != before and number >= 0
            left = (since + timeout_s if at_work else max(since, asked_at) + _GRACE_S) - now
            if left <= 0 and not self._is_readable():
                return self._end(open_, timed_out=True)
            # nothing wakes us when a record is begun; its time cannot be over sooner than this
            piece, waiting = self._exchange(waiting, max(min(left, timeout_s), 0.001))
            if piece == b"":
                return self._end(open_)
            try:
                found = self._answers.take(piece or b"")
            except ValueError:
                return self._end(open_)
            for done in found:
                if done.number in open_:
                    open_.remove(done.number)
                    each(done)
        return None

    def end(self) -> None:
        """Kill the process and what it started, and collect it. Repeatable."""
        self._kill()
        for stream in (self._child.stdin, self._child.stdout):
            assert stream is not None
            try:
                stream.close()
            except OSError:
                pass
        self._prints.join(5)
        self._drop()

    def kill(self) -> None:
        """End the process from another thread: `ask` then returns."""
        if self._child.returncode is not None:
            return
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def is_alive(self) -> bool:
        """False once it has ended."""
        return self._child.poll() is None

    def _spawn(self, lifeline: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", _CHILD],
            pass_fds=(self._slot.descriptor, lifeline),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=self._folder,
            env=_surroundings(self._folder),
            start_new_session=True,
        )

    def _begin(self, memory_mb: int, lifeline: int) -> None:
        start = {
            "slot": self._slot.descriptor,
            "lifeline": lifeline,
            "memory_mb": memory_mb,
            "sources": [astuple(code) for code in self.code.codes],
        }
        waiting = memoryview(json.dumps(start).encode() + b"\n")
        told, deadline = b"", time.monotonic() + _START_S
        while b"\n" not in told:
            left = deadline - time.monotonic()
            piece: bytes | None = b""
            if left > 0:
                piece, waiting = self._exchange(waiting, left)
            if piece == b"":
                raise self._not_loaded(None if left > 0 else "it took too long")
            told += piece or b""
        failed = json.loads(told.partition(b"\n")[0]).get("failed")
        if failed is not None:
            raise _failed(self.code, failed)

    def _not_loaded(self, why: str | None) -> ProjectError:
        self._kill()
        self._prints.join(5)
        last = self._prints.last_lines[-1:]
        said = why or (f"its process ended: {last[0]}" if last else f"its process ended with {self._child.returncode}")
        return ProjectError(f"the handler {self.code.name} cannot be loaded: {said}.", place=_place(self.code))

    def _exchange(self, waiting: memoryview, seconds: float) -> tuple[bytes | None, memoryview]:
        """Write and read what can be. The piece is None when nothing came, empty when nothing comes any more."""
        found = _poll(self._out, self._in if waiting else None, seconds)
        if self._in in found:
            try:
                waiting = waiting[os.write(self._in, waiting) :]
            except BlockingIOError:
                pass
            except BrokenPipeError:
                waiting = waiting[:0]
        return (os.read(self._out, _PIECE) if self._out in found else None), waiting

    def _is_readable(self) -> bool:
        return bool(_poll(self._out, None, 0))

    def _end(self, open_: set[int], *, timed_out: bool = False) -> Ended:
        number, _ = self._slot.read()
        self._kill()
        self._prints.join(5)
        guilty = number if number != IDLE and number in open_ else None
        assert self._child.returncode is not None
        return Ended(guilty, timed_out, self._child.returncode, self._prints.last_lines)

    def _kill(self) -> None:
        if self._child.returncode is None:
            self.kill()
            self._child.wait()

    def _drop(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
            self._slot.close()


def _poll(readable: int, writable: int | None, seconds: float) -> set[int]:
    """Which of the two are ready, also when that means an end. Not `select`: a gateway has more than 1,024 files open."""
    poll = select.poll()
    poll.register(readable, select.POLLIN)
    if writable is not None:
        poll.register(writable, select.POLLOUT)
    return {descriptor for descriptor, _ in poll.poll(math.ceil(seconds * 1000))}


def _surroundings(folder: Path) -> dict[str, str]:
    """The environment, without the secrets of the platform: a handler needs none."""
    package = str(Path(entrepot.__file__).parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SECRET)}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder),
        "MALLOC_ARENA_MAX": "2",
    }


def _place(code: HandlerCode, path: str | None = None, line: int | None = None) -> Place:
    found = next((each for each in code.codes if each.shown == path), code.codes[0])
    return Place(Path(found.path), line if path else None)


def _failed(code: HandlerCode, failed: dict[str, str | int | None]) -> ProjectError:
    kind, said, path, line = (failed.get(name) for name in ("kind", "said", "path", "line"))
    hint = None
    if kind == "ModuleNotFoundError":
        hint = "Install the library beside entrepot; code that several handlers share stands in lib/."
    return ProjectError(
        f"the handler {code.name} cannot be loaded: {kind}: {said}.",
        place=_place(code, str(path) if path else None, int(line) if line else None),
        hint=hint or "Its records wait until it can be.",
    )
