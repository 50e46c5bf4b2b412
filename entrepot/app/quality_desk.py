"""What people ask of rules over whole datasets: how they stand, which rows break them, and to let a version pass all the same."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from entrepot.app.wiring import Platform, read_pins
from entrepot.contracts.expectations import Fresh, Learned
from entrepot.contracts.model import Contract
from entrepot.contracts.set_rules import AnySetRule, MeasureSql
from entrepot.kernel.errors import UsageError
from entrepot.kernel.events import Event
from entrepot.lake.quality.expectations import ARRIVAL, VOLUME
from entrepot.lake.quality.gate import Gate, Passage, Proposal, Subject
from entrepot.lake.quality.rejects import MAX_REJECTS
from entrepot.lake.releases.policy import explain_held
from entrepot.ports.quality import Acceptance, Judgement, KeptRows, MeasureTask, RuleResult
from entrepot.ports.relations import TableVersion
from entrepot.ports.state import Release


@dataclass(frozen=True, slots=True)
class RuleStanding:
    """How a rule stands at the newest version that was judged."""

    dataset: str
    version: int
    result: RuleResult
    judgement: Judgement
    accepted: Acceptance | None
    is_current: bool
    """False when the dataset has moved on since and waits to be judged."""

    @property
    def verdict(self) -> str:
        """In one word or two, for people and machines."""
        if self.result.passed:
            return "passed"
        if not self.result.holds_release:
            return "warning"
        return "accepted" if self.accepted else "failed"


def find_subjects(platform: Platform) -> list[Subject]:
    """Datasets with a contract that judges them as a whole."""
    project = platform.project
    found = {source.dataset: project.contracts[source.dataset] for source in project.sources}
    for model in project.graph.ordered():
        contract = project.contracts.get(str(model.contract or model.name))
        if contract is not None and model.kind != "view":
            found[str(model.name)] = contract
    return [Subject(name, each) for name, each in found.items() if kinds_of(each)]


def kinds_of(contract: Contract) -> set[str]:
    """What a contract judges a dataset as a whole by: kinds of judgements."""
    learned = [each for each in contract.expectations if isinstance(each, Learned)]
    has_kind = {
        "rules": bool(contract.set_rules),
        "rejects": contract.max_rejects is not None,
        "volume": any(each.volume for each in learned),
        "freshness": len(learned) < len(contract.expectations) or any(each.arrival for each in learned),
    }
    return {kind for kind, has in has_kind.items() if has}


def find_inputs(platform: Platform) -> dict[str, list[str]]:
    """dataset → the datasets it is made from."""
    return {str(model.name): [str(name) for name in model.inputs] for model in platform.project.graph.ordered()}


def open_gate(platform: Platform, run: str) -> Gate:
    """The gate before a release of this project."""
    return Gate(
        state=platform.state,
        tables=platform.tables,
        engine=platform.engine,
        measurer=platform.measurer,
        graph=platform.project.graph,
        clock=platform.clock,
        run=run,
        zone=platform.project.time_zone,
        emit=platform.announce,
        kept=kept_rows(platform),
    )


def kept_rows(platform: Platform) -> KeptRows:
    """Where rows that broke rules are kept."""
    from entrepot.adapters.embedded.kept_rows import KeptRowFiles

    return KeptRowFiles(platform.project.runtime / "broken")


def pass_gate(
    platform: Platform, run: str, previous: Release | None, versions: Mapping[str, int], failed: Mapping[str, str]
) -> Passage:
    """Judge everything that could be released."""
    released = dict(previous.tables) if previous else {}
    proposal = Proposal(versions, released, failed, find_inputs(platform))
    passage = open_gate(platform, run).pass_on(find_subjects(platform), proposal)
    for name, why in passage.held.items():
        platform.announce(Event("release_held", name, {"why": why}))
    return passage


def expected_ids(contract: Contract) -> set[str]:
    """Ids of the rules about deliveries."""
    return {ARRIVAL, VOLUME} | {each.id for each in contract.expectations if isinstance(each, Fresh)}


class QualityDesk:
    """One object for CLI and API."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._log = platform.state.quality

    def standings(self, dataset: str | None = None) -> list[RuleStanding]:
        """Every rule of one dataset or of all, as it was judged last."""
        subjects = find_subjects(self._platform)
        if dataset is not None:
            subjects = [self._subject(dataset)]
        return [standing for subject in subjects for standing in self._of(subject)]

    def holds(self) -> dict[str, str]:
        """dataset → why it is held by a rule, what descends from such a dataset among them; from the state alone."""
        gate = open_gate(self._platform, "")
        failing = {}
        for subject in find_subjects(self._platform):
            version = self._platform.state.durable_version(subject.dataset)
            judgements = [each for each in self._current(subject) if each.version == version]
            why = gate.find_hold(subject.dataset, judgements)
            if why is not None:
                failing[subject.dataset] = why
        return explain_held(failing, find_inputs(self._platform))

    def unjudged(self) -> set[str]:
        """Datasets whose newest version waits to be judged: the process ended before, or the contract has its first such rule."""
        subjects = find_subjects(self._platform)
        return {each.dataset for each in subjects if not any(standing.is_current for standing in self._of(each))}

    def accept(self, dataset: str, rule: str, version: int, reason: str) -> Acceptance:
        """Let a version pass although the rule failed; the next run releases it.

        Raises: UsageError when the rule did not fail at that version, or no reason is given.
        """
        if not reason.strip():
            raise UsageError("why is it accepted? A reason is needed.", hint="Write --reason '…'; it is kept.")
        known = self.standings(dataset)
        found = next((each for each in known if each.result.rule == rule and each.version == version), None)
        if found is None:
            listed = ", ".join(f"{each.result.rule} at version {each.version}" for each in known) or "none yet"
            raise UsageError(f"{dataset} was not judged by {rule} at version {version}; judged are: {listed}.")
        if not found.result.holds_release:
            raise UsageError(
                f"the rule {rule} does not hold version {version} of {dataset}: there is nothing to accept."
            )
        if not found.is_current:
            raise UsageError(
                f"{dataset} has moved on since version {version}: that version is never released.",
                hint="Judge the new one with: entrepot run",
            )
        who, at = getpass.getuser(), self._platform.clock.now()
        acceptance = Acceptance(dataset, rule, version, found.judgement.basis, who, at, reason)
        self._log.accept(acceptance)
        return acceptance

    def broken_rows(
        self, dataset: str, rule: str, limit: int, version: int | None = None
    ) -> tuple[int, pa.RecordBatchReader]:
        """The version judged, and the rows of it that break a rule; of an earlier version those that were kept then.

        Raises: UsageError for an unknown rule or version, and for rules that no single row breaks.
        """
        subject = self._subject(dataset)
        judged = [each.version for each in self._current(subject) if each.kind == "rules"]
        if version is not None and version not in judged:
            return version, self._kept(dataset, rule, version).slice(0, limit).to_reader()
        found = self._rule(subject, rule)
        if not judged:
            raise UsageError(f"{dataset} has not been judged yet.", hint="Judge it with: entrepot run")
        read_pins(self._platform, {dataset: judged[0]})
        task = MeasureTask(TableVersion(dataset, judged[0]), subject.contract, [found])
        return judged[0], self._platform.measurer.broken_rows(task, limit).batches()

    def _kept(self, dataset: str, rule: str, version: int) -> pa.Table:
        """The rows that broke a rule when an earlier version was judged."""
        store = kept_rows(self._platform)
        there = []
        for judgement in self._log.history(dataset, 500):
            table = store.find(dataset, judgement.version, judgement.basis, rule) if judgement.kind == "rules" else None
            if table is not None and judgement.version == version:
                return table
            there += [judgement.version] if table is not None else []
        listed = ", ".join(map(str, sorted(set(there)))) or "none"
        raise UsageError(
            f"no rows of {dataset} version {version} are kept that break {rule}; kept are versions: {listed}."
        )

    def _rule(self, subject: Subject, id: str) -> AnySetRule:
        if id == MAX_REJECTS and subject.contract.max_rejects is not None:
            raise UsageError(
                "rejected records are not in the dataset, but in its quarantine.",
                hint=f"See them with: entrepot rejects list {subject.dataset}",
            )
        rule = next((each for each in subject.contract.set_rules if each.id == id), None)
        if rule is None and id in expected_ids(subject.contract):
            raise UsageError(
                f"the rule {id} is about deliveries, not single rows.",
                hint=f"See the batches with: entrepot status {subject.dataset}",
            )
        if rule is None:
            listed = ", ".join(each.id for each in subject.contract.set_rules) or "none"
            raise UsageError(f"{subject.dataset} has no rule {id!r} over the whole dataset; it has: {listed}.")
        if isinstance(rule, MeasureSql):
            raise UsageError(
                f"the rule {id} gives one number, not rows.",
                hint='Write its query as one that gives rows: entrepot query "SELECT … FROM …"',
            )
        return rule

    def _subject(self, dataset: str) -> Subject:
        subjects = {subject.dataset: subject for subject in find_subjects(self._platform)}
        if dataset not in subjects:
            listed = ", ".join(sorted(subjects)) or "none"
            raise UsageError(f"no rule judges {dataset} as a whole; datasets with such rules: {listed}.")
        return subjects[dataset]

    def _current(self, subject: Subject) -> list[Judgement]:
        """The newest judgement of each kind that the contract has today."""
        kinds = kinds_of(subject.contract)
        return [each for each in self._log.latest(subject.dataset) if each.kind in kinds]

    def _of(self, subject: Subject) -> list[RuleStanding]:
        version = self._platform.state.durable_version(subject.dataset)
        accepted = {(each.rule, each.version, each.basis): each for each in self._log.acceptances(subject.dataset)}
        return [
            RuleStanding(
                subject.dataset,
                judgement.version,
                result,
                judgement,
                accepted.get((result.rule, judgement.version, judgement.basis)),
                judgement.version == version,
            )
            for judgement in self._current(subject)
            for result in judgement.results
        ]
