"""One input judged: accepted, refused in our own words, or a finding."""

from __future__ import annotations

import random
import re
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from entrepot.kernel.errors import EntrepotError
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import Target, Wrong, check_refusal

MOST_S = 5.0
"""Of the processor's time, so that a busy machine finds nothing; what waits without end is found by `scripts/fuzz.py`."""
MOST_GROWTH_MB = 256
"""What one input of 64 kB may add to the largest size the process ever had."""
_MOST_KEPT = 400
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"\d+")


class Verdict(StrEnum):
    """What came of an input."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and what was said."""

    verdict: Verdict
    text: str
    key: str
    """The same for the same way through the reader."""


class Hang(BaseException):
    """An input took too long."""


def judge(target: Target, data: bytes, folder: Path, seed: int) -> Judgement:
    """Read one input."""
    path = folder / target.file
    path.write_bytes(data)
    before, started = _peak_mb(), time.process_time()
    try:
        with _alarm():
            said = target.read(path, random.Random(seed))
        found = _known(Verdict.ACCEPTED, said)
    except EntrepotError as error:
        found = _judge_refusal(error, target)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        found = _finding(error)
    seconds, grown = time.process_time() - started, _peak_mb() - before
    if found.verdict is not Verdict.FINDING and seconds > MOST_S:
        return Judgement(Verdict.FINDING, f"it took {seconds:.1f} s", "time")
    if found.verdict is not Verdict.FINDING and grown > MOST_GROWTH_MB:
        return Judgement(Verdict.FINDING, f"the process grew by {grown:.0f} MB", "memory")
    return found


def _judge_refusal(error: EntrepotError, target: Target) -> Judgement:
    try:
        check_refusal(error, target.file)
    except Wrong as wrong:
        return _finding(wrong)
    return _known(Verdict.REFUSED, f"{type(error).__name__}: {error}")


def _known(verdict: Verdict, text: str) -> Judgement:
    return Judgement(verdict, text, f"{verdict} {_NUMBER.sub('0', _QUOTED.sub('…', text))[:160]}")


def _finding(error: BaseException) -> Judgement:
    """Findings are the same when the same error comes out of the same line of ours."""
    said = "".join(traceback.format_exception(error, limit=-8))
    if isinstance(error, Wrong):
        return Judgement(Verdict.FINDING, said, f"wrong {error.property}")
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/entrepot/" in frame.filename]
    where = f"{Path(ours[-1].filename).name} {ours[-1].name}" if ours else ""
    return Judgement(
        Verdict.FINDING, f"{said}in {where}\n{type(error).__name__}: {error}", f"{type(error).__name__} {where}"
    )


class Corpus:
    """The inputs that are mutated: real ones, and those that found a new way through the reader."""

    def __init__(self, target: Target, shared: Path | None) -> None:
        self._target = target
        self._inputs = target.seeds(shared) or [b""]
        self._real = len(self._inputs)
        self._ways: set[str] = set()

    @property
    def real(self) -> list[bytes]:
        """The real inputs."""
        return self._inputs[: self._real]

    def next(self, dice: random.Random) -> bytes:
        """A mutated input."""
        return mutate(dice.choice(self._inputs), self._inputs, self._target.tokens, dice)

    def learn(self, data: bytes, judgement: Judgement) -> bool:
        """Keep the input when it found a way that no other found; True then."""
        if judgement.key in self._ways:
            return False
        self._ways.add(judgement.key)
        if len(self._inputs) < self._real + _MOST_KEPT:
            self._inputs.append(data)
        return True


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: object) -> None:
        raise Hang(f"it took more than {MOST_S:g} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, MOST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
