"""What a contract says beside its rows: status, service levels, words. In comes a difference, out goes a judgement."""

from __future__ import annotations

import re
from decimal import Decimal

from entrepot.contracts.diff.change import Judgement, Level, Verdict, harmless, unclear
from entrepot.contracts.odcs.document import Node, Scalar, Section

_MORE_IS_BETTER = ("availability", "av", "throughput", "th", "retention", "re", "endofsupport", "es", "endoflife", "el")
_LESS_IS_BETTER = (
    "latency", "ly", "errorrate", "er", "frequency", "fy", "timetodetect", "td", "timetonotify", "tn", "timetorepair", "tr",
)  # fmt: skip
_MEASURE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*([^\d\s]*)\s*")


def judge_status(old: Node | None, new: Node | None) -> Judgement:
    """The contract's status."""
    after = new.text if isinstance(new, Scalar) else None
    if after == "retired":
        text = "A retired contract promises nothing any more."
        return Judgement(Verdict.BREAKING, Verdict.COMPATIBLE, text, Level.MAJOR)
    if after == "deprecated":
        return harmless("Everything holds for now; readers should look for what takes its place.", Level.MINOR)
    return harmless("Says how far the contract is; the data stay as they are.")


def judge_service_level(name: str, key: str, old: Node | None, new: Node | None) -> Judgement:
    """A promise about the service; only readers depend on it."""
    if key not in ("", "value", "unit"):
        return harmless("Describes the promise; the promise itself stays.")
    if new is None and key in ("", "value"):
        return _weaker(f"{name} is no longer promised.")
    if old is None and key in ("", "value"):
        return harmless(f"{name} is promised, which it was not.", Level.MINOR)
    before, after = _measure(old), _measure(new)
    word = name.partition("#")[0].lower()
    if before is None or after is None or before[1] != after[1] or word not in (*_MORE_IS_BETTER, *_LESS_IS_BETTER):
        return Judgement(
            Verdict.UNCLEAR,
            Verdict.COMPATIBLE,
            f"Whether {name} promises more or less than before cannot be read from the contract.",
            Level.MAJOR,
        )
    better = (after[0] > before[0]) == (word in _MORE_IS_BETTER)
    if better:
        return harmless(f"{name} promises more than before.", Level.MINOR)
    return _weaker(f"{name} promises less than before.")


_ABOUT = {
    "servers": "Says where the data lie elsewhere; no row is read or judged otherwise.",
    "roles": "Concerns people, not rows.",
    "team": "Concerns people, not rows.",
    "support": "Concerns people, not rows.",
    "price": "Concerns terms, not rows.",
    "tags": "A label; no row is read or judged otherwise.",
    "description": "Words for people; no row is read or judged otherwise.",
}


def judge_words(key: str) -> Judgement:
    """What describes and decides nothing."""
    return harmless(_ABOUT.get(key, f"Describes ({key}); no row is read or judged otherwise."))


def judge_class(old: Node | None, new: Node | None) -> Judgement:
    """Who may see a column goes by its class."""
    return harmless(
        "The rows stay as they are. Who may see the column goes by its class: look at access rules and masks.",
        Level.MINOR,
    )


def judge_own_word(name: str) -> Judgement:
    """A custom property of ours that has no effect of its own known here."""
    return unclear(f"What {name} does to rows is not known to this comparison.")


def _weaker(reason: str) -> Judgement:
    return Judgement(Verdict.BREAKING, Verdict.COMPATIBLE, reason, Level.MAJOR)


def _measure(node: Node | None) -> tuple[Decimal, str] | None:
    """A number with its unit, `99.9%`; None for what is no such thing."""
    if isinstance(node, Section):
        node = node.get("value")
    found = _MEASURE.fullmatch(node.text) if isinstance(node, Scalar) else None
    return (Decimal(found[1]), found[2].lower()) if found else None
