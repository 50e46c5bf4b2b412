"""Measuring a case: its subjects take turns, round by round, so that a busy minute hits them alike."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.case import PEER_ROUNDS_S, Case, Setting, Subject
from benchmarks.measure import Usage, run_process
from benchmarks.results import Result

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of a run. data: shared files; work: what goes away; peer_pythons: environment → its interpreter, where there are some."""

    data: Path
    work: Path
    peer_pythons: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: the work alone, the imports before it, the whole process."""

    round: int
    seconds: float
    import_seconds: float | None
    process: Usage


@dataclass(frozen=True, slots=True)
class Measuring:
    """One case at one number of rows."""

    case: Case
    rows: int
    size: str
    places: Places
    tell: Tell

    def measure(self, *, peers: bool) -> list[Result]:
        """All subjects, all rounds. Raises: ProcessFailed, also when a result is wrong."""
        subjects = self.case.chosen(peers=peers)
        load = os.getloadavg()[0]
        self.tell(f"{self.case.name}, {self.rows:,} rows: {self.case.title}")
        self._step(subjects[0], "generate", self._setting(subjects[0]))
        samples: dict[str, list[Sample]] = {subject.name: [] for subject in subjects}
        try:
            for subject in subjects:
                self._once(subject)
            for number in range(self.case.rounds):
                # every other round the other way round: nobody always comes after the same one
                for subject in subjects if number % 2 == 0 else reversed(subjects):
                    if not _is_enough(subject, samples[subject.name]):
                        samples[subject.name].append(self._sample(subject, number))
        finally:
            shutil.rmtree(self.places.work, ignore_errors=True)
        return self._results(subjects, samples, load)

    def _setting(self, subject: Subject, round: int = 0) -> Setting:
        own = self.places.work / f"{self.case.name}-{self.case.subjects.index(subject)}"
        return Setting(self.places.data, own / "base", own / f"round-{round}", self.rows)

    def _once(self, subject: Subject) -> None:
        setting = self._setting(subject)
        setting.base.mkdir(parents=True)
        self._step(subject, "once", setting)

    def _sample(self, subject: Subject, round: int) -> Sample:
        setting = self._setting(subject, round)
        setting.work.mkdir(parents=True)
        self._step(subject, "prepare", setting)
        os.sync()  # nobody pays for what another one left to be written
        if subject.command is not None:
            usage = run_process(subject.command(setting), self._log(setting))
            sample = Sample(round, usage.seconds, None, usage)
        else:
            report, usage = self._step(subject, "work", setting)
            sample = Sample(round, report["seconds"], report["import_seconds"], usage)
        self._step(subject, "verify", setting)
        shutil.rmtree(setting.work)
        self.tell(f"  round {round + 1}: {subject.name:16} {sample.seconds:8.2f} s {sample.process.peak_mb:7.0f} MB")
        return sample

    def _step(self, subject: Subject, step: str, setting: Setting) -> tuple[dict[str, Any], Usage]:
        """Take a step in a process of its own; peers do theirs in their own environment, but they do not judge themselves."""
        folder = setting.work.parent
        folder.mkdir(parents=True, exist_ok=True)
        report, request = folder / "report.json", folder / "setting.json"
        request.write_text(json.dumps(setting.to_json()))
        own = not subject.peer or step in ("generate", "verify")
        python = sys.executable if own else str(self.places.peer_pythons[subject.environment])
        arguments = [self.case.name, subject.name, step, str(request), str(report)]
        usage = run_process([python, "-m", "benchmarks.step", *arguments], self._log(setting))
        return json.loads(report.read_text()), usage

    def _log(self, setting: Setting) -> Path:
        return setting.work.parent / "log.txt"

    def _results(self, subjects: Sequence[Subject], samples: dict[str, list[Sample]], load: float) -> list[Result]:
        floor = samples[subjects[0].name]
        best_peer = min(
            (s.seconds for subject in subjects if subject.peer for s in samples[subject.name]), default=None
        )
        return [self._result(subject, samples[subject.name], floor, best_peer, load) for subject in subjects]

    def _result(
        self, subject: Subject, own: list[Sample], floor: list[Sample], best_peer: float | None, load: float
    ) -> Result:
        best = min(sample.seconds for sample in own)
        imports = [sample.import_seconds for sample in own if sample.import_seconds is not None]
        has_floor = any(each.name == "floor" for each in self.case.subjects)
        return Result(
            case=self.case.name,
            subject=subject.name,
            size=self.size,
            rows=self.rows,
            seconds=best,
            rows_per_s=None if subject.command is not None else self.rows / best,
            peak_mb=max(sample.process.peak_mb for sample in own),
            ratio_to_floor=ratio(own, floor) if has_floor else None,
            ratio_to_best_peer=None if best_peer is None or subject.peer else best / best_peer,
            seconds_median=median(sample.seconds for sample in own),
            process_seconds=min(sample.process.seconds for sample in own),
            import_seconds=min(imports) if imports else None,
            rounds=len(own),
            load_before=load,
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def ratio(own: Sequence[Sample], floor: Sequence[Sample]) -> float:
    """The median over the rounds of own time by the floor's time in the same round."""
    seconds = {sample.round: sample.seconds for sample in floor}
    return median(sample.seconds / seconds[sample.round] for sample in own)


def _is_enough(subject: Subject, samples: Sequence[Sample]) -> bool:
    return subject.peer and any(sample.process.seconds > PEER_ROUNDS_S for sample in samples)
