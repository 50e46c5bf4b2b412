"""How good a dataset is: rules over the whole with their history, and the rules that single records broke, by count."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.app.docs_site.facts import Entry, Figures, RuleFigures
from entrepot.app.docs_site.parts import status
from entrepot.app.docs_site.words import Times, count
from entrepot.contracts.docs.facts import is_classified
from entrepot.contracts.docs.markup import Head, Html, badge, code, el, join, table
from entrepot.contracts.model import Contract
from entrepot.contracts.render import describe_rule, describe_set_rule
from entrepot.contracts.row_rules import AnyRule, NotOneOf, OneOf, Severity

_SHOWN_JUDGEMENTS = 5
_OF_FORMATS = {"ragged_record": "has as many values as there are columns"}


class QualityPart:
    """Renders the part of a dataset's page."""

    def __init__(self, entry: Entry, times: Times) -> None:
        self._entry, self._times = entry, times

    def render(self) -> Iterator[Html]:
        """Piece by piece; none where nothing judges it."""
        entry, figures = self._entry, self._entry.figures
        yield self._set_rules(entry.contract, figures)
        if figures is None:
            return
        if figures.history:
            yield self._history(figures)
        if figures.reasons:
            yield el("h3", "Rules that records broke")
            yield el("p", "Of all batches; a record may break several.", class_="soft small")
            yield _reasons(figures, entry.contract)
        elif entry.contract is not None and entry.contract.rules and figures.batches:
            yield el("p", "No record has broken a rule.")

    def _set_rules(self, contract: Contract | None, figures: Figures | None) -> Html:
        """The contract's rules in its own words, then what else the whole is judged by: rejects, volume, freshness."""
        judged = {each.rule: each for each in figures.rules} if figures is not None else {}
        rows = []
        for rule in contract.set_rules if contract is not None else ():
            said = describe_set_rule(rule).removesuffix(" (warning)")
            rows.append(self._judged(rule.id, said, judged.pop(rule.id, None), holds=rule.severity is Severity.ERROR))
        rows += [self._judged(each.rule, each.demands, each, holds=each.holds) for each in judged.values()]
        heads = ("Rule", Head("Demands", wide=True), "When broken", "Measured", "Verdict", "Judged")
        return table("Rules over the whole dataset", heads, rows)

    def _judged(self, id: str, demands: str, found: RuleFigures | None, *, holds: bool) -> tuple[object, ...]:
        when = badge("holds the release") if holds else badge("warns")
        if found is None:
            return (code(id), demands, when, "–", "not judged yet", "–")
        at = join((self._times.show(found.at), f" at version {found.version}"))
        verdict = (
            status(found.verdict)
            if found.is_current
            else join((status(found.verdict), el("br"), "a newer version waits"))
        )
        return (code(id), demands, when, found.measured, verdict, at)

    def _history(self, figures: Figures) -> Html:
        strip = [
            el(
                "li",
                el("span", f"version {each.version}: {_verdict(each.failed, each.warned)}", class_="hidden"),
                class_="bad" if each.failed else "warn" if each.warned else None,
            )
            for each in reversed(figures.history)
        ]
        rows = [
            (
                self._times.show(each.at),
                count(each.version),
                count(each.rules),
                ", ".join(each.failed) or "none",
                ", ".join(each.warned) or "none",
            )
            for each in figures.history[:_SHOWN_JUDGEMENTS]
        ]
        heads = ("Judged", Head("Version", number=True), Head("Rules", number=True), "Failed", "Warned")
        return join(
            (el("h3", "History"), el("ul", *strip, class_="strip"), table("History of judgements", heads, rows)), "\n"
        )


def _verdict(failed: tuple[str, ...], warned: tuple[str, ...]) -> str:
    if failed:
        return f"failed {', '.join(failed)}"
    return f"warned of {', '.join(warned)}" if warned else "passed"


def _reasons(figures: Figures, contract: Contract | None) -> Html:
    rules = {rule.id: rule for rule in contract.rules} if contract is not None else {}
    rows = []
    for id, broken in figures.reasons.items():
        rule = rules.get(id)
        words = _demands(id, rule, contract)
        warns = rule is not None and rule.severity is Severity.WARNING
        rows.append((code(id), words, badge("warns") if warns else badge("rejects", "bad"), count(broken)))
    return table(
        "Rules that records broke",
        ("Rule", Head("Demands", wide=True), "What it does", Head("Records", number=True)),
        rows,
    )


def _demands(id: str, rule: AnyRule | None, contract: Contract | None) -> str:
    """What a rule wants, without the values that a classified column may have."""
    if rule is None:
        name = id.removeprefix("type:")
        types = {column.name: column.type for column in contract.columns} if contract is not None else {}
        return f"is of type {types[name]}" if id.startswith("type:") and name in types else _OF_FORMATS.get(id, "")
    assert contract is not None
    classes = {column.name: column.classification for column in contract.columns}
    if isinstance(rule, OneOf | NotOneOf) and is_classified(classes.get(rule.column)):
        return "a list of values"
    return describe_rule(rule).removesuffix(" (warning)")
