"""The gate before a release: in come the versions that could go out, out go those that may not, with their judgements.

Nothing is released unjudged: the gate is asked in the same breath as the release is decided, and a judgement that is not in the state is made.
A rule over several datasets is judged at the versions that the release would show: where another dataset is held, at its released version.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from entrepot.contracts.model import Contract
from entrepot.contracts.set_rules import MeasureSql
from entrepot.kernel.errors import EntrepotError
from entrepot.kernel.events import Emit, Event, ignore
from entrepot.kernel.ids import hash_json, hash_text
from entrepot.lake.models import ModelGraph
from entrepot.lake.quality.deliveries import Moment
from entrepot.lake.quality.observer import Observer
from entrepot.lake.quality.reading import RuleReading, read_rule
from entrepot.lake.quality.rejects import find_discarded, judge_rejects
from entrepot.lake.quality.verdicts import find_failed, judge_rule, say_held
from entrepot.lake.releases.policy import explain_held
from entrepot.ports.clock import Clock
from entrepot.ports.engine import Engine
from entrepot.ports.quality import Judgement, KeptRows, Measured, Measurer, MeasureTask, QueryToMeasure, RuleResult
from entrepot.ports.relations import TableVersion
from entrepot.ports.state import State
from entrepot.ports.tables import Tables

MOST_KEPT = 1_000
"""Rows kept of one rule that a version breaks."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A dataset that is judged, and the contract it is judged by."""

    dataset: str
    contract: Contract


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the release is decided from."""

    candidates: Mapping[str, int]
    """dataset → newest settled version."""
    released: Mapping[str, int]
    held: Mapping[str, str]
    """dataset → why it is held for another reason."""
    inputs: Mapping[str, Collection[str]]


@dataclass(slots=True)
class Passage:
    """What the gate says: datasets that may not go out, and every judgement of their newest versions."""

    held: dict[str, str] = field(default_factory=dict)
    judgements: dict[str, list[Judgement]] = field(default_factory=dict)

    def all(self) -> list[Judgement]:
        """All judgements, by dataset."""
        return [judgement for name in sorted(self.judgements) for judgement in self.judgements[name]]


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges datasets; what it measured is kept in the state, and measured again only when something it depends on has changed."""

    state: State
    tables: Tables
    engine: Engine
    measurer: Measurer
    graph: ModelGraph
    clock: Clock
    run: str
    zone: str
    """In which the rules' SQL is run: another one may give another number."""
    emit: Emit = ignore
    kept: KeptRows | None = None
    """Where rows that break rules are kept."""

    def pass_on(self, subjects: Sequence[Subject], proposal: Proposal) -> Passage:
        """Judge all subjects until nothing changes: a dataset that is held may change what others are compared with."""
        passage = Passage()
        while True:
            visible = _visible(proposal, passage.held)
            fresh: dict[str, str] = {}
            for subject in subjects:
                if subject.dataset in passage.held or subject.dataset not in proposal.candidates:
                    continue
                judgements = self._judge(subject, proposal, visible)
                passage.judgements[subject.dataset] = judgements
                why = self.find_hold(subject.dataset, judgements)
                if why is not None:
                    fresh[subject.dataset] = why
            if not fresh:
                return passage
            passage.held |= fresh

    def find_hold(self, dataset: str, judgements: Sequence[Judgement]) -> str | None:
        """Why the dataset may not be released, None when it may."""
        failed = find_failed(judgements, self.state.quality.acceptances(dataset))
        return say_held(failed, find_since(self.state, failed[0][0])) if failed else None

    def _judge(self, subject: Subject, proposal: Proposal, visible: Mapping[str, int]) -> list[Judgement]:
        version = proposal.candidates[subject.dataset]
        found = []
        if subject.contract.set_rules:
            found.append(self._judge_rules(subject, version, visible))
        released = proposal.released.get(subject.dataset, -1)
        if subject.contract.max_rejects is not None:
            found.append(self._judge_rejects(subject, version, released))
        if subject.contract.expectations:
            found += self._judge_expectations(subject, version, released)
        return found

    def _judge_rules(self, subject: Subject, version: int, visible: Mapping[str, int]) -> Judgement:
        readings, refused = self._read(subject)
        needed = {name for reading in readings.values() for name in reading.tables} - {subject.dataset}
        seen = {name: visible.get(name, -1) for name in needed} | {subject.dataset: version}
        basis = self._basis(subject, readings, seen)
        known = self.state.quality.find(subject.dataset, version, "rules", basis)
        if known is not None and known.is_certain:
            return self._recall(known)
        results = self._measure(subject, readings, refused, seen)
        self._keep_rows(subject, version, basis, results)
        first_at = known.first_at if known else None
        now = self.clock.now()
        return self._save(Judgement(subject.dataset, version, "rules", basis, self.run, now, results, first_at))

    def _read(self, subject: Subject) -> tuple[dict[str, RuleReading], dict[str, str]]:
        """Queries by rule id, and why others cannot run."""
        readings, refused = {}, {}
        for rule in subject.contract.set_rules:
            if isinstance(rule, MeasureSql):
                try:
                    readings[rule.id] = read_rule(rule, subject.dataset, self.graph)
                except EntrepotError as error:
                    refused[rule.id] = error.message
        return readings, refused

    def _basis(self, subject: Subject, readings: Mapping[str, RuleReading], seen: Mapping[str, int]) -> str:
        views = {name: hash_text(sql) for reading in readings.values() for name, sql in reading.views.items()}
        tables = {name: [version, self.state.table_id(name)] for name, version in seen.items()}
        return hash_json({"rules": subject.contract.set_hash, "tables": tables, "views": views, "zone": self.zone})

    def _measure(
        self,
        subject: Subject,
        readings: Mapping[str, RuleReading],
        refused: Mapping[str, str],
        seen: Mapping[str, int],
    ) -> tuple[RuleResult, ...]:
        rules = subject.contract.set_rules
        queries = {}
        for id, reading in readings.items():
            missing = [name for name in reading.tables if seen[name] < 0]
            if missing:
                refused = {
                    **refused,
                    id: f"{missing[0]} has no version to compare with: none was released, and the newest is held",
                }
                continue
            tables = {name: TableVersion(name, seen[name]) for name in reading.tables}
            queries[id] = QueryToMeasure(reading.query.sql, tables, reading.views)
        table = TableVersion(subject.dataset, seen[subject.dataset])
        task = MeasureTask(table, subject.contract, [rule for rule in rules if rule.id not in refused], queries)
        try:
            measured = {each.rule: each for each in self.measurer.measure(task)}
        except EntrepotError as error:
            measured = {rule.id: Measured(rule.id, None, None, error.message) for rule in task.rules}
        measured |= {id: Measured(id, None, None, why) for id, why in refused.items()}
        return tuple(judge_rule(rule, measured[rule.id]) for rule in rules)

    def _keep_rows(self, subject: Subject, version: int, basis: str, results: Sequence[RuleResult]) -> None:
        """Keep the rows of the rules that this version breaks, so that they can be seen when it is gone."""
        failed = {result.rule for result in results if not result.passed and result.bad_rows}
        table = TableVersion(subject.dataset, version)
        for rule in subject.contract.set_rules:
            if self.kept is None or rule.id not in failed:
                continue
            with suppress(EntrepotError):  # the rule has failed, whether its rows can be had or not
                rows = self.measurer.broken_rows(MeasureTask(table, subject.contract, [rule]), MOST_KEPT)
                self.kept.save(subject.dataset, version, basis, rule.id, rows.batches().read_all())

    def _judge_rejects(self, subject: Subject, version: int, released: int) -> Judgement:
        assert subject.contract.max_rejects is not None
        plans = self.state.plans(target=subject.dataset)
        result = judge_rejects(
            subject.contract.max_rejects,
            plans,
            released,
            lambda: find_discarded(subject.dataset, self.tables, self.engine),
        )
        said = {"measured": result.measured, "limit": result.limit, "unit": result.unit, "detail": result.detail}
        basis = hash_json({**said, "table": self.state.table_id(subject.dataset)})
        known = self.state.quality.find(subject.dataset, version, "rejects", basis)
        if known is not None:
            return self._recall(known)
        return self._save(Judgement(subject.dataset, version, "rejects", basis, self.run, self.clock.now(), (result,)))

    def _judge_expectations(self, subject: Subject, version: int, released: int) -> list[Judgement]:
        """Against history and clock: made anew each time, and the same as before while neither says anything else."""
        moment = Moment(self.clock.now(), ZoneInfo(self.zone), version, released)
        observer = Observer(subject.dataset, subject.contract, self.state, self.engine, moment)
        found = []
        for kind, observed in observer.observe(self._newest(subject.dataset, "volume")):
            basis = hash_json({**observed.basis, "table": self.state.table_id(subject.dataset), "zone": self.zone})
            known = self.state.quality.find(subject.dataset, version, kind, basis)
            made = Judgement(subject.dataset, version, kind, basis, self.run, moment.now, observed.results)
            found.append(self._recall(known) if known is not None else self._save(made))
        return found

    def _newest(self, dataset: str, kind: str) -> Judgement | None:
        return next((each for each in self.state.quality.latest(dataset) if each.kind == kind), None)

    def _recall(self, known: Judgement) -> Judgement:
        """A judgement that still holds; it becomes the newest when another stands before it (a contract that was changed back)."""
        newest = {each.kind: each for each in self.state.quality.latest(known.dataset)}[known.kind]
        if (newest.version, newest.basis) == (known.version, known.basis):
            return known
        again = replace(known, run=self.run, at=self.clock.now())
        self.state.quality.save(again)
        return again

    def _save(self, judgement: Judgement) -> Judgement:
        self.state.quality.save(judgement)
        failed = [result for result in judgement.results if not result.passed]
        errors = sum(result.holds_release for result in failed)
        figures = {"version": judgement.version, "rules": len(judgement.results), "failed": errors}
        self.emit(Event("dataset_judged", judgement.dataset, figures | {"warned": len(failed) - errors}))
        return judgement


def find_since(state: State, judgement: Judgement) -> datetime:
    """Since when a dataset has been failing without a break: the first instant of the oldest failed judgement since the last that let it pass."""
    since = judgement.first_at or judgement.at
    accepted = state.quality.acceptances(judgement.dataset)
    for earlier in state.quality.history(judgement.dataset, 500):
        if earlier.kind != judgement.kind:
            continue
        if not find_failed([earlier], accepted):
            break
        since = min(since, earlier.first_at or earlier.at)
    return since


def _visible(proposal: Proposal, held: Mapping[str, str]) -> dict[str, int]:
    """The versions that the release would show."""
    stay = explain_held({**proposal.held, **held}, proposal.inputs)
    return {
        name: proposal.released.get(name, -1) if name in stay else version
        for name, version in proposal.candidates.items()
    }
